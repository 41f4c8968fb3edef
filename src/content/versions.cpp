// SPDX-License-Identifier: MIT
#include "content/versions.hpp"

#include "content/decompress.hpp"
#include "util/files.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace logbackup {
namespace {

constexpr std::size_t version_block = 4096;
constexpr std::size_t version_piece = 1U << 20U; // read at once while searching and comparing
constexpr std::uint64_t most_sampled = 512;
constexpr std::uint64_t least_same_of_text = 4;
constexpr std::uint64_t least_same_of_binary = 2;
constexpr std::size_t least_needle = 64; // about a line
/// Places where the head of a version can stand in the one before. A log of equal lines has more.
constexpr int most_places = 16;

std::uint64_t length_of(int file) {
    const auto status = status_of(file);
    return status ? static_cast<std::uint64_t>(status->st_size) : 0;
}

/// Reads files as long as the budget lasts and the run goes on.
class Reading {
  public:
    Reading(std::uint64_t& budget, StopSignal& stop) : budget_(budget), stop_(stop) {}

    /// Reads up to `length` bytes; fewer at the end of the file, or where it cannot be read.
    std::string piece_of(int file, std::uint64_t offset, std::uint64_t length) {
        if (length > budget_ || stop_.requested())
            return {};
        std::string piece(length, '\0');
        std::size_t done = 0;
        while (done < piece.size()) {
            const auto got =
                ::pread(file, piece.data() + done, piece.size() - done, static_cast<off_t>(offset + done));
            if (got <= 0)
                break;
            done += static_cast<std::size_t>(got);
        }
        budget_ -= done;
        piece.resize(done);
        return piece;
    }

  private:
    std::uint64_t& budget_;
    StopSignal& stop_;
};

bool same_range(int one, std::uint64_t at_one, int other, std::uint64_t at_other, std::uint64_t length,
                Reading& reading) {
    for (std::uint64_t done = 0; done < length;) {
        const auto want = std::min<std::uint64_t>(version_piece, length - done);
        const auto ours = reading.piece_of(one, at_one + done, want);
        if (ours.size() < want || ours != reading.piece_of(other, at_other + done, want))
            return false;
        done += want;
    }
    return true;
}

/// Returns the first place at or after `from` where `needle` stands.
std::optional<std::uint64_t> find_in(int file, std::string_view needle, std::uint64_t from,
                                     Reading& reading) {
    for (;; from += version_piece) {
        const auto piece = reading.piece_of(file, from, version_piece + needle.size() - 1);
        // Not std::string::find(): a container can choose bytes with which it takes a time of their product.
        const void* found = ::memmem(piece.data(), piece.size(), needle.data(), needle.size());
        if (found != nullptr)
            return from + static_cast<std::uint64_t>(static_cast<const char*>(found) - piece.data());
        if (piece.size() < version_piece + needle.size() - 1)
            return std::nullopt;
    }
}

/// Follows a version byte by byte: which of its neighbours has had the same bytes at the same places since
/// the current stretch began?
class Stretches {
  public:
    /// Returns false when neither of them goes on and the stretch is too short to be no accident.
    bool goes_on(bool in_before, bool in_after) {
        in_before_ = in_before_ && in_before;
        in_after_ = in_after_ && in_after;
        if (!in_before_ && !in_after_) {
            if (length_ < version_block || (!in_before && !in_after))
                return false;
            in_before_ = in_before;
            in_after_ = in_after;
            length_ = 0;
            has_changed_ = true;
        }
        ++length_;
        return true;
    }
    /// Returns whether the last stretch is long enough, too.
    [[nodiscard]] bool ends_well() const { return !has_changed_ || length_ >= version_block; }

