// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/container.hpp"

#include <string>
#include <string_view>

namespace logbackup {

/// At most 63 characters of [a-z0-9-], beginning and ending with a letter or digit: the names of containers
/// and namespaces in Kubernetes (RFC 1123 label).
[[nodiscard]] bool is_dns_label(std::string_view name);
/// At most 253 characters, DNS labels joined by dots: the names of pods (RFC 1123 subdomain).
[[nodiscard]] bool is_dns_subdomain(std::string_view name);

enum class Ownership {
    ours,    ///< a container of a pod: its logs are to be saved
    foreign, ///< a sandbox, or without our labels: nothing to do with us
    invalid, ///< it has our labels, but a value is no Kubernetes name: left out, and that is worth telling
};

struct Classification {
    Ownership ownership = Ownership::foreign;
    std::string problem; ///< for `invalid`: what is wrong, already safe to print
};

/// Labels are hostile input: an image can set any of them to any text. What passes here cannot name a path
/// outside its own directory.
[[nodiscard]] Classification classify(const Container& container);

} // namespace logbackup
