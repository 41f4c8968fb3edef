// SPDX-License-Identifier: MIT
#include "search/search.hpp"

#include "report/search_report.hpp"
#include "search/found_lines.hpp"
#include "search/line_time.hpp"
#include "search/owners.hpp"
#include "search/scope.hpp"
#include "support.hpp"
#include "util/error.hpp"
#include "util/process.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace logbackup {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

const Timestamp written = parse_rfc3339("2026-11-30T09:00:00Z");

/// Returns the time of a line as text; "" if it has none.
std::string time_of_line(const std::string& line) {
    const auto time = line_time(line, written);
    return time ? exact_rfc3339(*time) : "";
}

TEST(LineTime, ReadsWhatProgramsWrite) {
    const std::string time = "2026-11-30T07:02:10.000000000Z";
    const std::string exact = "2026-11-30T07:02:10.123000000Z";
    for (const auto& [line, expected] : std::map<std::string, std::string>{
             {"2026-11-30T07:02:10Z x", time},
             {"2026-11-30T08:02:10+01:00 x", time},
             {"2026-11-30T02:02:10-0500 x", time},
             {"2026-11-30T07:02:10.123456789Z", "2026-11-30T07:02:10.123456789Z"},
             {"2026-11-30 07:02:10,123 INFO [main] a.b.C - logback", exact},
             {"2026-11-30 07:02:10.123  INFO 1 --- [main] spring", exact},
             {"[2026-11-30 07:02:10,123] x", exact},
             {"2026-11-30 08:02:10.123 +0100 x", exact},
             {"2026-11-30 07:02:10 -10 items", time},
             {"20261130T070210,123 x", exact},
             {"2026/11/30 07:02:10 [error] 7#7: nginx", time},
             {"INFO  2026-11-30 07:02:10,123 x", exact},
             {"[WARN] 2026-11-30 07:02:10,123 x", exact},
             {"30 Nov 2026 07:02:10,123 [main] log4j", exact},
             {"30-Nov-2026 07:02:10.123 INFO tomcat", exact},
             {"10.0.0.1 - - [30/Nov/2026:08:02:10 +0100] \"GET / HTTP/1.1\" 200", time},
             {"Nov 30 07:02:10 host sshd[1]: syslog", time},
             {"Nov  3 07:02:10 host x", "2026-11-03T07:02:10.000000000Z"},
             {"Nov 30, 2026 7:02:10 AM java.util.logging", time},
             {"Nov 29, 2026 7:02:10 PM x", "2026-11-29T19:02:10.000000000Z"},
             {"I1130 07:02:10.123456   1 klog.go:1] x", "2026-11-30T07:02:10.123456000Z"},
             {R"({"@timestamp":"2026-11-30T07:02:10.123Z","message":"x"})", exact},
             {R"({"level":"info", "ts": "2026-11-30T07:02:10.123Z"})", exact},
             {R"({"msg":"time","time":"2026-11-30T07:02:10.123Z"})", exact},
             {R"({"timestamp":"?","time":1796022130123})", exact},
             {R"({"ts":1796022130.7,"msg":"zap"})", time},
             {"{\"msg\":\"" + std::string(2000, 'x') + "\",\"time\":\"2026-11-30T07:02:10Z\"}", time},
             {"<134>1 2026-11-30T07:02:10.123Z host app - RFC 5424", exact},
             {"\x1b[32m2026-11-30 07:02:10,123\x1b[0m coloured", exact},
             {"[http-nio-8080-exec-1] 2026-11-30 07:02:10,123 x", exact},
             {"2026-11-30 7:02:10 x", time},
             {"30.11.2026 07:02:10 x", time},
         })
        EXPECT_EQ(time_of_line(line), expected) << line;
}

TEST(LineTime, FindsNoneInOtherLines) {
    for (const char* line :
         {"", "\tat a.b.C(C.java:10)", "java.lang.NullPointerException: 2026-11-30 07:02:10", "2026-11-30",
          "2026-13-30 07:02:10", "2026-02-30 07:02:10", "2026-11-30 25:02:10", "2026-11-30 07:61:10",
          "1234567890123456789", "Nov", "I1130", "{\"time\":12}", "[30/Nov/2026", "May the force be with 10",
          "2026-11-3", "9999-12-31 07:00:00", "1600-01-01 07:00:00", "{\"ts\":99999999999999}"})
        EXPECT_EQ(time_of_line(line), "") << line;
}

