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

/// Checks for a name of Docker's alphabet, [A-Za-z0-9_.-], of at most 200 characters, that begins with
/// neither a dot nor a dash: it is a safe name of a directory.
[[nodiscard]] bool is_safe_name(std::string_view name);

enum class Ownership {
    ours,    ///< its logs are saved
    foreign, ///< a sandbox, or a container that its naming scheme does not know; ignored
    /// A container with names that are not valid, in Kubernetes or as file names; omitted and reported.
    invalid,
};

struct Classification {
    Ownership ownership = Ownership::foreign;
    std::string problem; ///< for `invalid`: the problem, safe to print
};

/// Classifies a container by its names. They are hostile input: an image can set any label to any text.
/// Values accepted here cannot name a path outside their own directory.
[[nodiscard]] Classification classify(const Container& container);

} // namespace logbackup
