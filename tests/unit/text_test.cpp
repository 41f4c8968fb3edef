// SPDX-License-Identifier: MIT
#include "util/text.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

namespace logbackup {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;
using namespace std::string_literals;

struct EscapeCase {
    std::string bytes;
    std::string expected;
};

TEST(Escaped, LeavesPrintableTextAlone) {
    for (const std::string text :
         {"", "app.log", "a b'c\"$`|~", "Größe-äöüß.log", "日本語.log", "Ωλ", "😀.log"})
        EXPECT_EQ(escaped(text), text);
}

TEST(Escaped, ShowsControlBytesAndBackslash) {
    const std::vector<EscapeCase> cases{
        {"a\nb", "a\\x0ab"},
        {"\x1b[31mred", "\\x1b[31mred"},
        {"\r\t\b", "\\x0d\\x09\\x08"},
        {"a\0b"s, "a\\x00b"},
        {"\x7f", "\\x7f"},
        {"\\", "\\x5c"},
        {"\\x41", "\\x5cx41"},
        {"\x1f", "\\x1f"},
        {" ", " "},
        {"\xc2\x85", "\\xc2\\x85"},
        {"\xc2\x9b", "\\xc2\\x9b"},
        {"\xc2\x80", "\\xc2\\x80"},
        {"\xc2\xa0", "\xc2\xa0"},
        {"\xc2\xad", "\\xc2\\xad"},
    };
    for (const auto& [bytes, expected] : cases)
        EXPECT_EQ(escaped(bytes), expected);
}

TEST(Escaped, ShowsWhatIsNotUtf8ByteByByte) {
    const std::vector<EscapeCase> cases{
        {"\xff", "\\xff"},
        {"\xfe\xff", "\\xfe\\xff"},
        {"\x80", "\\x80"},
        {"a\xc3", "a\\xc3"},                          // cut off
        {"\xe6\x97", "\\xe6\\x97"},                   // cut off
        {"\xc3(", "\\xc3("},                          // no continuation
        {"\xc0\xaf", "\\xc0\\xaf"},                   // overlong '/'
        {"\xe0\x80\xaf", "\\xe0\\x80\\xaf"},          // overlong '/'
        {"\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf"}, // overlong '/'
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},          // surrogate
        {"\xed\xbf\xbf", "\\xed\\xbf\\xbf"},          // surrogate
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, // above U+10FFFF
        {"\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80"}, // never in UTF-8
        {"\xff\xc3\xa4", "\\xff\xc3\xa4"},            // goes on with the next character
        {"\xe6\x97\xc3\xa4", "\\xe6\\x97\xc3\xa4"},
    };
    for (const auto& [bytes, expected] : cases)
        EXPECT_EQ(escaped(bytes), expected);
}

TEST(Escaped, ShowsMarksThatReorderOrHide) {
    for (const std::string mark : {"\u202E", "\u202D", "\u2066", "\u2069", "\u200B", "\u200E", "\u200F",
                                   "\u061C", "\uFEFF", "\u2028", "\u2029", "\U000E0041", "\uFFFB"}) {
        const std::string text = escaped("a" + mark + "b");
        EXPECT_EQ(text.find(mark), std::string::npos) << text;
        EXPECT_EQ(text.size(), 2 + 4 * mark.size()) << text;
    }
}

TEST(Escaped, IsUnambiguous) {
    EXPECT_NE(escaped("\n"), escaped("\\x0a"));
}

TEST(InQuotes, EscapesBetweenSingleQuotes) {
    EXPECT_EQ(in_quotes("a\nb"), "'a\\x0ab'");
    EXPECT_EQ(in_quotes(""), "''");
}

TEST(Columns, CountsCodePoints) {
    EXPECT_EQ(columns(""), 0U);
    EXPECT_EQ(columns("abc"), 3U);
    EXPECT_EQ(columns("Größe"), 5U);
    EXPECT_EQ(columns("日本"), 2U);
}

