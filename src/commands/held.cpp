// SPDX-License-Identifier: MIT
#include "commands/held.hpp"

#include "ledger/while_following.hpp"
#include "plan/renames.hpp"
#include "util/files.hpp"
#include "util/glob.hpp"
#include "view/view.hpp"

#include <fcntl.h>

#include <algorithm>
#include <utility>

namespace logbackup {
namespace {

UniqueFd copy_of(int held) {
    return held < 0 ? UniqueFd() : UniqueFd(::fcntl(held, F_DUPFD_CLOEXEC, 0));
}

const HeldDirectory* held_of(const Survey& survey, const Wanted& wanted) {
    if (survey.held == nullptr)
        return nullptr;
    const auto found = survey.held->directories.find(id_of(wanted));
    return found == survey.held->directories.end() ? nullptr : &found->second;
}

/// Shows files that are held in a tree. Each gets a path that nothing else in the tree has.
class Shown {
  public:
    Shown(Tree& tree, Job& job) : tree_(tree), job_(job) {}

    void add(const HeldFile& file) {
        const auto status = status_of(file.file);
        if (!status || tree_.leaves_out(file.path) || is_excluded(tree_.excluded, file.path))
            return;
        std::string path = free_path(file.path, nanoseconds_of(status->st_mtim));
        tree_.in_memory = tree_.in_memory || lies_in_memory(file.file);
        if (!file.has_name)
            tree_.nameless.insert(path);
        UniqueFd copy = copy_of(file.file);
        if (copy)
            tree_.files.emplace(std::move(path), std::move(copy));
        else
            add_problem(job_.failures, {file.path, "there are too few descriptors (ulimit -n)"});
    }

  private:
    [[nodiscard]] bool is_file(const std::string& path) const {
        const auto there = tree_.held ? status_at(tree_.held.get(), path) : std::nullopt;
        return tree_.files.contains(path) || (there && !S_ISDIR(there->st_mode));
    }
    [[nodiscard]] bool is_taken(const std::string& path) const {
        const std::string below = path + "/";
        const auto in_it = tree_.files.lower_bound(below);
        return tree_.files.contains(path) || tree_.mounted_at(path) != nullptr ||
               (in_it != tree_.files.end() && in_it->first.starts_with(below)) ||
               (tree_.held && status_at(tree_.held.get(), path).has_value());
    }
    std::string free_path(std::string path, std::int64_t mtime) {
        const Timestamp time{std::chrono::nanoseconds(mtime)};
        for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1))
            if (const std::string above = path.substr(0, slash); is_file(above)) { // it was a directory
                const std::string aside = aside_name(above, time);
                path.replace(0, slash, aside);
                slash = aside.size();
            }
        if (!is_taken(path))
            return path;
        const std::string aside = aside_name(path, time);
        std::string free = aside;
        for (int& last = last_number_[aside]; is_taken(free);)
            free = aside + "." + std::to_string(++last);
        return free;
    }

    Tree& tree_;
    Job& job_;
    std::map<std::string, int> last_number_; ///< of the names of each time
};

/// True if the file is in the log directory under the name under which it was held: it has not lost its name.
bool has_its_name(const Tree& tree, const HeldFile& file) {
    const UniqueFd there = tree.held ? locate_in(tree, file.path) : UniqueFd();
    const auto one = there ? status_of(there.get()) : std::nullopt;
    const auto other = status_of(file.file);
    return one && other && one->st_ino == other->st_ino && one->st_mtim.tv_sec == other->st_mtim.tv_sec &&
           one->st_mtim.tv_nsec == other->st_mtim.tv_nsec && one->st_size == other->st_size;
}

} // namespace

void take_held(const Session& session, Survey& survey) {
    if (session.root)
        survey.gone_empty = load_gone(session.root.get());
    survey.held = session.held;
    if (survey.held == nullptr)
        return;
    survey.listed.insert(survey.held->followed.begin(), survey.held->followed.end());
    for (const auto& container : survey.held->removed) {
        std::erase_if(survey.runtime.containers,
                      [&](const Container& other) { return other.id == container.id; });
        std::erase(survey.runtime.ids, container.id);
        survey.listed.erase(container.id);
        survey.removed.insert(container.id);
        survey.runtime.containers.push_back(container);
    }
}

bool is_followed(const Survey& survey, const std::string& container) {
    return survey.gone_empty.contains(container) ||
           (survey.held != nullptr && survey.held->followed.contains(container));
}

