// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/filter.hpp"
#include "logbackup/naming.hpp"
#include "logbackup/report.hpp"
#include "logbackup/retention.hpp"
#include "logbackup/search.hpp"
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

/// Per-service overrides; an empty optional means the global value.
struct ServiceOptions {
    std::string glob;
    std::optional<std::vector<std::string>> log_directories{};
    std::optional<std::vector<std::string>> exclude{};
    std::optional<bool> skip{};
};

/// The settings of a run: the command line, completed by LOGBACKUP_… variables, a configuration file and
/// defaults. The defaults stand in the table of settings only.
struct Options {
    RunKind kind = RunKind::save;
    std::string backup_root; ///< absolute
    /// Absolute paths in the container; none lies in another. See log_directories_of().
    std::vector<std::string> log_directories;
    std::vector<std::string> exclude;      ///< globs of files, see is_excluded() and exclude_of()
    std::vector<std::string> skip;         ///< globs of services that are left out, see is_skipped()
    std::vector<std::string> skip_volumes; ///< globs of volumes that are not opened, see is_left_out()
    Query query;                           ///< for RunKind::grep only
    TimeWindow window;                     ///< for RunKind::list and RunKind::grep only
    Filter filter;                         ///< coverages for RunKind::list only
    gid_t group = static_cast<gid_t>(-1);
    std::vector<std::string> runtimes; ///< container runtimes to ask; empty: those that are there
    std::string docker;
    std::string docker_host; ///< address of its engine; empty: the client's own settings
    std::string podman;
    std::string ctr;
    std::string containerd_socket; ///< empty: the usual ones
    Naming naming;
    std::string rsync;
    std::chrono::milliseconds docker_timeout{};
    std::chrono::milliseconds max_duration{};
    std::chrono::milliseconds follow{}; ///< how long a run stays to follow; 0: it does not
    MinFree min_free;
    int nice = 0;
    IoPriority io_priority;
    std::uint64_t bandwidth = UINT64_MAX;     ///< bytes per second that rsync may read; UINT64_MAX: no limit
    std::size_t max_files = SIZE_MAX;         ///< entries in one log directory
    std::size_t max_depth = SIZE_MAX;         ///< directory levels in one log directory
    std::uint64_t max_file_size = UINT64_MAX; ///< bytes saved per file; UINT64_MAX: no limit
    std::uint64_t max_bytes = UINT64_MAX;     ///< bytes per log directory and run; UINT64_MAX: no limit
    RetentionRules retention;
    std::uint64_t max_versions = UINT64_MAX; ///< of a file that is rewritten; UINT64_MAX: no limit
    bool require_mount = false;              ///< the backup root must not be on the file system of /
    bool adopt = false;                      ///< take over a backup that belongs to another host or engine
    std::string log_file;
    bool syslog = false;
    std::string metrics;                     ///< path of the Prometheus metrics file; empty: none
    std::uint64_t warn_skipped = UINT64_MAX; ///< consecutive runs; UINT64_MAX: never warn
    std::chrono::milliseconds repeat{};      ///< with `quiet`: until a lasting cause is told again
    std::string on_failure;                  ///< for /bin/sh, when a cause is new or over; empty: none
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
