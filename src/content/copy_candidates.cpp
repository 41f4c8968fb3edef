// SPDX-License-Identifier: MIT
#include "content/copy_candidates.hpp"

#include "util/aside.hpp"
#include "util/files.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace logbackup {
namespace {

constexpr std::array<std::string_view, 6> compressed_suffixes{".gz", ".zst", ".xz", ".bz2", ".Z", ".zip"};
constexpr std::size_t most_copies = 256;
/// More files of one time were made by something else than a compressor.
constexpr std::size_t most_of_one_time = 8;

/// Returns the path that a file had before it was set aside.
std::string former_path(const std::string& path) {
    const std::string name = base_name(path);
    const auto aside = read_aside_name(name);
    return aside ? joined(parent_path(path), std::string(aside->of)) : path;
}

bool is_named_compressed(const std::string& path) {
    const std::string former = former_path(path);
    return std::any_of(compressed_suffixes.begin(), compressed_suffixes.end(),
                       [&](std::string_view suffix) { return former.ends_with(suffix); });
}

class Choice {
  public:
    Choice(const SavedFiles& saved, const std::function<bool(const Entry&)>& is_compressed)
        : saved_(saved), is_compressed_(is_compressed) {}

    CopyCandidates run() {
        find_orphans();
        if (orphans_.empty())
            return {};
        for (const auto& entry : saved_.entries)
            if (saved_.is_new(entry) && add_compressed(entry))
                any_new_ = true;
        look_at_partners();
        if (any_new_)
            for (std::size_t i = 0; i < std::min(orphans_.size(), most_copies); ++i)
                add_plain(*orphans_[i]);
        return std::move(chosen_);
    }

  private:
    /// Finds the files that may be copies, the likeliest first.
    void find_orphans() {
        for (const auto& entry : saved_.entries)
            if (!saved_.has_source(entry) &&
                (saved_.was_set_aside(entry) || !is_named_compressed(entry.path)))
                orphans_.push_back(&entry);
        std::stable_sort(orphans_.begin(), orphans_.end(), [&](const Entry* a, const Entry* b) {
            const bool a_first = saved_.was_set_aside(*a);
            const bool b_first = saved_.was_set_aside(*b);
            return a_first != b_first ? a_first : a->mtime > b->mtime;
        });
    }

    void look_at_partners() {
        std::unordered_map<std::string_view, const Entry*> by_path;
        std::unordered_map<std::int64_t, std::vector<const Entry*>> by_time;
        for (const auto& entry : saved_.entries) {
            by_path.emplace(entry.path, &entry);
            by_time[entry.mtime].push_back(&entry);
        }
        for (const auto* orphan : orphans_) {
            bool any = false;
            for (const auto suffix : compressed_suffixes) {
                const auto found = by_path.find(former_path(orphan->path).append(suffix));
                any = (found != by_path.end() && add_compressed(*found->second)) || any;
            }
            if (const auto& same = by_time.at(orphan->mtime); same.size() <= most_of_one_time)
                for (const auto* other : same)
                    any = (other != orphan && add_compressed(*other)) || any;
            if (any)
                add_plain(*orphan);
        }
    }

    bool looks_compressed(const Entry& entry) {
        const auto [known, is_first] = looked_at_.try_emplace(&entry, false);
        if (is_first)
            known->second = is_compressed_(entry);
        return known->second;
    }

    /// Returns whether it is compressed.
    bool add_compressed(const Entry& entry) {
        if (!looks_compressed(entry))
            return false;
        if (added_.insert(&entry).second)
            chosen_.compressed.push_back(entry);
        return true;
    }

    void add_plain(const Entry& entry) {
        if (looks_compressed(entry) && !saved_.was_set_aside(entry))
            return;
        if (added_plain_.insert(&entry).second)
            chosen_.plain.push_back(entry);
    }

    const SavedFiles& saved_;
    const std::function<bool(const Entry&)>& is_compressed_;
    std::vector<const Entry*> orphans_;
    std::unordered_map<const Entry*, bool> looked_at_;
    std::unordered_set<const Entry*> added_;
    std::unordered_set<const Entry*> added_plain_;
    bool any_new_ = false;
    CopyCandidates chosen_;
};

} // namespace

CopyCandidates choose_candidates(const SavedFiles& saved,
                                 const std::function<bool(const Entry&)>& is_compressed) {
    return Choice(saved, is_compressed).run();
}

} // namespace logbackup
