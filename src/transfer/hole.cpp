// SPDX-License-Identifier: MIT
#include "transfer/hole.hpp"

#include "content/extents.hpp"
#include "transfer/transferrer.hpp"

#include <unistd.h>

#include <cerrno>

namespace logbackup {
namespace {

/// Zeros on the disk that are read of a source after the planner has proved them. Holes are not read.
constexpr std::uint64_t most_zeros = 1U << 30U;

bool has_only_zeros(int file, std::uint64_t begin, std::uint64_t end, std::uint64_t budget) {
    return data_end(file, begin, end, budget) <= begin && budget > 0;
}

} // namespace

int cut_hole(int saved, std::uint64_t data) {
    const std::uint64_t size = size_of(saved);
    if (size <= data)
        return size == data ? 0 : ESTALE;
    if (!has_only_zeros(saved, data, size, UINT64_MAX))
        return ESTALE;
    return ::ftruncate(saved, static_cast<off_t>(data)) == 0 ? 0 : errno;
}

int end_as_source(int saved, int source, const Action& action) {
    if (!action.ends_as_source)
        return 0;
    const std::uint64_t end = action.to + action.zeros;
    const std::uint64_t size = size_of(saved);
    if (size == end || size < action.to || size_of(source) != end ||
        !has_only_zeros(source, action.to, end, most_zeros))
        return 0;
    if (size > end)
        return cut_hole(saved, end);
    // A source can be longer than a file of the backup can be.
    return ::ftruncate(saved, static_cast<off_t>(end)) == 0 || errno == EFBIG ? 0 : errno;
}

} // namespace logbackup
