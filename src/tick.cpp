// SPDX-License-Identifier: MIT
#include "logbackup/tick.hpp"

#include "logbackup/assign.hpp"
#include "logbackup/backup_root.hpp"
#include "logbackup/content.hpp"
#include "logbackup/coverage.hpp"
#include "logbackup/docker/docker_cli.hpp"
#include "logbackup/labels.hpp"
#include "logbackup/ledger.hpp"
#include "logbackup/listing.hpp"
#include "logbackup/locate.hpp"
#include "logbackup/missed.hpp"
#include "logbackup/plan.hpp"
#include "logbackup/private_mounts.hpp"
#include "logbackup/util/error.hpp"
#include "logbackup/util/files.hpp"
#include "logbackup/view.hpp"

#include <fcntl.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <variant>

namespace logbackup {
namespace {

/// From here on a transfer takes long enough that mounts it does not need are given up before.
constexpr std::uint64_t long_transfer = 64U << 20U;

/// One of our containers on its way through the stages.
struct Candidate {
    const Container* container = nullptr;
    bool selected = false;
    std::size_t row = 0; ///< in the report, when selected
    LogDirectory found;  ///< until it is shown in the view
    std::string volume;  ///< as found
    bool volumes_below = false;
    std::optional<Tree> tree; ///< when it is to be saved
    DirectoryPlan plan;
    Thoroughness thoroughness = Thoroughness::changes;
    std::vector<std::string> files;    ///< of a last pass: all that there are
    std::optional<std::size_t> record; ///< index, once it is written
};

class Tick {
  public:
    explicit Tick(const TickContext& context)
        : context_(context), options_(context.options), now_(context.now) {}

    Report run() {
        const auto begin = std::chrono::steady_clock::now();
        report_.kind = options_.kind;
        report_.backup_root = options_.backup_root;
        discovery_ = discover({context_.docker, options_.docker_timeout}, context_.stop);
        classify_all();
        load_records();
        find_missed_containers();
        open_mounts();
        locate_all();
        assign_all();
        plan_all();
        if (options_.kind == RunKind::tick && !context_.stop.requested()) {
            make_moves();
            apply_plans();
            close_records();
            end_records();
        }
        sort_rows();
        report_.duration = std::chrono::steady_clock::now() - begin;
        return std::move(report_);
    }

  private:
    void classify_all();
    void load_records();
    void find_missed_containers();
    void open_mounts();
    void locate_all();
    [[nodiscard]] bool leave_closed(const Candidate& candidate);
    void assign_all();
    void plan_all();
    [[nodiscard]] bool is_last_pass(const Candidate& candidate, const Assignment& assignment) const;
    void plan_one(Candidate& candidate, const Assignment& assignment);
    void make_moves();
    [[nodiscard]] std::vector<const Container*> sharers_of(const Candidate& candidate) const;
    void save_record(Candidate& candidate, const Assignment& assignment);
    void apply_plans();
    void release_unchanged();
    void take_outcome(Candidate& candidate, DirectoryOutcome& outcome);
    [[nodiscard]] bool sync(const Candidate& candidate) const;
    void close_records();
    void end_records();
    void write(const Record& record);
    void sort_rows();

    [[nodiscard]] bool is_dry() const { return options_.kind == RunKind::dry_run; }
    Row& row_of(const Candidate& candidate) { return report_.rows[candidate.row]; }
    void fail(const Candidate& candidate, const std::string& path, const std::string& reason) {
        failed_.insert(candidate.container->id);
        if (!candidate.selected)
            return;
        row_of(candidate).status = RowStatus::failed;
        row_of(candidate).failures.push_back({path, reason});
    }
    std::size_t add_row(const Container& container);

