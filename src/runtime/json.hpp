// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/container.hpp"

#include <nlohmann/json.hpp>

#include <string>

/// Shared by the parsers of what runtimes print.
namespace logbackup {

/// Returns the member `key`, or null; accepts any kind of value, even one that is not an object.
[[nodiscard]] const nlohmann::json& member(const nlohmann::json& value, const char* key);

/// Returns a string value; "" if the value is not a string.
[[nodiscard]] std::string text(const nlohmann::json& value);

/// Copies the kubelet's labels from a JSON object into a container; the first of all others, if these are not
/// there.
void parse_labels(const nlohmann::json& labels, Container& container);

} // namespace logbackup
