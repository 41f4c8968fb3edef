// SPDX-License-Identifier: MIT
#include "report/metrics.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace logbackup {
namespace {

/// A counter's family and its help text.
struct Counter {
    const char* name;
    const char* help;
};

constexpr std::array<Counter, 8> counters{{
    {"logbackup_bytes_saved_total", "Bytes copied into the backup."},
    {"logbackup_cut_total", "Log directories that were gone before all of them was known to be saved."},
    {"logbackup_errors_total", "What failed: whole containers, single files, or the run as such."},
    {"logbackup_files_total", "Files of the backup by what was done to them."},
    {"logbackup_followed_bytes_total", "Of the bytes saved, those that were saved while following."},
    {"logbackup_missed_total", "Containers that ended before anything of them was saved."},
    {"logbackup_runs_total", "Finished runs by exit code: 0 complete but for limits, 3 in part."},
    {"logbackup_skipped_runs_total", "Runs that ended at once because another one was working."},
}};

constexpr std::array<const char*, 9> status_labels{"saved",    "shared", "complete", "no_log_directory",
                                                   "left_out", "gone",   "vanished", "incomplete",
                                                   "failed"};

/// Builds the text. Write all samples of a family together, after its HELP and TYPE.
class Text {
  public:
    void family(std::string_view name, std::string_view help, const char* type) {
        name_ = name;
        ((text_ += "# HELP ").append(name) += ' ').append(help) += '\n';
        ((text_ += "# TYPE ").append(name) += ' ').append(type) += '\n';
    }
    template <typename Number>
    void sample(Number value, const std::string& label = {}, std::string_view of = {}) {
        text_ += name_;
        if (!label.empty())
            (text_ += "{" + label + "=\"").append(of) += "\"}";
        text_ += ' ' + number(value) + '\n';
    }
    void gauge(std::string_view name, std::string_view help, double value) {
        family(name, help, "gauge");
        sample(value);
    }
    void line(const std::string& sample_name, std::uint64_t value) {
        text_ += sample_name + ' ' + std::to_string(value) + '\n';
    }
    [[nodiscard]] std::string take() { return std::move(text_); }

  private:
    static std::string number(std::uint64_t value) { return std::to_string(value); }
    static std::string number(double value) {
        std::array<char, 40> text{};
        std::snprintf(text.data(), text.size(), "%.3f", value);
        return text.data();
    }

    std::string text_;
    std::string name_;
};

double seconds_of(Timestamp time) {
    return std::chrono::duration<double>(time.time_since_epoch()).count();
}

std::string sample_of(const char* family, const char* label, const std::string& value) {
    return std::string(family) + "{" + label + "=\"" + value + "\"}";
}

/// Returns one status for each container. Of its log directories, the one that most needs attention counts.
std::vector<RowStatus> status_of_containers(const Report& report) {
    static constexpr std::array<RowStatus, 9> by_need{
        RowStatus::failed, RowStatus::incomplete, RowStatus::vanished,
        RowStatus::saved,  RowStatus::shared,     RowStatus::complete,
        RowStatus::gone,   RowStatus::left_out,   RowStatus::no_log_directory};
    std::vector<RowStatus> result;
    std::set<std::string> counted;
    for (const auto status : by_need)
        for (const auto& row : report.rows)
            if (row.status == status && counted.insert(row.container_id).second)
                result.push_back(status);
    return result;
}

/// Counts the log directories of which each limit leaves something out, and the containers with invalid
/// labels.
std::map<Limit, std::uint64_t> count_limits(const Report& report) {
    std::map<Limit, std::uint64_t> log_directories;
    for (const auto& row : report.rows) {
        std::set<Limit> limits;
        for (const auto& problem : row.limits)
            if (problem.limit)
                limits.insert(*problem.limit);
        for (const auto limit : limits)
            ++log_directories[limit];
    }
    log_directories[Limit::labels] += report.misnamed.size();
    return log_directories;
}

void write_run(Text& text, const FinishedRun& run) {
    const Report& report = *run.report;
    text.family("logbackup_stage_duration_seconds", "Duration of the stages of the last run.", "gauge");
    for (const auto& [stage, seconds] : report.stages)
        text.sample(seconds, "stage", stage);
    std::array<std::uint64_t, status_labels.size()> of_status{};
    for (const auto status : status_of_containers(report))
        ++of_status[static_cast<std::size_t>(status)];
    text.family("logbackup_containers", "Containers that the last run saw, by what became of them.", "gauge");
    for (std::size_t i = 0; i < status_labels.size(); ++i)
        text.sample(of_status[i], "status", status_labels[i]);
    text.family("logbackup_live_log_directories", "Log directories that can still grow.", "gauge");
    text.sample(static_cast<std::uint64_t>(report.live));
    text.family("logbackup_log_directories_incomplete",
                "Log directories of which a limit leaves something out, by limit; labels: containers.",
                "gauge");
    auto of_limit = count_limits(report);
    for (const auto limit : all_limits)
        text.sample(of_limit[limit], "reason", name_of(limit));
}

void write_totals(Text& text, const BackupTotals& totals) {
    text.family("logbackup_log_directories",
                "What is in the backup, by coverage; of \"missed\" containers. Measured once an hour.",
                "gauge");
    for (const auto& [coverage, number] : totals.of_coverage)
        text.sample(number, "coverage", coverage);
    text.family("logbackup_backup_files", "Files in the backup. Measured once an hour.", "gauge");
    text.sample(totals.files);
    text.family("logbackup_backup_size_bytes", "What the backup takes on disk. Measured once an hour.",
                "gauge");
    text.sample(totals.disk_bytes);
    text.gauge("logbackup_backup_measured_timestamp_seconds", "When the backup was measured.",
               seconds_of(totals.measured));
}

} // namespace