    const TickContext& context_;
    const Options& options_;
    Report report_;
    Discovery discovery_;
    std::optional<PrivateMounts> mounts_;
    std::vector<Candidate> candidates_; ///< after locate_all(): those that have a log directory
    std::vector<Record> records_;       ///< of live log directories
    std::set<std::string> failed_;      ///< ids of containers of which something could not be saved
    Assignments assignments_;
    Timestamp now_;
};

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

void Tick::classify_all() {
    bool any_matches = false;
    for (const auto& container : discovery_.containers) {
        const auto classification = classify(container);
        if (classification.ownership == Ownership::foreign)
            continue;
        const bool selected = selects(options_, container);
        any_matches = any_matches || selected;
        if (classification.ownership == Ownership::ours) {
            Candidate candidate;
            candidate.container = &container;
            candidate.selected = selected;
            if (selected)
                candidate.row = add_row(container);
            candidates_.push_back(std::move(candidate));
        } else if (selected) {
            report_.problems.push_back("container " + container.id.substr(0, 12) +
                                       " is left out: " + classification.problem);
        }
    }
    if (has_filter(options_) && !any_matches && !context_.stop.requested())
        throw Error("no container matches --service, --pod, --namespace or --container",
                    "'logbackup --dry-run' without them lists all containers");
}

void Tick::load_records() {
    if (!is_dry())
        finish_move(context_.root);
    if (context_.root >= 0)
        records_ = load_live_records(context_.root, report_.problems);
    for (const auto& [id, reason] : discovery_.unreachable) {
        failed_.insert(id);
        std::string name;
        for (const auto& record : records_)
            if (std::find(record.containers.begin(), record.containers.end(), id) != record.containers.end())
                name = std::string(" (").append(in_quotes(record.directory())).append(")");
        report_.problems.push_back("container " + id.substr(0, 12) + name + " is left out: " + reason);
    }
}

/// Loss that is known is worth more than silence.
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
    auto found = find_missed(*history, discovery_, records_, since);
    report_.missed = std::move(found.missed);
    if (!found.gap.empty())
        report_.notices.push_back(std::move(found.gap));
    if (is_dry())
        return;
    for (const auto& missed : report_.missed) {
        try {
            save_missed_record(context_.root, record_of(missed));
        } catch (const Error& error) {
            report_.problems.emplace_back(error.what());
        }
    }
}

void Tick::open_mounts() {
    std::string why_not;
    mounts_ = PrivateMounts::create(why_not);
    if (!mounts_)
        context_.notice(
            "this process may not mount (" + why_not +
            "): log directories are read directly, and of stopped containers only files that were "
            "written after their start");
}

/// A container of which nothing can have changed since all of it was saved.
bool Tick::leave_closed(const Candidate& candidate) {
    const auto record = std::find_if(records_.begin(), records_.end(), [&](const Record& known) {
        return is_closed(known, *candidate.container);
    });
    if (record == records_.end())
        return false;
    if (candidate.selected) {
        row_of(candidate).status = RowStatus::complete;
        row_of(candidate).target = record->directory();
    }
    return true;
}

void Tick::locate_all() {
    UniqueFd root;
    if (context_.root >= 0)
        root = open_directory(context_.root, "");
    const OverlapCheck overlap = overlap_check(options_.backup_root, root);
    std::vector<Candidate> found;
    for (auto& candidate : candidates_) {
        if (context_.stop.requested())
            break;
        if (leave_closed(candidate))
            continue;
        auto located = locate(*candidate.container, options_.log_directory, mounts_ ? &*mounts_ : nullptr);
        if (const auto* failed = std::get_if<LocateFailed>(&located)) {
            fail(candidate, "", failed->reason);
            continue;
        }
        if (std::holds_alternative<NoLogDirectory>(located)) {
            if (candidate.selected)
                row_of(candidate).status = RowStatus::no_log_directory;
            continue;
        }
        candidate.found = std::get<LogDirectory>(std::move(located));
        candidate.volume = candidate.found.volume;
        candidate.volumes_below = candidate.found.sources.size() > 1;
        if (const auto problem = overlap.problem(candidate.found); !problem.empty()) {
            fail(candidate, "", problem + ", which is refused");
            continue;
        }
        if (candidate.selected) {
            row_of(candidate).source = name_of(candidate.found.sources.front().kind);
            row_of(candidate).source_path = candidate.found.sources.front().host_path;
        }
        found.push_back(std::move(candidate));
    }
    candidates_ = std::move(found);
}

void Tick::assign_all() {
    std::vector<Claim> claims;
    for (const auto& candidate : candidates_) {
        const Container& container = *candidate.container;
        claims.push_back({container.id, container.service, container.pod, container.created,
                          candidate.found.identity, candidate.found.volume, candidate.found.access});
    }
    assignments_ = assign(claims, records_, [&](const std::string& service) {
        return context_.root >= 0 ? look_up_service(context_.root, service) : ServiceDirectory{};
    });
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
        if (!candidates_[i].selected)
            continue;
        Row& row = row_of(candidates_[i]);
        row.target = assignments_.of_claim[i].directory;
        if (assignments_.of_claim[i].shared_with)
            row.status = RowStatus::shared;
    }
}

