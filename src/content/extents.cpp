// SPDX-License-Identifier: MIT
#include "content/extents.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

namespace logbackup {
namespace {

constexpr std::uint64_t most_at_once = 65536;
constexpr std::uint64_t first_read = 4096; // most files end in a byte that is not zero
constexpr std::size_t most_extents = 10'000;
/// Data that is read forward at a time. The next run goes on.
constexpr std::uint64_t most_forward = 1U << 30U;

struct Extent {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
};

/// Returns the data in a range, up to `most_extents`; the rest counts as one more.
std::vector<Extent> extents_of(int file, std::uint64_t begin, std::uint64_t end) {
    std::vector<Extent> extents;
    while (begin < end) {
        const auto data = ::lseek(file, static_cast<off_t>(begin), SEEK_DATA);
        if (data < 0 && errno == ENXIO)
            break;
        const auto from = data < 0 ? begin : static_cast<std::uint64_t>(data);
        const auto hole = data < 0 || extents.size() >= most_extents ? -1 : ::lseek(file, data, SEEK_HOLE);
        const auto to = hole < 0 ? end : static_cast<std::uint64_t>(hole);
        if (from < end)
            extents.push_back({from, std::min(to, end)});
        begin = std::max(to, from + 1);
    }
    return extents;
}

class ZeroReader {
  public:
    explicit ZeroReader(int file)
        : file_(file), buffer_(std::make_unique_for_overwrite<char[]>(most_at_once)) {}

    /// Returns the offset after the last byte of a piece that is not zero, `begin` if there is none; nothing
    /// if the piece cannot be read.
    [[nodiscard]] std::optional<std::uint64_t> last_byte(std::uint64_t begin, std::uint64_t end) {
        const std::size_t length = end - begin;
        if (::pread(file_, buffer_.get(), length, static_cast<off_t>(begin)) != static_cast<ssize_t>(length))
            return std::nullopt;
        const char* bytes = buffer_.get();
        if (bytes[0] == '\0' && std::memcmp(bytes, bytes + 1, length - 1) == 0)
            return begin;
        std::size_t used = length;
        while (bytes[used - 1] == '\0')
            --used;
        return begin + used;
    }

  private:
    int file_;
    std::unique_ptr<char[]> buffer_;
};

/// Reads from `begin` until `most_zeros` zeros were read in a row.
std::uint64_t data_end_forward(ZeroReader& reader, int file, std::uint64_t begin, std::uint64_t end,
                               std::uint64_t most_zeros) {
    const std::uint64_t last = std::min(end, begin + most_forward);
    std::uint64_t found = begin;
    std::uint64_t zeros = 0;
    for (const auto& extent : extents_of(file, begin, last))
        for (std::uint64_t at = extent.begin; at < extent.end && zeros < most_zeros;) {
            const std::uint64_t to = std::min(extent.end, at + most_at_once);
            const auto used = reader.last_byte(at, to);
            if (!used)
                return found;
            zeros = *used == at ? zeros + (to - at) : 0;
            found = *used == at ? found : *used;
            at = to;
        }
    return found;
}

} // namespace

std::uint64_t data_end(int file, std::uint64_t begin, std::uint64_t end, std::uint64_t& budget,
                       const std::function<bool()>& is_stopped) {
    if (begin >= end)
        return begin;
    const std::uint64_t whole = budget;
    ZeroReader reader(file);
    const std::uint64_t tail = end - std::min(first_read, end - begin);
    if (const auto used = reader.last_byte(tail, end); !used || *used > tail)
        return used.value_or(end);
    const auto extents = extents_of(file, begin, tail);
    for (auto extent = extents.rbegin(); extent != extents.rend(); ++extent)
        for (std::uint64_t to = extent->end; to > extent->begin;) {
            const std::uint64_t from = to - std::min(most_at_once, to - extent->begin);
            if (is_stopped && is_stopped()) {
                budget = 0;
                return end;
            }
            if (budget < to - from) {
                budget = 0;
                return data_end_forward(reader, file, begin, end, whole);
            }
            budget -= to - from;
            const auto used = reader.last_byte(from, to);
            if (!used || *used > from)
                return used.value_or(end);
            to = from;
        }
    return begin;
}

std::uint64_t next_hole(int file, std::uint64_t begin, std::uint64_t end) {
    const auto hole = ::lseek(file, static_cast<off_t>(begin), SEEK_HOLE);
    const auto at = hole < 0 ? end : static_cast<std::uint64_t>(hole);
    return at > begin ? std::min(at, end) : end;
}

std::uint64_t holes_in(int file, std::uint64_t begin, std::uint64_t end) {
    std::uint64_t data = 0;
    for (const auto& extent : extents_of(file, begin, end))
        data += extent.end - extent.begin;
    return end - std::min(begin, end) - data;
}

} // namespace logbackup
