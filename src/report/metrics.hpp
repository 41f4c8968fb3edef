// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/report.hpp"
#include "util/text.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace logbackup {

/// What is in the whole backup. To find that out takes a walk over it.
struct BackupTotals {
    Timestamp measured{};
    std::map<std::string, std::uint64_t> of_coverage; ///< log directories; of "missed": containers
    std::uint64_t files = 0;
    std::uint64_t disk_bytes = 0;
};

/// What outlives a run, so that counters go on: the content of ".logbackup/metrics".
struct MetricsState {
    std::map<std::string, std::uint64_t> counters; ///< by sample: `logbackup_runs_total{exit_code="0"}`
    Timestamp last_success{};                      ///< zero: never
    std::optional<BackupTotals> totals;
};

/// One run for all containers, after its end.
struct FinishedRun {
    Timestamp began{};
    double seconds = 0;
    int exit_code = 0;
    const Report* report = nullptr;          ///< nullptr: nothing could be done
    std::uint64_t skipped = 0;               ///< runs that ended before it because another one was working
    std::optional<std::uint64_t> free_bytes; ///< of the backup's file system
};

/// Counts a run in.
void count_in(MetricsState& state, const FinishedRun& run);

/// The Prometheus text format, version 0.0.4: every family with HELP and TYPE.
/// https://prometheus.io/docs/instrumenting/exposition_formats/
[[nodiscard]] std::string metrics_text(const MetricsState& state, const FinishedRun& run);

/// The state as JSON, and back; what is no such text gives an empty state.
[[nodiscard]] std::string state_text(const MetricsState& state);
[[nodiscard]] MetricsState parse_state(const std::string& text);

} // namespace logbackup