void Tick::plan_all() {
    // A log directory that a selected container shares is saved although it is another's.
    std::set<std::size_t> wanted;
    for (std::size_t i = 0; i < candidates_.size(); ++i)
        if (candidates_[i].selected)
            wanted.insert(assignments_.of_claim[i].shared_with.value_or(i));
    for (const auto i : wanted) {
        if (context_.stop.requested())
            return;
        if (!candidates_[i].selected) {
            candidates_[i].selected = true;
            candidates_[i].row = add_row(*candidates_[i].container);
            row_of(candidates_[i]).target = assignments_.of_claim[i].directory;
            row_of(candidates_[i]).source = name_of(candidates_[i].found.sources.front().kind);
        }
        if (is_last_pass(candidates_[i], assignments_.of_claim[i]))
            candidates_[i].thoroughness = Thoroughness::everything;
        plan_one(candidates_[i], assignments_.of_claim[i]);
    }
}

/// Whether all containers of a log directory have ended, and not all of it was compared since.
bool Tick::is_last_pass(const Candidate& candidate, const Assignment& assignment) const {
    const auto sharers = sharers_of(candidate);
    const Record* record = assignment.known ? &records_[*assignment.known] : nullptr;
    if (record != nullptr && record->coverage == Coverage::live && !record->saved_until.empty())
        return false; // it failed at the last tick: first everything is to be saved
    return std::all_of(sharers.begin(), sharers.end(),
                       [](const auto* sharer) { return has_ended(*sharer); }) &&
           !(record != nullptr && std::all_of(sharers.begin(), sharers.end(), [&](const auto* sharer) {
                 return had_last_pass(*record, *sharer);
             }));
}

void Tick::plan_one(Candidate& candidate, const Assignment& assignment) {
    std::string problem;
    Tree tree =
        show(std::move(candidate.found), assignment.directory, mounts_ ? &*mounts_ : nullptr, problem);
    if (!problem.empty()) {
        fail(candidate, "", problem);
        return;
    }
    const UniqueFd instance = context_.root >= 0 && !assignment.present_as.empty()
                                  ? open_directory(context_.root, assignment.present_as)
                                  : UniqueFd();
    const Listing source = list_tree(tree, {}, context_.stop);
    const Listing backup = list_counterparts(instance.get(), source);
    candidate.plan =
        plan(source, backup, content_of(tree, instance.get(), context_.stop), now_, candidate.thoroughness);
    candidate.tree = std::move(tree);
    if (candidate.thoroughness == Thoroughness::everything)
        for (const auto& entry : source.entries)
            if (entry.type == FileType::regular)
                candidate.files.push_back(entry.path);

    Row& row = row_of(candidate);
    row.files = candidate.plan.files;
    row.skipped = candidate.plan.skipped;
    row.actions = candidate.plan.actions;
    for (const auto& failure : candidate.plan.failures)
        fail(candidate, failure.path, failure.reason);
    if (!is_dry())
        return; // the outcome counts
    for (const auto& action : candidate.plan.actions) {
        row.created += action.kind == ActionKind::create ? 1 : 0;
        row.changed += action.kind == ActionKind::append ? 1 : 0;
        row.renamed += action.kind == ActionKind::rename ? 1 : 0;
        row.set_aside += action.kind == ActionKind::set_aside ? 1 : 0;
        row.bytes += action.bytes();
    }
}