TEST(LineTime, TakesTheYearFromTheFile) {
    const auto january = parse_rfc3339("2027-01-02T00:00:00Z");
    EXPECT_EQ(rfc3339(*line_time("Dec 31 23:59:59 host x", january)), "2026-12-31T23:59:59Z");
    EXPECT_EQ(rfc3339(*line_time("W0101 00:00:01.5 1 x", january)), "2027-01-01T00:00:01Z");
}

TEST(LineTime, SurvivesAnyBytes) {
    std::string bytes;
    std::uint32_t state = 1;
    for (int round = 0; round < 20'000; ++round) {
        bytes.clear();
        for (std::uint32_t length = state % 40; length > 0; --length) {
            state = state * 1'664'525 + 1'013'904'223;
            static constexpr std::string_view common = "0123456789-:/ T.,[]NovI+Z\"{";
            bytes += (state >> 28U) == 0 ? static_cast<char>(state >> 20U)
                                         : common[(state >> 16U) % common.size()];
        }
        state = state * 1'664'525 + 1'013'904'223;
        (void)line_time(bytes, written);
    }
}

TEST(ParseTime, ReadsWhatUsersWrite) {
    const auto now = parse_rfc3339("2026-11-30T09:30:00Z");
    for (const auto& [text, expected] : std::map<std::string, std::pair<std::string, std::chrono::seconds>>{
             {"2026-11-30T07:02:10Z", {"2026-11-30T07:02:10Z", 1s}},
             {"2026-11-30 07:02", {"2026-11-30T07:02:00Z", 60s}},
             {"2026-11-30 7:02", {"2026-11-30T07:02:00Z", 60s}},
             {"2026-11-30T08:02+01:00", {"2026-11-30T07:02:00Z", 60s}},
             {"2026-11-30", {"2026-11-30T00:00:00Z", 24h}},
             {"07:02", {"2026-11-30T07:02:00Z", 60s}},
             {"7:02:10", {"2026-11-30T07:02:10Z", 1s}},
             {"23:00", {"2026-11-30T23:00:00Z", 60s}},
             {"today", {"2026-11-30T00:00:00Z", 24h}},
             {"yesterday", {"2026-11-29T00:00:00Z", 24h}},
             {"now", {"2026-11-30T09:30:00Z", 0s}},
         }) {
        const auto time = parse_time(text, now);
        EXPECT_EQ(time ? rfc3339(time->begin) : "none", expected.first) << text;
        EXPECT_EQ(std::chrono::floor<std::chrono::seconds>(time->unit), expected.second) << text;
    }
    for (const char* text :
         {"", "noon", "2026-11-30 7", "2026-11-31", "9999-01-01", "25:00", "07:02 x", "2026-11-30x"})
        EXPECT_FALSE(parse_time(text, now)) << text;
}

TEST(FoundLine, AreReadWhateverThePieces) {
    using namespace std::string_literals;
    const std::string output = "a/x\0"s + "12:340:text: of 1:2\n" + "new\nline\0"s + "3-99-beside\r\n" +
                               "unknown\0"s + "1:0:x\n" + "a/x\0"s + "13:360:\n";
    for (std::size_t size = 1; size < output.size(); ++size) {
        FoundLines lines({{"a/x", 5}, {"new\nline", 7}}, 0);
        std::string got;
        for (std::size_t at = 0; at < output.size(); at += size)
            lines.take(std::string_view(output).substr(at, size), [&](const FoundLine& line) {
                got += std::to_string(line.file) + (line.matches ? "=" : "~") + std::to_string(line.number) +
                       "@" + std::to_string(line.offset) + "[" + line.text + "]";
            });
        EXPECT_EQ(got, "5=12@340[text: of 1:2]7~3@99[beside]5=13@360[]") << size;
    }
}

