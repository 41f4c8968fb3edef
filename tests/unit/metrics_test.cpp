// SPDX-License-Identifier: MIT
#include "report/metrics.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace logbackup {
namespace {

using namespace std::chrono_literals;

const Timestamp noon = parse_rfc3339("2026-11-22T12:00:00Z");

Report report_of_a_run() {
    Report report;
    Row row;
    row.container_id = "a";
    row.created = 2;
    row.changed = 3;
    row.set_aside = 1;
    row.bytes = 1000;
    row.failures = {{"", "the whole"}, {"app.log", "one file"}, {"b.log", "another"}};
    row.status = RowStatus::failed;
    report.rows.push_back(row);
    report.rows.emplace_back().bytes = 24;
    report.problems.emplace_back("of the run");
    report.missed.emplace_back();
    report.cut = {"web/web-1", "web/web-2"};
    report.live = 7;
    report.stages = {{"discover", 0.25}, {"plan", 0.5}};
    return report;
}

FinishedRun run_of(const Report* report, int code) {
    FinishedRun run;
    run.began = noon;
    run.seconds = 1.5;
    run.exit_code = code;
    run.report = report;
    return run;
}

/// The value of a sample.
std::string value_in(const std::string& text, const std::string& sample) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(sample + " "))
            return line.substr(sample.size() + 1);
    return "none";
}

TEST(Metrics, CountAContainerOnce) {
    Report report;
    const auto add = [&](const char* id, RowStatus status) {
        Row& row = report.rows.emplace_back();
        row.container_id = id;
        row.status = status;
    };
    add("a", RowStatus::saved);
    add("a", RowStatus::failed);
    add("b", RowStatus::complete);
    add("b", RowStatus::saved);
    add("c", RowStatus::no_log_directory);
    const auto text = metrics_text({}, run_of(&report, 0));
    EXPECT_EQ(value_in(text, "logbackup_containers{status=\"failed\"}"), "1");
    EXPECT_EQ(value_in(text, "logbackup_containers{status=\"saved\"}"), "1");
    EXPECT_EQ(value_in(text, "logbackup_containers{status=\"complete\"}"), "0");
    EXPECT_EQ(value_in(text, "logbackup_containers{status=\"no_log_directory\"}"), "1");
}

TEST(Metrics, CountLogDirectoriesByTheLimitThatLeavesSomethingOut) {
    Report report;
    for (const char* id : {"a", "b"}) {
        Row& row = report.rows.emplace_back();
        row.container_id = id;
        row.status = RowStatus::incomplete;
        row.limits = {{"x", "too deep", Limit::depth}, {"y", "too deep", Limit::depth}};
    }
    report.rows[1].limits.push_back({"", "too many", Limit::files});
    report.misnamed.emplace_back();
    MetricsState state;
    count_in(state, run_of(&report, 0));
    const auto text = metrics_text(state, run_of(&report, 0));
    for (const auto& [reason, number] : std::vector<std::pair<std::string, std::string>>{
             {"depth", "2"}, {"files", "1"}, {"labels", "1"}, {"path", "0"}, {"bytes", "0"}})
        EXPECT_EQ(value_in(text, "logbackup_log_directories_incomplete{reason=\"" + reason + "\"}"), number);
    EXPECT_EQ(value_in(text, "logbackup_containers{status=\"incomplete\"}"), "2");
    EXPECT_EQ(value_in(text, "logbackup_errors_total{kind=\"file\"}"), "0");
}

TEST(Metrics, CountOverRuns) {
    const Report report = report_of_a_run();
    MetricsState state;
    count_in(state, run_of(&report, 3));
    count_in(state, run_of(&report, 0));
    const auto text = metrics_text(state, run_of(&report, 0));
    EXPECT_EQ(value_in(text, "logbackup_bytes_saved_total"), "2048");
    EXPECT_EQ(value_in(text, "logbackup_files_total{action=\"new\"}"), "4");
    EXPECT_EQ(value_in(text, "logbackup_files_total{action=\"changed\"}"), "6");
    EXPECT_EQ(value_in(text, "logbackup_files_total{action=\"set_aside\"}"), "2");
    EXPECT_EQ(value_in(text, "logbackup_files_total{action=\"renamed\"}"), "0");
    EXPECT_EQ(value_in(text, "logbackup_errors_total{kind=\"container\"}"), "2");
    EXPECT_EQ(value_in(text, "logbackup_errors_total{kind=\"file\"}"), "4");
    EXPECT_EQ(value_in(text, "logbackup_errors_total{kind=\"run\"}"), "2");
    EXPECT_EQ(value_in(text, "logbackup_cut_total"), "4");
    EXPECT_EQ(value_in(text, "logbackup_missed_total"), "2");
    EXPECT_EQ(value_in(text, "logbackup_runs_total{exit_code=\"0\"}"), "1");
    EXPECT_EQ(value_in(text, "logbackup_runs_total{exit_code=\"3\"}"), "1");
    EXPECT_EQ(value_in(text, "logbackup_skipped_runs_total"), "0");
}

