// SPDX-License-Identifier: MIT
#pragma once

#include "check/check.hpp"
#include "runtime/detect.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

/// The parts of check_machine(). Each part adds its checks to `checks`.
namespace logbackup::check {

using Checks = std::vector<Check>;

/// The answers of the container runtimes.
struct Runtimes {
    std::map<std::string, EngineIdentity> engines; ///< by the names of the runtimes that answered
    std::vector<Container> ours;
};

/// Checks which runtimes there are, their clients, their containers, their storage drivers, and whether the
/// containers' files are visible. Returns nothing when none can be reached.
[[nodiscard]] std::optional<Runtimes> runtimes(const Options& options, StopSignal& stop, Checks& checks);
/// Checks Docker's client, its engine and storage driver. Returns nothing when it cannot be reached.
[[nodiscard]] std::optional<Discovery> docker(const DockerSettings& settings, StopSignal& stop,
                                              Checks& checks);
/// Checks containerd and its client. Returns nothing when it cannot be reached.
[[nodiscard]] std::optional<Discovery> containerd(const ContainerdSettings& settings, StopSignal& stop,
                                                  Checks& checks);
/// Checks podman. Returns nothing when it does not answer.
[[nodiscard]] std::optional<Discovery> podman(const DockerSettings& settings, StopSignal& stop,
                                              Checks& checks);
/// Checks whether the kubelet of this host, if there is one, uses one of these runtimes.
void kubelet(const FoundRuntimes& found, Checks& checks);

void rsync(const Options& options, StopSignal& stop, Checks& checks);
void decompressors(Checks& checks);

void rights(Checks& checks);
/// Checks the mounts. Moves this process into a mount namespace of its own.
void mounts(Checks& checks);
void landlock(Checks& checks);
void following(Checks& checks);

/// Returns a descriptor of the backup root; none when it does not exist, or must not be used.
[[nodiscard]] UniqueFd backup_root(const Options& options, const std::optional<Runtimes>& runtimes,
                                   Checks& checks);
/// Tries what runs need, in a temporary directory in ".logbackup". `root` is a descriptor of the backup root,
/// or -1.
void file_system(int root, const Options& options, StopSignal& stop, Checks& checks);
/// Checks whether the backup belongs to this host and this engine.
void owner(int root, const std::optional<Runtimes>& runtimes, Checks& checks);
/// `root` is a descriptor of the backup root.
void records(int root, Checks& checks);
/// Checks when the last complete run was, and how many runs ended at once. `root` is a descriptor of the
/// backup root, or -1.
void runs(int root, const Options& options, Checks& checks);

/// `root` is a descriptor of the backup root, or -1.
void clock(int root, Checks& checks);
void configuration(const Options& options, Checks& checks);
void volumes(const Options& options, const Runtimes& runtimes, Checks& checks);

/// Returns the version in the output of a program, "3.2.7" of "rsync  version v3.2.7  protocol …"; empty when
/// there is none.
[[nodiscard]] std::string version_in(const std::string& printed);

/// Runs a program that prints little, for `time` at most, and returns how it ended.
[[nodiscard]] ProcessResult ask(std::vector<std::string> argv, std::vector<std::string> environment,
                                std::chrono::milliseconds time, StopSignal& stop);

} // namespace logbackup::check
