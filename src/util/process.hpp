// SPDX-License-Identifier: MIT
#pragma once

#include "util/confine.hpp"
#include "util/stop_signal.hpp"
#include "util/unique_fd.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>
#include <variant>
#include <vector>

namespace logbackup {

/// How a child ended.
struct SpawnFailed {
    int error; ///< errno of fork, exec or the confinement
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
struct Cancelled {}; ///< ended because the run had to stop
struct Overflowed {
    std::size_t limit; ///< the command printed more bytes than this
};
struct NotNeeded {}; ///< ended because its watcher or consumer needed no more
using Ending = std::variant<SpawnFailed, Exited, Signaled, TimedOut, Cancelled, Overflowed, NotNeeded>;

/// The decision of a command's watcher, or of the consumer of its output.
enum class Watch { go_on, end_it };

struct Command {
    std::vector<std::string> argv;        ///< argv[0] is the program's path; no shell, no PATH search
    std::vector<std::string> environment; ///< "NAME=value"; the child's whole environment
    std::vector<int> inherited; ///< stay open in the child under the same number; all others are closed
    int input = -1;             ///< becomes standard input; -1: /dev/null
    /// Receives standard output piece by piece, instead of collecting it. The output limit does not apply.
    std::function<Watch(std::string_view)> consume;
    std::optional<Confinement> confinement; ///< empty: the child keeps our rights
};

struct Limits {
    std::optional<std::chrono::milliseconds> time; ///< empty: only the run's own limit applies
    std::size_t output = 64U << 20;        ///< bytes of standard output; standard error has 1 MiB at most
    std::chrono::milliseconds grace{3000}; ///< time from SIGTERM to SIGKILL
};

struct ProcessResult {
    Ending ending;
    std::string out;
    std::string err;
};

/// Runs a command to its end. Returns how it ended and what it printed.
///
/// The child gets its own process group, default signals, and SIGKILL when this process dies. The run ends
/// when the child exits, not at end of file on its output, because a grandchild can hold the pipe open. On a
/// limit or a stop request the group gets SIGTERM, and SIGKILL after `grace`. `watch`, if given, is called
/// every few milliseconds at first, then less and less often, down to five times a second. If `watch` or the
/// command's consumer returns `end_it`, the group gets SIGKILL at once. The consumer is not called again
/// after that, nor once the group is being ended.
[[nodiscard]] ProcessResult run(const Command& command, const Limits& limits, StopSignal& stop,
                                const std::function<Watch()>& watch = {});

/// A command that runs beside this process. The destructor kills what is left of it.
class SideCommand {
  public:
    /// Starts it like run(). Returns nullptr, and sets errno, when it cannot be started.
    [[nodiscard]] static std::unique_ptr<SideCommand> start(const Command& command);
    /// Makes a copy of this process that prints what `work` returns, and nothing if it throws. The copy has
    /// none of our descriptors.
    [[nodiscard]] static std::unique_ptr<SideCommand>
    start(const std::function<std::string(StopSignal&)>& work);
    SideCommand(const SideCommand&) = delete;
    SideCommand& operator=(const SideCommand&) = delete;
    ~SideCommand();

    /// Becomes readable when it has printed something on its standard output, or has closed it.
    [[nodiscard]] int fd() const noexcept { return out_.get(); }
    /// Returns what it has printed since, 1 MiB at most. Nothing: it has closed its output.
    [[nodiscard]] std::optional<std::string> read();
    /// Gives its standard output away, as the standard input of another command. read() then has nothing.
    [[nodiscard]] UniqueFd give_output();
    /// Waits for its end, once it has closed its output. Kills it if it does not end within a second.
    [[nodiscard]] Ending wait();
    /// Leaves it to another process, which has started it, and of which this one is a copy.
    void disown() noexcept { pid_ = 0; }

  private:
    SideCommand(pid_t pid, UniqueFd out) : pid_(pid), out_(std::move(out)) {}
    pid_t pid_;
    UniqueFd out_;
};

/// Describes an ending: "exited with code 23", "was ended by signal 9 (Killed)", "did not answer within 10
/// s", …
[[nodiscard]] std::string describe(const Ending& ending);
[[nodiscard]] bool succeeded(const Ending& ending);

/// Returns the last `count` non-empty lines of a text, joined by "; ", not escaped.
[[nodiscard]] std::string last_lines(const std::string& text, std::size_t count);

/// Returns the path of an executable: `name` itself if it contains a slash, else the first match on PATH,
/// then in the usual installation directories, which cron's PATH omits. Skips matches that everybody may
/// write to, or whose directory everybody may write to. Returns "" if there is none.
[[nodiscard]] std::string find_program(const std::string& name);

} // namespace logbackup
