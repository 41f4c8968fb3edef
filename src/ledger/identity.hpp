// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/container.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Who a backup belongs to: a run of another host, or on another Docker engine, would take the containers of
/// all its records for gone.
namespace logbackup {

struct Host {
    std::string id;   ///< a hash of its machine id, or of its name where it has none
    std::string name; ///< for people
};

/// What is not known is empty.
struct EngineIdentity {
    std::string id;   ///< Docker's, which it keeps in its directory from version 24 on
    std::string root; ///< Docker's directory
};

/// The file ".logbackup/identity".
struct BackupIdentity {
    std::string backup; ///< random, made with the backup
    Host host;
    EngineIdentity engine;
};

/// One JSON object on one line.
[[nodiscard]] std::string identity_text(const BackupIdentity& identity);
/// Nothing when it cannot be understood. Throws Error when a newer version has written it.
[[nodiscard]] std::optional<BackupIdentity> parse_identity(std::string_view text);

enum class Adopt { no, yes };

/// What becomes of a backup's identity in a run.
struct Claimed {
    BackupIdentity identity; ///< as it is to be
    bool changed = false;    ///< it is not what was found
    std::string refusal;     ///< why this run must not work on it; empty when it may
    std::string hint;        ///< what to do then
};

/// `found` is what the backup says; `engine` is empty where it is not known (yet): then it is not compared.
/// With Adopt::yes nothing is refused, and what was known of another host or engine is forgotten.
[[nodiscard]] Claimed claim(const std::optional<BackupIdentity>& found, const Host& host,
                            const EngineIdentity& engine, Adopt adopt);

/// `machine_id` is the content of /etc/machine-id, where there is one.
[[nodiscard]] Host host_of(std::string_view machine_id, const std::string& name);
[[nodiscard]] Host this_host();

/// The engine that keeps these containers; empty when none of them tells.
[[nodiscard]] EngineIdentity engine_of(const std::vector<Container>& containers);
/// What docker info prints with this format.
inline constexpr const char* engine_format = "{{.ID}}\n{{.DockerRootDir}}";
[[nodiscard]] EngineIdentity parse_engine(std::string_view printed);

/// What the backup says: nothing when it is new, or older than this file.
struct FoundIdentity {
    std::optional<BackupIdentity> identity;
    std::string problem; ///< why it cannot be read
};

/// Throws Error when a newer version has written it. `root` is a descriptor of the backup root.
[[nodiscard]] FoundIdentity load_identity(int root);
/// Gives what was written, with a random id if it had none yet. Throws Error.
BackupIdentity save_identity(int root, BackupIdentity identity);

/// Whether anything was ever saved there.
[[nodiscard]] bool has_records(int root);

} // namespace logbackup
