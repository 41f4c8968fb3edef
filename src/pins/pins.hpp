// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/listing.hpp"
#include "logbackup/record.hpp"
#include "logbackup/source.hpp"
#include "util/unique_fd.hpp"

#include <string>
#include <vector>

/// Pins: hard links below ".logbackup/pins/<key>/" to the very files that containers write to. When a
/// container is removed, or a file in it, before the next tick, its pin still holds all that was written
/// until then. A pin is an inode of the container's: it has the owner and the mode the container gave it, so
/// the directory is closed to all but its owner, as all of ".logbackup" is.
namespace logbackup {

/// The name of a log directory's pins: the id of its container, or for a volume a hash of its path; and where
/// in its instance it is nested. Not the name of its instance directory, which can change between two ticks.
[[nodiscard]] std::string pin_key(const Record& record);

/// The keys of all pins there are.
[[nodiscard]] std::vector<std::string> pinned_keys(int root);

/// The directory of the pins of a key; nothing when there is none.
[[nodiscard]] UniqueFd open_pins(int root, const std::string& key);

enum class PinnedContainer { exists, gone };

/// Of what is pinned: the files that no longer have a name but their pins. When the container is gone these
/// are all. `pins` lists the whole directory.
[[nodiscard]] Listing files_to_finish(const Listing& pins, PinnedContainer container);

/// A directory on the host, or a file, whose inodes are the container's own: its uppermost layer, a volume.
struct PinSource {
    std::string below;  ///< where in the log directory it shows
    std::string path;   ///< on the host, as docker and the operator name it: links in it are followed
    std::string rest{}; ///< below that; the container's own, so that no link in it is followed
};

/// Makes the pins of `key` those of `files`, paths in the log directory, and no others but those whose files
/// were removed meanwhile: files_to_finish() finds these. Files that the
/// container has from its image need none. Gives the first thing that went wrong, safe to print; empty when
/// nothing did.
///
/// A pin needs one mount that shows both the file and the backup root, for link(2) does not cross mounts.
/// Where their paths lead through different mounts of one file system, a private clone serves
/// (on_one_mount()), which needs CAP_SYS_ADMIN. A file on another file system cannot be pinned.
[[nodiscard]] std::string refresh_pins(int root, const std::string& key,
                                       const std::vector<PinSource>& sources,
                                       const std::vector<std::string>& files);

/// Removes pins: those of some files, or all of a key. Those that are not there are no problem. Gives the
/// first thing that went wrong, safe to print; the others are removed all the same.
[[nodiscard]] std::string unpin(int root, const std::string& key, const std::vector<std::string>& files);
[[nodiscard]] std::string unpin_all(int root, const std::string& key);

} // namespace logbackup
