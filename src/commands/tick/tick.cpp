// SPDX-License-Identifier: MIT
#include "commands/tick/tick_class.hpp"

#include "commands/gone.hpp"
#include "config/selection.hpp"
#include "ledger/backup_root.hpp"
#include "ledger/ledger.hpp"
#include "retention/delete.hpp"
#include "runtime/labels.hpp"
#include "runtime/missed.hpp"
#include "transfer/transfer.hpp"
#include "util/descriptors.hpp"
#include "util/error.hpp"
#include "util/files.hpp"
#include "util/glob.hpp"

#include <algorithm>
#include <cerrno>
#include <tuple>
#include <utility>
#include <variant>

namespace logbackup {

std::size_t Tick::add_row(const Container& container) {
    Row row;
    row.container_id = container.id;
    row.service = container.service;
    row.pod = container.pod;
    row.namespace_name = container.namespace_name;
    row.state = container.state;
    report_.rows.push_back(std::move(row));
    return report_.rows.size() - 1;
}

void Tick::select(Candidate& candidate) {
    candidate.selected = true;
    candidate.row = add_row(*candidate.container);
    row_of(candidate).log_directory = candidate.name.path;
    row_of(candidate).suffix = candidate.name.suffix;
}

void Tick::classify_all() {
    bool any_matches = false;
    for (const auto& container : discovery_.containers) {
        const auto classification = classify(container);
        if (classification.ownership == Ownership::foreign)
            continue;
        const bool selected = selects(options_, container);
        any_matches = any_matches || selected;
        if (classification.ownership == Ownership::ours) {
            for (auto& name : log_directories_of(options_, container.service)) {
                Candidate candidate;
                candidate.container = &container;
                candidate.name = std::move(name);
                if (selected)
                    select(candidate);
                candidates_.push_back(std::move(candidate));
            }
        } else if (selected) {
            report_.problems.push_back("container " + container.id.substr(0, 12) +
                                       " is left out: " + classification.problem);
        }
    }
    if (has_filter(options_) && !any_matches && !is_prune() && !context_.stop.requested())
        throw Error("no container matches --service, --pod, --namespace or --container",
                    "'logbackup --dry-run' without them lists all containers");
}

void Tick::load_records() {
    if (!is_dry()) {
        finish_move(context_.root);
        settle_pruning(context_.root);
        remove_leftovers(context_.root);
    }
    if (context_.root >= 0)
        records_ = load_live_records(context_.root, report_.problems);
    live_before_ = records_.size();
    for (const auto& [id, reason] : discovery_.unreachable) {
        std::string name;
        for (const auto& record : records_)
            if (std::find(record.containers.begin(), record.containers.end(), id) !=
                record.containers.end()) {
                failed_.insert({id, record.log_directory});
                name = std::string(" (").append(in_quotes(record.directory())).append(")");
            }
        report_.problems.push_back("container " + id.substr(0, 12) + name + " is left out: " + reason);
    }
}

/// Finds containers that lived and died between two runs. A known loss is worth more than silence.
void Tick::find_missed_containers() {
    const Timestamp since = context_.previous;
    if (since == Timestamp{} || has_filter(options_) || context_.stop.requested() ||
        !may_have_changed(discovery_, since))
        return;
    std::string why_not;
    const auto history = recent_history({context_.docker, options_.docker_timeout}, since,
                                        std::chrono::system_clock::now(), context_.stop, why_not);
    if (!history) {
        if (!context_.stop.requested())
            report_.notices.push_back("containers that lived between two runs are not known: " + why_not);
        return;
    }
    for (const auto& [id, life] : history->lives)
        if (life.removed != Timestamp{})
            removed_.insert(id);
    auto found = find_missed(*history, discovery_, records_, since);
    for (auto& missed : found.missed)
        note_missed(std::move(missed));
    if (!found.gap.empty())
        report_.notices.push_back(std::move(found.gap));
}

void Tick::open_mounts() {
    std::set<HostPaths::Seen> seen;
    for (const auto& record : records_)
        seen.insert(record.seen_places.begin(), record.seen_places.end());
    host_.emplace(std::move(seen));
    std::string why_not;
    mounts_ = PrivateMounts::create(why_not);
    if (!mounts_)
        context_.notice(
            "this process may not mount (" + why_not +
            "): log directories are read directly, and of stopped containers only files that were "
            "written after their start");
}

/// True if nothing of the container can have changed since all of it was saved. Then its row is complete.
bool Tick::leave_closed(const Candidate& candidate) {
    const auto record = std::find_if(records_.begin(), records_.end(), [&](const Record& known) {
        return known.log_directory == candidate.name.path && is_closed(known, *candidate.container);
    });
    if (record == records_.end())
        return false;
    found_any_ = true;
    if (candidate.selected) {
        row_of(candidate).status = RowStatus::complete;
        row_of(candidate).target = record->directory();
    }
    return true;
}

/// Locates candidates of one container.
std::vector<Located> Tick::locate_of(const std::vector<Candidate*>& candidates) {
    if (candidates.empty())
        return {};
    std::vector<std::string> log_directories;
    log_directories.reserve(candidates.size());
    for (const auto* candidate : candidates)
        log_directories.push_back(candidate->name.path);
    return locate(*candidates.front()->container, log_directories, mounts_ ? &*mounts_ : nullptr, *host_);
}

void Tick::locate_all() {
    UniqueFd root;
    if (context_.root >= 0)
        root = open_directory(context_.root, "");
    overlap_.emplace(overlap_check(options_.backup_root, root));
    DescriptorShare share(descriptors_to_locate());
    std::vector<Candidate> found;
    for (auto next = candidates_.begin(); next != candidates_.end() && !context_.stop.requested();) {
        const Container& container = *next->container;
        std::vector<Candidate*> all; // all candidates of this container
        for (; next != candidates_.end() && next->container == &container; ++next)
            all.push_back(&*next);
        std::vector<Candidate*> open = all;
        if (options_.kind != RunKind::verify)
            std::erase_if(open, [&](const Candidate* candidate) { return leave_closed(*candidate); });
        auto located = locate_of(open);
        // An open path may lead to a closed log directory: locate them together.
        if (open.size() < all.size() && std::any_of(located.begin(), located.end(), [](const auto& one) {
                return std::holds_alternative<LogDirectory>(one);
            })) {
            open = all;
            located = locate_of(open);
        }
        for (std::size_t i = 0; i < open.size(); ++i) {
            if (!take_located(*open[i], std::move(located[i])))
                continue;
            if (!share.take(descriptors_of(open[i]->found)))
                let_go(*open[i]);
            found.push_back(std::move(*open[i]));
        }
    }
    candidates_ = std::move(found);
}

/// Stores what was found. Returns true if there is something to save.
bool Tick::take_located(Candidate& candidate, Located located) {
    const auto* failed = std::get_if<LocateFailed>(&located);
    has_reached_any_ = has_reached_any_ || failed == nullptr || !failed->root_unseen;
    if (failed != nullptr) {
        fail_unless_vanished(candidate, *failed);
        return false;
    }
    if (std::holds_alternative<NoLogDirectory>(located)) {
        if (candidate.selected)
            row_of(candidate).status = RowStatus::no_log_directory;
        return false;
    }
    found_any_ = true;
    candidate.found = std::get<LogDirectory>(std::move(located));
    candidate.volume = candidate.found.volume;
    candidate.inode = candidate.found.identity.inode;
    candidate.volumes_below = candidate.found.sources.size() > 1;
    candidate.seen_places = candidate.found.seen_places;
    if (const auto problem = overlap_->problem(candidate.found); !problem.empty()) {
        fail(candidate, "", problem + ", which is refused");
        return false;
    }
    if (candidate.selected) {
        row_of(candidate).source = name_of(candidate.found.sources.front().kind);
        row_of(candidate).source_path = candidate.found.sources.front().host_path;
    }
    fail_parts(candidate);
    return true;
}

/// Reports the parts of a log directory that cannot be saved.
void Tick::fail_parts(const Candidate& candidate) {
    for (const auto& [below, reason] : candidate.found.problems)
        if (!is_excluded(exclude_of(options_, candidate.container->service), below))
            fail(candidate, below, reason);
}

std::string Tick::doubt_text() const {
    const auto live = counted(records_.size(), "log directory is", "log directories are") +
                      " live; none of them ends in this run\nhint: ";
    if (discovery_.ids.empty())
        return "docker lists no container, but " + live +
               "is it the engine that runs these containers, and is the disk with its data mounted?";
    return "none of " + counted(discovery_.ids.size(), "container") + " has a log directory, but " + live +
           "is --log-dir right, and is it the engine that runs these containers?";
}

/// True if docker reported that it has removed the record's newest container since the last run.
bool Tick::was_removed(const Record& record) const {
    return !record.containers.empty() && removed_.contains(record.containers.back());
}

/// True if this run should find the record's log directory. It need not find a log directory that outlives
/// its containers on a volume.
bool Tick::is_expected(const Record& record) const {
    const bool outlives = record.coverage == Coverage::complete && !record.volume.empty();
    return !record.containers.empty() && !(is_unlisted(record) && (outlives || was_removed(record)));
}

/// Notes whether this run found what earlier runs did. A run that suddenly finds nothing cannot tell what is
/// gone.
void Tick::note_sight() {
    if (context_.root < 0 || context_.stop.requested() || !saves())
        return;
    const bool any_expected = std::any_of(records_.begin(), records_.end(),
                                          [this](const Record& record) { return is_expected(record); });
    const std::uint64_t before = load_empty_runs(context_.root);
    const std::uint64_t empty_runs = empty_runs_after(before, found_any_, any_expected);
    is_doubtful_ = is_doubtful(empty_runs);
    if (is_doubtful_)
        report_.problems.push_back(doubt_text());
    if (!is_dry() && !save_empty_runs(context_.root, before, empty_runs))
        report_.problems.push_back("cannot write to " + in_quotes(state_directory) + ": " +
                                   error_text(errno));
}

void Tick::assign_all() {
    std::vector<Claim> claims;
    for (const auto& candidate : candidates_) {
        const Container& container = *candidate.container;
        claims.push_back({container.id, container.service, container.pod, container.namespace_name,
                          container.created, candidate.found.identity, candidate.found.volume,
                          candidate.found.access, candidate.found.direct, candidate.name.suffix,
                          candidate.name.path});
    }
    std::set<std::string> running;
    for (const auto& container : discovery_.containers)
        if (container.has_process())
            running.insert(container.id);
    for (const auto& unreachable : discovery_.unreachable)
        running.insert(unreachable.id); // inspect failed: assume it runs
    assignments_ = assign(
        claims, records_, running,
        [&](const std::string& service) {
            return context_.root >= 0 ? look_up_service(context_.root, service) : ServiceDirectory{};
        },
        [&](const std::string& service, const std::string& instance) {
            return load_ended_record(context_.root, service, instance, report_.problems);
        });
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
        if (!candidates_[i].selected)
            continue;
        Row& row = row_of(candidates_[i]);
        row.target = assignments_.of_claim[i].directory;
        if (const auto& problem = assignments_.of_claim[i].problem; !problem.empty())
            fail(candidates_[i], "", problem);
        if (assignments_.of_claim[i].shared_with && row.failures.empty())
            row.status = RowStatus::shared;
    }
}

/// Drops the rows of missing log directories, but keeps one for a container that has none at all.
void Tick::drop_rows_of_nothing() {
    const auto is_nothing = [](const Row& row) { return row.status == RowStatus::no_log_directory; };
    std::set<std::string> told; // ids of containers with a row
    for (const auto& row : report_.rows)
        if (!is_nothing(row))
            told.insert(row.container_id);
    std::erase_if(report_.rows,
                  [&](const Row& row) { return is_nothing(row) && !told.insert(row.container_id).second; });
}

void Tick::sort_rows() {
    std::stable_sort(report_.rows.begin(), report_.rows.end(), [](const Row& a, const Row& b) {
        return std::tie(a.service, a.pod, a.target) < std::tie(b.service, b.pod, b.target);
    });
}

Report run_tick(const TickContext& context) {
    return Tick(context).run();
}

} // namespace logbackup
