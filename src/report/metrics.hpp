// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/report.hpp"
#include "util/text.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace logbackup {

/// Totals of the whole backup. Measuring them takes a walk over it.
struct BackupTotals {
    Timestamp measured{};
    std::map<std::string, std::uint64_t> of_coverage; ///< log directories; for "missed": containers
    std::uint64_t files = 0;
    std::uint64_t disk_bytes = 0;
};

/// State that is kept between runs, so that counters continue: the content of ".logbackup/metrics".
struct MetricsState {
    std::map<std::string, std::uint64_t> counters; ///< by sample: `logbackup_runs_total{exit_code="0"}`
    Timestamp last_success{};                      ///< zero: no run succeeded yet
    std::optional<BackupTotals> totals;
};

/// A finished run for all containers.
struct FinishedRun {
    Timestamp began{};
    double seconds = 0;
    int exit_code = 0;
    const Report* report = nullptr; ///< nullptr: the run was impossible
    std::uint64_t skipped = 0;      ///< runs that ended before this one because another run was working
    std::optional<std::uint64_t> free_bytes; ///< free space on the backup's file system
};

/// Adds a run to the counters.
void count_in(MetricsState& state, const FinishedRun& run);

/// Returns the Prometheus text format, version 0.0.4: every family with HELP and TYPE.
/// https://prometheus.io/docs/instrumenting/exposition_formats/
[[nodiscard]] std::string metrics_text(const MetricsState& state, const FinishedRun& run);

/// Convert the state to JSON and back. parse_state() returns an empty state when the text is not valid.
[[nodiscard]] std::string state_text(const MetricsState& state);
[[nodiscard]] MetricsState parse_state(const std::string& text);

} // namespace logbackup
