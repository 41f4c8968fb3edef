// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/container.hpp"

#include <nlohmann/json.hpp>

#include <string>

/// For the readers of what docker prints.
namespace logbackup {

/// The member `key`, or null: for any kind of value, also for one that is no object.
[[nodiscard]] const nlohmann::json& member(const nlohmann::json& value, const char* key);

/// A string, or nothing when it is none.
[[nodiscard]] std::string text(const nlohmann::json& value);

/// Takes from an object of labels what the kubelet puts on containers.
void parse_labels(const nlohmann::json& labels, Container& container);

} // namespace logbackup