TEST(Metrics, ShowTheLastRun) {
    const Report report = report_of_a_run();
    MetricsState state;
    auto run = run_of(&report, 3);
    run.free_bytes = 1U << 30U;
    run.skipped = 4;
    count_in(state, run);
    state.totals = BackupTotals{noon, {{"cut", 2}, {"live", 7}}, 30, 4096};
    const auto text = metrics_text(state, run);
    EXPECT_EQ(value_in(text, "logbackup_last_run_timestamp_seconds"), "1795348800.000");
    EXPECT_EQ(value_in(text, "logbackup_last_success_timestamp_seconds"), "0.000");
    EXPECT_EQ(value_in(text, "logbackup_last_run_exit_code"), "3.000");
    EXPECT_EQ(value_in(text, "logbackup_last_run_duration_seconds"), "1.500");
    EXPECT_EQ(value_in(text, "logbackup_stage_duration_seconds{stage=\"discover\"}"), "0.250");
    EXPECT_EQ(value_in(text, "logbackup_containers{status=\"saved\"}"), "1");
    EXPECT_EQ(value_in(text, "logbackup_containers{status=\"failed\"}"), "1");
    EXPECT_EQ(value_in(text, "logbackup_live_log_directories"), "7");
    EXPECT_EQ(value_in(text, "logbackup_log_directories{coverage=\"cut\"}"), "2");
    EXPECT_EQ(value_in(text, "logbackup_backup_size_bytes"), "4096");
    EXPECT_EQ(value_in(text, "logbackup_free_bytes"), "1073741824.000");
    EXPECT_EQ(value_in(text, "logbackup_skipped_runs_total"), "4");
}

TEST(Metrics, RememberTheLastSuccess) {
    const Report report;
    MetricsState state;
    count_in(state, run_of(&report, 0));
    auto failed = run_of(nullptr, 1);
    failed.began = noon + 60s;
    count_in(state, failed);
    const auto text = metrics_text(state, failed);
    EXPECT_EQ(value_in(text, "logbackup_last_run_timestamp_seconds"), "1795348860.000");
    EXPECT_EQ(value_in(text, "logbackup_last_success_timestamp_seconds"), "1795348800.000");
    EXPECT_EQ(value_in(text, "logbackup_errors_total{kind=\"run\"}"), "1");
    EXPECT_EQ(value_in(text, "logbackup_containers{status=\"saved\"}"), "none") << "nobody knows";
}

TEST(Metrics, HaveHelpAndTypeOnEachFamilyOnce) {
    const Report report = report_of_a_run();
    MetricsState state;
    count_in(state, run_of(&report, 0));
    state.totals = BackupTotals{noon, {{"cut", 2}}, 30, 4096};
    std::istringstream lines(metrics_text(state, run_of(&report, 0)));
    std::set<std::string> helped;
    std::string typed;
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string mark;
        std::string what;
        std::string name;
        words >> mark;
        if (mark == "#") {
            words >> what >> name;
            if (what == "HELP")
                EXPECT_TRUE(helped.insert(name).second) << line;
            else
                typed = name;
            EXPECT_TRUE(helped.contains(name)) << line;
        } else {
            EXPECT_EQ(mark.substr(0, mark.find('{')), typed) << line;
        }
    }
    EXPECT_GT(helped.size(), 15U);
}

TEST(Metrics, KeepTheirStateAsText) {
    const Report report = report_of_a_run();
    MetricsState state;
    count_in(state, run_of(&report, 0));
    state.totals = BackupTotals{noon, {{"cut", 2}}, 30, 4096};
    const auto again = parse_state(state_text(state));
    EXPECT_EQ(again.counters, state.counters);
    EXPECT_EQ(again.last_success, noon);
    ASSERT_TRUE(again.totals);
    EXPECT_EQ(again.totals->of_coverage, state.totals->of_coverage);
    EXPECT_EQ(again.totals->measured, noon);
    for (const char* text : {"", "x", "{}", "[]", "{\"counters\":7}"})
        EXPECT_TRUE(parse_state(text).counters.empty()) << text;
}

} // namespace
} // namespace logbackup
