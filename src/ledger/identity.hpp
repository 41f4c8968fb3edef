// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/container.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The owner of a backup. A run on another host, or on another Docker engine, would believe that the
/// containers of all its records are gone.
namespace logbackup {

struct Host {
    std::string id;   ///< a hash of its machine id, or of its name when it has no machine id
    std::string name; ///< for people
};

/// A member is empty when it is not known.
struct EngineIdentity {
    std::string id;   ///< Docker's id, which Docker keeps in its directory since version 24
    std::string root; ///< Docker's directory
};

/// The content of the file ".logbackup/identity".
struct BackupIdentity {
    std::string backup; ///< random, chosen when the backup is created
    Host host;
    EngineIdentity engine;
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

/// `found` is the identity in the backup. `engine` is empty while it is not known; then it is not compared.
/// With Adopt::yes nothing is refused, and what was known of another host or engine is forgotten.
[[nodiscard]] Claimed claim(const std::optional<BackupIdentity>& found, const Host& host,
                            const EngineIdentity& engine, Adopt adopt);

/// `machine_id` is the content of /etc/machine-id, if that file exists.
[[nodiscard]] Host host_of(std::string_view machine_id, const std::string& name);
[[nodiscard]] Host this_host();

/// Returns the engine that keeps these containers; empty when no container tells it.
[[nodiscard]] EngineIdentity engine_of(const std::vector<Container>& containers);
/// The format to pass to "docker info" for parse_engine().
inline constexpr const char* engine_format = "{{.ID}}\n{{.DockerRootDir}}";
[[nodiscard]] EngineIdentity parse_engine(std::string_view printed);

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
