// SPDX-License-Identifier: MIT
#include "util/text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <optional>

namespace logbackup {
namespace {

struct CodePoint {
    char32_t value = 0;
    std::size_t length = 0; ///< bytes; 0 if they are not UTF-8
};

CodePoint decode(std::string_view bytes) {
    const auto first = static_cast<unsigned char>(bytes[0]);
    if (first < 0x80)
        return {first, 1};
    const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || bytes.size() < length)
        return {};
    char32_t value = first & (0x7FU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        const auto next = static_cast<unsigned char>(bytes[i]);
        if ((next & 0xC0U) != 0x80)
            return {};
        value = (value << 6U) | (next & 0x3FU);
    }
    static constexpr std::array<char32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};
    if (value < smallest[length] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
        return {};
    return {value, length};
}

bool printable(char32_t c) {
    if (c < 0x20 || c == '\\' || (c >= 0x7F && c < 0xA0) || c == 0xAD)
        return false;
    // Reject marks that reorder, join or hide text: Unicode's bidirectional and zero-width formatting
    // characters.
    return !((c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) ||
             c == 0x61C || c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) || c >= 0xE0000);
}

} // namespace

std::string escaped(std::string_view bytes) {
    std::string text;
    while (!bytes.empty()) {
        const CodePoint c = decode(bytes);
        if (c.length != 0 && printable(c.value)) {
            text.append(bytes.substr(0, c.length));
            bytes.remove_prefix(c.length);
            continue;
        }
        static constexpr std::string_view hex = "0123456789abcdef";
        const auto byte = static_cast<unsigned char>(bytes[0]);
        (((text += "\\x") += hex[byte >> 4U]) += hex[byte & 15U]);
        bytes.remove_prefix(1);
    }
    return text;
}

std::string percent_encoded(std::string_view bytes) {
    static constexpr std::string_view hex = "0123456789ABCDEF";
    std::string text;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte > 0x20 && byte < 0x7F && byte != '%')
            text += c;
        else
            ((text += '%') += hex[byte >> 4U]) += hex[byte & 15U];
    }
    return text;
}

std::string percent_decoded(std::string_view text) {
    static constexpr std::string_view hex = "0123456789ABCDEF";
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool whole = text[i] == '%' && text.size() - i > 2;
        const auto high = whole ? hex.find(text[i + 1]) : std::string_view::npos;
        const auto low = whole ? hex.find(text[i + 2]) : std::string_view::npos;
        if (high == std::string_view::npos || low == std::string_view::npos) {
            bytes += text[i];
            continue;
        }
        bytes += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return bytes;
}

std::string trimmed(std::string_view text) {
    const auto begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
    const auto end = text.find_last_not_of(" \t\r\n");
    return std::string(text.substr(begin, end == std::string_view::npos ? 0 : end + 1 - begin));
}

std::string lower_case(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return text;
}

std::string in_quotes(std::string_view bytes) {
    std::string text(1, '\'');
    text += escaped(bytes);
    return text += '\'';
}

std::string hash_text(std::string_view bytes) {
    std::uint64_t value = 14695981039346656037ULL;
    for (const char c : bytes)
        value = (value ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    std::array<char, 17> digits{};
    std::snprintf(digits.data(), digits.size(), "%016llx", static_cast<unsigned long long>(value));
    return digits.data();
}

std::size_t columns(std::string_view text) {
    std::size_t count = 0;
    for (const char c : text)
        count += (static_cast<unsigned char>(c) & 0xC0U) != 0x80 ? 1 : 0;
    return count;
}

std::string human_bytes(std::uint64_t bytes) {
    if (bytes < 1024)
        return std::to_string(bytes) + " B";
    static constexpr std::array<const char*, 6> units{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    for (; value >= 1023.95 && unit + 1 < units.size(); ++unit)
        value /= 1024;
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.1f %s", value, units[unit]);
    return text.data();
}

std::string counted(std::uint64_t count, std::string_view singular, std::string_view plural) {
    std::string text = std::to_string(count) + " ";
    if (count == 1)
        return text.append(singular);
    return plural.empty() ? text.append(singular) + "s" : text.append(plural);
}

std::string some_of(const std::vector<std::string>& names) {
    static constexpr std::size_t most = 3;
    std::string text;
    for (std::size_t i = 0; i < std::min(most, names.size()); ++i)
        text += (i == 0 ? "" : ", ") + in_quotes(names[i]);
    return names.size() <= most ? text : text + " and " + counted(names.size() - most, "other");
}

namespace {
std::tm utc_parts(Timestamp time) {
    const std::time_t seconds =
        std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(time));
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    return parts;
}
} // namespace

std::string to_minute(Timestamp time) {
    return time == Timestamp{} ? "-" : rfc3339(time).replace(10, 1, " ").substr(0, 16);
}

std::string rfc3339(Timestamp time) {
    const std::tm parts = utc_parts(time);
    std::array<char, 64> text{};
    return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::string exact_rfc3339(Timestamp time) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    std::string text = rfc3339(seconds);
    text.pop_back();
    std::array<char, 16> fraction{};
    std::snprintf(fraction.data(), fraction.size(), ".%09dZ", static_cast<int>((time - seconds).count()));
    return text + fraction.data();
}

std::string compact_time(Timestamp time) {
    const std::tm parts = utc_parts(time);
    std::array<char, 64> text{};
    return {text.data(), std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &parts)};
}

std::string rough_time(std::chrono::seconds time) {
    using namespace std::chrono_literals;
    if (time < 2min)
        return std::to_string(time.count()) + " s";
    if (time < 2h)
        return std::to_string(time / 1min) + " min";
    return time < 48h ? std::to_string(time / 1h) + " h" : std::to_string(time / 24h) + " days";
}

namespace {

/// Returns the seconds of "Z", "+02:00" or "-04:30"; nothing for another text.
std::optional<std::time_t> seconds_east(std::string_view zone) {
    if (zone == "Z")
        return 0;
    const auto is_digit = [&](std::size_t at) { return zone[at] >= '0' && zone[at] <= '9'; };
    if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':' || !is_digit(1) ||
        !is_digit(2) || !is_digit(4) || !is_digit(5))
        return std::nullopt;
    const auto number = [&](std::size_t at) { return (zone[at] - '0') * 10 + (zone[at + 1] - '0'); };
    const std::time_t seconds = number(1) * 3600 + number(4) * 60;
    return zone[0] == '-' ? -seconds : seconds;
}

} // namespace

Timestamp parse_rfc3339(std::string_view text) {
    std::tm parts{};
    const std::string copy(text);
    const char* rest = ::strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
    if (rest == nullptr || parts.tm_year < 70)
        return {};
    long nanoseconds = 0;
    if (*rest == '.') {
        long unit = 100'000'000;
        for (++rest; *rest >= '0' && *rest <= '9'; ++rest, unit /= 10)
            nanoseconds += (*rest - '0') * unit;
    }
    const auto offset = seconds_east(rest);
    if (!offset)
        return {};
    static constexpr std::time_t latest = 9'223'372'035; // 64-bit nanoseconds end in 2262
    const std::time_t seconds = ::timegm(&parts) - *offset;
    if (seconds > latest || seconds < 0)
        return {};
    return Timestamp(std::chrono::seconds(seconds) + std::chrono::nanoseconds(nanoseconds));
}

} // namespace logbackup