bool is_removed(const Survey& survey, const Container& container) {
    return survey.held != nullptr &&
           std::any_of(survey.held->removed.begin(), survey.held->removed.end(),
                       [&](const Container& other) { return other.id == container.id; });
}

bool has_nameless(const Survey& survey, const Wanted& wanted) {
    const HeldDirectory* held = held_of(survey, wanted);
    return held != nullptr && !held->sources.empty() &&
           std::any_of(held->files.begin(), held->files.end(),
                       [](const HeldFile& file) { return !file.has_name; });
}

Located locate_held(const Survey& survey, const Wanted& wanted) {
    const HeldDirectory* held = held_of(survey, wanted);
    if (held == nullptr || held->sources.empty())
        return NoLogDirectory{};
    LogDirectory found;
    for (const auto& source : held->sources)
        found.sources.push_back({source.kind, source.below, copy_of(source.directory), source.host_path});
    found.sources.front().kind = SourceKind::held;
    if (const auto status = status_of(held->sources.front().directory))
        found.identity = {status->st_dev, status->st_ino};
    found.volume = held->volume;
    found.access = held->access;
    found.direct = held->direct;
    found.has_lost_part = held->not_held > 0;
    return found;
}

void leave_to_others(Survey& survey, std::vector<Holder>& holders) {
    std::set<Identity> others;
    for (const auto& holder : holders)
        if (holder.kind != SourceKind::held)
            others.insert(holder.found.identity);
    std::erase_if(holders, [&](const Holder& holder) {
        const bool is_left = holder.kind == SourceKind::held && others.contains(holder.found.identity);
        if (is_left)
            survey.left_to_others.emplace(id_of(holder.wanted), holder.found.identity);
        return is_left;
    });
}

void show_held(const Survey& survey, Job& job, Tree& tree) {
    const HeldDirectory* held = nullptr; // all that have the log directory hold the same files
    for (const auto& holder : job.holders)
        if (held = held_of(survey, holder.wanted); held != nullptr)
            break;
    if (held == nullptr)
        return;
    Shown shown(tree, job);
    if (tree.kind == SourceKind::held) // first those that have names: the others give way
        for (const auto& file : held->files)
            if (file.has_name)
                shown.add(file);
    for (const auto& file : held->files)
        if (!file.has_name && !has_its_name(tree, file))
            shown.add(file);
}

namespace {
/// True if all was saved that is held. A log that others write to can have changed while it was read: the
/// next run sees it again, but not a file that has lost its name.
bool has_saved_held(const Session& session, const Job& job) {
    if (!job.record || !job.work || !job.tree || job.vanished ||
        job.work->done.bytes >= session.options.max_bytes)
        return false;
    const bool is_removed = job.holders.front().kind == SourceKind::held;
    return std::none_of(
        job.work->done.unsettled.begin(), job.work->done.unsettled.end(),
        [&](const Problem& file) { return is_removed || job.tree->nameless.contains(file.path); });
}
} // namespace

std::vector<HeldOutcome> outcomes_of_held(const Session& session, const Survey& survey) {
    std::vector<HeldOutcome> outcomes;
    if (survey.held == nullptr)
        return outcomes;
    const auto failed = failed_in(survey);
    std::set<HolderId> saved; // what this run does not know of is not saved
    std::set<HolderId> compared;
    for (const auto& left : survey.left)
        if (left.status == RowStatus::no_log_directory || left.status == RowStatus::left_out ||
            left.status == RowStatus::complete)
            saved.insert(id_of(left.wanted));
    for (const auto& job : survey.jobs)
        for (const auto& holder : job.holders) {
            if (!has_saved_held(session, job))
                continue;
            saved.insert(id_of(holder.wanted));
            if (job.work->is_compared)
                compared.insert(id_of(holder.wanted));
        }
    for (const auto& [id, identity] : survey.left_to_others)
        for (const auto& job : survey.jobs)
            if (job.holders.front().found.identity == identity && has_saved_held(session, job))
                saved.insert(id);
    for (const auto& [id, directory] : survey.held->directories) {
        const bool is_saved = !session.stop.requested() && saved.contains(id) && !failed.contains(id);
        outcomes.push_back({id, is_saved, is_saved && compared.contains(id)});
    }
    return outcomes;
}

} // namespace logbackup
