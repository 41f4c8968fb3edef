// SPDX-License-Identifier: MIT
#include "search/line_time.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace logbackup {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr std::size_t most_before_bracket = 512;
constexpr int first_year = 1970; // what a Timestamp can hold, and a little less
constexpr int last_year = 2261;
constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

bool is_digit(char byte) {
    return byte >= '0' && byte <= '9';
}
bool is_letter(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/// Takes pieces from the beginning of a text.
class Cursor {
  public:
    explicit Cursor(std::string_view text) : rest_(text) {}

    [[nodiscard]] std::string_view rest() const { return rest_; }
    bool take(char byte) {
        const bool found = rest_.starts_with(byte);
        rest_.remove_prefix(found ? 1 : 0);
        return found;
    }
    bool take_one_of(std::string_view bytes) {
        const bool found = !rest_.empty() && bytes.find(rest_.front()) != std::string_view::npos;
        rest_.remove_prefix(found ? 1 : 0);
        return found;
    }
    void skip(std::string_view bytes) {
        rest_.remove_prefix(std::min(rest_.find_first_not_of(bytes), rest_.size()));
    }
    /// A number of so many digits.
    std::optional<int> number(std::size_t least, std::size_t most) {
        std::size_t digits = 0;
        int value = 0;
        while (digits < most && digits < rest_.size() && is_digit(rest_[digits]))
            value = value * 10 + (rest_[digits++] - '0');
        if (digits < least)
            return std::nullopt;
        rest_.remove_prefix(digits);
        return value;
    }
    std::string_view letters(std::size_t most) {
        std::size_t length = 0;
        while (length < most && length < rest_.size() && is_letter(rest_[length]))
            ++length;
        const auto word = rest_.substr(0, length);
        rest_.remove_prefix(length);
        return word;
    }
    std::optional<int> month_name() {
        const auto found = std::find(months.begin(), months.end(), rest_.substr(0, 3));
        if (found == months.end())
            return std::nullopt;
        rest_.remove_prefix(3);
        return static_cast<int>(found - months.begin()) + 1;
    }

  private:
    std::string_view rest_;
};

struct Date {
    std::optional<int> year;
    int month = 0;
    int day = 0;
};

std::optional<Timestamp> midnight_of(const Date& date, Timestamp written) {
    using namespace std::chrono;
    if (date.year && (*date.year < first_year || *date.year > last_year))
        return std::nullopt;
    const year_month_day last(floor<days>(written));
    const auto of_year = [&](year which) {
        return which / month(static_cast<unsigned>(date.month)) / day(static_cast<unsigned>(date.day));
    };
    auto found = of_year(date.year ? year(*date.year) : last.year());
    if (!date.year && found.ok() && sys_days(found) > floor<days>(written) + days(1))
        found = of_year(last.year() - years(1));
    return found.ok() ? std::optional<Timestamp>(sys_days(found)) : std::nullopt;
}

/// "Z", "+01:00", "+0100", with or without a space before it. Takes nothing else.
std::optional<seconds> take_zone(Cursor& cursor) {
    Cursor zone = cursor;
    zone.take(' ');
    const bool is_east = zone.rest().starts_with('+');
    if (zone.take('Z')) {
        cursor = zone;
        return seconds(0);
    }
    if (!zone.take_one_of("+-"))
        return std::nullopt;
    const auto hour = zone.number(2, 2);
    const bool has_colon = zone.take(':');
    const auto minute = zone.number(2, 2);
    if (!hour || (!minute && has_colon) || *hour > 14)
        return std::nullopt;
    if (!minute && cursor.rest().starts_with(' ')) // " -10 items"
        return std::nullopt;
    cursor = zone;
    const seconds offset = hours(*hour) + minutes(minute.value_or(0));
    return is_east ? offset : -offset;
}

/// "07:02", "07:02:10", with a fraction after '.' or ','. Returns the time since midnight.
std::optional<nanoseconds> take_clock(Cursor& cursor, std::size_t digits_of_hour = 2,
                                      bool has_colons = true) {
    const auto hour = cursor.number(digits_of_hour, 2);
    if (!hour || *hour > 23 || (has_colons && !cursor.take(':')))
        return std::nullopt;
    const auto minute = cursor.number(2, 2);
    if (!minute || *minute > 59)
        return std::nullopt;
    nanoseconds time = hours(*hour) + minutes(*minute);
    if (has_colons && !cursor.take(':'))
        return time;
    const auto second = cursor.number(2, 2);
    if (!second || *second > 60)
        return std::nullopt;
    time += seconds(*second);
    Cursor fraction = cursor;
    if (fraction.take_one_of(".,") && !fraction.rest().empty() && is_digit(fraction.rest().front())) {
        nanoseconds unit = seconds(1);
        while (!fraction.rest().empty() && is_digit(fraction.rest().front()))
            time += (unit /= 10) * *fraction.number(1, 1);
        cursor = fraction;
    }
    return time;
}

/// The time after a date, with its zone.
std::optional<Timestamp> with_clock(Cursor& cursor, const Date& date, Timestamp written,
                                    std::size_t digits_of_hour = 2, bool has_colons = true) {
    const auto midnight = midnight_of(date, written);
    const auto clock = take_clock(cursor, digits_of_hour, has_colons);
    if (!midnight || !clock)
        return std::nullopt;
    nanoseconds time = *clock;
    if (cursor.rest().starts_with(" PM") && time < hours(12))
        time += hours(12);
    else if (cursor.rest().starts_with(" AM") && time >= hours(12))
        time -= hours(12);
    return *midnight + time - take_zone(cursor).value_or(seconds(0));
}

/// "2026-11-30", "2026/11/30", "2026.11.30", "20261130".
std::optional<Date> take_iso_date(Cursor& cursor) {
    const auto year = cursor.number(4, 4);
    const char separator = cursor.rest().empty() ? '\0' : cursor.rest().front();
    const bool has_separators = cursor.take_one_of("-/.");
    const auto month = cursor.number(2, 2);
    if (!year || !month || (has_separators && !cursor.take(separator)))
        return std::nullopt;
    const auto day = cursor.number(2, 2);
    return day ? std::optional<Date>({*year, *month, *day}) : std::nullopt;
}

/// "2026-11-30 07:02:10,123", "2026-11-30T07:02:10.123+01:00", "20261130T070210".
std::optional<Timestamp> iso_time(std::string_view text, Timestamp written) {
    Cursor cursor(text);
    const auto date = take_iso_date(cursor);
    if (!date || !cursor.take_one_of("T _"))
        return std::nullopt;
    const bool has_colons = cursor.rest().substr(0, 3).find(':') != std::string_view::npos;
    return with_clock(cursor, *date, written, has_colons ? 1 : 2, has_colons);
}

/// "30.11.2026 07:02:10".
std::optional<Timestamp> german_time(std::string_view text, Timestamp written) {
    Cursor cursor(text);
    const auto day = cursor.number(1, 2);
    if (!day || !cursor.take('.'))
        return std::nullopt;
    const auto month = cursor.number(1, 2);
    if (!month || !cursor.take('.'))
        return std::nullopt;
    const auto year = cursor.number(4, 4);
    if (!year || !cursor.take(' '))
        return std::nullopt;
    return with_clock(cursor, {*year, *month, *day}, written, 1);
}

/// "30/Nov/2026:07:02:10 +0000", "30 Nov 2026 07:02:10,123", "30-Nov-2026 07:02:10".
std::optional<Timestamp> day_first_time(std::string_view text, Timestamp written) {
    Cursor cursor(text);
    const auto day = cursor.number(1, 2);
    if (!day || !cursor.take_one_of("/ -"))
        return std::nullopt;
    const auto month = cursor.month_name();
    if (!month || !cursor.take_one_of("/ -"))
        return std::nullopt;
    const auto year = cursor.number(4, 4);
    if (!year || !cursor.take_one_of(": "))
        return std::nullopt;
    return with_clock(cursor, {*year, *month, *day}, written);
}

/// "Nov 30 07:02:10", "Nov 30 2026 07:02:10", "Nov 30, 2026 7:02:10 AM".
std::optional<Timestamp> month_first_time(std::string_view text, Timestamp written) {
    Cursor cursor(text);
    const auto month = cursor.month_name();
    if (!month || !cursor.take(' '))
        return std::nullopt;
    cursor.skip(" ");
    const auto day = cursor.number(1, 2);
    if (!day || !cursor.take_one_of(", "))
        return std::nullopt;
    cursor.skip(" ");
    Cursor behind = cursor;
    const auto year = behind.number(4, 4);
    if (year && behind.take(' '))
        return with_clock(behind, {*year, *month, *day}, written, 1);
    return with_clock(cursor, {{}, *month, *day}, written);
}

/// "I1130 07:02:10.123456".
std::optional<Timestamp> klog_time(std::string_view text, Timestamp written) {
    Cursor cursor(text);
    if (!cursor.take_one_of("IWEF"))
        return std::nullopt;
    const auto month = cursor.number(2, 2);
    const auto day = cursor.number(2, 2);
    if (!month || !day || !cursor.take(' '))
        return std::nullopt;
    return with_clock(cursor, {{}, *month, *day}, written);
}

/// "1796022130", "1796022130.123", "1796022130123".
std::optional<Timestamp> time_since_1970(std::string_view text) {
    static constexpr std::size_t digits_of_seconds = 10;
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    if (digits != digits_of_seconds && digits != digits_of_seconds + 3)
        return std::nullopt;
    std::int64_t number = 0; // at most 10^13
    for (const char digit : text.substr(0, digits))
        number = number * 10 + (digit - '0');
    const std::chrono::milliseconds time(digits == digits_of_seconds ? number * 1000 : number);
    return time < std::chrono::sys_days(std::chrono::year(last_year) / 1 / 1).time_since_epoch()
               ? std::optional(Timestamp(time))
               : std::nullopt;
}

std::optional<Timestamp> json_time(std::string_view text, Timestamp written) {
    if (!text.starts_with('{'))
        return std::nullopt;
    for (const std::string_view key : {R"("@timestamp")", R"("timestamp")", R"("time")", R"("ts")"})
        for (auto at = text.find(key); at != std::string_view::npos; at = text.find(key, at + 1)) {
            Cursor value(text.substr(at + key.size()));
            value.skip(" ");
            if (!value.take(':'))
                continue;
            value.skip(" \"");
            for (const auto& time : {iso_time(value.rest(), written), time_since_1970(value.rest())})
                if (time)
                    return time;
        }
    return std::nullopt;
}

/// Takes what can stand before a time: colours, the priority of a syslog line, a level, a word in brackets.
/// Returns false if there is none.
bool take_what_comes_before(Cursor& cursor) {
    static constexpr std::size_t longest_level = 8;
    static constexpr std::size_t longest_in_brackets = 100;
    const std::string_view before = cursor.rest();
    if (cursor.take('\x1b')) {
        cursor.take('[');
        cursor.skip("0123456789;");
        cursor.take('m');
    } else if (Cursor priority = cursor; priority.take('<') && priority.number(1, 3) && priority.take('>')) {
        (void)priority.number(1, 2); // the version
        cursor = priority;
    } else if (before.starts_with('[') && before.find(']') < longest_in_brackets) {
        cursor = Cursor(before.substr(before.find(']') + 1));
    } else if (cursor.letters(longest_level).empty()) {
        return false;
    }
    cursor.skip(" \t]()>:|-");
    return true;
}

std::optional<Timestamp> time_at_begin(std::string_view text, Timestamp written) {
    for (auto* parse : {iso_time, day_first_time, month_first_time, german_time, klog_time, json_time})
        if (const auto time = parse(text, written))
            return time;
    return std::nullopt;
}

} // namespace

