// SPDX-License-Identifier: MIT
#pragma once

#include "follow/handover.hpp"
#include "ledger/clock.hpp"
#include "ledger/identity.hpp"
#include "logbackup/held.hpp"
#include "logbackup/options.hpp"
#include "logbackup/progress.hpp"
#include "runtime/descriptions.hpp"
#include "runtime/runtime.hpp"
#include "util/error.hpp"
#include "util/lock_file.hpp"
#include "util/stop_signal.hpp"
#include "util/unique_fd.hpp"
#include "view/listing.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace logbackup {

/// The things that all commands work with: the settings, the opened backup, the runtime, the programs and the
/// clock.
struct Session {
    const Options& options;
    StopSignal& stop;
    Timestamp now{}; ///< when this run began
    Runtime runtime{};
    /// Descriptions that earlier runs kept for the runtime; it may be empty, or nullptr.
    std::shared_ptr<Descriptions> descriptions{};
    std::string rsync{};              ///< path of the program; empty if nothing is saved
    UniqueFd root{};                  ///< the backup root; none if it does not exist and nothing is written
    std::optional<LockFile> lock{};   ///< held by commands that write
    std::optional<Request> request{}; ///< keeps a follower waiting that gave the lock away
    std::optional<BackupIdentity> identity{};
    Timestamp previous{};                           ///< when the last complete run for all containers began
    ClockHistory clock_history{};                   ///< what earlier runs noted of the clock
    std::uint64_t skipped = 0;                      ///< runs that ended because another one was working
    std::function<void(const std::string&)> tell{}; ///< reports something that is not a problem
    std::function<Progress(std::uint64_t total_bytes)> start_progress{}; ///< may return an empty Progress
    const HeldLogs* held = nullptr; ///< what a follower holds; nullptr: there is none
    bool is_between = false;        ///< a follower makes this run: the next one tells what it did

    [[nodiscard]] bool writes() const { return lock.has_value(); }
    [[nodiscard]] ListingLimits listing_limits() const {
        return ListingLimits::of(options.max_files, options.max_depth);
    }
};

/// The backup belongs to somebody else: nothing in it must change.
class NotOurs : public Error {
  public:
    using Error::Error;
};

enum class Access { read, write };
enum class Opened {
    yes,
    busy, ///< another run holds the lock; `root` is open
};

/// Opens the backup, checks that it is on the right mount and belongs to this host, and reads what earlier
/// runs noted. With Access::write it makes a missing backup, takes the lock, if the session does not have it,
/// and calls recover(). `warn` gets a message that must not be lost. Throws Error when the backup cannot be
/// used.
[[nodiscard]] Opened open_backup(Session& session, Access access,
                                 const std::function<void(const std::string&)>& warn);
/// Like open_backup(). Throws Error if the backup does not exist.
[[nodiscard]] Opened open_existing_backup(Session& session, Access access,
                                          const std::function<void(const std::string&)>& warn);

/// Throws NotOurs when the backup belongs to other engines than these.
void claim_engines(const Session& session, const std::map<std::string, EngineIdentity>& engines);

/// Completes what a killed run left: an interrupted move, records whose files are being deleted, and unproved
/// files. All of it belongs to the backup, whatever the runtime says later. The order matters: a move must be
/// complete before a record is read. Throws Error when it cannot; `warn` gets what cannot be understood.
void recover(int root, const std::function<void(const std::string&)>& warn);

/// Takes the lock of the backup, whose root is open. Returns nothing if another process has it.
[[nodiscard]] std::optional<LockFile> try_lock(const Session& session);

} // namespace logbackup
