// SPDX-License-Identifier: MIT
#include "commands/survey.hpp"

#include "commands/discover.hpp"
#include "commands/gone.hpp"
#include "commands/held.hpp"
#include "commands/holding.hpp"
#include "commands/moved_volume.hpp"
#include "commands/parts.hpp"
#include "commands/unread.hpp"
#include "config/selection.hpp"
#include "ledger/backup_root.hpp"
#include "ledger/coverage.hpp"
#include "ledger/ledger.hpp"
#include "ledger/upkeep.hpp"
#include "locate/volumes.hpp"
#include "runtime/vanished.hpp"
#include "util/descriptors.hpp"
#include "util/error.hpp"
#include "util/files.hpp"
#include "util/glob.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <map>
#include <utility>
#include <variant>

namespace logbackup {
namespace {

/// Opens the backup root again in the private mount namespace. rsync (from version 3.5 on) looks up the path
/// of a descriptor that it is given, and from a chroot the path of one that was opened outside leads nowhere.
UniqueFd root_here(const Session& session) {
    UniqueFd root(::open(session.options.backup_root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const bool same = root && session.root && is_same_file(root.get(), session.root.get());
    return same ? std::move(root) : UniqueFd();
}

void open_view(const Session& session, Survey& survey) {
    std::set<HostPaths::Seen> seen;
    for (const auto& record : survey.records)
        seen.insert(record.seen_places.begin(), record.seen_places.end());
    survey.host =
        std::make_unique<HostPaths>(std::move(seen), left_out_of(session.options, survey.runtime.containers));
    std::string problem;
    survey.mounts = PrivateMounts::create(problem);
    if (survey.mounts)
        survey.root = root_here(session);
    if (!survey.mounts && session.tell)
        session.tell("this process may not mount (" + problem +
                     "): log directories are read directly, and of stopped containers only files that were "
                     "written after their start");
    const UniqueFd root = session.root ? open_directory(session.root.get(), "") : UniqueFd();
    survey.overlap.emplace(root ? OverlapCheck(root.get(), BackupRoot::exists)
                                : OverlapCheck(nearest_directory(session.options.backup_root).first.get(),
                                               BackupRoot::to_be_made));
}

/// True if nothing of the container can have changed since all of it was saved. Then its row is complete.
bool leave_closed(Survey& survey, const Wanted& wanted) {
    const auto record = survey.records.find([&](const Record& known) {
        return known.log_directory == wanted.name.path && is_closed(known, *wanted.container);
    });
    if (!record || has_nameless(survey, wanted))
        return false;
    survey.found_any = true;
    survey.left.push_back({wanted, RowStatus::complete, survey.records[*record].directory()});
    return true;
}

/// True if a container of the record is listed, but the log directory of each that is was removed.
bool was_removed_from(const Survey& survey, const Record& record) {
    bool any = false;
    for (const auto& id : record.containers) {
        const bool is_gone = survey.gone.contains({id, record.log_directory});
        if (survey.listed.contains(id) && !is_gone)
            return false;
        any = any || is_gone;
    }
    return any;
}

/// Takes what was found. Returns nothing if there is nothing to save.
std::optional<Holder> take_located(const Session& session, Survey& survey, const Wanted& wanted,
                                   Located located) {
    const auto* failed = std::get_if<LocateFailed>(&located);
    survey.reached_any = survey.reached_any || failed == nullptr || !failed->root_unseen;
    if (failed != nullptr) {
        note_unread(survey, {wanted, failed->reason, failed->limit}, *failed);
        return std::nullopt;
    }
    if (std::holds_alternative<LogDirectoryGone>(located)) {
        take_gone(survey, wanted);
        return std::nullopt;
    }
    if (std::holds_alternative<LogDirectoryLeftOut>(located)) {
        survey.left.push_back({wanted, RowStatus::left_out});
        return std::nullopt;
    }
    if (std::holds_alternative<NoLogDirectory>(located)) {
        survey.left.push_back({wanted, RowStatus::no_log_directory});
        return std::nullopt;
    }
    survey.found_any = true;
    Holder holder{wanted, std::get<LogDirectory>(std::move(located)), SourceKind::merged, {}, false, false,
                  {}};
    if (const auto problem = survey.overlap->problem(holder.found); !problem.empty()) {
        survey.left.push_back({wanted, RowStatus::failed, {}, {{"", problem + ", which is refused"}}});
        return std::nullopt;
    }
    holder.kind = holder.found.sources.front().kind;
    holder.host_path = holder.found.sources.front().host_path;
    holder.volumes_below = holder.found.sources.size() > 1 || !holder.found.left_out.empty();
    holder.parts = parts_of(holder.found);
    holder.failures = failed_parts(session, *wanted.container, holder.found);
    return holder;
}

/// Finds the log directories of one container.
void locate_container(const Session& session, Survey& survey, const std::vector<const Wanted*>& all,
                      Closed closed, std::vector<Holder>& holders) {
    const auto left_before = survey.left.size();
    std::vector<const Wanted*> open = all;
    if (closed == Closed::leave_out)
        std::erase_if(open, [&](const Wanted* wanted) { return leave_closed(survey, *wanted); });
    auto located = locate_of(survey, open);
    // An open path may lead to a closed log directory: locate them together.
    if (open.size() < all.size() && std::any_of(located.begin(), located.end(), [](const auto& one) {
            return std::holds_alternative<LogDirectory>(one);
        })) {
        survey.left.resize(left_before);
        open = all;
        located = locate_of(survey, open);
    }
    for (std::size_t i = 0; i < open.size(); ++i)
        if (auto holder = take_located(session, survey, *open[i], std::move(located[i])))
            holders.push_back(std::move(*holder));
}

Claim claim_of(const Holder& holder) {
    const Container& container = *holder.wanted.container;
    const auto& name = holder.wanted.name;
    return {container.id,
            container.service,
            container.pod,
            container.namespace_name,
            container.created,
            container.is_still() ? container.finished : Timestamp{},
            holder.found.identity,
            holder.found.volume,
            holder.found.access,
            holder.found.direct,
            name.suffix,
            name.path,
            holder.kind == SourceKind::held};
}

Assignments assign_all(const Session& session, Survey& survey, const std::vector<Holder>& holders) {
    std::vector<Claim> claims;
    claims.reserve(holders.size());
    for (const auto& holder : holders)
        claims.push_back(claim_of(holder));
    std::set<std::string> running;
    for (const auto& container : survey.runtime.containers)
        if (container.has_process() || container.state == ContainerState::running ||
            container.state == ContainerState::restarting)
            running.insert(container.id);
    for (const auto& unreachable : survey.runtime.unreachable)
        running.insert(unreachable.id); // inspect failed: assume it runs
    return assign(
        claims, survey.records, running,
        [&](const std::string& service) {
            return session.root ? look_up_service(session.root.get(), service) : ServiceDirectory{};
        },
        [&](const std::string& service, const std::string& instance) {
            return load_ended_record(session.root.get(), service, instance, survey.problems);
        },
        [&](const Record& record, const HolderId& id) {
            return has_moved_to(session, survey, record,
                                std::find_if(holders.begin(), holders.end(), [&](const Holder& holder) {
                                    return id_of(holder.wanted) == id;
                                })->found);
        });
}

/// Makes the job of one log directory.
Job job_of(Place place, const std::map<HolderId, Holder*>& holders) {
    Job job;
    for (const auto& id : place.holders) {
        Holder& holder = *holders.at(id);
        job.wanted = job.wanted || (holder.wanted.selected && place.problem.empty());
        if (!job.holders.empty()) // only the first one is read
            close_descriptors(holder.found);
        job.holders.push_back(std::move(holder));
    }
    job.is_let_go = job.holders.front().is_let_go;
    if (!place.problem.empty())
        add_problem(job.failures, {"", place.problem});
    job.place = std::move(place);
    return job;
}

void make_jobs(Survey& survey, std::vector<Holder> holders, Assignments assignments) {
    std::map<HolderId, Holder*> by_id;
    for (auto& holder : holders)
        by_id.emplace(id_of(holder.wanted), &holder);
    for (auto& place : assignments.places)
        survey.jobs.push_back(job_of(std::move(place), by_id));
    survey.moves = std::move(assignments.moves);
    JobOfHolder jobs;
    for (const auto& job : survey.jobs)
        for (const auto& holder : job.holders)
            jobs.emplace(id_of(holder.wanted), &job);
    for (auto& job : survey.jobs) {
        note_saved_before(survey, job, jobs);
        note_elsewhere(survey, job, jobs);
    }
}

/// True if its container's layer was removed from the directory of all containers' layers, which is there.
bool is_layer_gone(const Record& record) {
    const LayerSight sight = look_at_layer(record.layer);
    return record.volume.empty() && sight.error == ENOENT && sight.above_is_there;
}

/// True if a record says that this run should have found its log directory.
bool expects_any(const Session& session, const Survey& survey) {
    return std::any_of(survey.records.begin(), survey.records.end(), [&](const Record& record) {
        return is_expected(record, survey.listed, survey.removed) &&
               !is_skipped(session.options, record.service) && !survey.host->leaves_out(record.volume) &&
               !was_removed_from(survey, record) && !is_layer_gone(record);
    });
}

/// True if the container is removed by now, or is being removed. `again` is what the runtime says now.
bool is_removed_by_now(const Discovery& again, const std::string& id) {
    const auto is_it = [&](const auto& other) { return other.id == id; };
    const auto found = std::find_if(again.containers.begin(), again.containers.end(), is_it);
    if (found == again.containers.end())
        return std::none_of(again.unreachable.begin(), again.unreachable.end(), is_it);
    return found->state == ContainerState::removing ||
           has_vanished(Known::yes, *found, look_at_layer(found->upper));
}

/// Asks again for the listed containers that have records: on a small node, all can go during one run.
void note_removed_meanwhile(const Session& session, Survey& survey) {
    std::set<std::string> ids;
    for (const auto& record : survey.records)
        if (is_asked(session, survey.runtime, record))
            std::copy_if(record.containers.begin(), record.containers.end(), std::inserter(ids, ids.end()),
                         [&](const std::string& id) { return survey.listed.contains(id); });
    if (ids.empty())
        return;
    const Discovery again = session.runtime.ask_again({ids.begin(), ids.end()}, session.stop);
    for (const auto& id : ids)
        if (is_removed_by_now(again, id)) {
            survey.listed.erase(id);
            survey.removed.insert(id);
        }
}

/// "docker lists", "docker and containerd list"
std::string runtimes_of(const Survey& survey) {
    std::string names;
    for (const auto& [name, engine] : survey.runtime.engines)
        names += (names.empty() ? "" : " and ") + escaped(name);
    return (names.empty() ? "docker" : names) + (survey.runtime.engines.size() > 1 ? " list" : " lists");
}

std::string doubt_text(const Survey& survey) {
    const auto live = counted(survey.records.size(), "log directory is", "log directories are") +
                      " live; none of them ends in this run\nhint: ";
    if (survey.runtime.ids.empty())
        return runtimes_of(survey) + " no container, but " + live +
               "is it the engine that runs these containers, and is the disk with its data mounted?";
    return "none of " + counted(survey.runtime.ids.size(), "container") + " has a log directory, but " +
           live + "is --log-dir right, and is it the engine that runs these containers?";
}

} // namespace

void take_gone(Survey& survey, const Wanted& wanted) {
    survey.gone.insert(id_of(wanted));
    const auto record = survey.records.find([&](const Record& known) {
        return known.log_directory == wanted.name.path && !is_unlisted(known, {wanted.container->id});
    });
    if (record && survey.records[*record].coverage == Coverage::complete)
        survey.left.push_back({wanted, RowStatus::complete, survey.records[*record].directory()});
    else
        survey.left.push_back({wanted, RowStatus::gone});
}

void locate_all(const Session& session, Survey& survey, Closed closed) {
    open_view(session, survey);
    DescriptorShare share(descriptors_to_locate(survey.wanted));
    std::vector<Holder> holders;
    for (auto next = survey.wanted.begin(); next != survey.wanted.end() && !session.stop.requested();) {
        std::vector<const Wanted*> all; // of one container
        for (const Container* container = next->container;
             next != survey.wanted.end() && next->container == container; ++next)
            all.push_back(&*next);
        std::vector<Holder> found;
        locate_container(session, survey, all, closed, found);
        for (auto& holder : found)
            holders.push_back(hold_or_let_go(std::move(holder), share));
    }
    leave_to_others(survey, holders);
    find_parts_elsewhere(session, survey, holders, [&](const Wanted& wanted) {
        std::vector<Holder> found;
        locate_container(session, survey, {&wanted}, Closed::look_at, found);
        for (auto& holder : found)
            holder = hold_or_let_go(std::move(holder), share);
        return found;
    });
    auto assignments = assign_all(session, survey, holders);
    make_jobs(survey, std::move(holders), std::move(assignments));
}

void judge_sight(const Session& session, Survey& survey) {
    if (!session.root || session.stop.requested())
        return;
    if (!survey.found_any && expects_any(session, survey))
        note_removed_meanwhile(session, survey);
    const std::uint64_t before = load_empty_runs(session.root.get());
    const std::uint64_t empty_runs = empty_runs_after(before, survey.found_any, expects_any(session, survey));
    survey.is_doubtful = is_doubtful(empty_runs);
    if (survey.is_doubtful)
        survey.problems.push_back(doubt_text(survey));
    if (session.writes() && !save_empty_runs(session.root.get(), before, empty_runs))
        survey.problems.push_back("cannot write to " + in_quotes(state_directory) + ": " + error_text(errno));
}

std::vector<Located> locate_of(Survey& survey, const std::vector<const Wanted*>& wanted) {
    std::vector<Located> held;
    if (!wanted.empty() && is_removed(survey, *wanted.front()->container))
        for (const auto* one : wanted)
            held.push_back(locate_held(survey, *one));
    if (wanted.empty() || !held.empty())
        return held;
    std::vector<std::string> log_directories;
    log_directories.reserve(wanted.size());
    for (const auto* one : wanted)
        log_directories.push_back(one->name.path);
    auto located = locate(*wanted.front()->container, log_directories,
                          survey.mounts ? &*survey.mounts : nullptr, *survey.host);
    for (std::size_t i = 0; i < located.size(); ++i) // of one that was deleted, the files may be held
        if ((std::holds_alternative<NoLogDirectory>(located[i]) ||
             std::holds_alternative<LogDirectoryGone>(located[i])) &&
            has_nameless(survey, *wanted[i]))
            located[i] = locate_held(survey, *wanted[i]);
    return located;
}

std::vector<Problem> failed_parts(const Session& session, const Container& container,
                                  const LogDirectory& found) {
    std::vector<Problem> failed;
    for (const auto& part : found.problems)
        if (!is_excluded(exclude_of(session.options, container.service), part.path))
            add_problem(failed, part);
    return failed;
}

std::set<RecordId> lost_in(const Survey& survey) {
    std::set<RecordId> lost;
    for (const auto id : survey.records.ids())
        if (const Record& record = survey.records[id];
            record.coverage != Coverage::complete && was_removed_from(survey, record) &&
            (record.volume.empty() || !volume_exists(record, *survey.host)))
            lost.insert(id);
    return lost;
}

} // namespace logbackup
