// SPDX-License-Identifier: MIT
#include "check/parts.hpp"

#include "ledger/backup_root.hpp"
#include "ledger/identity.hpp"
#include "ledger/ledger.hpp"
#include "ledger/skipped.hpp"
#include "util/error.hpp"
#include "util/files.hpp"
#include "util/free_space.hpp"
#include "util/mount_table.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

namespace logbackup::check {
namespace {

namespace fs = std::filesystem;

constexpr int directory_flags = O_PATH | O_DIRECTORY | O_CLOEXEC;

/// Returns for example "on the xfs at '/u01'".
std::string file_system_text(int directory) {
    const UniqueFd self(::open("/proc/self", directory_flags));
    const auto table = read_mount_table(self.get());
    const auto id = mount_id(directory);
    const MountInfo* mount = table && id ? table->by_id(*id) : nullptr;
    return mount == nullptr ? std::string()
                            : ", on the " + escaped(mount->type) + " at " + in_quotes(mount->point);
}

void free_space_of(int directory, const Options& options, Checks& checks) {
    const auto space = free_space(directory, options.min_free);
    if (!space) {
        checks.push_back({"free space", CheckStatus::warning,
                          "the file system does not tell: " + error_text(errno),
                          "--min-free keeps nothing free there"});
        return;
    }
    const bool counts_inodes = space->inodes != UINT64_MAX;
    Check check{"free space", CheckStatus::ok, human_bytes(space->bytes), {}};
    check.found += counts_inodes ? " and " + counted(space->inodes, "inode") : "";
    check.found += "; --min-free leaves " + human_bytes(space->reserved_bytes);
    check.found += counts_inodes ? " and " + counted(space->reserved_inodes, "inode") : "";
    if (space->bytes <= space->reserved_bytes || space->inodes < space->reserved_inodes) {
        check.status = CheckStatus::problem;
        check.hint = "nothing new is saved until there is room: free some, or choose another directory with "
                     "--dest";
    }
    checks.push_back(std::move(check));
}

void beside_engine(int directory, const Options& options, const std::string& name,
                   const std::string& engine_root, Checks& checks) {
    std::error_code error;
    const auto engine = fs::canonical(engine_root, error);
    const auto backup = error ? fs::path() : fs::weakly_canonical(options.backup_root, error);
    const UniqueFd held(::open(engine_root.c_str(), directory_flags));
    const auto here = status_of(directory);
    const auto there = held ? status_of(held.get()) : std::nullopt;
    if (error || !here || !there)
        return; // the engine runs elsewhere, or does not tell its directory
    Check check{escaped(name) + "'s disk", CheckStatus::ok, "not the backup's disk", {}};
    if (lies_in(backup.string(), engine.string()) || lies_in(engine.string(), backup.string())) {
        check.status = CheckStatus::problem;
        check.found = "the backup and " + escaped(name) + "'s directory " + in_quotes(engine_root) +
                      " lie one in the other";
        check.hint = "choose another directory with --dest";
    } else if (here->st_dev == there->st_dev) {
        check.status = CheckStatus::warning;
        check.found = "the backup is on the file system of " + in_quotes(engine_root);
        check.hint = "what fills the backup fills " + escaped(name) +
                     "'s disk, up to --min-free; choose another file system with --dest";
    }
    checks.push_back(std::move(check));
}

void last_run(int root, Checks& checks) {
    static constexpr std::chrono::minutes old{10};
    const auto last = root >= 0 ? last_complete_run(root) : Timestamp{};
    const auto age = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now() - last);
    Check check{"last complete run", CheckStatus::ok, "never", {}};
    if (last != Timestamp{})
        check.found = rfc3339(last) + ", " + (age.count() < 0 ? "in the future" : rough_time(age) + " ago");
    if (last == Timestamp{} || age > old) {
        check.status = CheckStatus::warning;
        check.hint =
            "start it every minute, for example with '* * * * * root /usr/local/sbin/logbackup --quiet "
            "--follow 5m' in /etc/cron.d/logbackup; ";
        check.hint += last == Timestamp{}
                          ? "runs for some containers only, with --service and the like, do not count"
                          : "if something does, see what 'logbackup' says when it is started by hand";
    }
    checks.push_back(std::move(check));
}

void skipped(int root, const Options& options, Checks& checks) {
    const auto count = root >= 0 ? skipped_runs(root) : 0;
    Check check{"skipped runs", CheckStatus::ok, "none", {}};
    if (count > 0)
        check.found = counted(count, "run") + " ended at once because one was working";
    if (options.warn_skipped > 0 && count >= options.warn_skipped) {
        check.status = CheckStatus::warning;
        check.hint = "runs take longer than the time between them, or one hangs: 'fuser -v " +
                     joined(joined(options.backup_root, state_directory), "lock") + "' names it";
    }
    checks.push_back(std::move(check));
}

} // namespace

