// SPDX-License-Identifier: MIT
#include "transfer/rsync.hpp"

#include "util/error.hpp"
#include "util/text.hpp"

#include <linux/capability.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

namespace logbackup {
namespace {

std::string by_descriptor(int fd) {
    return "/proc/self/fd/" + std::to_string(fd);
}

/// Replaces the names of links and files by the paths that people know.
std::string with_paths(std::string text, const RsyncRun& run) {
    for (const int fd : {run.source, run.target}) {
        const std::string path = by_descriptor(fd) + "/";
        for (auto at = text.find(path); at != std::string::npos; at = text.find(path, at))
            text.replace(at, path.size(), text.substr(at + path.size(), 1) == "\"" ? "." : "");
    }
    std::string result;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find_first_not_of("0123456789", at), text.size());
        result += end > at ? run.path_of(text.substr(at, end - at)) : text.substr(at, 1);
        at = std::max(end, at + 1);
    }
    return result;
}

/// Lets rsync read files of any user, but only its sources, and write only to its targets, which are ours.
Confinement only_its_files(const RsyncRun& run) {
    Confinement confinement;
    // A process with only CAP_DAC_OVERRIDE, as in a container, needs that one instead.
    confinement.capabilities = {has_capability(CAP_DAC_READ_SEARCH) ? CAP_DAC_READ_SEARCH : CAP_DAC_OVERRIDE};
    confinement.files = FileAccess{{run.source}, {run.target}, run.held_files};
    return confinement;
}

bool did_not_start(const Ending& ending) {
    const auto* failed = std::get_if<SpawnFailed>(&ending);
    const auto* exited = std::get_if<Exited>(&ending); // an exit code of the dynamic loader, or of a shell
    return (failed != nullptr && failed->error == EACCES) ||
           (exited != nullptr && (exited->code == 126 || exited->code == 127));
}

bool starts_confined(const std::string& program, StopSignal& stop) {
    Command command;
    command.argv = {program, "--version"};
    command.environment = {"LC_ALL=C", "PATH=/usr/bin:/bin"};
    command.confinement = Confinement{{}, RunAs::us, {}, FileAccess{}};
    Limits limits;
    limits.time = std::chrono::seconds(10);
    return !did_not_start(logbackup::run(command, limits, stop).ending);
}

/// A program with libraries in unusual places may not find them when its files are restricted. Then it runs
/// unrestricted, but only after it has failed on its own, without any container's files.
ProcessResult run_confined(Command& command, const Limits& limits, StopSignal& stop,
                           const std::function<Watch()>& watch) {
    auto result = logbackup::run(command, limits, stop, watch);
    if (!did_not_start(result.ending) || starts_confined(command.argv.front(), stop) || stop.requested())
        return result;
    command.confinement->files.reset();
    return logbackup::run(command, limits, stop, watch);
}

} // namespace

std::string rsync_append(const RsyncRun& run, StopSignal& stop, const std::function<bool()>& all_arrived) {
    Command command;
    // Never use --sparse with --append: the receiver would truncate what is there.
    command.argv = {run.program, "--append", "--copy-links", "--recursive"};
    if (run.bandwidth != UINT64_MAX) // rsync accepts no less than 1 KiB
        command.argv.push_back("--bwlimit=" +
                               std::to_string(std::max<std::uint64_t>(run.bandwidth / 1024, 1)));
    command.argv.push_back(by_descriptor(run.source) + "/");
    command.argv.push_back(by_descriptor(run.target) + "/");
    command.environment = {"LC_ALL=C", "PATH=/usr/bin:/bin"};
    command.inherited = run.held_files;
    for (const int fd : {run.source, run.target, run.lock})
        if (fd >= 0)
            command.inherited.push_back(fd);
    command.confinement = only_its_files(run);
    Limits limits;
    limits.output = 1U << 20U;
    const auto result =
        run_confined(command, limits, stop, [&] { return all_arrived() ? Watch::end_it : Watch::go_on; });
    static constexpr int some_vanished = 24; // the files themselves show what vanished
    const auto* exited = std::get_if<Exited>(&result.ending);
    if (std::holds_alternative<NotNeeded>(result.ending))
        return {};
    if (exited != nullptr && (exited->code == 0 || exited->code == some_vanished))
        return {};
    std::string problem = "rsync " + describe(result.ending);
    if (const auto lines = last_lines(result.err, 3); !lines.empty())
        problem += ": " + escaped(with_paths(lines, run));
    return problem;
}

} // namespace logbackup
