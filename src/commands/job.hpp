// SPDX-License-Identifier: MIT
#pragma once

#include "assign/assign.hpp"
#include "locate/locate.hpp"
#include "logbackup/container.hpp"
#include "logbackup/held.hpp"
#include "logbackup/options.hpp"
#include "logbackup/outcome.hpp"
#include "logbackup/plan.hpp"
#include "logbackup/report.hpp"
#include "logbackup/source.hpp"
#include "view/view.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// The structs that commands hand from one stage to the next.
namespace logbackup {

/// A log directory that a container of ours should have.
struct Wanted {
    const Container* container = nullptr;
    LogDirectoryName name;
    bool selected = false; ///< by the filters
};

/// A log directory that leaves the run before it gets a directory in the backup.
struct Left {
    Wanted wanted;
    RowStatus status = RowStatus::no_log_directory;
    std::string target{};            ///< where it is saved already; else empty
    std::vector<Problem> failures{}; ///< or what a limit leaves out
};

/// A directory that is mounted below a log directory.
struct Part {
    std::string below; ///< path below the log directory
    Identity identity;
    std::string host_path; ///< path without links; empty for a tmpfs
};

/// A part of a log directory that is saved under another holder's names.
struct Elsewhere {
    std::string below;  ///< path below the log directory
    HolderId holder;    ///< the other one
    std::string inside; ///< path below the other's log directory
};

/// A container's log directory that was found on the host.
struct Holder {
    Wanted wanted;
    LogDirectory found; ///< without descriptors once the job has a tree, or is let go
    SourceKind kind = SourceKind::merged;
    std::string host_path;
    bool volumes_below = false;
    bool is_let_go = false;        ///< its descriptors were closed at once: there were not enough
    std::vector<Problem> failures; ///< parts of it that cannot be saved
    std::vector<Part> parts{};     ///< outer before inner
    std::vector<Elsewhere> elsewhere{};
    std::optional<HolderId> is_part_of{}; ///< the holder of which it is a part
    std::string part_path{};              ///< path below that one's log directory
};

/// The work that was done for one job, or would be done in a dry run.
struct Work {
    bool needs_last_pass = false;   ///< all containers have ended, and not everything was compared since
    bool is_compared = false;       ///< everything was, and is on the disk
    DirectoryPlan plan;             ///< what to do next
    DirectoryOutcome done;          ///< the sum of all that was done; failures are in the job
    std::vector<std::string> files; ///< paths of all regular files; not kept while it is postponed
    std::vector<Action> actions;    ///< all that were planned, if they are to be shown
    std::vector<Problem> skipped;   ///< files that are not saved by design
    std::size_t source_files = 0;
    std::size_t excluded = 0;
    /// Where files ended before this run appended to them, by path.
    std::map<std::string, std::uint64_t> grown_from;
    std::vector<std::string> written; ///< paths that this run made or appended to, 10,000 at most
    bool has_all_files = false;       ///< `files` omits none
    bool has_unread = false;          ///< links may lead to logs that cannot be read
    bool may_have_copies = false;     ///< plain files may be contained in compressed ones
    bool is_postponed = false;        ///< planning takes long, so it comes after all others
};

/// One log directory, with all containers that have it.
struct Job {
    std::vector<Holder> holders; ///< the first one names it and is read
    Place place;
    bool wanted = false;    ///< a selected container has it, and it has a directory
    bool is_let_go = false; ///< its descriptors are closed; take_up() opens them again
    bool vanished =
        false; ///< its container was removed during the run, or has ended, and the next one saves it
    std::optional<Tree> tree;       ///< set once it was shown
    std::optional<RecordId> record; ///< its record, once that is written
    std::optional<Work> work;
    std::vector<Problem> failures; ///< and what limits leave out
    /// Parts that are saved elsewhere: path below the log directory, and path below the backup root.
    std::map<std::string, std::string> elsewhere{};
    /// Where an earlier run has saved it as a part of another log directory; else empty.
    std::string saved_before{};
    /// Where links lead that this run tried and did not follow, by path and target. Its descriptors are
    /// closed.
    std::map<std::pair<std::string, std::string>, LinkEnd> link_ends;

    [[nodiscard]] const Container& container() const { return *holders.front().wanted.container; }
    /// Containers under the same service and pod as the first one that have this log directory, oldest first.
    [[nodiscard]] std::vector<const Container*> namesakes() const;
};

[[nodiscard]] inline HolderId id_of(const Wanted& wanted) {
    return {wanted.container->id, wanted.name.path};
}

/// Adds a problem once. A log directory can have one for each of its files, so only the first 100 failures
/// are kept, and of what limits leave out.
void add_problem(std::vector<Problem>& problems, Problem problem);

/// Shortens a list to its first 1,000 entries, and says how many are left out.
void keep_some(std::vector<Problem>& problems);

} // namespace logbackup
