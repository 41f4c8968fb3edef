// SPDX-License-Identifier: MIT
#include "logbackup/rsync.hpp"

#include "logbackup/util/error.hpp"
#include "logbackup/util/text.hpp"

#include <sys/mman.h>

#include <cerrno>

namespace logbackup {
namespace {

std::string by_descriptor(int fd) {
    return "/proc/self/fd/" + std::to_string(fd);
}

UniqueFd in_memory(const std::vector<std::string>& paths) {
    UniqueFd list(::memfd_create("files-from", MFD_CLOEXEC));
    std::string text;
    for (const auto& path : paths)
        (text += path) += '\0';
    std::size_t done = 0;
    while (list && done < text.size()) {
        const auto put = ::write(list.get(), text.data() + done, text.size() - done);
        if (put < 0)
            return {};
        done += static_cast<std::size_t>(put);
    }
    if (list)
        ::lseek(list.get(), 0, SEEK_SET);
    return list;
}

} // namespace

std::string rsync_append(const RsyncRun& run, StopSignal& stop, const std::function<bool()>& all_arrived) {
    const UniqueFd list = in_memory(run.paths);
    if (!list)
        return "cannot make the list of files: " + error_text(errno);
    Command command;
    // Never --sparse with --append: the receiver would truncate what is there.
    command.argv = {run.program, "--append", "--no-dirs", "--no-implied-dirs", "--from0", "--files-from=-"};
    if (!run.held_files.empty())
        command.argv.emplace_back("--copy-links");
    command.argv.push_back(by_descriptor(run.source) + "/");
    command.argv.push_back(by_descriptor(run.target) + "/");
    command.environment = {"LC_ALL=C", "PATH=/usr/bin:/bin"};
    command.inherited = run.held_files;
    for (const int fd : {run.source, run.target, run.lock})
        if (fd >= 0)
            command.inherited.push_back(fd);
    command.input = list.get();
    Limits limits;
    limits.output = 1U << 20U;
    const auto result =
        logbackup::run(command, limits, stop, [&] { return all_arrived() ? Watch::end_it : Watch::go_on; });
    static constexpr int some_vanished = 24; // the files themselves tell
    const auto* exited = std::get_if<Exited>(&result.ending);
    if (std::holds_alternative<NotNeeded>(result.ending))
        return {};
    if (exited != nullptr && (exited->code == 0 || exited->code == some_vanished))
        return {};
    std::string problem = "rsync " + describe(result.ending);
    if (auto lines = last_lines(result.err, 3); !lines.empty()) {
        for (const int fd : {run.source, run.target}) // people know these files by shorter names
            for (auto at = lines.find(by_descriptor(fd) + "/"); at != std::string::npos;
                 at = lines.find(by_descriptor(fd) + "/"))
                lines.erase(at, by_descriptor(fd).size() + 1);
        problem += ": " + escaped(lines);
    }
    return problem;
}

} // namespace logbackup
