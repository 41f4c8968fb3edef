// SPDX-License-Identifier: MIT
#include "report/metrics_file.hpp"

#include "ledger/inventory.hpp"
#include "report/metrics.hpp"
#include "util/error.hpp"
#include "util/files.hpp"
#include "util/free_space.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>

namespace logbackup {
namespace {

constexpr const char* state_file = ".logbackup/metrics";
constexpr std::size_t most_state = std::size_t{1} << 20U;

BackupTotals measure(int root, const std::string& backup_root, Timestamp now) {
    BackupTotals totals{now, {{"live", 0}, {"complete", 0}, {"cut", 0}, {"missed", 0}}, 0, 0};
    for (const auto& instance : take_inventory(root, backup_root, {}).instances) {
        totals.files += instance.usage.files;
        totals.disk_bytes += instance.usage.disk_bytes;
        if (instance.has_record)
            ++totals.of_coverage[std::string(name_of(instance.record.coverage))];
    }
    return totals;
}

bool is_due(const MetricsState& state, Timestamp now) {
    return !state.totals || now - state.totals->measured >= std::chrono::hours(1) ||
           now < state.totals->measured; // the clock was set back
}

} // namespace

void write_metrics(const MetricsFile& file, int root, const FinishedRun& run) {
    MetricsState state;
    if (root >= 0) {
        state = parse_state(read_small_file(root, state_file, most_state).value_or(""));
        count_in(state, run);
        if (is_due(state, run.began))
            state.totals = measure(root, file.backup_root, run.began);
        if (!write_atomically(root, state_file, state_text(state)))
            throw Error("cannot write " + in_quotes(joined(file.backup_root, state_file)) + ": " +
                        error_text(errno));
    }
    FinishedRun complete = run;
    if (const auto space = root >= 0 ? free_space(root, file.min_free) : std::nullopt)
        complete.free_bytes = space->bytes;
    const std::filesystem::path path(file.path);
    const UniqueFd directory(::open(path.parent_path().empty() ? "." : path.parent_path().c_str(),
                                    O_PATH | O_DIRECTORY | O_CLOEXEC));
    static constexpr mode_t for_everybody = 0644;
    const std::string name = path.filename().string();
    const std::string temporary = "." + name.substr(0, 200) + ".new"; // another backup's may lie beside it
    if (!directory ||
        !write_atomically(directory.get(), name, metrics_text(state, complete), for_everybody, temporary))
        throw Error("cannot write the metrics " + in_quotes(file.path) + ": " + error_text(errno));
}

} // namespace logbackup
