// SPDX-License-Identifier: MIT
#include "util/glob.hpp"

#include "util/files.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <string_view>

namespace logbackup {

bool matches(const std::string& glob, const std::string& name) {
    return ::fnmatch(glob.c_str(), name.c_str(), 0) == 0;
}

std::string exact_glob(const std::string& text) {
    std::string glob;
    for (const char c : text) {
        if (std::string_view("*?[]\\").find(c) != std::string_view::npos)
            glob += '\\';
        glob += c;
    }
    return glob;
}

std::optional<std::string> parse_exclude(const std::string& glob) {
    const bool whole_path = glob.find('/') != std::string::npos;
    std::string path;
    for (const auto& component : components(glob)) {
        if (component == "..")
            return std::nullopt;
        if (component != ".")
            path = joined(path, component);
    }
    if (path.empty())
        return std::nullopt;
    return whole_path ? "/" + path : path;
}

bool is_excluded(const std::vector<std::string>& globs, const std::string& path) {
    if (globs.empty() || path.empty())
        return false;
    const std::string name = base_name(path);
    const std::string whole = "/" + path;
    return std::any_of(globs.begin(), globs.end(),
                       [&](const std::string& glob) {
                           const auto& text = glob.starts_with('/') ? whole : name;
                           return ::fnmatch(glob.c_str(), text.c_str(), FNM_PATHNAME) == 0;
                       }) ||
           is_excluded(globs, parent_path(path));
}

std::vector<std::string> globs_below(const std::vector<std::string>& globs, const std::string& directory) {
    const auto names = components(directory);
    std::vector<std::string> below;
    for (const auto& glob : globs) {
        const auto parts = components(glob);
        if (!glob.starts_with('/')) {
            below.push_back(glob);
        } else if (parts.size() > names.size() &&
                   std::equal(names.begin(), names.end(), parts.begin(),
                              [](const auto& name, const auto& part) { return matches(part, name); })) {
            std::string rest;
            for (auto i = names.size(); i < parts.size(); ++i)
                rest += "/" + parts[i];
            below.push_back(std::move(rest));
        }
    }
    return below;
}

} // namespace logbackup
