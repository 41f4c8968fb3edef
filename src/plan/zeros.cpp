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
/// What is read even if others have used up the budget: so no file waits for ever.
constexpr std::uint64_t least_of_one_file = 64U << 10U;
/// Longer than a mapped file stays unwritten, plus the time between two runs.
constexpr std::chrono::minutes quiet{3};

class ZeroFinder {
  public:
    ZeroFinder(const Listing& backup, const Content& content, const SilentChanges& silent,
               std::uint64_t budget)
        : content_(content), silent_(silent) {
        written_.budget = budget;
        for (const auto& entry : backup.entries)
            if (entry.type == FileType::regular)
                saved_.emplace(entry.path, &entry);
    }

    Written run(const Listing& source, const std::function<bool()>& is_stopped) {
        for (std::size_t i = 0; i < source.entries.size(); ++i) {
            if (is_stopped && i % 64 == 0 && is_stopped())
                break;
            const std::uint64_t zeros = zeros_of(source.entries[i]);
            if (zeros == 0)
                continue;
            if (!written_.source)
                written_.source = source;
            written_.source->entries[i].size -= zeros;
            written_.source->entries[i].zeros = zeros;
        }
        return std::move(written_);
    }

  private:
    [[nodiscard]] std::uint64_t zeros_of(const Entry& entry) {
        if (entry.type != FileType::regular || entry.size < few)
            return 0;
        const auto found = saved_.find(entry.path);
        const Entry* saved = found == saved_.end() ? nullptr : found->second;
        if (saved != nullptr && saved->size == entry.size && same_time(entry.mtime, saved->mtime) &&
            !silent_.may_have(entry))
            return 0;
        const std::uint64_t begin = saved == nullptr ? 0 : std::min(saved->size, entry.size);
        std::uint64_t end = data_end(entry, begin, entry.size);
        if (end == begin && begin > 0) // what is saved may end in zeros, too
            end = data_end(entry, 0, begin);
        const std::uint64_t zeros = entry.size - std::min(end, entry.size);
        return are_set_aside(entry.size, zeros) ? zeros : 0;
    }

    [[nodiscard]] std::uint64_t data_end(const Entry& entry, std::uint64_t begin, std::uint64_t end) {
        const std::uint64_t share = std::clamp(written_.budget, least_of_one_file, most_of_one_file);
        std::uint64_t left = share;
        const std::uint64_t found = content_.data_end(entry.path, begin, end, left);
        written_.reached_limits = written_.reached_limits || left == 0;
        written_.budget -= std::min(written_.budget, share - left);
        return found;
    }

    const Content& content_;
    const SilentChanges& silent_;
    std::unordered_map<std::string_view, const Entry*> saved_;
    Written written_;
};

} // namespace

bool are_set_aside(std::uint64_t size, std::uint64_t zeros) {
    return zeros >= page || (zeros >= few && size % page == 0);
}

bool SilentChanges::may_have(const Entry& entry) const {
    return in_memory_ || entry.mtime >= (now_ - quiet).time_since_epoch().count();
}

Written without_zeros(const Listing& source, const Listing& backup, const Content& content,
                      const SilentChanges& silent, std::uint64_t budget,
                      const std::function<bool()>& is_stopped) {
    if (!content.data_end)
        return {std::nullopt, budget, false};
    return ZeroFinder(backup, content, silent, budget).run(source, is_stopped);
}

} // namespace logbackup
