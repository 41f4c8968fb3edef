// SPDX-License-Identifier: MIT
#include "check/parts.hpp"

#include "ledger/ledger.hpp"
#include "util/error.hpp"
#include "util/files.hpp"
#include "util/trees.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>

namespace logbackup::check {
namespace {

constexpr std::string_view scratch_prefix = ".logbackup-check.";
constexpr const char* see_manual =
    "choose another file system with --dest; logbackup(8) names those that work";

// Each of these functions tries one thing in a directory and returns 0 or an errno value.

int make(int directory) {
    if (::mkdirat(directory, "made", 0700) != 0 || !write_atomically(directory, "file", "one") ||
        !write_atomically(directory, "file", "two"))
        return errno;
    const auto text = read_small_file(directory, "file", 100);
    return !text ? errno : *text == "two" ? 0 : EIO;
}

int append(int directory) {
    const UniqueFd file = open_for_update(directory, "file");
    if (!file || ::ftruncate(file.get(), 100'000) != 0 || ::pwrite(file.get(), "end", 3, 100'000) != 3 ||
        ::fsync(file.get()) != 0)
        return errno;
    const auto status = status_at(directory, "file");
    return !status ? errno : status->st_size == 100'003 ? 0 : EIO;
}

/// Checks that a rename never overwrites a file.
int rename(int directory) {
    if (!rename_to_new(directory, "file", directory, "made/renamed") ||
        !write_atomically(directory, "file", "other"))
        return errno;
    if (rename_to_new(directory, "file", directory, "made/renamed"))
        return EIO;
    if (errno != EEXIST)
        return errno;
    return rename_to_new(directory, "made", directory, "moved") ? 0 : errno;
}

int link_symbolically(int directory) {
    return ::symlinkat("file", directory, "symbolic") == 0 ? 0 : errno;
}

/// Checks that a lock excludes another descriptor.
int lock(int directory) {
    const auto open_it = [&] {
        return UniqueFd(::openat(directory, "file", O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    };
    const UniqueFd first = open_it();
    const UniqueFd second = open_it();
    if (!first || !second || ::flock(first.get(), LOCK_EX | LOCK_NB) != 0)
        return errno;
    if (::flock(second.get(), LOCK_EX | LOCK_NB) == 0)
        return ENOLCK;
    return errno == EWOULDBLOCK ? 0 : errno;
}

int sync(int directory) {
    const UniqueFd readable(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return readable && ::syncfs(readable.get()) == 0 ? 0 : errno;
}

/// Checks that times are kept exactly; otherwise each run would compare the file in full.
int keep_time(int directory) {
    const timespec time{1'700'000'000, 123'456'789};
    const UniqueFd file = open_for_update(directory, "file");
    if (!file || ::futimens(file.get(), std::array<timespec, 2>{timespec{0, UTIME_OMIT}, time}.data()) != 0)
        return errno;
    const auto status = status_at(directory, "file");
    if (!status)
        return errno;
    return status->st_mtim.tv_sec == time.tv_sec && status->st_mtim.tv_nsec == time.tv_nsec ? 0 : ERANGE;
}

struct Attempt {
    int (*work)(int directory);
    const char* verb;
    CheckStatus otherwise;
};

constexpr std::array needed{
    Attempt{make, "write files", CheckStatus::impossible},
    Attempt{append, "extend files", CheckStatus::problem},
    Attempt{rename, "rename", CheckStatus::problem},
    Attempt{link_symbolically, "make symbolic links", CheckStatus::problem},
    Attempt{lock, "lock", CheckStatus::impossible},
    Attempt{sync, "sync", CheckStatus::problem},
};

/// Removes what a killed check has left behind.
void remove_leftovers(int place, StopSignal& stop) {
    for (const auto& name : names_in(place, "").value_or(std::vector<std::string>())) {
        pid_t pid = 0;
        if (name.starts_with(scratch_prefix))
            std::from_chars(name.data() + scratch_prefix.size(), name.data() + name.size(), pid);
        if (pid > 0 && ::kill(pid, 0) != 0 && errno == ESRCH)
            (void)remove_tree(place, name, stop);
    }
}

Check try_all(int scratch, const std::string& path) {
    Check check{"file system", CheckStatus::ok, {}, {}};
    for (const auto& attempt : needed) {
        const int error = attempt.work(scratch);
        if (error == 0)
            continue;
        check.status = attempt.otherwise;
        check.found =
            std::string("cannot ") + attempt.verb + " in " + in_quotes(path) + ": " + error_text(error);
        check.hint = see_manual;
        return check;
    }
    check.found = "making, renaming, locking and syncing work";
    if (keep_time(scratch) != 0) {
        check.status = CheckStatus::warning;
        check.found += "; it does not keep times to the nanosecond";
        check.hint = "each run compares all saved files with their sources in full, which takes its time";
    }
    return check;
}

} // namespace

void file_system(int root, const Options& options, StopSignal& stop, Checks& checks) {
    if (root < 0) {
        checks.push_back({"file system", CheckStatus::warning, "not tried: the backup root is not there yet",
                          "the first run makes it; look again after that"});
        return;
    }
    UniqueFd state = open_directory(root, state_directory);
    const std::string above = state ? joined(options.backup_root, state_directory) : options.backup_root;
    const int place = state ? state.get() : root;
    const std::string name = std::string(scratch_prefix) + std::to_string(::getpid());
    remove_leftovers(place, stop);
    const UniqueFd scratch =
        ::mkdirat(place, name.c_str(), 0700) == 0 ? open_directory(place, name) : UniqueFd();
    if (!scratch) {
        const bool may_not = errno == EACCES || errno == EPERM;
        checks.push_back({"file system", may_not ? CheckStatus::warning : CheckStatus::impossible,
                          std::string(may_not ? "not tried: " : "") + "cannot make a directory in " +
                              in_quotes(above) + ": " + error_text(errno),
                          may_not ? "run as root" : see_manual});
        return;
    }
    checks.push_back(try_all(scratch.get(), above));
    if (const int error = remove_tree(place, name, stop); error != 0 && error != ECANCELED)
        checks.back() = {"file system", CheckStatus::problem,
                         "cannot remove " + in_quotes(joined(above, name)) + ": " + error_text(error),
                         see_manual};
}

} // namespace logbackup::check
