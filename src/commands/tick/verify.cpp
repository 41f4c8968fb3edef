// SPDX-License-Identifier: MIT
#include "commands/tick/tick_class.hpp"

#include "config/selection.hpp"
#include "content/content.hpp"
#include "ledger/ledger.hpp"
#include "util/error.hpp"
#include "util/files.hpp"
#include "view/listing.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

namespace logbackup {
namespace {

/// The most files that are opened to find out whether a saved file is their beginning. The same number
/// applies again to files of the same size and time.
constexpr std::size_t most_searches = 20'000;

/// Compares one log directory with its backup.
class Verifier {
  public:
    Verifier(const Tree& tree, int instance, Timestamp previous, const ListingLimits& limits,
             StopSignal& stop)
        : tree_(tree), instance_(instance), previous_(previous), stop_(stop),
          source_(list_saved_first(tree, limits, instance, stop)) {
        for (const auto& entry : source_.entries)
            if (entry.type == FileType::regular)
                by_looks_.emplace(Looks{entry.size, entry.mtime}, &entry);
    }

    void compare_all() {
        differences = source_.problems;
        for (const auto& entry : source_.entries)
            if (entry.type == FileType::regular && !stop_.requested())
                compare(entry);
    }

    [[nodiscard]] std::size_t excluded() const { return source_.excluded; }

    std::vector<Problem> differences;
    std::vector<Problem> newer; ///< differences that came after the last run
    std::size_t files = 0;
    std::uint64_t bytes = 0; ///< compared bytes

  private:
    void compare(const Entry& entry) {
        const UniqueFd source = open_in(tree_, entry.path);
        const auto status = source ? status_of(source.get()) : std::nullopt;
        if (!status && (errno == ENOENT || errno == ENXIO))
            return; // rotated away since it was listed
        ++files;
        if (!status) {
            differences.push_back({entry.path, "cannot read it: " + error_text(errno)});
            return;
        }
        // A container can set the time of a change, but not the inode's change time.
        const bool is_new = previous_ != Timestamp{} &&
                            Timestamp(std::chrono::seconds(status->st_ctim.tv_sec) +
                                      std::chrono::nanoseconds(status->st_ctim.tv_nsec)) >= previous_;
        const auto report = [&](const std::string& difference) {
            (is_new ? newer : differences).push_back({entry.path, difference});
        };
        const UniqueFd saved = instance_ >= 0 ? open_regular(instance_, entry.path) : UniqueFd();
        const auto kept = saved ? status_of(saved.get()) : std::nullopt;
        if (!kept) {
            report("it is not in the backup");
            return;
        }
        const auto size = static_cast<std::uint64_t>(status->st_size);
        const auto kept_size = static_cast<std::uint64_t>(kept->st_size);
        if (kept_size > size) {
            report("its backup holds " + human_bytes(kept_size) + ", it has " + human_bytes(size));
            return;
        }
        const auto comparison = compare_range(source.get(), saved.get(), 0, kept_size, stop_);
        bytes += kept_size;
        if (comparison.error != 0)
            differences.push_back({entry.path, "cannot compare it: " + error_text(comparison.error)});
        else if (!comparison.same && is_new && (has_moved(saved.get(), *kept) || replaces_saved(entry)))
            newer.push_back({entry.path, "it was rotated"});
        else if (!comparison.same)
            differences.push_back({entry.path, is_new
                                                   ? "its backup holds other bytes; if it was written anew "
                                                     "since the last run, the next one will set it aside"
                                                   : "its backup holds other bytes"});
        else if (kept_size < size)
            report("its last " + human_bytes(size - kept_size) + " are not in the backup");
    }

    using Looks = std::pair<std::uint64_t, std::int64_t>; ///< size and time

