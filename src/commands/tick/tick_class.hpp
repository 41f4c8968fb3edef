// SPDX-License-Identifier: MIT
#pragma once

#include "assign/assign.hpp"
#include "commands/tick/tick.hpp"
#include "ledger/coverage.hpp"
#include "locate/locate.hpp"
#include "locate/overlap.hpp"
#include "plan/plan.hpp"
#include "runtime/docker/docker_cli.hpp"
#include "transfer/apply.hpp"
#include "util/private_mounts.hpp"
#include "view/listing.hpp"
#include "view/view.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace logbackup {

/// One of our containers on its way through the stages.
struct Candidate {
    const Container* container = nullptr;
    LogDirectoryName name;
    bool selected = false;
    std::size_t row = 0;     ///< index in the report, when selected
    LogDirectory found;      ///< valid until it is shown in the view
    std::string volume;      ///< as found
    std::uint64_t inode = 0; ///< of the log directory
    bool volumes_below = false;
    std::map<std::string, std::string> seen_places; ///< as found
    std::optional<Tree> tree;                       ///< set when it is to be saved
    DirectoryPlan plan;
    Thoroughness thoroughness = Thoroughness::changes;
    std::string compared_to;           ///< the part that its last pass has compared so far, as in its record
    std::vector<std::string> files;    ///< all regular files
    bool may_have_copies = false;      ///< has both plain and compressed files
    bool is_postponed = false;         ///< planning takes long, so it comes after all others
    bool is_let_go = false;            ///< its descriptors are closed; take_up() opens them again
    bool is_waiting = false;           ///< will be planned and saved when there are descriptors
    std::optional<std::size_t> record; ///< index of its record, once it is written
};

/// Returns the number of descriptors that the log directory holds.
[[nodiscard]] std::size_t descriptors_of(const LogDirectory& found);

/// How much of a log directory is examined in one go.
enum class Effort {
    little, ///< before anything is saved; a directory with more to do is postponed
    full,
};

/// One run on its way through the stages. Its parts are in the files beside this one.
class Tick {
  public:
    explicit Tick(const TickContext& context)
        : context_(context), options_(context.options), now_(context.now) {}

    Report run() {
        const auto begin = std::chrono::steady_clock::now();
        report_.kind = options_.kind;
        report_.backup_root = options_.backup_root;
        stage("discover", [&] {
            discovery_ = discover({context_.docker, options_.docker_timeout}, context_.stop);
            if (context_.examine)
                context_.examine(discovery_.containers);
            classify_all();
            load_records();
            if (saves())
                find_missed_containers();
        });
        stage("locate", [&] {
            open_mounts();
            locate_all();
            note_sight();
            assign_all();
        });
        if (options_.kind == RunKind::verify)
            stage("verify", [&] {
                verify_all();
                judge_unread();
            });
        else if (is_prune())
            stage("plan", [&] {
                find_prunable_files();
                judge_unread();
            });
        else
            stage("plan", [&] {
                plan_all();
                judge_unread();
            });
        if (options_.kind == RunKind::tick && !context_.stop.requested()) {
            stage("save", [&] {
                make_moves();
                apply_plans();
                judge_unread(); // for those that had to wait for their turn
            });
            stage("finish", [&] {
                drop_all_copies();
                close_records();
                end_records();
            });
        }
        if (saves() && !context_.stop.requested())
            stage("prune", [&] { prune(); });
        drop_rows_of_nothing();
        sort_rows();
        report_.duration = std::chrono::steady_clock::now() - begin;
        return std::move(report_);
    }

