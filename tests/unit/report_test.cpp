// SPDX-License-Identifier: MIT
#include "report/save_report.hpp"

#include "util/text.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <sstream>

namespace logbackup {
namespace {

Row row_of(const std::string& service, const std::string& pod) {
    Row row;
    row.container_id = std::string(62, 'a') + service.substr(0, 2);
    row.service = service;
    row.pod = pod;
    row.namespace_name = "shop";
    row.state = ContainerState::running;
    row.source = "merged";
    row.source_path = "/d/merged/opt/logs";
    row.target = service + "/" + pod;
    return row;
}

/// One row of each status, with numbers.
Report small_report() {
    Report report;
    report.backup_root = "/u01/logbackup";
    report.duration = std::chrono::milliseconds(1234);
    Row saved = row_of("payments", "payments-7d9f");
    saved.created = 2;
    saved.changed = 1;
    saved.set_aside = 1;
    saved.files = 12;
    saved.bytes = 10752;
    saved.actions = {{ActionKind::set_aside, "app.log", "app.log~20261122T145512Z", 0, 0, 0, 0},
                     {ActionKind::create, "app.log", {}, 0, 0, 512, 0},
                     {ActionKind::append, "sub/err.log", {}, 100, 100, 10340, 0},
                     {ActionKind::link, "current", "app.log", 0, 0, 0, 0},
                     {ActionKind::retime, "old.log", {}, 0, 0, 0, 7}};
    saved.skipped = {{"pipe", "a FIFO"}};
    saved.unsettled = {{"busy.log", "it changed while it was read"}};
    Row shared = row_of("sidecar", "payments-7d9f");
    shared.status = RowStatus::shared;
    shared.target = "payments/payments-7d9f";
    shared.source = "volume";
    Row none = row_of("web", "web-0");
    none.status = RowStatus::no_log_directory;
    none.state = ContainerState::exited;
    none.source.clear();
    none.source_path.clear();
    none.target.clear();
    Row failed = row_of("db", "db-0");
    failed.status = RowStatus::failed;
    failed.files = 3;
    failed.failures = {{"", "cannot mount"}, {"a.log", "cannot read it"}};
    Row unplaced = row_of("mq", "mq-0");
    unplaced.status = RowStatus::failed;
    unplaced.target.clear();
    unplaced.failures = {{"", "cannot open its layer"}};
    report.rows = {saved, shared, none, failed, unplaced};
    report.problems = {"container abc is left out"};
    return report;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);)
        lines.push_back(line);
    return lines;
}

TEST(Table, IsWhatPeopleRead) {
    EXPECT_EQ(
        table(small_report(), Colour::no, Detail::containers),
        "SERVICE   POD            STATE    NEW  CHANGED  FILES     BYTES  SOURCE  TARGET\n"
        "payments  payments-7d9f  running    2        1     12  10.5 KiB  merged  payments/payments-7d9f\n"
        "sidecar   payments-7d9f  running    -        -      -         -  volume  shared, see "
        "payments/payments-7d9f\n"
        "web       web-0          exited     -        -      -         -  -       no log directory\n"
        "db        db-0           running    -        -      3         -  merged  db/db-0  FAILED\n"
        "mq        mq-0           running    -        -      0         -  merged  FAILED\n"
        "5 containers, 15 files: 2 new, 1 changed, 1 set aside, 1 skipped; 10.5 KiB saved to /u01/logbackup "
        "in 1.23 s;"
        " 4 failures\n");
}

TEST(Table, ListsFilesWhenAskedFor) {
    Report report = small_report();
    report.rows.resize(1);
    const auto lines = lines_of(table(report, Colour::no, Detail::files));
    const std::vector<std::string> expected{
        "    from       /d/merged/opt/logs",  "    set aside  app.log  as app.log~20261122T145512Z",
        "    create     app.log  512 B",      "    append     sub/err.log  10.0 KiB",
        "    link       current  to app.log", "    retime     old.log",
        "    skip       pipe  a FIFO",        "    unsettled  busy.log  it changed while it was read"};
    ASSERT_EQ(lines.size(), expected.size() + 3);
    EXPECT_EQ(std::vector<std::string>(lines.begin() + 2, lines.end() - 1), expected);
}

