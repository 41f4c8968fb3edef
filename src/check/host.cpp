// SPDX-License-Identifier: MIT
#include "check/parts.hpp"

#include "ledger/ledger.hpp"
#include "util/confine.hpp"
#include "util/descriptors.hpp"
#include "util/error.hpp"
#include "util/files.hpp"
#include "util/landlock.hpp"
#include "util/private_mounts.hpp"
#include "util/text.hpp"

#include <linux/capability.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <string>

namespace logbackup::check {
namespace {

struct Right {
    int capability;
    const char* name;
    const char* without; ///< what happens without it
};

constexpr std::array rights_that_help{
    Right{CAP_SYS_ADMIN, "CAP_SYS_ADMIN",
          "log directories are not mounted, and of stopped containers only what they wrote is seen"},
    Right{CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "processes of containers may not be looked into"},
    Right{CAP_CHOWN, "CAP_CHOWN", "the backup cannot be handed to --group"},
    Right{CAP_SETUID, "CAP_SETUID", "decompressors do not run as nobody"},
    Right{CAP_SETGID, "CAP_SETGID", "decompressors do not run as nobody"},
    Right{CAP_KILL, "CAP_KILL", "decompressors do not run as nobody"},
};

Timestamp time_of(const timespec& time) {
    return Timestamp(std::chrono::nanoseconds(nanoseconds_of(time)));
}

} // namespace

void rights(Checks& checks) {
    Check check{"rights", CheckStatus::ok, "root, with all capabilities that are needed", {}};
    const auto user = ::geteuid();
    const auto note = [&](CheckStatus status, const std::string& found, const std::string& hint) {
        check.found = check.status == CheckStatus::ok ? found : check.found + ", " + found;
        if (check.hint.find(hint) == std::string::npos)
            check.hint += (check.hint.empty() ? "" : "; ") + hint;
        check.status = std::max(check.status, status);
    };
    if (user != 0)
        note(CheckStatus::problem, "user " + std::to_string(user) + " and not root",
             "run as root: logs belong to the users of containers");
    else if (!has_capability(CAP_DAC_READ_SEARCH) && !has_capability(CAP_DAC_OVERRIDE))
        note(CheckStatus::problem, "no CAP_DAC_READ_SEARCH", "logs of other users cannot be read");
    for (const auto& right : rights_that_help)
        if (user == 0 && !has_capability(right.capability))
            note(CheckStatus::warning, std::string("no ") + right.name, right.without);
    checks.push_back(std::move(check));
}

void mounts(Checks& checks) {
    utsname system{};
    ::uname(&system);
    const std::string kernel = "Linux " + escaped(system.release) + ", ";
    std::string problem;
    if (PrivateMounts::create(problem))
        checks.push_back(
            {"mounts", CheckStatus::ok, kernel + "log directories are seen through read-only mounts", {}});
    else
        checks.push_back({"mounts", CheckStatus::warning,
                          kernel + "log directories are read directly (" + problem + ")",
                          "of stopped containers only what they wrote themselves is seen; it needs "
                          "CAP_SYS_ADMIN and Linux 5.14"});
}

/// Limits of the kernel that --follow needs, for this user: all programs of the user share them.
void following(Checks& checks) {
    static constexpr std::size_t few_watches = 8192; // one for each directory
    const std::size_t watches = inotify_limit("max_user_watches");
    Check check{"following", CheckStatus::ok, {}, {}};
    check.found = counted(descriptors_left(), "descriptor") + ", " + counted(watches, "watch", "watches") +
                  ", " + counted(inotify_limit("max_user_instances"), "inotify instance");
    const UniqueFd instance(::inotify_init1(IN_CLOEXEC));
    if (!instance) {
        check.status = CheckStatus::warning;
        check.found += ", of which none is left";
        check.hint = "runs with --follow do not stay; raise fs.inotify.max_user_instances (sysctl)";
    } else if (watches < few_watches || ::inotify_add_watch(instance.get(), "/", IN_CREATE) < 0) {
        check.status = CheckStatus::warning;
        check.found += watches < few_watches ? ", which are few watches" : ", of which no watch is left";
        check.hint = "--follow does not see every file; raise fs.inotify.max_user_watches (sysctl)";
    }
    checks.push_back(std::move(check));
}

void landlock(Checks& checks) {
    const long version = landlock_version();
    if (version > 0)
        checks.push_back(
            {"Landlock",
             CheckStatus::ok,
             "version " + std::to_string(version) + ": rsync and decompressors are kept from other files",
             {}});
    else
        checks.push_back({"Landlock", CheckStatus::warning,
                          "none: rsync runs as root, only without most capabilities",
                          "it needs Linux 5.13 and 'landlock' among those that the kernel's parameter lsm= "
                          "lists"});
}

void clock(int root, Checks& checks) {
    const Timestamp now = std::chrono::system_clock::now();
    Check check{"clock", CheckStatus::ok, rfc3339(now), {}};
    struct stat program {};
    const bool is_built = ::stat("/proc/self/exe", &program) == 0;
    const Timestamp last = root >= 0 ? last_complete_run(root) : Timestamp{};
    timex state{};
    const int synchronised = ::adjtimex(&state);
    if (now < last) {
        check.status = CheckStatus::problem;
        check.found += ", which is before the last run, of " + rfc3339(last);
    } else if (is_built && now < time_of(program.st_mtim)) {
        check.status = CheckStatus::problem;
        check.found += ", which is before this program was made, " + rfc3339(time_of(program.st_mtim));
    } else if (synchronised == TIME_ERROR || (state.status & STA_UNSYNC) != 0) {
        check.status = CheckStatus::warning;
        check.found += ", not synchronised";
        check.hint =
            "start chrony, ntpd or systemd-timesyncd (or see that the host of this machine has one): "
            "the times in the backup and in its file names are this clock's";
    } else {
        check.found += synchronised < 0 ? "" : ", synchronised";
    }
    if (check.status == CheckStatus::problem)
        check.hint = "set the clock: containers that ended between runs cannot be found with a wrong one";
    checks.push_back(std::move(check));
}

} // namespace logbackup::check