TEST(HumanBytes, ChangesUnitWhereRoundingWouldReach1024) {
    const std::vector<std::pair<std::uint64_t, std::string>> cases{
        {0, "0 B"},
        {1, "1 B"},
        {1023, "1023 B"},
        {1024, "1.0 KiB"},
        {10752, "10.5 KiB"},
        {1048524, "1023.9 KiB"},
        {1048525, "1.0 MiB"},
        {1048576, "1.0 MiB"},
        {(1ULL << 30U) - 1, "1.0 GiB"},
        {1288490189, "1.2 GiB"},
        {1ULL << 40U, "1.0 TiB"},
        {1ULL << 50U, "1.0 PiB"},
        {1ULL << 60U, "1.0 EiB"},
        {std::numeric_limits<std::uint64_t>::max(), "16.0 EiB"},
    };
    for (const auto& [bytes, expected] : cases)
        EXPECT_EQ(human_bytes(bytes), expected) << bytes;
}

TEST(Counted, UsesThePluralExceptForOne) {
    EXPECT_EQ(counted(0, "file"), "0 files");
    EXPECT_EQ(counted(1, "file"), "1 file");
    EXPECT_EQ(counted(2, "file"), "2 files");
    EXPECT_EQ(counted(3, "entry", "entries"), "3 entries");
    EXPECT_EQ(counted(1, "entry", "entries"), "1 entry");
}

TEST(ParseRfc3339, ReadsAnyNumberOfFractionDigits) {
    const Timestamp whole{seconds(1795359312)};
    const std::vector<std::pair<std::string, Timestamp>> cases{
        {"2026-11-22T14:55:12Z", whole},
        {"2026-11-22T14:55:12.8Z", whole + nanoseconds(800'000'000)},
        {"2026-11-22T14:55:12.81Z", whole + nanoseconds(810'000'000)},
        {"2026-11-22T14:55:12.000000001Z", whole + nanoseconds(1)},
        {"2026-11-22T14:55:12.248335762Z", whole + nanoseconds(248'335'762)},
        {"2026-11-22T14:55:12.2483357629999Z", whole + nanoseconds(248'335'762)},
        {"1970-01-01T00:00:01Z", Timestamp{seconds(1)}},
    };
    for (const auto& [text, expected] : cases)
        EXPECT_EQ(parse_rfc3339(text), expected) << text;
}

TEST(ParseRfc3339, OrdersByTimeAndNotByText) {
    const std::string earlier = "2026-11-22T14:55:23.8Z";
    const std::string later = "2026-11-22T14:55:23.81Z";
    EXPECT_GT(earlier, later); // as text the other way round
    EXPECT_LT(parse_rfc3339(earlier), parse_rfc3339(later));
}

TEST(ParseRfc3339, GivesNoTimeForGarbageAndForTheZeroTime) {
    for (const std::string text :
         {"", "0001-01-01T00:00:00Z", "yesterday", "2026-11-22", "2026-11-22T14:55:12",
          "2026-11-22 14:55:12Z", "2026-13-22T14:55:12Z", "2026-11-22T25:55:12Z", "2026-11-22T14:55:12+0100",
          "2026-11-22T14:55:12+1:00", "2026-11-22T14:55:12+01:00x", "2026-11-22T14:55:12 01:00",
          "1970-01-01T00:30:00+01:00", "2026-11-22T14:55:12Zx", "2026-11-22T14:55:12.5",
          "2026-11-22T14:55:12,5Z", "1969-12-31T23:59:59Z", "Z", "\xff\xfe"})
        EXPECT_EQ(parse_rfc3339(text), Timestamp{}) << text;
}

TEST(ParseRfc3339, TakesAnOffset) {
    const Timestamp time = parse_rfc3339("2026-11-22T14:55:12.5Z");
    EXPECT_EQ(parse_rfc3339("2026-11-22T16:55:12.5+02:00"), time);
    EXPECT_EQ(parse_rfc3339("2026-11-22T10:25:12.5-04:30"), time);
    EXPECT_EQ(parse_rfc3339("2026-11-22T14:55:12.5+00:00"), time);
}