TEST(Table, OfNothingIsTheSummary) {
    Report report;
    report.backup_root = "/u01/logbackup";
    EXPECT_EQ(table(report, Colour::no, Detail::files), summary(report) + "\n");
}

TEST(Table, IsColouredOnlyWhenAskedFor) {
    const auto report = small_report();
    const std::string plain = table(report, Colour::no, Detail::files);
    EXPECT_EQ(plain.find('\033'), std::string::npos);
    std::string coloured = table(report, Colour::yes, Detail::files);
    EXPECT_NE(coloured.find("\033[31m"), std::string::npos) << "red for what failed";
    EXPECT_NE(coloured.find("\033[32mrunning"), std::string::npos) << "green for what is fine";
    for (const auto& line : lines_of(coloured)) {
        const auto last = line.rfind("\033[");
        EXPECT_TRUE(last == std::string::npos || line.substr(last, 4) == "\033[0m") << line;
    }
    for (auto at = coloured.find('\033'); at != std::string::npos; at = coloured.find('\033'))
        coloured.erase(at, coloured.find('m', at) - at + 1);
    EXPECT_EQ(coloured, plain);
}

TEST(Table, EscapesHostileNames) {
    Report report = small_report();
    const std::string hostile = "\033[2J\n\xff\u202E";
    for (auto& row : report.rows) {
        for (auto* text : {&row.service, &row.pod, &row.target, &row.source_path})
            if (!text->empty())
                *text = hostile;
        for (auto& action : row.actions)
            action.path = action.new_path = hostile;
        for (auto* problems : {&row.skipped, &row.unsettled, &row.failures})
            for (auto& problem : *problems)
                problem.path = hostile;
    }
    report.backup_root = hostile;
    const std::string text = table(report, Colour::no, Detail::files);
    for (const char* bad : {"\033", "\xff", "\u202E"})
        EXPECT_EQ(text.find(bad), std::string::npos);
    EXPECT_EQ(lines_of(text).size(), lines_of(table(small_report(), Colour::no, Detail::files)).size());
    for (const auto& line : failure_lines(report))
        EXPECT_EQ(line.find_first_of("\033\n\xff"), std::string::npos) << line;
}

TEST(Table, AlignsColumnsOfNonAsciiNames) {
    Report report;
    report.rows = {row_of("größe-ä", "pod"), row_of("ascii", "pod")};
    const auto lines = lines_of(table(report, Colour::no, Detail::containers));
    ASSERT_EQ(lines.size(), 4U);
    const auto column = [&](std::size_t line, const char* word) {
        const auto at = lines[line].find(word);
        return at == std::string::npos ? at : columns(lines[line].substr(0, at));
    };
    EXPECT_EQ(column(1, "running"), column(0, "STATE"));
    EXPECT_EQ(column(2, "running"), column(0, "STATE"));
    EXPECT_EQ(column(1, "merged"), column(2, "merged"));
}

TEST(Summary, TellsARunFromADryRun) {
    Report report;
    report.backup_root = "/b";
    report.duration = std::chrono::milliseconds(50);
    EXPECT_EQ(summary(report), "0 containers, 0 files: 0 new, 0 changed; 0 B saved to /b in 0.05 s");
    report.kind = RunKind::dry_run;
    report.rows = {row_of("svc", "pod")};
    report.rows[0].created = 1;
    report.rows[0].files = 1;
    report.rows[0].bytes = 3;
    EXPECT_EQ(summary(report), "dry run: 1 container, 1 file: 1 new, 0 changed; 3 B would be saved to /b");
}

