// SPDX-License-Identifier: MIT
#include "tick_once.hpp"

#include "content/content.hpp"
#include "content/decompress.hpp"
#include "content/redundant.hpp"
#include "ledger/backup_root.hpp"
#include "plan/plan.hpp"
#include "transfer/apply.hpp"
#include "transfer/transfer.hpp"
#include "util/error.hpp"
#include "util/files.hpp"
#include "util/lock_file.hpp"
#include "util/private_mounts.hpp"
#include "view/listing.hpp"
#include "view/view.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <optional>
#include <sstream>
#include <stdexcept>

namespace logbackup::test {
namespace {

std::string line(const Problem& problem) {
    return problem.path + ": " + problem.reason;
}

constexpr int most_repetitions = 3; // as in a tick

LogDirectory found_at(const std::string& path) {
    LogDirectory found;
    found.sources.push_back(
        {SourceKind::volume, "", UniqueFd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)), path});
    return found;
}

void save_once(const Tree& tree, const ApplySettings& how, Timestamp now, StopSignal& stop,
               TickResult& result) {
    const UniqueFd saved = open_directory(how.root, instance);
    const Listing source = list_tree(tree, {}, stop);
    const Listing backup = list_counterparts(saved.get(), source);
    const DirectoryPlan planned = plan(source, backup, content_of(tree, saved.get(), stop), now);
    result.unsettled.clear();
    for (const auto& failure : planned.failures)
        result.failures.push_back(line(failure));
    for (const auto& action : planned.actions)
        result.actions.push_back(std::string(name_of(action.kind)) + " " + action.path +
                                 (action.new_path.empty() ? "" : " -> " + action.new_path));
    if (planned.actions.empty())
        return;
    const ApplyOutcome outcome = apply({{&tree, &planned}}, how, stop, {});
    for (const auto& failure : outcome.directories.front().failures)
        result.failures.push_back(line(failure));
    for (const auto& reason : outcome.problems)
        result.failures.push_back(reason);
    for (const auto& unsettled : outcome.directories.front().unsettled)
        result.unsettled.push_back(line(unsettled));
}

void drop_copies(const Tree& tree, int root, StopSignal& stop, TickResult& result) {
    const UniqueFd saved = open_directory(root, instance);
    Tree backup;
    backup.held = open_directory(saved.get(), "");
    CopySearch search;
    search.instance = saved.get();
    for (const auto& entry : list_tree(backup, {}, stop).entries) {
        if (entry.type != FileType::regular)
            continue;
        if (is_compressed(entry.path))
            search.compressed.push_back(entry);
        else if (!locate_in(tree, entry.path))
            search.plain.push_back(entry);
    }
    const auto dropped = drop_redundant_copies(search, {}, stop);
    for (const auto& copy : dropped.dropped)
        result.actions.push_back("drop " + copy.path + " -> " + copy.proved_by);
    for (const auto& problem : dropped.problems)
        result.failures.push_back(line(problem));
}

} // namespace

TickResult tick_once(const TickSettings& settings) {
    ::umask(027);
    StopSignal stop;
    const UniqueFd root = open_backup_root(settings.root);
    const UniqueFd state = open_directory(root.get(), ".logbackup");
    const auto lock = LockFile::try_acquire(state.get(), "lock");
    if (!lock)
        throw std::runtime_error("what an earlier tick started still runs");
    std::string problem;
    std::optional<PrivateMounts> mounts;
    if (settings.way == Way::mounted)
        mounts = PrivateMounts::create(problem);
    const Tree tree = show(found_at(settings.source), instance, mounts ? &*mounts : nullptr, problem);
    if (!problem.empty())
        throw std::runtime_error(problem);

    const ApplySettings how{root.get(), mounts ? mounts->view() : -1, lock->fd(), "/usr/bin/rsync",
                            MinFree{0, 0}};
    TickResult result;
    remove_leftovers(root.get());
    for (int round = 0; round == 0 || (round <= most_repetitions && !result.unsettled.empty()); ++round)
        save_once(tree, how, settings.now, stop, result);
    drop_copies(tree, how.root, stop, result);
    return result;
}

std::string to_text(const TickResult& result) {
    std::string text;
    for (const auto& action : result.actions)
        text += "a" + action + "\n";
    for (const auto& failure : result.failures)
        text += "f" + failure + "\n";
    for (const auto& unsettled : result.unsettled)
        text += "u" + unsettled + "\n";
    return text;
}

TickResult from_text(const std::string& text) {
    TickResult result;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        auto& part = line.front() == 'a'   ? result.actions
                     : line.front() == 'f' ? result.failures
                                           : result.unsettled;
        part.push_back(line.substr(1));
    }
    return result;
}

} // namespace logbackup::test