TEST(ParseRfc3339, GivesNoTimeForOneThatDoesNotFit) {
    EXPECT_EQ(parse_rfc3339("9999-12-31T23:59:59Z"), Timestamp{}); // nanoseconds since 1970 end in 2262
}

TEST(Rfc3339, WritesUtcToTheSecond) {
    EXPECT_EQ(rfc3339(Timestamp{seconds(1795359312)}), "2026-11-22T14:55:12Z");
    EXPECT_EQ(rfc3339(Timestamp{seconds(1795359312) + nanoseconds(999'999'999)}), "2026-11-22T14:55:12Z");
    EXPECT_EQ(parse_rfc3339(rfc3339(Timestamp{seconds(1795359312)})), Timestamp{seconds(1795359312)});
}

TEST(ExactRfc3339, WritesUtcToTheNanosecond) {
    const std::vector<std::pair<Timestamp, std::string>> cases{
        {Timestamp{}, "1970-01-01T00:00:00.000000000Z"},
        {Timestamp{seconds(1795359312)}, "2026-11-22T14:55:12.000000000Z"},
        {Timestamp{seconds(1795359312)} + nanoseconds(1), "2026-11-22T14:55:12.000000001Z"},
        {Timestamp{seconds(1795359312)} + nanoseconds(50'000'000), "2026-11-22T14:55:12.050000000Z"},
        {Timestamp{seconds(1795359312)} + nanoseconds(999'999'999), "2026-11-22T14:55:12.999999999Z"},
        {Timestamp{seconds(1795359313)} - nanoseconds(1), "2026-11-22T14:55:12.999999999Z"},
        {Timestamp{nanoseconds(-1)}, "1969-12-31T23:59:59.999999999Z"},
        {Timestamp::max(), "2262-04-11T23:47:16.854775807Z"},
    };
    for (const auto& [time, expected] : cases)
        EXPECT_EQ(exact_rfc3339(time), expected);
}

TEST(ExactRfc3339, IsReadBackAsItWas) {
    for (const std::int64_t fraction : {0, 1, 10, 248'335'762, 999'999'999}) {
        const Timestamp time = Timestamp{seconds(1795359312)} + nanoseconds(fraction);
        EXPECT_EQ(parse_rfc3339(exact_rfc3339(time)), time) << fraction;
    }
}

TEST(HashText, IsFnv1a) {
    // The test vectors of draft-eastlake-fnv: backups are found again by these.
    EXPECT_EQ(hash_text(""), "cbf29ce484222325");
    EXPECT_EQ(hash_text("a"), "af63dc4c8601ec8c");
    EXPECT_EQ(hash_text("foobar"), "85944171f73967e8");
}

TEST(HashText, TakesAnyBytes) {
    const std::vector<std::string> texts{"",     "a",    "b",      "ab",
                                         "ba",   "a\0"s, "\0"s,    "\0\0"s,
                                         "\xff", "\x7f", "/srv/a", std::string(1U << 20U, 'x')};
    std::vector<std::string> hashes;
    for (const auto& text : texts) {
        hashes.push_back(hash_text(text));
        EXPECT_EQ(hashes.back().size(), 16U);
        EXPECT_EQ(hashes.back().find_first_not_of("0123456789abcdef"), std::string::npos);
    }
    std::sort(hashes.begin(), hashes.end());
    EXPECT_EQ(std::adjacent_find(hashes.begin(), hashes.end()), hashes.end());
}

TEST(CompactTime, HasNothingThatNeedsCareInAFileName) {
    EXPECT_EQ(compact_time(Timestamp{seconds(1795359312)}), "20261122T145512Z");
    EXPECT_EQ(compact_time(Timestamp{}), "19700101T000000Z");
}

} // namespace
} // namespace logbackup