  private:
    template <typename Work> void stage(const char* name, Work work) {
        const auto begin = std::chrono::steady_clock::now();
        work();
        report_.stages.emplace_back(
            name, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    }
    void classify_all();
    void load_records();
    void find_missed_containers();
    void note_missed(Missed missed);
    void open_mounts();
    [[nodiscard]] bool is_gone(const Record& record);
    [[nodiscard]] bool is_unlisted(const Record& record) const;
    [[nodiscard]] std::vector<std::map<std::string, std::string>> places_of(const Candidate& candidate) const;
    [[nodiscard]] std::vector<Located> locate_of(const std::vector<Candidate*>& candidates);
    void locate_all();
    [[nodiscard]] bool take_located(Candidate& candidate, Located located);
    [[nodiscard]] bool leave_closed(const Candidate& candidate);
    [[nodiscard]] std::size_t descriptors_to_locate() const;
    void let_go(Candidate& candidate) const;
    [[nodiscard]] bool take_up(Candidate& candidate);
    void fail_parts(const Candidate& candidate);
    void assign_all();
    void plan_all();
    [[nodiscard]] bool is_last_pass(const Candidate& candidate, const Assignment& assignment) const;
    [[nodiscard]] std::string pass_of(const Candidate& candidate) const;
    [[nodiscard]] ComparedTo compared_to(const Candidate& candidate, const Listing& source) const;
    [[nodiscard]] ListingLimits listing_limits() const {
        return ListingLimits::of(options_.max_files, options_.max_depth);
    }
    void plan_one(Candidate& candidate, const Assignment& assignment);
    void plan_tree(Candidate& candidate, const std::string& present_as, Effort effort);
    void take_plan(Candidate& candidate, const Listing& source);
    [[nodiscard]] ListingLimits limits_for_little() const;
    [[nodiscard]] std::optional<std::vector<std::string>> files_of(Candidate& candidate);
    void make_moves();
    [[nodiscard]] std::vector<const Container*> sharers_of(const Candidate& candidate) const;
    void save_record(Candidate& candidate, const Assignment& assignment);
    [[nodiscard]] bool begin_to_save(Candidate& candidate);
    [[nodiscard]] ApplySettings apply_settings() const;
    static void count(Row& row, const DirectoryOutcome& outcome);
    void apply_plans();
    void apply_until_settled(std::vector<Candidate*> workers);
    void save_waiting();
    void save_postponed(Candidate& candidate);
    void apply_to(const std::vector<Candidate*>& workers);
    void drop_copies(Candidate& candidate, std::chrono::milliseconds time);
    void drop_all_copies();
    void release_unchanged();
    void take_outcome(Candidate& candidate, DirectoryOutcome& outcome);
    [[nodiscard]] bool sync(Candidate& candidate);
    void close_records();
    void end_records();
    void note_sight();
    [[nodiscard]] bool was_removed(const Record& record) const;
    [[nodiscard]] bool is_expected(const Record& record) const;
    [[nodiscard]] std::string doubt_text() const;
    void report_unlisted();
    [[nodiscard]] bool is_replaced(std::size_t index) const;
    [[nodiscard]] bool has_failed(std::size_t index) const;
    [[nodiscard]] std::set<std::size_t> assigned_records() const;
    [[nodiscard]] std::set<std::size_t> former_of_too_many() const;
    [[nodiscard]] std::set<std::size_t> unwanted_records() const;
    [[nodiscard]] bool ends_now(std::size_t index, const std::set<std::size_t>& superseded);
    void write(const Record& record);
    void verify_all();
    void verify_one(Candidate& candidate, const Assignment& assignment);
    void find_prunable_files();
    void find_prunable_files_of(std::size_t index);
    void find_prunable_files_in(Candidate& candidate, const Record& record);
    [[nodiscard]] static bool has_lost_something(const Candidate& candidate,
                                                 const std::vector<std::string>& files);
    [[nodiscard]] std::string doubt_about_ends() const;
    void prune();
    void drop_rows_of_nothing();
    void sort_rows();

    [[nodiscard]] bool is_prune() const {
        return options_.kind == RunKind::prune || options_.kind == RunKind::prune_dry_run;
    }
    /// True if the run saves, or shows what it would save.
    [[nodiscard]] bool saves() const {
        return options_.kind == RunKind::tick || options_.kind == RunKind::dry_run;
    }
    [[nodiscard]] bool is_dry() const { return options_.kind != RunKind::tick; }
    Row& row_of(const Candidate& candidate) { return report_.rows[candidate.row]; }
    void fail(const Candidate& candidate, const std::string& path, const std::string& reason) {
        failed_.insert({candidate.container->id, candidate.name.path});
        if (!candidate.selected)
            return;
        row_of(candidate).status = RowStatus::failed;
        static constexpr std::size_t most_failures = 100;
        auto& failures = row_of(candidate).failures;
        if (failures.size() > most_failures)
            return;
        if (failures.size() == most_failures) {
            failures.push_back({"", "it has more failures, which are left out"});
            return;
        }
        if (std::none_of(failures.begin(), failures.end(), [&](const Problem& known) {
                return known.path == path && known.reason == reason; // a second plan fails in the same way
            }))
            failures.push_back({path, reason});
    }
    /// Handles a container that may have been removed during the run, which is not a problem. judge_unread()
    /// decides about it later.
    void fail_unless_vanished(const Candidate& candidate, const LocateFailed& failure);
    void judge_unread();
    void take_vanished(const Candidate& candidate, const Container& container);
    [[nodiscard]] bool has_seen_any() const;
    std::size_t add_row(const Container& container);
    void select(Candidate& candidate);

    const TickContext& context_;
    const Options& options_;
    Report report_;
    Discovery discovery_;
    std::optional<PrivateMounts> mounts_;
    std::optional<HostPaths> host_;
    std::optional<OverlapCheck> overlap_;
    std::vector<Candidate> candidates_; ///< after locate_all(): the candidates with a log directory
    std::vector<Record> records_;       ///< records of live log directories
    /// Log directories of which something could not be saved: the container's id, and the path in it.
    std::set<std::pair<std::string, std::string>> failed_;
    /// Log directories that could not be read, and why. The run asks docker again whether their containers
    /// are gone.
    std::vector<std::pair<Candidate, std::string>> unread_;
    bool has_reached_any_ = false;  ///< the run has reached the file system of a container, whatever is in it
    std::size_t live_before_ = 0;   ///< number of live records when the run began
    std::set<std::string> removed_; ///< ids of containers that docker reported as removed since the last run
    std::size_t unexplained_ends_ = 0; ///< records that ended although docker reported nothing
    bool found_any_ = false;           ///< log directories
    bool is_doubtful_ = false;         ///< this run cannot tell whether a container is gone
    Assignments assignments_;
    std::size_t planned_entries_ = 0; ///< entries of all that was not postponed
    std::size_t planned_paths_ = 0;   ///< bytes of their paths
    Timestamp now_;
};

} // namespace logbackup