std::optional<Timestamp> line_time(std::string_view line, Timestamp written) {
    static constexpr int most_before = 4;
    const std::string_view head = line.substr(0, longest_head);
    Cursor cursor(head);
    for (int i = 0; i < most_before; ++i) {
        Cursor opened = cursor;
        opened.skip(" \t[(<\"'");
        if (const auto time = time_at_begin(opened.rest(), written))
            return time;
        cursor.skip(" \t");
        if (!take_what_comes_before(cursor))
            break;
    }
    const auto bracket = head.substr(0, most_before_bracket).find(" [");
    return bracket == std::string_view::npos ? std::nullopt
                                             : day_first_time(head.substr(bracket + 2), written);
}

std::optional<WrittenTime> parse_time(std::string_view text, Timestamp now) {
    using namespace std::chrono;
    const Timestamp today = floor<days>(now);
    if (text == "now")
        return WrittenTime{now};
    if (text == "today" || text == "yesterday")
        return WrittenTime{today - days(text == "today" ? 0 : 1), days(1)};
    const auto clock_text = text.substr(0, text.find_first_of("+-Z", std::min(text.find(':'), text.size())));
    const auto colons = std::count(clock_text.begin(), clock_text.end(), ':');
    const nanoseconds unit = text.find_first_of(".,") != std::string_view::npos ? nanoseconds(1)
                             : colons >= 2                                      ? nanoseconds(seconds(1))
                                                                                : nanoseconds(minutes(1));
    Cursor cursor(text);
    if (const auto date = take_iso_date(cursor)) {
        const auto midnight = midnight_of(*date, now);
        if (!midnight)
            return std::nullopt;
        if (cursor.rest().empty())
            return WrittenTime{*midnight, days(1)};
        const auto time = cursor.take_one_of("T ") ? with_clock(cursor, *date, now, 1) : std::nullopt;
        return time && cursor.rest().empty() ? std::optional(WrittenTime{*time, unit}) : std::nullopt;
    }
    cursor = Cursor(text);
    const auto clock = take_clock(cursor, 1);
    if (!clock)
        return std::nullopt;
    const auto zone = take_zone(cursor).value_or(seconds(0));
    return cursor.rest().empty() ? std::optional(WrittenTime{today + *clock - zone, unit}) : std::nullopt;
}

} // namespace logbackup
