// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace logbackup {

/// Formats a document as one line that is safe on any terminal: ASCII without control bytes. Replaces bytes
/// that are not UTF-8 with U+FFFD.
[[nodiscard]] inline std::string printable_json(const nlohmann::ordered_json& document) {
    static constexpr bool only_ascii = true;
    std::string text = document.dump(-1, ' ', only_ascii, nlohmann::ordered_json::error_handler_t::replace);
    // dump() leaves DEL unescaped; it can only occur inside a string.
    for (auto at = text.find('\x7f'); at != std::string::npos; at = text.find('\x7f', at))
        text.replace(at, 1, "\\u007f");
    return text;
}

} // namespace logbackup
