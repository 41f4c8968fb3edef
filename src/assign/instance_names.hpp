// SPDX-License-Identifier: MIT
#pragma once

#include "assign/assign.hpp"

#include <compare>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace logbackup {

/// The name of an instance, without its number. Two of them can give the same text: the pod "a+b", and the
/// log directory "/b" of the pod "a".
struct InstanceName {
    std::string service;
    std::string pod;
    std::string suffix;
    auto operator<=>(const InstanceName&) const = default; // NOLINT(modernize-use-nullptr): a false positive

    /// Returns "<pod>", or "<pod>@1" with the number "@1", followed by the suffix. What would be longer than
    /// a file name can be is cut, and ends with "%" and a hash of what was cut.
    [[nodiscard]] std::string instance(const std::string& number = {}) const;
};

/// Returns whether an instance has a pod's name, with or without a number and a suffix.
[[nodiscard]] bool is_named_after(const std::string& instance, const std::string& pod);

/// The instance names that are taken, in the backup or by this run.
class InstanceNames {
  public:
    InstanceNames(const Records& live, const std::function<ServiceDirectory(const std::string&)>& look_up)
        : live_(live), look_up_(look_up) {}

    /// Loaded lazily; callers record the names that they give or take.
    ServiceDirectory& of_service(const std::string& service);

    /// Returns and takes the wanted name with the next number that was never used with it.
    [[nodiscard]] std::string next(const InstanceName& wanted);

  private:
    const Records& live_;
    const std::function<ServiceDirectory(const std::string&)>& look_up_;
    std::map<std::string, ServiceDirectory> services_;
};

} // namespace logbackup