void Tick::make_moves() {
    for (const auto& move : assignments_.moves) {
        try {
            move_instance(context_.root, move);
            if (move.live)
                records_[*move.live].instance = move.to;
        } catch (const Error& error) {
            // Neither who was to get the name nor who was to lose it may write now.
            report_.problems.emplace_back(error.what());
            for (std::size_t i = 0; i < candidates_.size(); ++i) {
                const auto& directory = assignments_.of_claim[i].directory;
                if (directory == move.service + "/" + move.from ||
                    directory == move.service + "/" + move.to) {
                    candidates_[i].tree.reset();
                    fail(candidates_[i], "", "its directory could not be made free");
                }
            }
        }
    }
}

/// The instances of a candidate's container that have its log directory, the newest last.
std::vector<const Container*> Tick::sharers_of(const Candidate& candidate) const {
    const auto index = static_cast<std::size_t>(&candidate - candidates_.data());
    std::vector<const Container*> sharers{candidate.container};
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
        const Container& other = *candidates_[i].container;
        if (assignments_.of_claim[i].shared_with == index && other.service == candidate.container->service &&
            other.pod == candidate.container->pod)
            sharers.push_back(&other);
    }
    std::sort(sharers.begin(), sharers.end(),
              [](const Container* a, const Container* b) { return a->created < b->created; });
    return sharers;
}

/// Before a directory is written to, its record says whose it is.
void Tick::save_record(Candidate& candidate, const Assignment& assignment) {
    Record record;
    if (assignment.known) {
        record = records_[*assignment.known];
    } else {
        record.service = parent_path(assignment.directory);
        record.instance = base_name(assignment.directory);
        record.volume = candidate.volume;
        record.log_directory = options_.log_directory;
        record.first_seen = rfc3339(now_);
    }
    record.volumes_below = candidate.volumes_below;
    describe_containers(record, sharers_of(candidate));
    if (record.coverage == Coverage::complete && !candidate.plan.actions.empty())
        note_growth(record);
    if (!assignment.known || record != records_[*assignment.known])
        save_live_record(context_.root, record);
    candidate.record = assignment.known.value_or(records_.size());
    if (assignment.known)
        records_[*assignment.known] = std::move(record);
    else
        records_.push_back(std::move(record));
    if (!assignment.adopted)
        return;
    if (const auto problem = take_over(context_.root, assignment.directory, options_.group); !problem.empty())
        fail(candidate, "", problem);
}

void Tick::apply_plans() {
    std::vector<DirectoryWork> work;
    std::vector<Candidate*> workers;
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
        Candidate& candidate = candidates_[i];
        if (!candidate.tree)
            continue;
        try {
            save_record(candidate, assignments_.of_claim[i]);
        } catch (const Error& error) {
            candidate.tree.reset();
            fail(candidate, "", error.what());
            continue;
        }
        for (const auto& action : candidate.plan.actions)
            total += action.bytes();
        if (!candidate.plan.actions.empty()) {
            work.push_back({&*candidate.tree, &candidate.plan, candidate.thoroughness});
            workers.push_back(&candidate);
        }
    }
    if (total >= long_transfer)
        release_unchanged();
    const ApplySettings settings{
        context_.root, mounts_ ? mounts_->view() : -1, context_.lock, context_.rsync, {}, options_.group};
    auto outcome = apply(work, settings, context_.stop, context_.start_progress(total));
    for (std::size_t i = 0; i < workers.size(); ++i)
        take_outcome(*workers[i], outcome.directories[i]);
    for (auto& problem : outcome.problems)
        report_.problems.push_back(std::move(problem));
}

