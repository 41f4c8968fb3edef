// SPDX-License-Identifier: MIT
#pragma once

#include "follow/followed.hpp"
#include "runtime/runtime.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace logbackup {

/// Hears from the runtime which containers come, start, end and go, and passes it on. The commands that ask
/// the runtime run beside this process, which waits for none: a sick runtime or container can make one hang.
class Listener {
  public:
    using Clock = std::chrono::steady_clock;

    /// `since`: what has happened until then is known. An answer that takes longer than `patience` is given
    /// up.
    Listener(Listening runtime, Followed& followed, Timestamp since, std::chrono::milliseconds patience);

    /// Become readable when there is something to take.
    [[nodiscard]] std::vector<int> fds() const;
    /// When to call update() although nothing is readable.
    [[nodiscard]] Clock::time_point next() const;
    /// Takes what there is, and asks what is to be asked. Returns true if a container has ended.
    [[nodiscard]] bool update();
    /// Leaves the commands to the process of which this one is a copy.
    void disown();

  private:
    /// A command that ends.
    struct Answer {
        std::unique_ptr<SideCommand> command;
        std::string text;
        Clock::time_point until;
        std::vector<std::string> ids{}; ///< what was asked for
    };

    void listen(Clock::time_point now);
    [[nodiscard]] bool take_events();
    [[nodiscard]] bool take(const History& history);
    void take_list();
    void take_descriptions();
    [[nodiscard]] Answer ask(std::unique_ptr<SideCommand> command) const;
    [[nodiscard]] static std::optional<std::string> whole(Answer& answer);
    void describe();
    [[nodiscard]] bool describe(std::vector<std::string> ids);

    Listening runtime_;
    Followed& followed_;
    std::chrono::milliseconds patience_;
    Timestamp since_; ///< what to ask for next
    std::unique_ptr<SideCommand> events_;
    std::string rest_; ///< of a line of events
    Clock::time_point listen_again_{};
    std::optional<Clock::time_point> list_at_; ///< when to ask which containers there are
    std::chrono::milliseconds pause_;          ///< before it is begun again
    bool was_away_ = false;
    Answer list_;
    std::vector<Answer> descriptions_;
    std::vector<std::string> to_describe_; ///< ids
    std::vector<std::string> alone_;       ///< ids of which one or more made an answer hang
    std::vector<std::string> can_wait_;    ///< ids of containers that are watched already
    Clock::time_point describe_waiting_{}; ///< those
    Clock::time_point describe_again_{};   ///< when a command could not be started
};

} // namespace logbackup