  private:
    bool in_before_ = true;
    bool in_after_ = true;
    std::size_t length_ = 0;
    bool has_changed_ = false;
};

/// True if the version consists of stretches that stand in one of its neighbours at the same place.
bool is_covered_in_place(int before, int version, int after, Reading& reading) {
    Stretches stretches;
    for (std::uint64_t at = 0;; at += version_piece) {
        const auto piece = reading.piece_of(version, at, version_piece);
        const auto older = reading.piece_of(before, at, piece.size());
        const auto newer = reading.piece_of(after, at, piece.size());
        for (std::size_t i = 0; i < piece.size(); ++i)
            if (!stretches.goes_on(i < older.size() && older[i] == piece[i],
                                   i < newer.size() && newer[i] == piece[i]))
                return false;
        if (piece.size() < version_piece)
            return at + piece.size() == length_of(version) && stretches.ends_well();
    }
}

/// Returns where the version goes on in `after`: `after` begins with all bytes from there on. Only `needle`
/// bytes are searched for; what goes on for less is not found.
std::optional<std::uint64_t> place_of_next(int version, int after, std::size_t needle, Reading& reading) {
    const auto size = length_of(version);
    const auto head = reading.piece_of(after, 0, needle);
    if (head.size() < needle)
        return std::nullopt;
    std::uint64_t from = 1;
    for (int place = 0; place < most_places; ++place) {
        const auto found = find_in(version, head, from, reading);
        if (!found)
            return std::nullopt;
        if (size - *found <= length_of(after) &&
            same_range(version, *found, after, 0, size - *found, reading))
            return found;
        from = *found + 1;
    }
    return std::nullopt;
}

/// True if `before` has the first `length` bytes of the version, from some place on.
bool has_head(int before, int version, std::uint64_t length, Reading& reading) {
    const auto head = reading.piece_of(version, 0, std::min<std::uint64_t>(version_block, length));
    const auto size = length_of(before);
    std::uint64_t from = 0;
    for (int place = 0; place < most_places; ++place) {
        const auto found = find_in(before, head, from, reading);
        if (!found || size - *found < length)
            return false;
        if (same_range(before, *found, version, 0, length, reading))
            return true;
        from = *found + 1;
    }
    return false;
}

} // namespace

bool is_rewritten(int older, int newer, StopSignal& stop) {
    if (is_compressed(first_bytes_of(older)))
        return false;
    const std::uint64_t blocks = (length_of(older) + version_block - 1) / version_block;
    const std::uint64_t sampled = std::min(blocks, most_sampled);
    std::uint64_t budget = 2 * most_sampled * version_block;
    Reading reading(budget, stop);
    std::uint64_t with_data = 0;
    std::uint64_t same = 0;
    bool returns = false; // a block is the same after one that is not
    bool is_binary = false;
    for (std::uint64_t i = 0; i < sampled; ++i) {
        const std::uint64_t at = i * blocks / sampled * version_block;
        const auto ours = reading.piece_of(older, at, version_block);
        if (ours.find_first_not_of('\0') == std::string::npos)
            continue;
        ++with_data;
        // Zeros at the end can be those that a writer has set aside.
        is_binary = is_binary || ours.find('\0') < ours.find_last_not_of('\0');
        if (ours == reading.piece_of(newer, at, ours.size())) {
            ++same;
            returns = returns || same < with_data;
        }
    }
    // A log that was cut and went on has nothing in common after that.
    if (!returns && with_data - same > 1)
        return false;
    return same >= (is_binary ? least_same_of_binary : least_same_of_text) && 2 * same >= with_data;
}

bool is_covered(int before, int version, int after, std::uint64_t& budget, StopSignal& stop) {
    Reading reading(budget, stop);
    if (length_of(version) == 0 || is_compressed(first_bytes_of(version)))
        return false;
    if (is_covered_in_place(before, version, after, reading))
        return true;
    auto next = place_of_next(version, after, version_block, reading);
    if (!next)
        next = place_of_next(version, after, least_needle, reading);
    return next && has_head(before, version, *next, reading);
}

} // namespace logbackup
