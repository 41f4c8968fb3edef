// SPDX-License-Identifier: MIT
#include "pins/pins.hpp"

#include "util/error.hpp"
#include "util/files.hpp"
#include "util/same_mount.hpp"
#include "util/text.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <map>
#include <set>

namespace logbackup {
namespace {

constexpr const char* pins_directory = ".logbackup/pins";
constexpr gid_t nobody_else = static_cast<gid_t>(-1);

std::string pins_path(const std::string& key) {
    return joined(pins_directory, key);
}

/// The source that shows a file, and the file's path below that.
std::pair<const PinSource*, std::string> source_of(const std::vector<PinSource>& sources,
                                                   const std::string& file) {
    std::pair<const PinSource*, std::string> best{nullptr, {}};
    for (const auto& source : sources) {
        const std::string& below = source.below;
        const bool inside =
            below.empty() || file == below ||
            (file.size() > below.size() && file.starts_with(below) && file[below.size()] == '/');
        if (inside && (best.first == nullptr || below.size() > best.first->below.size()))
            best = {&source, below.empty() ? file : file.substr(std::min(file.size(), below.size() + 1))};
    }
    return best;
}

} // namespace

std::string pin_key(const Record& record) {
    const std::string below = below_of(record.instance);
    const std::string suffix = below.empty() ? std::string() : "-" + hash_text(below);
    if (!record.volume.empty())
        return "volume-" + hash_text(record.volume) + suffix;
    return record.containers.empty() ? std::string() : record.containers.back() + suffix;
}

std::vector<std::string> pinned_keys(int root) {
    return names_in(root, pins_directory).value_or(std::vector<std::string>());
}

UniqueFd open_pins(int root, const std::string& key) {
    return open_directory(root, pins_path(key));
}

Listing files_to_finish(const Listing& pins, PinnedContainer container) {
    std::map<std::uint64_t, std::uint64_t> names; // pins of one inode
    for (const auto& entry : pins.entries)
        ++names[entry.inode];
    Listing result;
    for (const auto& entry : pins.entries)
        if (entry.type == FileType::regular &&
            (container == PinnedContainer::gone || entry.links <= names[entry.inode]))
            result.entries.push_back(entry);
    return result;
}

namespace {

/// Files of one directory of the host, and the directory their pins are in; on one mount, if need be.
struct Link {
    UniqueFd from;
    UniqueFd to;
    bool moved = false;

