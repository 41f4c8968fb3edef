// SPDX-License-Identifier: MIT
#include "search/owners.hpp"

#include "search/line_time.hpp"

#include <algorithm>

namespace logbackup {
namespace {

constexpr std::size_t most_of_head = 512; // a time begins a line

} // namespace

bool Owners::take(std::string_view bytes) {
    while (!bytes.empty() && times_.size() < offsets_.size()) {
        const auto end = bytes.find('\n');
        const auto piece = bytes.substr(0, end);
        head_.append(piece.substr(0, most_of_head - std::min(most_of_head, head_.size())));
        next_ += piece.size();
        if (end == std::string_view::npos)
            break;
        end_head();
        ++next_;
        bytes.remove_prefix(end + 1);
    }
    return times_.size() < offsets_.size();
}

void Owners::end_head() {
    if (const auto time = line_time(head_, written_))
        last_ = *time;
    while (times_.size() < offsets_.size() && offsets_[times_.size()] < next_ + 1)
        times_.push_back(last_);
    head_.clear();
}

std::vector<Timestamp> Owners::times() {
    end_head(); // of a last line without an end
    times_.resize(offsets_.size(), last_);
    return times_;
}

} // namespace logbackup
