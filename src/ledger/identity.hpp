// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/engine.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>

/// The owner of a backup. A run on another host, or on another engine, would believe that the containers of
/// all its records are gone.
namespace logbackup {

struct Host {
    std::string id;   ///< a hash of its machine id, or of its name when it has no machine id
    std::string name; ///< for people
};

/// The content of the file ".logbackup/identity".
struct BackupIdentity {
    std::string backup; ///< random, chosen when the backup is created
    Host host;
    std::map<std::string, EngineIdentity> engines; ///< by the names of their runtimes
};

/// Returns one JSON object on one line.
[[nodiscard]] std::string identity_text(const BackupIdentity& identity);
/// Returns nothing when the text cannot be understood. Throws Error when a newer version has written it.
[[nodiscard]] std::optional<BackupIdentity> parse_identity(std::string_view text);

enum class Adopt { no, yes };

/// The identity that a backup has after a run has claimed it.
struct Claimed {
    BackupIdentity identity; ///< the identity to write
    bool changed = false;    ///< it differs from the identity that was found
    std::string refusal;     ///< why this run must not work on the backup; empty when it may
    std::string hint;        ///< what the user can do about the refusal
};

/// `found` is the identity in the backup. `engines` are those that are known now, by the names of their
/// runtimes; only members that are known are compared. With Adopt::yes nothing is refused, and what was known
/// of another host or of engines is forgotten.
[[nodiscard]] Claimed claim(const std::optional<BackupIdentity>& found, const Host& host,
                            const std::map<std::string, EngineIdentity>& engines, Adopt adopt);

/// `machine_id` is the content of /etc/machine-id, if that file exists.
[[nodiscard]] Host host_of(std::string_view machine_id, const std::string& name);
[[nodiscard]] Host this_host();

/// The identity found in a backup. It is missing when the backup is new, or older than the identity file.
struct FoundIdentity {
    std::optional<BackupIdentity> identity;
    std::string problem; ///< why it cannot be read
};

/// Reads the identity of a backup. Throws Error when a newer version has written it. `root` is a descriptor
/// of the backup root.
[[nodiscard]] FoundIdentity load_identity(int root);
/// Writes the identity, with a random id if it had none yet, and returns what was written. Throws Error.
BackupIdentity save_identity(int root, BackupIdentity identity);

/// True if anything was ever saved there.
[[nodiscard]] bool has_records(int root);

} // namespace logbackup