void count_in(MetricsState& state, const FinishedRun& run) {
    auto add = [&](const std::string& sample, std::uint64_t number) { state.counters[sample] += number; };
    add(sample_of("logbackup_runs_total", "exit_code", "0"),
        0); // gives the counter a first value from which it can rise
    add(sample_of("logbackup_runs_total", "exit_code", std::to_string(run.exit_code)), 1);
    add("logbackup_skipped_runs_total", run.skipped);
    if (run.exit_code == 0)
        state.last_success = run.began;
    const Report none;
    const Report& report = run.report != nullptr ? *run.report : none;
    std::uint64_t bytes = 0;
    std::uint64_t of_container = 0;
    std::uint64_t of_file = 0;
    std::map<std::string, std::uint64_t> actions{
        {"new", 0}, {"changed", 0}, {"renamed", 0}, {"set_aside", 0}, {"dropped", 0}};
    for (const auto& row : report.rows) {
        bytes += row.bytes;
        actions["new"] += row.created;
        actions["changed"] += row.changed;
        actions["renamed"] += row.renamed;
        actions["set_aside"] += row.set_aside;
        actions["dropped"] += row.dropped;
        for (const auto& failure : row.failures)
            ++(failure.path.empty() ? of_container : of_file);
    }
    const WhileFollowing& before = report.while_following;
    bytes += before.bytes;
    actions["new"] += before.created;
    actions["changed"] += before.changed;
    for (const auto& [action, number] : actions)
        add(sample_of("logbackup_files_total", "action", action), number);
    add("logbackup_bytes_saved_total", bytes);
    add(sample_of("logbackup_errors_total", "kind", "container"), of_container);
    add(sample_of("logbackup_errors_total", "kind", "file"), of_file);
    add(sample_of("logbackup_errors_total", "kind", "run"),
        report.problems.size() + (run.report == nullptr ? 1 : 0));
    add("logbackup_cut_total", report.cut.size());
    add("logbackup_followed_bytes_total", before.bytes);
    add("logbackup_missed_total", report.missed.size());
}

std::string metrics_text(const MetricsState& state, const FinishedRun& run) {
    Text text;
    text.gauge("logbackup_last_run_timestamp_seconds", "When the last run for all containers began.",
               seconds_of(run.began));
    text.gauge("logbackup_last_success_timestamp_seconds",
               "When the last run with exit code 0 began; 0: there was none.",
               seconds_of(state.last_success));
    text.gauge("logbackup_last_run_exit_code", "Exit code of the last run.", run.exit_code);
    text.gauge("logbackup_last_run_duration_seconds", "Duration of the last run.", run.seconds);
    if (run.report != nullptr)
        write_run(text, run);
    for (const auto& [name, help] : counters) {
        text.family(name, help, "counter");
        for (const auto& [sample, value] : state.counters)
            if (sample == name || sample.starts_with(std::string(name) + "{"))
                text.line(sample, value);
    }
    if (state.totals)
        write_totals(text, *state.totals);
    if (run.free_bytes)
        text.gauge("logbackup_free_bytes", "Free bytes of the backup's file system.",
                   static_cast<double>(*run.free_bytes));
    return text.take();
}

std::string state_text(const MetricsState& state) {
    nlohmann::ordered_json json{{"counters", state.counters},
                                {"last_success", exact_rfc3339(state.last_success)}};
    if (state.totals)
        json["totals"] = {{"measured", rfc3339(state.totals->measured)},
                          {"of_coverage", state.totals->of_coverage},
                          {"files", state.totals->files},
                          {"disk_bytes", state.totals->disk_bytes}};
    return json.dump() + "\n";
}

MetricsState parse_state(const std::string& text) {
    using Numbers = std::map<std::string, std::uint64_t>;
    try {
        const auto json = nlohmann::json::parse(text);
        MetricsState state;
        state.counters = json.at("counters").get<Numbers>();
        state.last_success = parse_rfc3339(json.at("last_success").get<std::string>());
        if (const auto totals = json.find("totals"); totals != json.end())
            state.totals = BackupTotals{parse_rfc3339(totals->at("measured").get<std::string>()),
                                        totals->at("of_coverage").get<Numbers>(),
                                        totals->at("files").get<std::uint64_t>(),
                                        totals->at("disk_bytes").get<std::uint64_t>()};
        return state;
    } catch (const nlohmann::json::exception&) {
        return {};
    }
}

} // namespace logbackup
