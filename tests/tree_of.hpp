// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

namespace logbackup::test {

/// Everything below a directory by relative path, ".logbackup" left out: a file's content, "-> target" of a
/// link, "dir" for a directory, the type otherwise.
using Contents = std::map<std::string, std::string>;

inline Contents tree_of(const std::filesystem::path& root) {
    namespace fs = std::filesystem;
    Contents tree;
    if (!fs::exists(root))
        return tree;
    for (auto entry = fs::recursive_directory_iterator(root); entry != fs::recursive_directory_iterator();
         ++entry) {
        const std::string name = entry->path().lexically_relative(root).string();
        if (name == ".logbackup") {
            entry.disable_recursion_pending();
            continue;
        }
        const auto type = entry->symlink_status().type();
        if (type == fs::file_type::regular) {
            std::ostringstream content;
            content << std::ifstream(entry->path(), std::ios::binary).rdbuf();
            tree[name] = content.str();
        } else if (type == fs::file_type::symlink) {
            tree[name] = "-> " + fs::read_symlink(entry->path()).string();
        } else {
            tree[name] = type == fs::file_type::directory ? "dir" : "special";
        }
    }
    return tree;
}

/// The same without the directories.
inline Contents files_of(const std::filesystem::path& root) {
    Contents files = tree_of(root);
    std::erase_if(files, [](const auto& entry) { return entry.second == "dir"; });
    return files;
}

} // namespace logbackup::test
