// SPDX-License-Identifier: MIT
#include "config/option_values.hpp"

#include "logbackup/retention.hpp"
#include "search/line_time.hpp"
#include "util/text.hpp"

#include <grp.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <map>
#include <string_view>
#include <system_error>

namespace logbackup {
namespace {

struct Quantity {
    double value = 0;
    std::string unit;
};

/// Splits "50 GB" or "50GB". Returns nothing when `text` does not begin with a number of at least 0.
std::optional<Quantity> parse_quantity(const std::string& text) {
    Quantity result;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, result.value, std::chars_format::fixed);
    if (error != std::errc() || !std::isfinite(result.value) || std::signbit(result.value))
        return std::nullopt;
    result.unit = std::string(end - rest > 1 && *rest == ' ' ? rest + 1 : rest, end);
    return result;
}

std::optional<std::uint64_t> bytes_of(const Quantity& quantity) {
    // As rsync, dd and numfmt read them.
    static const std::map<std::string, double> units{
        {"", 1},         {"b", 1},     {"k", 0x1p10}, {"kib", 0x1p10}, {"kb", 1e3},  {"m", 0x1p20},
        {"mib", 0x1p20}, {"mb", 1e6},  {"g", 0x1p30}, {"gib", 0x1p30}, {"gb", 1e9},  {"t", 0x1p40},
        {"tib", 0x1p40}, {"tb", 1e12}, {"p", 0x1p50}, {"pib", 0x1p50}, {"pb", 1e15},
    };
    const auto unit = units.find(lower_case(quantity.unit));
    if (unit == units.end())
        return std::nullopt;
    const double bytes = quantity.value * unit->second;
    if (bytes >= 0x1p63)
        return std::nullopt;
    return static_cast<std::uint64_t>(bytes);
}

/// Returns how many seconds a unit of time has: "m", "min", "mins", "minute" or "minutes"; 0 for what is
/// none.
double seconds_in(std::string unit) {
    struct Unit {
        std::string_view letter;
        std::string_view shorter;
        std::string_view name;
        double seconds;
    };
    static constexpr std::array<Unit, 6> units{{{"s", "sec", "second", 1},
                                                {"m", "min", "minute", 60},
                                                {"h", "hr", "hour", 3600},
                                                {"d", "day", "day", 86400},
                                                {"w", "week", "week", 7 * 86400},
                                                {"y", "year", "year", 365 * 86400}}};
    if (unit.size() > 2 && unit.back() == 's') // "ms" is none
        unit.pop_back();
    for (const auto& one : units)
        if (unit == one.letter || unit == one.shorter || unit == one.name)
            return one.seconds;
    return unit.empty() ? 1 : 0;
}

bool has_unit(const std::string& text) {
    return !text.empty() && std::isalpha(static_cast<unsigned char>(text.back())) != 0;
}

std::optional<WrittenTime> time_or_age(std::string text) {
    static constexpr std::string_view ago = " ago";
    const Timestamp now = std::chrono::system_clock::now();
    if (text.ends_with(ago))
        text.resize(text.size() - ago.size());
    const auto age = has_unit(text) ? parse_duration(text) : std::nullopt;
    return age ? WrittenTime{now - *age} : parse_time(text, now);
}

} // namespace

