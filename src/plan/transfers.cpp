// SPDX-License-Identifier: MIT
#include "plan/transfers.hpp"

#include <algorithm>
#include <utility>

namespace logbackup {
namespace {

bool has_holes(const Entry& entry) {
    return entry.allocated < entry.size + entry.zeros;
}

/// Returns the bytes of a range that are holes, if they are worth the effort.
std::uint64_t holes_in(const Entry& entry, std::uint64_t from, std::uint64_t to, const Content& content) {
    static constexpr std::uint64_t worth = 1U << 20U;
    if (!content.holes || entry.allocated + worth > entry.size + entry.zeros || from >= to)
        return 0;
    const std::uint64_t holes = content.holes(entry.path, from, to);
    return holes < worth ? 0 : std::min(holes, to - from);
}

/// Returns the offset up to which a file is saved.
std::uint64_t end_of(const Entry& entry, const Content& content, std::uint64_t file_size) {
    if (entry.size <= file_size || entry.size - holes_in(entry, 0, entry.size, content) <= file_size)
        return entry.size;
    const std::uint64_t hole = has_holes(entry) ? std::min(content.next_data(entry.path, 0), entry.size) : 0;
    return hole + std::min(file_size, entry.size - hole);
}

} // namespace

PlannedTransfer plan_transfer(ActionKind kind, const Entry& entry, std::uint64_t from, const Content& content,
                              std::uint64_t file_size) {
    PlannedTransfer planned;
    const std::uint64_t to = end_of(entry, content, file_size);
    if (to < entry.size)
        planned.problem = Problem{entry.path,
                                  "it has " + human_bytes(entry.size) + ", of which only " +
                                      human_bytes(file_size) + " are saved (--max-file-size)",
                                  Limit::file_size};
    if (to < entry.size && from >= to)
        return planned;
    const std::uint64_t data_from =
        has_holes(entry) ? std::clamp(content.next_data(entry.path, from), from, to) : from;
    Action action{kind, entry.path, {}, from, data_from, to, entry.mtime, entry.inode};
    action.holes = holes_in(entry, data_from, to, content);
    action.zeros = to < entry.size ? 0 : entry.zeros;
    action.ends_as_source = to == entry.size && entry.zeros > 0 && entry.zeros_proved;
    action.in_part = to < entry.size + entry.zeros;
    planned.action = std::move(action);
    return planned;
}

} // namespace logbackup
