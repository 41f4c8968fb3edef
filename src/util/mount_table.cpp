// SPDX-License-Identifier: MIT
#include "util/mount_table.hpp"

#include "util/files.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace logbackup {
namespace {

constexpr std::size_t largest_table = 64U << 20U;

/// Decodes escapes; mountinfo writes a space as \040.
std::string unescaped(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size()) {
            result +=
                static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + text[i + 3] - '0');
            i += 3;
        } else {
            result += text[i];
        }
    }
    return result;
}

/// Removes and returns the first word of a line.
std::string_view next_word(std::string_view& line) {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    const auto word = line.substr(0, line.find(' '));
    line.remove_prefix(word.size());
    return word;
}

int number(std::string_view text) {
    int value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

} // namespace

std::vector<MountInfo> parse_mountinfo(std::string_view text) {
    std::vector<MountInfo> mounts;
    while (!text.empty()) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        const auto id = next_word(line);
        const auto parent = next_word(line);
        (void)next_word(line); // skip the device
        (void)next_word(line); // skip the mounted directory of the file system
        const auto point = next_word(line);
        if (point.empty())
            continue;
        // Skip options and any number of optional fields, up to a hyphen.
        std::string_view word = next_word(line);
        while (!word.empty() && word != "-")
            word = next_word(line);
        mounts.push_back({unescaped(point), unescaped(next_word(line)), number(id), number(parent)});
    }
    return mounts;
}

FileSystem file_system(std::string_view type) {
    // Types that df --local and systemd treat as remote, and types that hypervisors and user-space servers
    // offer.
    static constexpr std::array remote{
        "9p",     "acfs", "afs",   "auristorfs", "autofs", "beegfs",   "ceph",      "cifs",  "coda",
        "davfs",  "fuse", "fhgfs", "fuseblk",    "gfs",    "gfs2",     "glusterfs", "gpfs",  "ibrix",
        "lustre", "ncp",  "ncpfs", "nfs",        "nfs4",   "ocfs2",    "orangefs",  "panfs", "prl_fs",
        "pvfs2",  "smb3", "smbfs", "sshfs",      "vboxsf", "virtiofs", "vmhgfs",    "vxfs",  "wekafs"};
    static constexpr std::array kernels{
        "binfmt_misc", "bpf",        "cgroup",     "cgroup2",   "configfs", "debugfs", "devpts",
        "efivarfs",    "fusectl",    "mqueue",     "nfsd",      "nsfs",     "proc",    "pstore",
        "resctrl",     "rpc_pipefs", "securityfs", "selinuxfs", "smackfs",  "sysfs",   "tracefs"};
    const auto is_in = [&](const auto& names) {
        return std::find(names.begin(), names.end(), type) != names.end();
    };
    if (is_in(remote) || type.starts_with("fuse."))
        return FileSystem::may_not_answer;
    return is_in(kernels) ? FileSystem::of_the_kernel : FileSystem::ordinary;
}

MountTable::MountTable(std::vector<MountInfo> mounts) : mounts_(std::move(mounts)) {
    for (std::size_t i = 0; i < mounts_.size(); ++i)
        by_point_[mounts_[i].point].push_back(i);
}

const MountInfo* MountTable::covering(int parent, const std::string& point) const {
    const auto here = by_point_.find(point);
    if (here == by_point_.end())
        return nullptr;
    const MountInfo* covering = nullptr;
    for (std::size_t i = 0; i < here->second.size(); ++i) { // bounded, whatever the table contains
        const auto next = std::find_if(here->second.begin(), here->second.end(), [&](std::size_t index) {
            return mounts_[index].parent == (covering == nullptr ? parent : covering->id) &&
                   &mounts_[index] != covering;
        });
        if (next == here->second.end())
            break;
        covering = &mounts_[*next];
    }
    return covering;
}

const MountInfo* MountTable::first_special_below(const std::string& path) const {
    const auto found = std::find_if(mounts_.begin(), mounts_.end(), [&](const MountInfo& mount) {
        return file_system(mount.type) != FileSystem::ordinary && !part_below(mount.point, path).empty();
    });
    return found == mounts_.end() ? nullptr : &*found;
}

const MountInfo* MountTable::by_id(int id) const {
    const auto found =
        std::find_if(mounts_.begin(), mounts_.end(), [&](const MountInfo& mount) { return mount.id == id; });
    return found == mounts_.end() ? nullptr : &*found;
}

std::optional<MountTable> read_mount_table(int process) {
    const auto text = read_small_file(process, "mountinfo", largest_table);
    if (!text)
        return std::nullopt;
    return MountTable(parse_mountinfo(*text));
}

std::optional<int> mount_id(int held) {
    const UniqueFd self(::open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC));
    const auto text = read_small_file(self.get(), "fdinfo/" + std::to_string(held), 4096).value_or("");
    const auto at = text.find("mnt_id:");
    if (at == std::string::npos)
        return std::nullopt;
    return number(
        std::string_view(text).substr(std::min(text.find_first_not_of(" \t", at + 7), text.size())));
}

} // namespace logbackup
