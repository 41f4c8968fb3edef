// SPDX-License-Identifier: MIT
#pragma once

#include "util/text.hpp"

#include <string>
#include <vector>

namespace logbackup::test {

inline constexpr const char* instance = "service/pod";

enum class Way {
    direct,  ///< from descriptors: the run may not mount
    mounted, ///< through private mounts
};

struct RunSettings {
    std::string source; ///< the log directory, a volume of the container
    std::string root;   ///< the backup root
    std::string layers; ///< has the layers "own" and "image" of its file system
    Way way = Way::direct;
    Timestamp now;
};

struct RunResult {
    std::vector<std::string> actions; ///< "<kind> <path>"
    std::vector<std::string> failures;
    std::vector<std::string> unsettled;
};

/// The program's own run, save(), on a node with one container. For a process of its own.
[[nodiscard]] RunResult run_once(const RunSettings& settings);

/// From one process to another.
[[nodiscard]] std::string to_text(const RunResult& result);
[[nodiscard]] RunResult from_text(const std::string& text);

} // namespace logbackup::test
