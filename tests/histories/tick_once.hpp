// SPDX-License-Identifier: MIT
#pragma once

#include "util/text.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace logbackup::test {

inline constexpr const char* instance = "service/pod";

enum class Way {
    direct,  ///< from descriptors
    mounted, ///< through PrivateMounts
};

struct TickSettings {
    std::string source; ///< the log directory
    std::string root;   ///< the backup root
    Way way = Way::direct;
    Timestamp now;
};

struct TickResult {
    std::vector<std::string> actions; ///< "<kind> <path>"
    std::vector<std::string> failures;
    std::vector<std::string> unsettled;
};

/// What run_tick() does for one log directory. For a process of its own.
[[nodiscard]] TickResult tick_once(const TickSettings& settings);

/// From one process to another.
[[nodiscard]] std::string to_text(const TickResult& result);
[[nodiscard]] TickResult from_text(const std::string& text);

} // namespace logbackup::test
