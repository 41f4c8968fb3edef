// SPDX-License-Identifier: MIT
#include "util/aside.hpp"

namespace logbackup {
namespace {

constexpr std::string_view stamp_pattern = "00000000T000000Z"; // 0: any digit
constexpr std::size_t most_digits = 6;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_stamp(std::string_view text) {
    if (text.size() != stamp_pattern.size())
        return false;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (stamp_pattern[i] == '0' ? !is_digit(text[i]) : text[i] != stamp_pattern[i])
            return false;
    return true;
}

} // namespace

std::optional<AsideName> read_aside_name(std::string_view name) {
    const auto tilde = name.rfind('~');
    if (tilde == 0 || tilde == std::string_view::npos)
        return std::nullopt;
    AsideName read{name.substr(0, tilde), name.substr(tilde + 1, stamp_pattern.size())};
    std::string_view rest = name.substr(tilde + 1 + read.stamp.size());
    if (!is_stamp(read.stamp))
        return std::nullopt;
    if (rest.empty())
        return read;
    if (rest.size() < 2 || rest.size() > 1 + most_digits || rest.front() != '.')
        return std::nullopt;
    for (rest.remove_prefix(1); !rest.empty(); rest.remove_prefix(1)) {
        if (!is_digit(rest.front()))
            return std::nullopt;
        read.number = read.number * 10 + static_cast<unsigned>(rest.front() - '0');
    }
    return read;
}

} // namespace logbackup