TEST(FoundLine, AreCutWhenTheyAreTooLong) {
    FoundLines lines({}, 3);
    std::size_t length = 0;
    lines.take("1:0:", [](const FoundLine&) {});
    for (int i = 0; i < 40; ++i)
        lines.take(std::string(100'000, 'x'), [](const FoundLine&) {});
    lines.take("\n2:9:y\n", [&](const FoundLine& line) { length += line.text.size(); });
    EXPECT_GT(length, 1'000'000U);
    EXPECT_LT(length, 1'100'000U);
}

TEST(OwnersOfLines, AreTheLastOnesWithATime) {
    const std::string text = "banner\n2026-11-30 07:00:00 a\n\tat x\n2026-11-30 07:00:05 b\nrest";
    for (std::size_t size = 1; size < text.size(); ++size) {
        Owners owners(written);
        std::string_view rest;
        std::size_t next = 0;
        Lines times;
        for (const char* line : {"banner", "\tat", "2026-11-30 07:00:05", "rest"}) {
            const auto offset = text.find(line);
            while (!owners.has(offset)) {
                if (rest.empty() && next >= text.size()) {
                    owners.end();
                    break;
                }
                if (rest.empty())
                    rest = std::string_view(text).substr(std::exchange(next, next + size), size);
                rest.remove_prefix(owners.take(rest, offset));
            }
            times.push_back(owners.last() == Timestamp{} ? "-" : rfc3339(owners.last()));
        }
        EXPECT_EQ(times, (Lines{"-", "2026-11-30T07:00:00Z", "2026-11-30T07:00:05Z", "2026-11-30T07:00:05Z"}))
            << size;
    }
}

/// An instance of which the record says this.
Instance instance_of(Coverage coverage, const std::string& created, const std::string& finished = {}) {
    Instance instance;
    instance.record.service = "web";
    instance.record.instance = coverage == Coverage::missed ? "" : "web-1";
    instance.record.pod = "web-1";
    instance.record.created = instance.record.started = created;
    instance.record.finished = finished;
    instance.record.coverage = coverage;
    return instance;
}

TimeWindow between(const char* since, const char* until) {
    return {parse_rfc3339(since), parse_rfc3339(until)};
}

TEST(SearchScope, IsWhatLivedInTheWindow) {
    const auto seven = between("2026-11-30T07:00:00Z", "2026-11-30T07:10:00Z");
    auto ended = instance_of(Coverage::complete, "2026-11-30T06:00:00Z", "2026-11-30T06:30:00Z");
    EXPECT_FALSE(lived_in(ended, seven));
    EXPECT_TRUE(lived_in(ended, {}));
    EXPECT_TRUE(lived_in(ended, between("2026-11-30T06:30:00Z", "2026-11-30T06:40:00Z")));
    EXPECT_FALSE(lived_in(instance_of(Coverage::live, "2026-11-30T08:00:00Z"), seven));
    EXPECT_TRUE(lived_in(instance_of(Coverage::live, "2026-11-30T06:00:00Z"), seven));
    auto on_volume = instance_of(Coverage::live, "2026-11-30T08:00:00Z");
    on_volume.record.volume = "/srv/logs";
    EXPECT_TRUE(lived_in(on_volume, seven)) << "it can be older than its container";
    ended.has_record = false;
    EXPECT_TRUE(lived_in(ended, seven)) << "nobody knows";
}

TEST(SearchScope, TellsWhatIsMissing) {
    const auto window = between("2026-11-30T07:00:00Z", "2026-11-30T07:10:00Z");
    const Timestamp last_run = parse_rfc3339("2026-11-30T07:05:00Z");
    const auto why = [&](const Instance& instance, Timestamp run) {
        const auto gap = gap_of(instance, window, run);
        return gap ? gap->where + " " + gap->why : "";
    };
    auto live = instance_of(Coverage::live, "2026-11-30T06:00:00Z");
    EXPECT_EQ(why(live, last_run), "web/web-1 saved until 2026-11-30T07:05:00Z");
    EXPECT_EQ(why(live, last_run + 5min), "");
    live.record.saved_until = "2026-11-30T06:50:00Z";
    EXPECT_EQ(why(live, last_run + 5min), "web/web-1 runs cannot save all of it since 2026-11-30T06:50:00Z");
    auto cut = instance_of(Coverage::cut, "2026-11-30T06:00:00Z", "2026-11-30T07:04:00Z");
    cut.record.saved_until = "2026-11-30T07:03:00Z";
    EXPECT_EQ(why(cut, last_run),
              "web/web-1 gone before all was saved, and saved until 2026-11-30T07:03:00Z");
    cut.record.saved_until = "2026-11-30T07:20:00Z";
    EXPECT_EQ(why(cut, last_run), "");
    auto complete = instance_of(Coverage::complete, "2026-11-30T06:00:00Z", "2026-11-30T07:04:00Z");
    EXPECT_EQ(why(complete, {}), "");
    complete.record.limits = {Limit::files};
    EXPECT_EQ(why(complete, {}), "web/web-1 a limit leaves out a part");
    EXPECT_EQ(why(instance_of(Coverage::missed, "2026-11-30T07:02:00Z", "2026-11-30T07:03:00Z"), {}),
              "web/web-1 missed, from 2026-11-30T07:02:00Z to 2026-11-30T07:03:00Z");
}

TEST(SearchReport, TellsAReasonOnce) {
    SearchSummary searched;
    for (int i = 0; i < 100; ++i)
        searched.gaps.push_back({"web/web-" + std::to_string(i), "saved until then"});
    searched.gaps.push_back({"", "cannot read a record"});
    EXPECT_EQ(
        gap_lines(searched),
        (Lines{"a line can be missing: 'web/web-0', 'web/web-1', 'web/web-2' and 97 others: saved until then",
               "a line can be missing: cannot read a record"}));
}

/// Searches real files by each program that is installed.
class SearchFiles : public testing::TestWithParam<const char*> {
  protected:
    test::TempDir dir;
    test::Stop stop;
    Query query{"order 4711"};
    std::vector<FileToSearch> files;
    std::map<std::string, std::string> problems; ///< by path
    std::size_t done = 0;

    void SetUp() override {
        if (find_program(GetParam()).empty())
            GTEST_SKIP() << GetParam() << " is not installed";
    }
    void add(const std::string& path, const std::string& content) {
        dir.write(path, content);
        files.push_back({path, content.size(), written});
    }
    void compress(const std::string& program) {
        const std::string path = dir.at(files.back().path);
        ASSERT_EQ(
            std::system(
                (program + " <'" + path + "' >'" + path + "~' && mv '" + path + "~' '" + path + "'").c_str()),
            0);
    }
    Lines found() {
        std::vector<FoundLine> all;
        SearchCalls calls;
        calls.found = [&](std::vector<FoundLine> lines) {
            all.insert(all.end(), lines.begin(), lines.end());
        };
        calls.failed = [&](std::size_t file, const std::string& why) { problems[files[file].path] = why; };
        calls.done = [&](std::size_t) { ++done; };
        const auto root = test::open_path(dir.path());
        search(root.get(), files, query, find_program(GetParam()), 2, WantsTimes::yes, calls, stop.get());
        EXPECT_EQ(done, files.size());
        std::stable_sort(all.begin(), all.end(),
                         [](const auto& left, const auto& right) { return left.file < right.file; });
        Lines lines;
        for (const auto& line : all)
            lines.push_back(files[line.file].path + (line.matches ? ":" : "-") + std::to_string(line.number) +
                            "@" + std::to_string(line.offset) + " " +
                            (line.time == Timestamp{} ? "-" : rfc3339(line.time).substr(11, 8)) + " " +
                            line.text);
        return lines;
    }
};

TEST_P(SearchFiles, FindsLinesInPlainAndCompressedOnes) {
    add("a/app.log", "2026-11-30 07:00:00 x\n2026-11-30 07:00:01 order 4711\n");
    add("a/gz", "2026-11-30 06:00:00 first\norder 4711 below\n");
    compress("gzip -c");
    add("a/xz", "2026-11-30 05:00:00 order 4711\n");
    compress("xz -c");
    add("a/new\nline", "order 4711 without an end");
    add("b/nothing", "order 471\n");
    EXPECT_EQ(found(), (Lines{"a/app.log:2@22 07:00:01 2026-11-30 07:00:01 order 4711",
                              "a/gz:2@26 06:00:00 order 4711 below",
                              "a/xz:1@0 05:00:00 2026-11-30 05:00:00 order 4711",
                              "a/new\nline:1@0 - order 4711 without an end"}));
    EXPECT_TRUE(problems.empty());
}

TEST_P(SearchFiles, KnowsTheOptions) {
    add("log", "one\nORDER 4711\nthree\nOrder.4711\nfive\n");
    query.ignores_case = true;
    query.context = 1;
    EXPECT_EQ(found(), (Lines{"log-1@0 - one", "log:2@4 - ORDER 4711", "log-3@15 - three"}));
    query.pattern = "order.4711";
    done = 0;
    EXPECT_EQ(found().size(), 5U);
    query.is_fixed = true;
    query.context = done = 0;
    EXPECT_EQ(found(), Lines{"log:4@21 - Order.4711"});
    query.pattern = "--help";
    done = 0;
    EXPECT_TRUE(found().empty());
}

TEST_P(SearchFiles, TellsWhatItCannotSearch) {
    add("cut.gz", std::string(100'000, 'x') + "\n");
    compress("gzip -c");
    std::filesystem::resize_file(dir.at("cut.gz"), 100);
    add("gone", "order 4711\n");
    std::filesystem::remove(dir.at("gone"));
    add("good", "order 4711\n");
    EXPECT_EQ(found(), Lines{"good:1@0 - order 4711"});
    EXPECT_NE(problems["cut.gz"].find("decompressor exited with code 1"), std::string::npos)
        << problems["cut.gz"];
    EXPECT_NE(problems["gone"].find("No such file"), std::string::npos) << problems["gone"];
    EXPECT_EQ(problems.size(), 2U);
}

TEST_P(SearchFiles, RefusesAPatternThatIsNone) {
    add("log", "x\n");
    query.pattern = "(";
    EXPECT_THROW((void)found(), Error);
}

TEST_P(SearchFiles, FindsManyLinesWithoutTimes) {
    std::string many = "2026-11-30 07:00:00 begin\n";
    for (int i = 0; i < 300'000; ++i) // more than is held at once
        many += "order 4711\n";
    add("many", many);
    add("many.gz", many);
    compress("gzip -c");
    add("few", "order 4711\n");
    const auto lines = found();
    ASSERT_EQ(lines.size(), 600'001U);
    EXPECT_EQ(lines[299'999], "many:300001@3300015 07:00:00 order 4711");
    EXPECT_EQ(lines[599'999], "many.gz:300001@3300015 07:00:00 order 4711");
    EXPECT_TRUE(problems.empty());
}

TEST_P(SearchFiles, IsNotMisledByTheFirstBytes) {
    add("utf16", "\xff\xfe"
                 "order 4711\n");
    add("log.lz4", "x");
    dir.write("zeros", std::string(5000, '\0') + "order 4711\n");
    files.push_back({"zeros", 5011, written});
    add("crlf", "order 4711\r\n");
    query.pattern = "order 4711";
    EXPECT_EQ(found(), (Lines{"utf16:1@0 - \xff\xfeorder 4711", "zeros:1@5000 - order 4711",
                              "crlf:1@0 - order 4711"}));
    EXPECT_EQ(problems.count("utf16"), 1U);
    EXPECT_EQ(problems.count("log.lz4"), 1U);
    EXPECT_EQ(problems.size(), 2U);
}

// A line that takes all memory costs the others nothing.
TEST_P(SearchFiles, DoesNotTakeAllMemory) {
    add("log", "order 4711\n");
    add("zeros", "");
    std::filesystem::resize_file(dir.at("zeros"), 3UL << 30U); // nothing but a hole
    EXPECT_EQ(found(), Lines{"log:1@0 - order 4711"});
    EXPECT_EQ(problems.count("zeros"), 1U);
    EXPECT_EQ(problems.size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(By, SearchFiles, testing::Values("rg", "grep"),
                         [](const auto& by) { return std::string(by.param); });

} // namespace
} // namespace logbackup