void Tick::release_unchanged() {
    for (auto& candidate : candidates_) {
        if (!candidate.tree || !candidate.plan.actions.empty())
            continue;
        const std::string directory = candidate.tree->directory;
        candidate.tree.reset();
        if (mounts_)
            mounts_->release(directory);
    }
}

void Tick::take_outcome(Candidate& candidate, DirectoryOutcome& outcome) {
    Row& row = row_of(candidate);
    row.created = outcome.created;
    row.changed = outcome.changed;
    row.renamed = outcome.renamed;
    row.set_aside = outcome.set_aside;
    row.bytes = outcome.bytes;
    row.unsettled = std::move(outcome.unsettled);
    for (const auto& failure : outcome.failures)
        fail(candidate, failure.path, failure.reason);
}

void Tick::write(const Record& record) {
    try {
        save_live_record(context_.root, record);
    } catch (const Error& error) {
        report_.problems.emplace_back(error.what());
    }
}

/// Waits until files of the backup are on the disk. False when one is not.
bool Tick::sync(const Candidate& candidate) const {
    const UniqueFd instance = open_directory(context_.root, records_[*candidate.record].directory());
    return std::all_of(candidate.files.begin(), candidate.files.end(), [&](const std::string& path) {
        const UniqueFd saved = open_regular(instance.get(), path);
        return saved && ::fsync(saved.get()) == 0;
    });
}

/// What the records say of how much is saved, now that it is known.
void Tick::close_records() {
    if (context_.stop.requested())
        return;
    for (auto& candidate : candidates_) {
        if (!candidate.record || failed_.contains(candidate.container->id))
            continue;
        Record& record = records_[*candidate.record];
        if (candidate.thoroughness == Thoroughness::everything && row_of(candidate).unsettled.empty() &&
            sync(candidate))
            note_last_pass(record, sharers_of(candidate), now_);
        else if (record.coverage == Coverage::live && !record.saved_until.empty())
            record.saved_until.clear(); // what failed before has been made up for
        else
            continue;
        write(record);
    }
    for (auto& record : records_) {
        const Record before = record;
        if (record.coverage == Coverage::live && !record.containers.empty() &&
            failed_.contains(record.containers.back()))
            note_failure(record, context_.previous);
        if (record != before)
            write(record);
    }
}

/// Records whose containers docker no longer knows. A volume outlives its containers: its log directory has
/// ended when it is gone itself.
void Tick::end_records() {
    const std::set<std::string> existing(discovery_.ids.begin(), discovery_.ids.end());
    for (auto& record : records_) {
        const bool exists = record.volume.empty()
                                ? std::any_of(record.containers.begin(), record.containers.end(),
                                              [&](const std::string& id) { return existing.contains(id); })
                                : ::access(record.volume.c_str(), F_OK) == 0;
        if (exists)
            continue;
        note_gone(record, context_.previous);
        // Where its files arrived; only if nothing is in it.
        ::unlinkat(context_.root, (".logbackup/incoming/" + record.directory()).c_str(), AT_REMOVEDIR);
        try {
            end_record(context_.root, record);
        } catch (const Error& error) {
            report_.problems.emplace_back(error.what());
        }
    }
}

void Tick::sort_rows() {
    std::stable_sort(report_.rows.begin(), report_.rows.end(), [](const Row& a, const Row& b) {
        return std::tie(a.service, a.pod, a.target) < std::tie(b.service, b.pod, b.target);
    });
}

} // namespace

Report run_tick(const TickContext& context) {
    return Tick(context).run();
}

} // namespace logbackup
