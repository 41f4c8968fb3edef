// SPDX-License-Identifier: MIT
#include "search/owners.hpp"

#include "search/line_time.hpp"

#include <algorithm>

namespace logbackup {

std::size_t Owners::take(std::string_view bytes, std::uint64_t until) {
    std::size_t taken = 0;
    while (taken < bytes.size() && !has(until)) {
        const auto rest = bytes.substr(taken);
        const auto end = rest.find('\n');
        const auto piece = rest.substr(0, end);
        head_.append(piece.substr(0, longest_head - std::min(longest_head, head_.size())));
        length_ += piece.size();
        taken += piece.size();
        if (end == std::string_view::npos)
            break;
        ++taken;
        this->end();
    }
    return taken;
}

void Owners::end() {
    if (const auto time = line_time(head_, written_))
        last_ = *time;
    next_ += length_ + 1;
    length_ = 0;
    head_.clear();
}

} // namespace logbackup
