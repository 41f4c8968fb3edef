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

/// A duration without end.
inline constexpr std::chrono::milliseconds for_ever = std::chrono::milliseconds::max();

/// Per-service overrides; an empty optional means the global value.
struct ServiceOptions {
    std::string glob;
    std::optional<std::vector<std::string>> log_directories;
    std::optional<std::chrono::milliseconds> keep;
    std::optional<std::vector<std::string>> exclude;
};

/// The settings of a run: the command line, completed by LOGBACKUP_… variables, a configuration file and
/// defaults.
struct Options {
    RunKind kind = RunKind::tick;
    std::string backup_root = "/u01/logbackup"; ///< absolute
    /// Absolute paths in the container; none lies in another. See log_directories_of().
    std::vector<std::string> log_directories{"/opt/logs"};
    std::vector<std::string> exclude;  ///< globs of files, see is_excluded() and exclude_of()
    std::vector<std::string> services; ///< globs; empty: all
    std::vector<std::string> pods;
    std::vector<std::string> namespaces;
    std::vector<std::string> containers; ///< prefixes of ids
    std::vector<Coverage> coverages;     ///< for RunKind::list only; empty: all
    gid_t group = static_cast<gid_t>(-1);
    std::string docker = "docker";
    std::string rsync = "rsync";
    std::chrono::milliseconds docker_timeout{10'000};
    std::chrono::milliseconds max_duration{1'800'000};
    MinFree min_free;
    int nice = 10;
    IoPriority io_priority;
    std::uint64_t bandwidth = UINT64_MAX; ///< bytes per second that rsync may read; UINT64_MAX: no limit
    std::size_t max_files = 100'000;      ///< entries in one log directory
    std::size_t max_depth = 100;          ///< directory levels in one log directory
    std::uint64_t max_file_size = 100ULL << 30U; ///< bytes saved per file; UINT64_MAX: no limit
    std::uint64_t max_bytes = 4ULL << 30U;       ///< bytes per log directory and run; UINT64_MAX: no limit
    /// Age at which ended log directories are deleted; see keep_of().
    std::chrono::milliseconds keep = for_ever;
    std::uint64_t max_size = UINT64_MAX; ///< bytes the backup may take on disk; UINT64_MAX: no limit
    bool trust_clock = false;            ///< for RunKind::prune only
    bool require_mount = false;          ///< the backup root must not be on the file system of /
    bool adopt = false;                  ///< take over a backup that belongs to another host or engine
    std::string log_file;
    bool syslog = false;
    std::string metrics;             ///< path of the Prometheus metrics file; empty: none
    std::uint64_t warn_skipped = 10; ///< consecutive runs; UINT64_MAX: never warn
    bool quiet = false;
    bool verbose = false;
    bool json = false;
    std::vector<ServiceOptions> of_services; ///< later entries override earlier ones
    std::string config_file;                 ///< the file that was read; empty: none
    std::vector<Setting> settings;           ///< all settings as text, each with its origin
};

/// A log directory of a service, and how its instance directories are named: "<pod>" and the suffix.
struct LogDirectoryName {
    std::string path;
    std::string suffix; ///< empty for the service's first log directory; see suffix_of()
};

} // namespace logbackup