    /// False, with errno, when the file cannot be pinned. What is no regular file, or has vanished, need not
    /// be.
    [[nodiscard]] bool pin(const std::string& name, const std::string& pinned) {
        const auto file = status_at(from.get(), name);
        const auto there = status_at(to.get(), pinned);
        if (file && there && file->st_ino == there->st_ino && file->st_dev == there->st_dev)
            return true;
        if (there && S_ISREG(there->st_mode) && there->st_nlink == 1)
            return true; // its file was removed just now: the pin is all that is left, for the next tick
        if (there && ::unlinkat(to.get(), pinned.c_str(), 0) != 0)
            return false;
        if (!file || !S_ISREG(file->st_mode))
            return true;
        if (::linkat(from.get(), name.c_str(), to.get(), pinned.c_str(), 0) != 0) {
            if (errno == ENOENT)
                return true;
            if (errno != EXDEV || moved)
                return false;
            moved = true;
            auto [source, target] = on_one_mount(from.get(), to.get());
            if (!source)
                return false;
            from = std::move(source);
            to = std::move(target);
            return pin(name, pinned);
        }
        // The name may have been given to something else since it was looked at.
        const auto made = status_at(to.get(), pinned);
        if (made && !S_ISREG(made->st_mode))
            ::unlinkat(to.get(), pinned.c_str(), 0);
        return true;
    }
};

/// Removes what is not a pin of one of these files, unless it is the last name of one that was removed, and
/// directories that are empty then.
void remove_others(int directory, const std::string& path, const std::set<std::string>& wanted) {
    for (const auto& name : names_in(directory, "").value_or(std::vector<std::string>())) {
        const std::string below = joined(path, name);
        const auto status = status_at(directory, name);
        if (status && S_ISDIR(status->st_mode)) {
            remove_others(open_directory(directory, name).get(), below, wanted);
            ::unlinkat(directory, name.c_str(), AT_REMOVEDIR);
        } else if (!wanted.contains(below) &&
                   !(status && S_ISREG(status->st_mode) && status->st_nlink == 1)) {
            ::unlinkat(directory, name.c_str(), 0);
        }
    }
}

/// The path of a file on the host: the part that is trusted, and the rest.
std::pair<std::string, std::string> on_host(const PinSource& source, const std::string& below) {
    const std::string rest = joined(source.rest, below);
    return rest.empty() ? std::pair{parent_path(source.path), base_name(source.path)}
                        : std::pair{source.path, rest};
}

} // namespace

std::string refresh_pins(int root, const std::string& key, const std::vector<PinSource>& sources,
                         const std::vector<std::string>& files) {
    if (key.empty())
        return "its record names no container";
    const UniqueFd pins = make_directories(root, pins_path(key), 0700, nobody_else);
    if (!pins)
        return "cannot make " + in_quotes(pins_path(key)) + ": " + error_text(errno);
    // Says since when they are kept: that may be long after the last of them was made.
    ::utimensat(root, pins_path(key).c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
    remove_others(pins.get(), "", {files.begin(), files.end()});
    std::string problem;
    Link link;
    std::pair<std::string, std::string> current; // the directories that `link` holds
    for (const auto& file : files) {
        const auto [source, below] = source_of(sources, file);
        if (source == nullptr)
            continue;
        const auto [trusted, rest] = on_host(*source, below);
        const std::pair wanted{trusted + "/" + parent_path(rest), parent_path(file)};
        if (wanted != current) {
            const UniqueFd above(::open(trusted.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
            link = {above ? open_directory(above.get(), parent_path(rest)) : UniqueFd(),
                    make_directories(pins.get(), parent_path(file), 0700, nobody_else)};
            current = wanted;
        }
        if (!link.from || !link.to) // a directory that only the image has, or that has just vanished
            continue;
        if (!link.pin(base_name(rest), base_name(file)) && problem.empty())
            problem = errno == EXDEV ? "it is on another file system than the backup"
                                     : in_quotes(file) + ": " + error_text(errno);
    }
    return problem;
}

namespace {

/// Why the last call could not remove a pin. Not even root can remove what a container has made immutable.
std::string removal_problem(const std::string& path) {
    const std::string hint = errno == EPERM ? " ('lsattr' tells whether it is immutable; if so, 'chattr -ia' "
                                              "before the next run)"
                                            : "";
    return "cannot remove the pin " + in_quotes(path) + ": " + error_text(errno) + hint;
}

/// Removes what a directory holds as far as possible. Gives the first problem.
std::string remove_contents(int directory, const std::string& path) {
    std::string problem;
    for (const auto& name : names_in(directory, "").value_or(std::vector<std::string>())) {
        const std::string below = joined(path, name);
        const auto status = status_at(directory, name);
        const bool is_directory = status && S_ISDIR(status->st_mode);
        std::string found;
        if (is_directory)
            found = remove_contents(open_directory(directory, name).get(), below);
        if (found.empty() && ::unlinkat(directory, name.c_str(), is_directory ? AT_REMOVEDIR : 0) != 0)
            found = removal_problem(below);
        if (problem.empty())
            problem = std::move(found);
    }
    return problem;
}

} // namespace

std::string unpin(int root, const std::string& key, const std::vector<std::string>& files) {
    std::string problem;
    for (const auto& file : files) {
        const UniqueFd directory = open_directory(root, joined(pins_path(key), parent_path(file)));
        if (directory && ::unlinkat(directory.get(), base_name(file).c_str(), 0) != 0 && errno != ENOENT &&
            problem.empty())
            problem = removal_problem(joined(pins_path(key), file));
    }
    return problem;
}

std::string unpin_all(int root, const std::string& key) {
    const UniqueFd pins = key.empty() ? UniqueFd() : open_pins(root, key);
    if (!pins)
        return "";
    auto problem = remove_contents(pins.get(), pins_path(key));
    if (problem.empty() && ::unlinkat(root, pins_path(key).c_str(), AT_REMOVEDIR) != 0)
        problem = removal_problem(pins_path(key));
    return problem;
}

} // namespace logbackup
