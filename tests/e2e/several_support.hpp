// SPDX-License-Identifier: MIT
#pragma once

#include "support.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace e2e {

/// Runs with several log directories.
class SeveralDirectories : public BothWays {
  protected:
    static inline const std::string a = "/opt/logs";
    static inline const std::string b = "/var/log/app";

    static std::vector<std::string> with(const std::vector<std::string>& log_directories,
                                         std::vector<std::string> arguments = {}) {
        for (const auto& path : log_directories) {
            arguments.emplace_back("--log-dir");
            arguments.push_back(path);
        }
        return arguments;
    }
    /// What is saved, without directories.
    Tree files() {
        Tree files = tree_of(backup);
        std::erase_if(files, [](const auto& file) { return file.second == "dir"; });
        return files;
    }
    nlohmann::json record(const std::string& path) {
        return nlohmann::json::parse(read_file(backup / ".logbackup" / path));
    }
};

} // namespace e2e
