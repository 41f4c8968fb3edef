// SPDX-License-Identifier: MIT
#pragma once

#include "util/confine.hpp"
#include "util/stop_signal.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace logbackup {

/// How a child ended.
struct SpawnFailed {
    int error; ///< errno of fork or exec, or of what confines it
};
struct Exited {
    int code;
};
struct Signaled {
    int signal;
};
struct TimedOut {
    std::chrono::milliseconds limit;
};
struct Cancelled {}; ///< ended because the run was asked to stop
struct Overflowed {
    std::size_t limit; ///< it printed more bytes than this
};
struct NotNeeded {}; ///< ended because whoever watched it said that it had done its work
using Ending = std::variant<SpawnFailed, Exited, Signaled, TimedOut, Cancelled, Overflowed, NotNeeded>;

/// What the watcher of a running command wants, or the consumer of its output.
enum class Watch { go_on, end_it };

struct Command {
    std::vector<std::string> argv;        ///< argv[0] is the path of the program; no shell, no PATH search
    std::vector<std::string> environment; ///< "NAME=value"; all the child gets
    std::vector<int> inherited;           ///< stay open in the child under the same number; no others do
    int input = -1;                       ///< becomes standard input; -1: /dev/null
    /// Takes standard output, in pieces as it comes, instead of its being collected: no limit applies to it.
    std::function<Watch(std::string_view)> consume;
    std::optional<Confinement> confinement; ///< none: the child may do what we may
};

struct Limits {
    std::optional<std::chrono::milliseconds> time; ///< none: only the run's own limit
    std::size_t output = 64U << 20;        ///< bytes of standard output; of standard error at most 1 MiB
    std::chrono::milliseconds grace{3000}; ///< from SIGTERM to SIGKILL
};

struct ProcessResult {
    Ending ending;
    std::string out;
    std::string err;
};

/// Runs a command to its end and returns how it ended and what it printed.
///
/// The child gets a process group of its own, default signals, and SIGKILL when this process dies. The end is
/// the child's exit, not end of file on its output, which a grandchild can hold open. On a limit or a stop
/// the group gets SIGTERM, after `grace` SIGKILL. `watch`, when given, is called every few milliseconds at
/// first, then five times a second; when it says so the group gets SIGKILL at once, and also when the
/// command's consumer says so, which is not called again after that, nor once the group is being ended.
[[nodiscard]] ProcessResult run(const Command& command, const Limits& limits, StopSignal& stop,
                                const std::function<Watch()>& watch = {});

/// "exited with code 23", "was ended by signal 9 (Killed)", "did not answer within 10 s", …
[[nodiscard]] std::string describe(const Ending& ending);
[[nodiscard]] bool succeeded(const Ending& ending);

/// The last `count` non-empty lines of a text, joined by "; ", not escaped.
[[nodiscard]] std::string last_lines(const std::string& text, std::size_t count);

/// The path of an executable: `name` itself when it holds a slash, else the first match on PATH and then in
/// the directories where it is usually installed, which cron's PATH leaves out. A match that everybody may
/// write to, or that is in such a directory, is passed over. Empty when there is none.
[[nodiscard]] std::string find_program(const std::string& name);

} // namespace logbackup
