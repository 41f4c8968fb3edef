// SPDX-License-Identifier: MIT
#pragma once

#include "assign/assign.hpp"

#include <compare>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace logbackup {

/// Returns whether an instance has a pod's name, with or without a number.
[[nodiscard]] bool is_named_after(const std::string& instance, const std::string& pod);
/// Returns whether one of two paths would lie in the other.
[[nodiscard]] bool exclude_each_other(const std::string& one, const std::string& other);

/// The name of an instance, without its number.
struct InstanceName {
    std::string service;
    std::string pod;
    std::string below;
    auto operator<=>(const InstanceName&) const = default; // NOLINT(modernize-use-nullptr): a false positive

    [[nodiscard]] std::string instance(const std::string& number = {}) const {
        return pod + number + (below.empty() ? "" : "/" + below);
    }
};

/// The instance names that are taken, in the backup or by this run.
class InstanceNames {
  public:
    InstanceNames(const std::vector<Record>& live,
                  const std::function<ServiceDirectory(const std::string&)>& look_up)
        : live_(live), look_up_(look_up) {}

    /// Loaded lazily; callers record the names that they give or take.
    ServiceDirectory& of_service(const std::string& service);

    /// Returns and takes the next "<pod>@<n>" that was never used for this log directory, nor for a path
    /// above or below it.
    [[nodiscard]] std::string next(const InstanceName& wanted);

    /// Returns whether the plain name would lie in another instance, or contain one.
    [[nodiscard]] bool is_blocked(const InstanceName& name);

  private:
    template <typename Condition>
    [[nodiscard]] bool any_recorded(const std::string& service, Condition condition);
    [[nodiscard]] bool is_flat(const std::string& service, const std::string& top);

    const std::vector<Record>& live_;
    const std::function<ServiceDirectory(const std::string&)>& look_up_;
    std::map<std::string, ServiceDirectory> services_;
};

} // namespace logbackup
