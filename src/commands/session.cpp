// SPDX-License-Identifier: MIT
#include "commands/session.hpp"

#include "ledger/backup_root.hpp"
#include "ledger/ledger.hpp"
#include "ledger/skipped.hpp"
#include "retention/delete.hpp"
#include "transfer/transfer.hpp"
#include "util/error.hpp"
#include "util/files.hpp"
#include "util/text.hpp"

#include <utility>

namespace logbackup {
namespace {

using Warn = std::function<void(const std::string&)>;

Adopt adopt_of(const Options& options) {
    return options.adopt ? Adopt::yes : Adopt::no;
}

/// Returns the identity that the backup has from now on. Throws NotOurs when it belongs to somebody else.
BackupIdentity take(const Claimed& claim, const Session& session) {
    if (!claim.refusal.empty())
        throw NotOurs("cannot use the backup " + in_quotes(session.options.backup_root) + ": " +
                          claim.refusal,
                      claim.hint);
    return claim.changed && session.options.kind == RunKind::save
               ? save_identity(session.root.get(), claim.identity)
               : claim.identity;
}

/// Throws Error when the backup belongs to another host. A run that saves writes the identity if it is
/// missing, and reports a new backup.
BackupIdentity claim_backup(const Session& session, const Warn& warn) {
    const Options& options = session.options;
    const FoundIdentity found = load_identity(session.root.get());
    if (!found.problem.empty() && !options.adopt)
        throw Error(found.problem + ", which says whose the backup is",
                    "restore it from a copy, or run 'logbackup --adopt' once if it is this host's");
    const Claimed claimed = claim(found.identity, this_host(), {}, adopt_of(options));
    // A backup is new as long as it has no records, not only when it is created: if this run is killed here,
    // the next one reports it.
    const bool is_new = !found.identity && found.problem.empty() && !has_records(session.root.get());
    if (is_new && options.kind == RunKind::save)
        warn("a new backup begins at " + in_quotes(options.backup_root) +
             "; if there was one before, its disk is not mounted");
    return take(claimed, session);
}

/// Returns when the last complete run was. If the clock was ahead then, that time lies in the future and
/// cannot be used: returns the newest earlier time that is known instead.
Timestamp time_of_last_run(const Session& session, const Warn& warn) {
    const Timestamp last = last_complete_run(session.root.get());
    if (last <= session.now)
        return last;
    std::vector<std::string> problems; // told when the records are used
    const Timestamp known = newest_time(load_live_records(session.root.get(), problems), session.now);
    warn("the clock was set back: it says " + rfc3339(session.now) + ", and the last run was at " +
         rfc3339(last) +
         (known == Timestamp{} ? "; containers that were missed since are not looked for"
                               : "; containers that were missed are looked for since " + rfc3339(known)));
    return known;
}

/// Takes the lock, from a follower if one has it. Returns nothing if another run works.
std::optional<LockFile> take_lock(Session& session) {
    auto lock = try_lock(session);
    if (!lock) {
        session.request = ask_follower(session.root.get(), session.stop);
        lock = try_lock(session); // also if the follower ended at this moment
    }
    return lock;
}

Opened open_at_root(Session& session, Access access, const Warn& warn) {
    std::optional<LockFile> lock = std::exchange(session.lock, std::nullopt);
    if (access == Access::write && !lock && !(lock = take_lock(session)))
        return Opened::busy;
    session.identity = claim_backup(session, warn);
    session.lock = std::move(lock); // claimed by now: the counters of another host's backup must not change
    if (session.writes() && session.options.kind == RunKind::save && !session.is_between)
        session.skipped = take_skipped(session.root.get());
    if (session.writes())
        recover(session.root.get(), warn);
    session.previous = time_of_last_run(session, warn);
    session.clock_history = load_clock(session.root.get());
    return Opened::yes;
}

} // namespace

Opened open_backup(Session& session, Access access, const Warn& warn) {
    const Options& options = session.options;
    if (options.require_mount)
        require_mounted(options.backup_root);
    session.root = access == Access::write ? open_backup_root(options.backup_root)
                                           : find_backup_root(options.backup_root);
    return session.root ? open_at_root(session, access, warn) : Opened::yes;
}

Opened open_existing_backup(Session& session, Access access, const Warn& warn) {
    const Options& options = session.options;
    if (options.require_mount)
        require_mounted(options.backup_root);
    if (!find_backup_root(options.backup_root))
        throw Error("no backup at " + in_quotes(options.backup_root), "name its directory with --dest");
    return open_backup(session, access, warn);
}

void claim_engines(const Session& session, const std::map<std::string, EngineIdentity>& engines) {
    if (session.identity)
        (void)take(claim(*session.identity, this_host(), engines, adopt_of(session.options)), session);
}

void recover(int root, const Warn& warn) {
    if (const auto problem = finish_move(root); !problem.empty())
        warn(problem);
    settle_pruning(root);
    remove_leftovers(root);
}

std::optional<LockFile> try_lock(const Session& session) {
    return LockFile::try_acquire(open_directory(session.root.get(), state_directory).get(), "lock");
}

} // namespace logbackup