UniqueFd backup_root(const Options& options, const std::optional<Runtimes>& runtimes, Checks& checks) {
    Check check{"backup root", CheckStatus::ok, in_quotes(options.backup_root), {}};
    UniqueFd root;
    UniqueFd above;
    try {
        if (options.require_mount)
            require_mounted(options.backup_root);
        root = find_backup_root(options.backup_root);
        if (root)
            examine_backup_root(root.get(), options.backup_root);
    } catch (const Error& error) {
        checks.push_back({"backup root", CheckStatus::impossible, error.what(), error.hint()});
        return {};
    }
    if (!root) {
        auto [held, path] = nearest_directory(options.backup_root);
        above = std::move(held);
        check.found += ", to be made in " + in_quotes(path);
    }
    const int directory = root ? root.get() : above.get();
    check.found += file_system_text(directory);
    if (::faccessat(directory, ".", W_OK | X_OK, AT_EACCESS) != 0) {
        check.status = CheckStatus::impossible;
        check.found += ": cannot write there: " + error_text(errno);
        check.hint = "run as root, and see that the file system is mounted read-write; or choose another "
                     "directory with --dest";
    }
    const bool writable = check.status == CheckStatus::ok;
    checks.push_back(std::move(check));
    if (writable)
        free_space_of(directory, options, checks);
    if (runtimes)
        for (const auto& [name, engine] : runtimes->engines)
            if (!engine.root.empty())
                beside_engine(directory, options, name, engine.root, checks);
    return root;
}

void owner(int root, const std::optional<Runtimes>& runtimes, Checks& checks) {
    Check check{"identity", CheckStatus::ok, {}, {}};
    try {
        const FoundIdentity found = load_identity(root);
        if (!found.problem.empty())
            throw Error(found.problem,
                        "restore it from a copy, or run 'logbackup --adopt' once if it is this host's");
        const Claimed claimed =
            claim(found.identity, this_host(),
                  runtimes ? runtimes->engines : std::map<std::string, EngineIdentity>(), Adopt::no);
        if (!claimed.refusal.empty())
            throw Error(claimed.refusal, claimed.hint);
        check.found =
            found.identity ? "the backup is this host's" : "the next run writes down that it is this host's";
    } catch (const Error& error) {
        check = {"identity", CheckStatus::impossible, error.what(), error.hint()};
    }
    checks.push_back(std::move(check));
}

void records(int root, Checks& checks) {
    std::vector<std::string> problems;
    const auto live_ones = load_live_records(root, problems);
    const auto live = live_ones.size();
    const auto skipping = std::count_if(live_ones.begin(), live_ones.end(),
                                        [](const Record& record) { return record.skipped > 0; });
    const auto ended = load_ended_records(root, problems).size();
    Check check{"records",
                CheckStatus::ok,
                std::to_string(live) + " of live log directories, " + std::to_string(ended) +
                    " of ended ones",
                {}};
    if (skipping > 0) {
        check.found += "; in " + std::to_string(skipping) +
                       " something is skipped, such as a link that leads to no file";
        check.hint = "'logbackup list' counts it, 'logbackup --dry-run --verbose' names it";
    }
    if (!problems.empty()) {
        check.status = CheckStatus::problem;
        check.found += ", " + std::to_string(problems.size()) + " that cannot be read";
        check.hint = problems.front();
    }
    checks.push_back(std::move(check));
}

void runs(int root, const Options& options, Checks& checks) {
    last_run(root, checks);
    skipped(root, options, checks);
}

} // namespace logbackup::check
