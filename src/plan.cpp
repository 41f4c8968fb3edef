// SPDX-License-Identifier: MIT
#include "logbackup/plan.hpp"

#include "logbackup/util/error.hpp"
#include "logbackup/util/files.hpp"

#include <algorithm>
#include <unordered_map>

namespace logbackup {
namespace {

constexpr std::size_t longest_name = 255;  // NAME_MAX
constexpr std::size_t longest_suffix = 24; // "~20261122T145512Z" and what tells two of one second apart

/// A file system can keep whole seconds only.
bool same_time(std::int64_t source, std::int64_t backup) {
    return source == backup ||
           (backup % 1'000'000'000 == 0 && source / 1'000'000'000 == backup / 1'000'000'000);
}

class Planner {
  public:
    Planner(const Listing& source, const Listing& backup, const Content& content, Timestamp now)
        : source_(source), content_(content), now_(now) {
        for (const auto& entry : backup.entries)
            backup_.emplace(entry.path, &entry);
    }

    DirectoryPlan run() {
        plan_.failures = source_.problems;
        for (const auto& entry : source_.entries) {
            const auto found = backup_.find(entry.path);
            const Entry* saved = found == backup_.end() ? nullptr : found->second;
            switch (entry.type) {
            case FileType::regular: plan_file(entry, saved); break;
            case FileType::link: plan_link(entry, saved); break;
            case FileType::directory:
                if (saved != nullptr && saved->type != FileType::directory)
                    set_aside(entry.path);
                break;
            case FileType::fifo: plan_.skipped.push_back({entry.path, "a FIFO"}); break;
            case FileType::socket: plan_.skipped.push_back({entry.path, "a socket"}); break;
            case FileType::device: plan_.skipped.push_back({entry.path, "a device"}); break;
            }
        }
        // Names are made free first.
        std::stable_partition(plan_.actions.begin(), plan_.actions.end(),
                              [](const Action& action) { return action.kind == ActionKind::set_aside; });
        return std::move(plan_);
    }

  private:
    void plan_file(const Entry& entry, const Entry* saved) {
        ++plan_.files;
        if (saved == nullptr) {
            transfer(ActionKind::create, entry, 0);
        } else if (saved->type != FileType::regular || saved->size > entry.size) {
            start_again(entry);
        } else if (saved->size == entry.size && same_time(entry.mtime, saved->mtime)) {
            return;
        } else {
            const bool grown = saved->size < entry.size;
            const Comparison comparison = grown ? compare_windows(content_, entry.path, saved->size)
                                                : content_.compare(entry.path, 0, entry.size);
            if (comparison.error != 0)
                plan_.failures.push_back(
                    {entry.path, "cannot compare it with its backup: " + error_text(comparison.error)});
            else if (!comparison.same)
                start_again(entry);
            else if (grown)
                transfer(ActionKind::append, entry, saved->size);
            else
                plan_.actions.push_back({ActionKind::retime, entry.path, {}, 0, 0, 0, entry.mtime});
        }
    }

    void plan_link(const Entry& entry, const Entry* saved) {
        if (!stays_inside(entry.path, entry.target)) {
            plan_.skipped.push_back({entry.path, "a link that leads out: " + in_quotes(entry.target)});
            return;
        }
        if (saved != nullptr && saved->type == FileType::link && saved->target == entry.target)
            return;
        if (saved != nullptr && saved->type != FileType::link)
            set_aside(entry.path);
        plan_.actions.push_back({ActionKind::link, entry.path, entry.target, 0, 0, 0, 0});
    }

    void set_aside(const std::string& path) {
        plan_.actions.push_back({ActionKind::set_aside, path, aside_name(path, now_), 0, 0, 0, 0});
    }

    void start_again(const Entry& entry) {
        set_aside(entry.path);
        transfer(ActionKind::create, entry, 0);
    }

    void transfer(ActionKind kind, const Entry& entry, std::uint64_t from) {
        const bool has_holes = entry.allocated < entry.size;
        const std::uint64_t data_from =
            has_holes ? std::clamp(content_.next_data(entry.path, from), from, entry.size) : from;
        plan_.actions.push_back({kind, entry.path, {}, from, data_from, entry.size, entry.mtime});
    }

    const Listing& source_;
    const Content& content_;
    Timestamp now_;
    std::unordered_map<std::string, const Entry*> backup_;
    DirectoryPlan plan_;
};

} // namespace

Comparison compare_windows(const Content& content, const std::string& path, std::uint64_t length) {
    if (length <= 2 * window)
        return length == 0 ? Comparison{true, 0} : content.compare(path, 0, length);
    const Comparison head = content.compare(path, 0, window);
    return head.same ? content.compare(path, length - window, window) : head;
}

DirectoryPlan plan(const Listing& source, const Listing& backup, const Content& content, Timestamp now) {
    return Planner(source, backup, content, now).run();
}

bool stays_inside(const std::string& path, const std::string& target) {
    if (target.empty() || target.front() == '/')
        return false;
    std::size_t above = components(path).size() - 1;
    bool went_down = false;
    for (const auto& part : components(target)) {
        if (part == ".")
            continue;
        if (part != "..") {
            went_down = true;
            continue;
        }
        // After a name the way up is the parent of wherever that name leads, which may be a link.
        if (went_down || above == 0)
            return false;
        --above;
    }
    return true;
}

std::string aside_name(const std::string& path, Timestamp now) {
    return joined(parent_path(path), base_name(path).substr(0, longest_name - longest_suffix)) + "~" +
           compact_time(now);
}

} // namespace logbackup
