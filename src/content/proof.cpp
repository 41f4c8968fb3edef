// SPDX-License-Identifier: MIT
#include "content/proof.hpp"

#include "content/content.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace logbackup {
namespace {

bool is_hole(int source, std::uint64_t begin, std::uint64_t end) {
    if (begin >= end)
        return true;
    const auto data = ::lseek(source, static_cast<off_t>(begin), SEEK_DATA);
    return data < 0 ? errno == ENXIO : static_cast<std::uint64_t>(data) >= end;
}

} // namespace

Proof prove(const Arrival& arrival, StopSignal& stop, const std::function<bool()>& is_over) {
    if (!is_hole(arrival.source, arrival.from, arrival.data_from))
        return {arrival.from, ECANCELED};
    static constexpr std::uint64_t step = 65536; // compare_range() checks `stop` only in longer ranges
    for (std::uint64_t at = arrival.data_from; at < arrival.size; at += step) {
        if (is_over())
            return {at, ECANCELED};
        if (at > arrival.data_from) // a small file is read sooner than its holes are found
            at = std::min({std::max(at, next_data(arrival.source, at)),
                           std::max(at, next_data(arrival.arrived, at)), arrival.size});
        const auto length = std::min(step, arrival.size - at);
        const auto same = compare_range(arrival.source, arrival.arrived, at, length, stop);
        if (!same.same)
            return {at, same.error};
    }
    return {arrival.size, 0};
}

bool same_at_ends(int source, int saved, std::uint64_t end, StopSignal& stop) {
    const auto length = std::min(end, window);
    return length == 0 || (compare_range(source, saved, 0, length, stop).same &&
                           compare_range(source, saved, end - length, length, stop).same);
}

} // namespace logbackup
