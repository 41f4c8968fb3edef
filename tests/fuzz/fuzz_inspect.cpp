// SPDX-License-Identifier: MIT
//
// What docker prints, with labels that an image can set to anything: what is read from it, which names are
// taken for ours, and how it is printed again.
#include "report/save_report.hpp"
#include "runtime/docker/events_json.hpp"
#include "runtime/docker/inspect_json.hpp"
#include "runtime/labels.hpp"
#include "util/error.hpp"

#include "input.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace logbackup {
namespace {

using Json = nlohmann::json;

/// Complete UTF-8 lines that move no cursor.
void expect_printable(const std::string& text) {
    const auto is_control = [](unsigned char c) { return c != '\n' && (c < 0x20 || c == 0x7F); };
    ASSERT_TRUE(std::none_of(text.begin(), text.end(), is_control)) << Json(text);
    ASSERT_NO_THROW((void)Json(text).dump()) << "not UTF-8";
    ASSERT_EQ(text.find("\u202e"), std::string::npos); // RIGHT-TO-LEFT OVERRIDE
    ASSERT_EQ(text.find("\u009b"), std::string::npos); // CONTROL SEQUENCE INTRODUCER
}

void expect_name(const std::string& name, std::size_t longest, std::string_view others) {
    ASSERT_FALSE(name.empty());
    ASSERT_LE(name.size(), longest);
    for (const char c : name)
        ASSERT_TRUE((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                    others.find(c) != std::string_view::npos)
            << name;
    ASSERT_EQ(name.find(".."), std::string::npos) << name;
    ASSERT_TRUE(name.front() != '.' && name.front() != '-' && name.back() != '.' && name.back() != '-')
        << name;
}

void expect_classified(const Container& container) {
    const auto [ownership, problem] = classify(container);
    EXPECT_EQ(problem.empty(), ownership != Ownership::invalid);
    expect_printable(problem);
    EXPECT_EQ(problem.find('\n'), std::string::npos);
    EXPECT_LT(problem.size(), 600U);
    if (ownership != Ownership::ours)
        return;
    EXPECT_TRUE(container.has_service && container.has_pod && container.kind != "podsandbox");
    expect_name(container.service, 63, "-");
    expect_name(container.pod, 253, "-.");
    if (!container.namespace_name.empty())
        expect_name(container.namespace_name, 63, "-");
}

/// `raw` stands for what a container's file system can hold: any bytes.
Row row_of(const Container& container, const std::string& raw) {
    Row row;
    row.container_id = container.id;
    row.service = container.service;
    row.pod = container.pod;
    row.namespace_name = container.namespace_name;
    row.state = container.state;
    row.status = static_cast<RowStatus>(raw.size() % 6);
    row.source_path = container.merged;
    row.target = container.service + "/" + container.pod;
    row.actions.push_back({static_cast<ActionKind>(raw.size() % 7), raw, raw});
    for (auto* problems : {&row.failures, &row.skipped, &row.unsettled})
        problems->push_back({raw, "a link that leads to no file: " + in_quotes(raw)});
    return row;
}

void expect_report(const Report& report) {
    expect_printable(table(report, Colour::no, Detail::files));
    EXPECT_EQ(summary(report).find('\n'), std::string::npos);
    for (const auto& line : failure_lines(report)) {
        expect_printable(line);
        EXPECT_EQ(line.find('\n'), std::string::npos);
    }
    const std::string text = json(report);
    EXPECT_EQ(text.find('\n'), text.size() - 1) << "one line";
    const Json parsed = Json::parse(text); // checks that it is UTF-8, too
    EXPECT_EQ(parsed.at("containers").size(), report.rows.size());
    EXPECT_EQ(parsed.at("missed").size(), report.missed.size());
}

Missed missed_of(const Life& life) {
    const Container& c = life.container;
    return {c.id, c.service, c.pod, c.namespace_name, c.pod_uid, c.image, c.created, c.started, c.finished};
}

void expect_text(const std::string& raw) {
    EXPECT_EQ(percent_decoded(percent_encoded(raw)), raw);
    for (const std::string& text : {escaped(raw), percent_encoded(raw), in_quotes(raw)}) {
        expect_printable(text);
        EXPECT_EQ(text.find('\n'), std::string::npos);
    }
    const Timestamp time = parse_rfc3339(raw);
    EXPECT_EQ(parse_rfc3339(exact_rfc3339(time)), time);
}

void try_input(const std::string& raw) {
    const std::string part = raw.substr(raw.size() / 2, raw.size() % 50);
    Report report;
    report.kind = std::array{RunKind::save, RunKind::dry_run, RunKind::verify}[raw.size() % 3];
    report.backup_root = part;
    try {
        for (const auto& container : parse_inspect(raw)) {
            EXPECT_FALSE(container.id.empty());
            EXPECT_GE(container.pid, 0);
            expect_classified(container);
            report.rows.push_back(row_of(container, part));
        }
    } catch (const Error& error) {
        expect_printable(error.what());
    }
    if (report.rows.empty())
        report.rows.push_back(row_of({}, part));
    const History history = parse_events(raw);
    EXPECT_LE(history.lives.size(), history.events);
    for (const auto& [id, life] : history.lives) {
        EXPECT_EQ(id, life.container.id);
        expect_classified(life.container);
        report.missed.push_back(missed_of(life));
    }
    expect_report(report);
    expect_text(raw);
}

} // namespace
} // namespace logbackup

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    logbackup::try_input({reinterpret_cast<const char*>(data), size});
    logbackup::test::end_on_failure();
    return 0;
}