/// A log directory that is incomplete, one of which nothing is saved, and a container without a name.
Report limited_report() {
    Report report;
    report.backup_root = "/b";
    Row incomplete = row_of("web", "web-1");
    incomplete.status = RowStatus::incomplete;
    incomplete.files = 7;
    incomplete.limits = {{"d/e", "more than 100 levels", Limit::depth}, {"", "3 files wait", Limit::bytes}};
    Row barred = row_of("web", "web-2");
    barred.status = RowStatus::incomplete;
    barred.target.clear();
    barred.limits = {{"", "cannot open '/opt/logs': Not a directory", Limit::location}};
    report.rows = {incomplete, barred};
    report.misnamed = {{std::string(64, 'f'), "the label x is no name: 'B'"}};
    return report;
}

TEST(Table, ShowsWhatLimitsLeaveOut) {
    const auto lines = lines_of(table(limited_report(), Colour::no, Detail::containers));
    ASSERT_EQ(lines.size(), 4U);
    EXPECT_TRUE(lines[1].ends_with("web/web-1  INCOMPLETE")) << lines[1];
    EXPECT_NE(lines[1].find(" 7 "), std::string::npos) << lines[1];
    EXPECT_TRUE(lines[2].ends_with("NOT SAVED")) << lines[2];
    EXPECT_TRUE(lines[3].ends_with("; 2 log directories incomplete; 1 container left out")) << lines[3];
}

TEST(LimitLines, AreNoFailuresAndHaveAKeyOfTheContainerAndTheLimit) {
    const Report report = limited_report();
    EXPECT_FALSE(report.has_failures());
    EXPECT_TRUE(failure_lines(report).empty());
    const auto lines = limit_lines(report);
    ASSERT_EQ(lines.size(), 4U);
    EXPECT_EQ(lines[0].text, "container ffffffffffff is left out: the label x is no name: 'B'");
    EXPECT_EQ(lines[0].key, "labels the label x is no name: 'B'");
    EXPECT_EQ(lines[1].text, "'web/web-1: d/e': more than 100 levels");
    EXPECT_EQ(lines[1].key, "depth 'shop/web/web-1'");
    EXPECT_EQ(lines[2].key, "bytes 'shop/web/web-1'");
    EXPECT_EQ(lines[3].key, "location 'shop/web/web-2'");
}

TEST(JsonReport, HasWhatLimitsLeaveOut) {
    const auto parsed = nlohmann::json::parse(json(limited_report()));
    const auto& row = parsed["containers"][0];
    EXPECT_EQ(row["status"], "incomplete");
    EXPECT_EQ(row["failures"], nlohmann::json::array());
    EXPECT_EQ(row["limits"][0],
              (nlohmann::json{{"path", "d/e"}, {"reason", "more than 100 levels"}, {"limit", "depth"}}));
    EXPECT_EQ(parsed["misnamed"][0]["container"], std::string(64, 'f'));
    EXPECT_EQ(parsed["misnamed"][0]["reason"], "the label x is no name: 'B'");
}

TEST(Report, HasFailuresWhenARowOrTheRunHas) {
    Report report;
    EXPECT_FALSE(report.has_failures());
    report.rows = {row_of("svc", "pod")};
    EXPECT_FALSE(report.has_failures());
    report.rows[0].unsettled = {{"a", "b"}};
    report.rows[0].skipped = {{"a", "b"}};
    EXPECT_FALSE(report.has_failures());
    report.rows[0].status = RowStatus::incomplete;
    EXPECT_FALSE(report.has_failures());
    report.rows[0].status = RowStatus::failed;
    EXPECT_TRUE(report.has_failures());
    report.rows[0].status = RowStatus::no_log_directory;
    EXPECT_FALSE(report.has_failures());
    report.problems = {"x"};
    EXPECT_TRUE(report.has_failures());
}

TEST(FailureLines, NameContainerAndFile) {
    const auto lines = failure_lines(small_report());
    EXPECT_EQ(lines, (std::vector<std::string>{"container abc is left out", "'db/db-0': cannot mount",
                                               "'db/db-0: a.log': cannot read it",
                                               "'mq/mq-0': cannot open its layer"}));
}