std::optional<std::chrono::milliseconds> parse_duration(const std::string& text) {
    const auto quantity = parse_quantity(text);
    const double seconds = quantity ? quantity->value * seconds_in(quantity->unit) : 0;
    if (seconds < 0.001 || seconds > 1e9)
        return std::nullopt;
    return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

std::optional<Timestamp> parse_since(const std::string& text) {
    const auto time = time_or_age(text);
    return text.empty() ? Timestamp::min() : time ? std::optional(time->begin) : std::nullopt;
}

std::optional<Timestamp> parse_until(const std::string& text) {
    const auto time = time_or_age(text);
    return text.empty() ? Timestamp::max()
           : time       ? std::optional(time->begin + time->unit - std::chrono::nanoseconds(1))
                        : std::nullopt;
}

bool is_time_of_day(const std::string& text) {
    const auto time = parse_time(text, Timestamp{}); // of the first day, if it has no date
    return time && text.find(':') < 3;
}

std::optional<std::size_t> parse_context(const std::string& text) {
    static constexpr std::size_t most = 1000;
    const auto count = text == "0" ? std::optional<std::size_t>(0) : parse_count(text);
    return count && *count <= most ? count : std::nullopt;
}

std::optional<std::chrono::milliseconds> parse_follow(const std::string& text) {
    return text == "0" ? std::chrono::milliseconds(0) : parse_duration(text);
}

std::optional<std::chrono::milliseconds> parse_keep(const std::string& text) {
    if (text == "0")
        return for_ever;
    // A user who writes 30 means days, and 30 seconds would delete everything.
    return has_unit(text) ? parse_duration(text) : std::nullopt;
}

std::optional<std::uint64_t> parse_max_size(const std::string& text) {
    return text == "0" || has_unit(text) ? parse_size_limit(text) : std::nullopt;
}

std::optional<MinFree> parse_min_free(const std::string& text) {
    const auto quantity = parse_quantity(text);
    if (!quantity)
        return std::nullopt;
    if (quantity->unit == "%")
        return quantity->value < 100 ? std::optional(MinFree{0, quantity->value / 100}) : std::nullopt;
    const auto bytes = bytes_of(*quantity);
    return bytes ? std::optional(MinFree{*bytes, 0}) : std::nullopt;
}

std::optional<std::uint64_t> parse_size_limit(const std::string& text) {
    const auto quantity = parse_quantity(text);
    const auto bytes = quantity ? bytes_of(*quantity) : std::nullopt;
    return bytes == 0 ? UINT64_MAX : bytes;
}

std::optional<std::size_t> parse_count(const std::string& text) {
    std::size_t count = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, count);
    if (error != std::errc() || rest != end || count < 1 || count > 1'000'000'000)
        return std::nullopt;
    return count;
}

std::optional<std::uint64_t> parse_count_limit(const std::string& text) {
    return text == "0" ? std::optional<std::uint64_t>(UINT64_MAX) : parse_count(text);
}

std::optional<bool> parse_flag(const std::string& text) {
    static const std::map<std::string, bool> words{{"true", true}, {"on", true},     {"yes", true},
                                                   {"1", true},    {"false", false}, {"off", false},
                                                   {"no", false},  {"0", false}};
    std::string lower = text;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
    const auto found = words.find(lower);
    return found == words.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Coverage> parse_coverage(const std::string& text) {
    for (const auto value : {Coverage::live, Coverage::complete, Coverage::cut, Coverage::missed})
        if (text == name_of(value))
            return value;
    return std::nullopt;
}

std::optional<gid_t> parse_group(const std::string& name) {
    const group* found = name.empty() ? nullptr : ::getgrnam(name.c_str());
    if (found == nullptr)
        return name.empty() ? std::optional(static_cast<gid_t>(-1)) : std::nullopt;
    return found->gr_gid;
}

std::optional<std::string> parse_log_directory(const std::string& path) {
    const auto normal = std::filesystem::path(path).lexically_normal();
    std::string text = normal.string();
    if (text.size() > 1 && text.ends_with('/'))
        text.pop_back();
    // Records and names in the backup have it: no control characters, no bytes that are not UTF-8.
    const bool is_plain = escaped(text) == text;
    return normal.is_absolute() && text != "/" && is_plain ? std::optional(text) : std::nullopt;
}

std::optional<std::string> parse_backup_root(const std::string& path) {
    if (path.empty())
        return std::nullopt;
    std::string normal = std::filesystem::absolute(path).lexically_normal().string();
    if (normal.ends_with('/'))
        normal.pop_back();
    return normal.empty() ? std::nullopt : std::optional(normal);
}

std::optional<std::string> parse_absolute_path(const std::string& path) {
    return path.empty() || path.starts_with('/') ? std::optional(path) : std::nullopt;
}

std::optional<NameScheme> parse_name_scheme(const std::string& text) {
    static const std::map<std::string, NameScheme> schemes{
        {"auto", NameScheme::automatic},  {"kubernetes", NameScheme::kubernetes},
        {"swarm", NameScheme::swarm},     {"compose", NameScheme::compose},
        {"nomad", NameScheme::nomad},     {"ecs", NameScheme::ecs},
        {"quadlet", NameScheme::quadlet}, {"container", NameScheme::container},
    };
    const auto found = schemes.find(text);
    return found == schemes.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::string> parse_metrics_file(const std::string& path) {
    return path.empty() || path.ends_with(".prom") ? std::optional(path) : std::nullopt;
}

} // namespace logbackup