    /// True if the saved file is the beginning of another file of the log directory, most likely of one that
    /// was not written to since it was renamed.
    [[nodiscard]] bool has_moved(int saved, const struct stat& kept) {
        static constexpr std::int64_t second = 1'000'000'000; // some file systems keep whole seconds only
        const auto size = static_cast<std::uint64_t>(kept.st_size);
        const std::int64_t time = nanoseconds_of(kept.st_mtim);
        const auto end = by_looks_.upper_bound({size, time % second == 0 ? time + second - 1 : time});
        for (auto other = by_looks_.lower_bound({size, time}); other != end && likely_searches_ > 0; ++other)
            if (begins_with(*other->second, saved, size, likely_searches_))
                return true;
        for (auto other = by_looks_.lower_bound({size, INT64_MIN}); other != by_looks_.end() && searches_ > 0;
             ++other)
            if (begins_with(*other->second, saved, size, searches_))
                return true;
        return false;
    }

    /// True if the file was saved under a name that another file has now. Then it was renamed over a file
    /// that is gone, such as the oldest rotated log.
    [[nodiscard]] bool replaces_saved(const Entry& entry) {
        if (!saved_)
            saved_ = list_counterparts(instance_, source_);
        for (const auto& other : saved_->entries) {
            if (searches_ == 0)
                return false;
            if (other.type != FileType::regular || other.path == entry.path || other.size == 0 ||
                other.size > entry.size)
                continue;
            const UniqueFd saved = open_regular(instance_, other.path);
            if (!saved || !begins_with(entry, saved.get(), other.size, searches_))
                continue;
            const UniqueFd now = open_in(tree_, other.path);
            if (!now || !compare_range(now.get(), saved.get(), 0, other.size, stop_).same)
                return true;
        }
        return false;
    }

    [[nodiscard]] bool begins_with(const Entry& entry, int saved, std::uint64_t size, std::size_t& searches) {
        --searches;
        const UniqueFd other = open_in(tree_, entry.path);
        if (!other || !compare_range(other.get(), saved, 0, std::min(size, window), stop_).same ||
            size > bytes_to_search_)
            return false;
        bytes_to_search_ -= size;
        return compare_range(other.get(), saved, 0, size, stop_).same;
    }

    const Tree& tree_;
    int instance_;
    Timestamp previous_;
    StopSignal& stop_;
    Listing source_;
    std::optional<Listing> saved_; ///< saved files whose names exist in the source
    std::multimap<Looks, const Entry*> by_looks_;
    std::size_t searches_ = most_searches;
    std::size_t likely_searches_ = most_searches;
    std::uint64_t bytes_to_search_ = comparison_budget;
};

} // namespace

void Tick::verify_one(Candidate& candidate, const Assignment& assignment) {
    if (!take_up(candidate))
        return;
    std::string problem;
    Tree tree =
        show(std::move(candidate.found), assignment.directory, mounts_ ? &*mounts_ : nullptr, problem);
    if (!problem.empty()) {
        fail_unless_vanished(candidate, {problem, true});
        return;
    }
    tree.excluded = exclude_of(options_, candidate.container->service);
    // A run may be working at the same time, so differences are examined twice.
    for (int attempt = 0; attempt < 2 && !context_.stop.requested(); ++attempt) {
        const UniqueFd instance =
            assignment.present_as.empty() ? UniqueFd() : open_directory(context_.root, assignment.present_as);
        Verifier verifier(tree, instance.get(), last_complete_tick(context_.root), listing_limits(),
                          context_.stop);
        verifier.compare_all();
        Row& row = row_of(candidate);
        row.files = verifier.files;
        row.excluded = verifier.excluded();
        row.bytes += verifier.bytes;
        row.unsettled = std::move(verifier.newer);
        if (verifier.differences.empty())
            return;
        if (attempt == 1)
            for (const auto& [path, reason] : verifier.differences)
                fail(candidate, path, reason);
    }
}

/// Compares everything that is saved of the existing log directories with their files, byte for byte.
void Tick::verify_all() {
    for (std::size_t i = 0; i < candidates_.size() && !context_.stop.requested(); ++i)
        if (candidates_[i].selected && !assignments_.of_claim[i].shared_with &&
            assignments_.of_claim[i].problem.empty())
            verify_one(candidates_[i], assignments_.of_claim[i]);
    const auto ended = load_ended_records(context_.root, report_.problems).size();
    if (ended > 0 && !has_filter(options_))
        report_.notices.push_back(counted(ended, "log directory", "log directories") +
                                  " of containers that are gone cannot be compared with anything");
}

} // namespace logbackup
