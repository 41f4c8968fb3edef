// SPDX-License-Identifier: MIT
#include "plan/zeros.hpp"

#include "plan/comparisons.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace logbackup {
namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t few = 16; // more than the zeros that end a gzip or zip file
/// Zeros on the disk that are read of one file. Holes are not read.
constexpr std::uint64_t most_of_one_file = 64U << 20U;
/// The same when all bytes are compared.
constexpr std::uint64_t most_of_last_pass = 4ULL << 30U;
/// What is read even if others have used up the budget: so no file waits for ever.
constexpr std::uint64_t least_of_one_file = 64U << 10U;
/// Longer than a mapped file stays unwritten.
constexpr std::chrono::minutes quiet{1};
/// The time in which a second run follows the one that saved a file, if one runs each minute.
constexpr std::chrono::minutes two_runs{2};

/// Returns whether a saved file may end in a hole, as far as its status shows.
bool may_end_in_hole(const Entry& saved) {
    return saved.type == FileType::regular && saved.size >= few &&
           (saved.allocated < saved.size || saved.size % page == 0);
}

void leave_out(Entry& entry, std::uint64_t data_end) {
    const std::uint64_t zeros = entry.size - std::min(data_end, entry.size);
    if (!are_set_aside(entry.size, zeros))
        return;
    entry.size -= zeros;
    entry.zeros = zeros;
}

class ZeroFinder {
  public:
    ZeroFinder(const Listing& source, const Listing& backup, const Content& content,
               const SilentChanges& silent, std::uint64_t budget, Thoroughness thoroughness)
        : source_(source), backup_(backup), content_(content), silent_(silent),
          everything_(thoroughness == Thoroughness::everything) {
        written_.budget = budget;
        for (std::size_t i = 0; i < backup.entries.size(); ++i)
            if (backup.entries[i].type == FileType::regular)
                saved_.emplace(backup.entries[i].path, i);
    }

    Written run(const std::function<bool()>& is_stopped) {
        for (std::size_t i = 0; i < source_.entries.size(); ++i) {
            if (is_stopped && i % 64 == 0 && is_stopped())
                break;
            const Entry& entry = source_.entries[i];
            if (entry.type == FileType::regular)
                look_at(i, saved_.find(entry.path));
        }
        return std::move(written_);
    }

  private:
    using Saved = std::unordered_map<std::string_view, std::size_t>;

    void look_at(std::size_t index, Saved::const_iterator found) {
        Entry entry = source_.entries[index];
        if (found == saved_.end()) {
            leave_out_zeros(entry, 0);
            return take(written_.source, source_, index, entry);
        }
        Entry saved = backup_.entries[found->second];
        const bool looks_unchanged =
            !everything_ && saved.size == entry.size && same_time(entry.mtime, saved.mtime);
        const bool is_read = may_end_in_hole(saved) || (saved.size > entry.size && saved.size >= few);
        if (looks_unchanged && !is_read) // its end is compared if it may have changed all the same
            return;
        if (is_read)
            leave_out_saved(saved);
        if (looks_unchanged && saved.zeros == 0 && !silent_.may_have(entry))
            return;
        leave_out_zeros(entry, std::min(saved.size, entry.size));
        if (!is_read && entry.zeros > 0)
            leave_out_saved(saved);
        take(written_.source, source_, index, entry);
        take(written_.backup, backup_, found->second, saved);
    }

    static void take(std::optional<Listing>& listing, const Listing& whole, std::size_t index,
                     const Entry& entry) {
        if (entry.zeros == 0)
            return;
        if (!listing)
            listing = whole;
        listing->entries[index] = entry;
    }

    void leave_out_saved(Entry& saved) const {
        if (content_.saved_data_end)
            leave_out(saved, content_.saved_data_end(saved.path, saved.size));
    }

    /// The first `begin` bytes are saved, without zeros at the end.
    void leave_out_zeros(Entry& entry, std::uint64_t begin) {
        if (!are_set_aside(entry.size, entry.size)) // not even if all of it were zeros
            return;
        std::uint64_t end = data_end(entry, begin, entry.size);
        if (end == begin && begin > 0) // what is saved may end in zeros, too
            end = data_end(entry, 0, begin);
        leave_out(entry, end);
    }

    [[nodiscard]] std::uint64_t data_end(Entry& entry, std::uint64_t begin, std::uint64_t end) {
        const std::uint64_t share = everything_
                                        ? most_of_last_pass
                                        : std::clamp(written_.budget, least_of_one_file, most_of_one_file);
        std::uint64_t left = share;
        const std::uint64_t found = content_.data_end(entry.path, begin, end, left);
        entry.zeros_proved = entry.zeros_proved && left > 0;
        written_.reached_limits = written_.reached_limits || left == 0;
        if (!everything_)
            written_.budget -= std::min(written_.budget, share - left);
        return found;
    }

    const Listing& source_;
    const Listing& backup_;
    const Content& content_;
    const SilentChanges& silent_;
    bool everything_;
    Saved saved_; ///< indices in the backup, by path
    Written written_;
};

} // namespace

bool are_set_aside(std::uint64_t size, std::uint64_t zeros) {
    return zeros >= page || (zeros >= few && size % page == 0);
}

SilentChanges::SilentChanges(Timestamp now, Timestamp last_run, bool in_memory) : in_memory_(in_memory) {
    Timestamp seen = now - two_runs;
    if (last_run != Timestamp{})
        seen = std::min(seen, last_run);
    since_ = (seen - quiet).time_since_epoch().count();
}

bool SilentChanges::may_have(const Entry& entry) const {
    return in_memory_ || entry.mtime >= since_;
}

Written without_zeros(const Listing& source, const Listing& backup, const Content& content,
                      const SilentChanges& silent, std::uint64_t budget, Thoroughness thoroughness,
                      const std::function<bool()>& is_stopped) {
    if (!content.data_end)
        return {std::nullopt, std::nullopt, budget, false};
    return ZeroFinder(source, backup, content, silent, budget, thoroughness).run(is_stopped);
}

void leave_out_saved_zeros(Listing& saved, const Content& content) {
    if (!content.saved_data_end)
        return;
    for (auto& entry : saved.entries)
        if (may_end_in_hole(entry))
            leave_out(entry, content.saved_data_end(entry.path, entry.size));
}

} // namespace logbackup