TEST(JsonReport, HasEveryField) {
    const std::string text = json(small_report());
    EXPECT_EQ(lines_of(text).size(), 1U);
    EXPECT_TRUE(text.ends_with("\n"));
    const auto parsed = nlohmann::json::parse(text);
    EXPECT_EQ(parsed["command"], "save");
    EXPECT_EQ(parsed["backup_root"], "/u01/logbackup");
    EXPECT_DOUBLE_EQ(parsed["seconds"].get<double>(), 1.234);
    EXPECT_EQ(parsed["problems"], nlohmann::json::array({"container abc is left out"}));
    ASSERT_EQ(parsed["containers"].size(), 5U);
    const auto& row = parsed["containers"][0];
    EXPECT_EQ(row["container"], std::string(62, 'a') + "pa");
    EXPECT_EQ(row["service"], "payments");
    EXPECT_EQ(row["pod"], "payments-7d9f");
    EXPECT_EQ(row["namespace"], "shop");
    EXPECT_EQ(row["state"], "running");
    EXPECT_EQ(row["status"], "saved");
    EXPECT_EQ(row["new"], 2);
    EXPECT_EQ(row["changed"], 1);
    EXPECT_EQ(row["set_aside"], 1);
    EXPECT_EQ(row["files"], 12);
    EXPECT_EQ(row["bytes"], 10752);
    EXPECT_EQ(row["source"], "merged");
    EXPECT_EQ(row["source_path"], "/d/merged/opt/logs");
    EXPECT_EQ(row["target"], "payments/payments-7d9f");
    ASSERT_EQ(row["actions"].size(), 5U);
    EXPECT_EQ(row["actions"][0]["action"], "set aside");
    EXPECT_EQ(row["actions"][0]["new_path"], "app.log~20261122T145512Z");
    EXPECT_EQ(row["actions"][2]["path"], "sub/err.log");
    EXPECT_EQ(row["actions"][2]["bytes"], 10240);
    EXPECT_EQ(row["skipped"][0]["path"], "pipe");
    EXPECT_EQ(row["unsettled"][0]["reason"], "it changed while it was read");
    EXPECT_EQ(parsed["containers"][1]["status"], "shared");
    EXPECT_EQ(parsed["containers"][2]["status"], "no log directory");
    EXPECT_EQ(parsed["containers"][3]["status"], "failed");
    EXPECT_EQ(parsed["containers"][3]["failures"][1]["path"], "a.log");
}

TEST(JsonReport, IsValidWithBytesThatAreNotUtf8) {
    Report report = small_report();
    const std::string hostile = "a\xff\xc3\n\"\\\x1b";
    for (auto& row : report.rows) {
        row.service = row.pod = row.namespace_name = row.target = row.source_path = hostile;
        for (auto& action : row.actions)
            action.path = action.new_path = hostile;
        for (auto& problem : row.failures)
            problem.path = hostile;
    }
    report.backup_root = hostile;
    report.problems = {hostile};
    const std::string text = json(report);
    EXPECT_EQ(lines_of(text).size(), 1U);
    for (const char c : text)
        EXPECT_TRUE(c == '\n' || (c >= ' ' && c < '\x7f')) << static_cast<int>(c);
    const auto parsed = nlohmann::json::parse(text);
    EXPECT_EQ(parsed["backup_root"].get<std::string>().substr(0, 4), "a\uFFFD");
    EXPECT_EQ(parsed["containers"][0]["actions"][0]["bytes"], 0);
}

TEST(JsonReport, OfNothingHasEmptyLists) {
    const auto parsed = nlohmann::json::parse(json(Report{}));
    EXPECT_TRUE(parsed["containers"].is_array() && parsed["containers"].empty());
    EXPECT_TRUE(parsed["problems"].is_array() && parsed["problems"].empty());
}

} // namespace
} // namespace logbackup
