// SPDX-License-Identifier: MIT
#include "locate/overlap.hpp"

#include "locate/paths.hpp"
#include "util/files.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

namespace logbackup {
namespace {

/// Returns the identities of a directory and of everything above it, up to the root.
std::vector<Identity> and_above(int directory) {
    std::vector<Identity> chain;
    for (UniqueFd held(::openat(directory, ".", directory_flags)); held;
         held = UniqueFd(::openat(held.get(), "..", directory_flags))) {
        const auto status = status_of(held.get());
        if (!status || (!chain.empty() && identity_of(*status) == chain.back()))
            break;
        chain.push_back(identity_of(*status));
    }
    return chain;
}
} // namespace

OverlapCheck::OverlapCheck(int directory, BackupRoot state)
    : backup_root_and_above_(and_above(directory)), state_(state) {}

std::string OverlapCheck::problem(const LogDirectory& found) const {
    for (const auto& source : found.sources) {
        const auto status = status_of(source.held.get());
        const auto& chain = backup_root_and_above_;
        if (status && std::find(chain.begin(), chain.end(), identity_of(*status)) != chain.end())
            return "its log directory contains the backup root";
        const bool on_volume = source.kind == SourceKind::volume || source.kind == SourceKind::process;
        if (state_ == BackupRoot::to_be_made || !on_volume || source.host_path.empty() || chain.empty())
            continue;
        // Use the host path: ".." of a directory held through a process ends at the container's root. Follow
        // no link in it; it had none when it was found.
        const UniqueFd root(::open("/", directory_flags));
        UniqueFd volume = open_directory(root.get(), source.host_path);
        if (!volume && errno == ENOTDIR) // a single file
            volume = open_directory(root.get(), parent_path(source.host_path));
        const auto above = volume ? and_above(volume.get()) : std::vector<Identity>();
        if (std::find(above.begin(), above.end(), chain.front()) != above.end())
            return "its log directory lies in the backup root";
    }
    return {};
}

} // namespace logbackup
