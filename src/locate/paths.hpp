// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/source.hpp"
#include "util/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace logbackup {

inline constexpr int path_flags = O_PATH | O_NOFOLLOW | O_CLOEXEC; ///< to hold one component of a path
inline constexpr int directory_flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
inline constexpr int most_links = 40; ///< on the way of one path: the kernel's limit, path_resolution(7)

[[nodiscard]] inline Identity identity_of(const struct stat& status) {
    return {status.st_dev, status.st_ino};
}

/// True if a path in a container cannot be opened because of what the container itself made: a loop of links,
/// a file where a directory should be, or a name that is too long.
[[nodiscard]] inline bool is_its_own_doing(int error) {
    return error == ELOOP || error == ENOTDIR || error == ENAMETOOLONG;
}

/// A path that is resolved inside a root, name by name, as path_resolution(7) describes; but nothing leads
/// above the root. The directories on the way are the caller's `Steps`: each has a `name`, the first is the
/// root.
template <class Step> class Way {
  public:
    using Steps = std::vector<Step>;

    explicit Way(const std::string& path) { continue_with(path); }

    /// Returns the name to look up next in the last of the steps, and nothing at the end of the way.
    std::optional<std::string> next(Steps& steps) {
        while (!names_.empty()) {
            std::string name = std::move(names_.front());
            names_.pop_front();
            if (name == ".." && steps.size() > 1)
                steps.pop_back();
            else if (name != "." && name != "..")
                return name;
        }
        return std::nullopt;
    }

    /// Goes on where a symbolic link leads. Returns false, and sets errno, after too many links.
    bool follow(const std::string& target, Steps& steps) {
        if (++links_ > most_links) {
            errno = ELOOP;
            return false;
        }
        if (target.starts_with('/'))
            steps.erase(steps.begin() + 1, steps.end());
        continue_with(target);
        return true;
    }

    /// Returns how many names are still to be looked up.
    [[nodiscard]] std::size_t names_left() const { return names_.size(); }

    [[nodiscard]] static std::string path_of(const Steps& steps) {
        std::string path;
        for (const auto& step : steps)
            path = joined(path, step.name);
        return path;
    }

  private:
    void continue_with(const std::string& path) {
        const auto names = components(path);
        names_.insert(names_.begin(), names.begin(), names.end());
    }

    std::deque<std::string> names_;
    int links_ = 0;
};

} // namespace logbackup
