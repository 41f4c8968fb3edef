// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/container.hpp"

#include <string>
#include <string_view>

namespace logbackup {

/// Checks for an RFC 1123 label, as container and namespace names in Kubernetes: at most 63 characters of
/// [a-z0-9-], beginning and ending with a letter or digit.
[[nodiscard]] bool is_dns_label(std::string_view name);
/// Checks for an RFC 1123 subdomain, as pod names: DNS labels joined by dots, at most 253 characters.
[[nodiscard]] bool is_dns_subdomain(std::string_view name);

enum class Ownership {
    ours,    ///< a pod's container; its logs are saved
    foreign, ///< a sandbox, or a container without our labels; ignored
    /// A container with our labels, but with a value that is not a Kubernetes name; omitted and reported.
    invalid,
};

struct Classification {
    Ownership ownership = Ownership::foreign;
    std::string problem; ///< for `invalid`: the problem, safe to print
};

/// Classifies a container by its labels. Labels are hostile input: an image can set any of them to any text.
/// Values accepted here cannot name a path outside their own directory.
[[nodiscard]] Classification classify(const Container& container);

} // namespace logbackup
