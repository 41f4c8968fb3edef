// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/record.hpp"
#include "logbackup/report.hpp"
#include "logbackup/setting.hpp"
#include "util/free_space.hpp"
#include "util/priority.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace logbackup {

/// A time that never comes.
inline constexpr std::chrono::milliseconds for_ever = std::chrono::milliseconds::max();

/// What is otherwise for the services whose name matches; nothing: as for all.
struct ServiceOptions {
    std::string glob;
    std::optional<std::vector<std::string>> log_directories;
    std::optional<std::chrono::milliseconds> keep;
    std::optional<std::vector<std::string>> exclude;
};

/// What a run is to do: the command line, completed by LOGBACKUP_… variables, a configuration file and
/// defaults.
struct Options {
    RunKind kind = RunKind::tick;
    std::string backup_root = "/u01/logbackup"; ///< absolute
    /// Absolute, in the container; none lies in another. See log_directories_of().
    std::vector<std::string> log_directories{"/opt/logs"};
    std::vector<std::string> exclude;  ///< globs of files, see is_excluded() and exclude_of()
    std::vector<std::string> services; ///< globs; empty: all
    std::vector<std::string> pods;
    std::vector<std::string> namespaces;
    std::vector<std::string> containers; ///< prefixes of ids
    std::vector<Coverage> coverages;     ///< only of RunKind::list; empty: all
    gid_t group = static_cast<gid_t>(-1);
    std::string docker = "docker";
    std::string rsync = "rsync";
    std::chrono::milliseconds docker_timeout{10'000};
    std::chrono::milliseconds max_duration{1'800'000};
    MinFree min_free;
    int nice = 10;
    IoPriority io_priority;
    std::uint64_t bandwidth = UINT64_MAX;        ///< bytes a second that rsync reads; UINT64_MAX: no limit
    std::size_t max_files = 100'000;             ///< entries of one log directory
    std::size_t max_depth = 100;                 ///< levels of directories in it
    std::uint64_t max_file_size = 100ULL << 30U; ///< bytes saved of one file; UINT64_MAX: no limit
    std::uint64_t max_bytes = 4ULL << 30U;       ///< bytes of one log directory and run; the same
    std::chrono::milliseconds keep = for_ever;   ///< what has ended is deleted then; see keep_of()
    std::uint64_t max_size = UINT64_MAX;         ///< bytes on disk of the backup; UINT64_MAX: no limit
    bool trust_clock = false;                    ///< only of RunKind::prune
    bool require_mount = false;                  ///< the backup root must not be on the file system of /
    bool adopt = false;                          ///< take over what belongs to another host or engine
    std::string log_file;
    bool syslog = false;
    std::string metrics;             ///< path of a file for Prometheus; empty: none
    std::uint64_t warn_skipped = 10; ///< runs in a row; UINT64_MAX: never
    bool quiet = false;
    bool verbose = false;
    bool json = false;
    std::vector<ServiceOptions> of_services; ///< a later one is stronger
    std::string config_file;                 ///< that was read; empty: none
    std::vector<Setting> settings;           ///< all of them, as text, and where each comes from
};

/// A log directory in a service's containers, and where in their instances it is saved: in these themselves
/// (""), or where there are several each under its own path ("opt/logs").
struct LogDirectoryName {
    std::string path;
    std::string below;
};

} // namespace logbackup
