// SPDX-License-Identifier: MIT
#include "saved.hpp"

#include "content/decompress.hpp"
#include "must.hpp"
#include "plan/plan.hpp"
#include "plan/zeros.hpp"
#include "util/unique_fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

namespace logbackup::test {
namespace {

namespace fs = std::filesystem;

SavedFile read_one(const fs::path& path) {
    struct stat status {};
    must(::lstat(path.c_str(), &status) == 0, "lstat " + path.string());
    SavedFile file;
    file.mtime = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
    if (S_ISLNK(status.st_mode)) {
        file.type = FileType::link;
        file.content = fs::read_symlink(path).string();
    } else if (S_ISREG(status.st_mode)) {
        const UniqueFd held(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        file.content.resize(static_cast<std::size_t>(status.st_size));
        must(::pread(held.get(), file.content.data(), file.content.size(), 0) == status.st_size, "read");
    } else {
        file.type = FileType::device; // or anything else that no backup makes
    }
    return file;
}

/// What was compressed can be compressed again.
void count_in(const std::string& content, const Logs& logs, LineCounts& counts) {
    const auto add = [&](unsigned line) { ++counts[line]; };
    if (const auto packed = logs.unpacked(content)) {
        count_in(std::string(packed->plain), logs, counts);
        for_each_line(packed->rest, add);
    } else {
        for_each_line(content, add);
    }
}

/// What may not be lost of a saved file: zeros that were set aside at its end may be filled, or cut off with
/// those of its source.
std::string_view data_of(const std::string& saved) {
    const auto end = saved.find_last_not_of('\0') + 1;
    return std::string_view(saved).substr(0, are_set_aside(saved.size(), saved.size() - end) ? end
                                                                                             : saved.size());
}

/// Bytes that two files have in common from two places on.
std::size_t common(std::string_view one, std::string_view other) {
    return static_cast<std::size_t>(std::mismatch(one.begin(), one.end(), other.begin(), other.end()).first -
                                    one.begin());
}

/// Whether a version that was dropped stands in other files, in stretches of 4 KiB or more but for the first
/// and the last.
bool stands_in_others(std::string_view content, const Saved& saved) {
    static constexpr std::size_t least = 4096;
    for (std::size_t at = 0; at < content.size();) {
        const auto rest = content.substr(at);
        std::size_t longest = 0;
        for (const auto& [path, file] : saved) {
            const std::string_view other = file.content;
            for (const auto place : {at, other.find(rest.substr(0, 64))})
                if (file.type == FileType::regular && place < other.size())
                    longest = std::max(longest, common(rest, other.substr(place)));
        }
        if (longest < least && longest < rest.size() && at > 0)
            return false;
        if (longest == 0)
            return false;
        at += longest;
    }
    return true;
}

} // namespace

Saved read_saved(const std::string& directory) {
    Saved saved;
    if (!fs::exists(directory))
        return saved;
    for (const auto& entry : fs::recursive_directory_iterator(directory))
        if (entry.is_symlink() || !entry.is_directory())
            saved[entry.path().lexically_relative(directory).string()] = read_one(entry.path());
    return saved;
}

std::string find_foreign(const Saved& saved, const Logs& logs) {
    for (const auto& [path, file] : saved) {
        if (file.type == FileType::device)
            return path + " is neither a file nor a link";
        if (file.type == FileType::regular && !logs.is_prefix_of_some(file.content))
            return path + " is no prefix of anything that was a log";
    }
    return {};
}

std::string find_lost(const Saved& before, const Saved& after, const Logs& logs) {
    for (const auto& [path, old] : before) {
        if (old.type != FileType::regular)
            continue;
        const auto own = logs.unpacked(old.content);
        const auto holds = [content = data_of(old.content), &logs, &own](const auto& file) {
            const auto packed = logs.unpacked(file.second.content);
            return file.second.type == FileType::regular &&
                   (file.second.content.starts_with(content) ||
                    (packed && (packed->plain.starts_with(content) ||
                                (own && own->rest.empty() && packed->plain.starts_with(own->plain)))));
        };
        const auto same = after.find(path); // almost always
        if ((same == after.end() || !holds(*same)) && std::none_of(after.begin(), after.end(), holds) &&
            !stands_in_others(old.content, after))
            return "what was saved as " + path + " is lost";
    }
    return {};
}

std::string find_incomplete(const Saved& saved, const Logs& logs) {
    for (const auto& [path, node] : logs.nodes()) {
        if (logs.is_touched(path))
            continue;
        const auto found = saved.find(path);
        if (node.type == FileType::link && stays_inside(path, node.target)) {
            if (found == saved.end() || found->second.type != FileType::link ||
                found->second.content != node.target)
                return path + " is not the link that it should be";
        } else if (node.file) {
            if (found == saved.end() || found->second.type != FileType::regular)
                return path + " is not in the backup";
            if (found->second.content != node.file->content)
                return path + " is not complete: " + std::to_string(found->second.content.size()) + " of " +
                       std::to_string(node.file->content.size()) + " bytes";
            if (found->second.mtime != node.file->mtime)
                return path + " has another time than its source";
        }
    }
    return {};
}

LineCounts count_lines(const Saved& saved, const Logs& logs) {
    LineCounts counts;
    for (const auto& [path, file] : saved)
        if (file.type == FileType::regular)
            count_in(file.content, logs, counts);
    return counts;
}

LineCounts count_lines_once(const Saved& saved, const Logs& logs) {
    LineCounts counts;
    for (const auto& [path, file] : saved) {
        const auto packed = logs.unpacked(file.content);
        if (file.type == FileType::regular &&
            (!packed || (packed->rest.empty() && is_compressed(file.content.substr(0, magic_size)))))
            count_in(file.content, logs, counts);
    }
    return counts;
}

LineCounts count_lines(const Logs& logs) {
    LineCounts counts;
    for (const auto& [path, node] : logs.nodes())
        if (node.file)
            count_in(node.file->content, logs, counts);
    return counts;
}

} // namespace logbackup::test
