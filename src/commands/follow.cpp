// SPDX-License-Identifier: MIT
#include "commands/child_run.hpp"
#include "commands/commands.hpp"
#include "commands/output.hpp"
#include "config/selection.hpp"
#include "follow/followed.hpp"
#include "follow/handover.hpp"
#include "follow/listener.hpp"
#include "ledger/backup_root.hpp"
#include "ledger/descriptions.hpp"
#include "ledger/while_following.hpp"
#include "logbackup/exit_code.hpp"
#include "runtime/labels.hpp"
#include "util/descriptors.hpp"
#include "util/error.hpp"
#include "util/files.hpp"
#include "util/free_space.hpp"
#include "util/priority.hpp"
#include "util/text.hpp"

#include <spdlog/logger.h>

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// From one run to the next: the follower is one process, which listens and holds files open. Its runs are
/// children of it, see ChildRun.
namespace logbackup {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// Delay between a container's end and its save, so that one run covers several.
constexpr milliseconds soon{200};
/// Delay before a deleted file is saved: it is held, so it can wait.
constexpr milliseconds later{10'000};
/// Most attempts to save the rest before the follower ends: a container may be about to go.
constexpr int most_last_runs = 4;
/// After this time no new run starts while another process waits for the lock.
constexpr std::chrono::seconds patience_for_last_runs{10};
/// Runs take no more than a tenth of the time.
constexpr int rest_after_run = 9;
constexpr milliseconds least_rest{1000};
/// Least time between two looks at what happened to files: a busy moment is looked at once.
constexpr milliseconds least_between_looks{20};
/// Files of a removed container are held no longer than this: they keep the disks of its volumes busy.
constexpr std::chrono::minutes patience_for_removed{10};
/// How long after its time the follower waits for the lock, to save what it holds.
constexpr std::chrono::seconds patience_for_lock{60};
constexpr unsigned most_seconds_of_a_step = 600;
constexpr int killed_by_signal = 128; // and the number of the signal
constexpr milliseconds longest_wait{60'000};
constexpr auto never = Clock::time_point::max();
/// Files that are held, however many descriptors there are.
constexpr std::size_t most_files = 20'000;
/// Descriptors that are left to the runs.
constexpr std::size_t descriptors_of_a_run = 300;

using Run = ChildRun::Kind;

WatchLimits watch_limits() {
    const std::size_t left = descriptors_left();
    WatchLimits limits;
    limits.files = left > 2 * descriptors_of_a_run ? (left - descriptors_of_a_run) / 2 : left / 4;
    limits.files = std::min(limits.files, most_files);
    if (const auto most = inotify_limit("max_user_watches"); most > 0) // other programs need some, too
        limits.directories_in_all = std::min(limits.directories_in_all, most / 2);
    return limits;
}

void tell_not_staying(const Error& why, spdlog::logger& log) {
    log.warn("this run does not stay: {}", why.with_hint());
}

/// A run that does not stay.
int run_alone(Options options, spdlog::logger& log) {
    options.follow = {};
    give_way(options.nice, options.io_priority);
    return run_save(options, log);
}

class Follower {
  public:
    Follower(const Options& options, spdlog::logger& log)
        : options_(options), log_(log), began_(std::chrono::system_clock::now()),
          until_(Clock::now() + options.follow), session_{options, stop_, began_},
          followed_(
              watch_limits(), [this](const Container& container) { return log_directories(container); },
              [&options](const Container& container) { return left_out_of(options, {container}); }) {}

    int run() {
        ::signal(SIGIO, SIG_IGN); // sent when a lease ends, see has_writer()
        go_first();               // its runs give way, see work()
        prepare(session_, log_);
        for (auto& listening : session_.runtime.listening)
            listeners_.push_back(
                std::make_unique<Listener>(listening, followed_, began_, options_.docker_timeout));
        try {
            if (const UniqueFd root = find_backup_root(options_.backup_root))
                *session_.descriptions = parse_descriptions(load_descriptions(root.get()));
            first_ = session_.runtime.discover(stop_);
        } catch (const Error&) { // the run tells why, and who follows already goes on
            listeners_.clear();
            return run_alone(options_, log_);
        }
        followed_.add(first_->containers);
        if (followed_.lacks_watches())
            log_.warn(
                "the kernel has no room for more watches: not every file can be held that is deleted before "
                "the next run\nhint: raise fs.inotify.max_user_watches (sysctl)");
        open_root();
        while (!is_over()) {
            ::alarm(most_seconds_of_a_step); // what hangs must not keep the lock
            step();
        }
        const bool is_relieved = handover_ && handover_->is_relieved(); // the next one waits for our end
        if (session_.lock || is_relieved)
            note_gone(session_.root.get(), followed_.gone_empty());
        if (is_relieved)
            hand_over();
        return code_;
    }

  private:
    std::vector<std::string> log_directories(const Container& container) const {
        std::vector<std::string> paths;
        if (classify(container).ownership == Ownership::ours && selects(options_, container))
            for (auto& name : log_directories_of(options_, container.service))
                paths.push_back(std::move(name.path));
        return paths;
    }

    void open_root() {
        if (options_.require_mount)
            require_mounted(options_.backup_root);
        session_.root = open_backup_root(options_.backup_root);
    }

    // The begin: until this process has the lock, and is the only one that listens.

    Clock::time_point get_ready(Clock::time_point now) {
        if (is_ending_ && !has_taken_over_) { // who took over has to save what it holds
            end_before_run();
            return now;
        }
        if (!request_)
            request_.emplace(session_.root.get());
        const auto state = request_->update();
        if (state == Request::State::waiting)
            return now + soon;
        const bool is_locked = lock(); // it may have ended at this moment
        if (state == Request::State::ended) {
            if (is_locked) {
                begin();
            } else {
                code_ = has_told_why_ ? static_cast<int>(ExitCode::impossible) : tell_busy(session_, log_);
                end();
            }
        } else if (is_locked && !std::exchange(has_taken_over_, true)) {
            request_->relieve(); // begins when that one has ended
        }
        return now + soon;
    }

    /// Takes the lock if it is free. Returns whether this process has it.
    bool lock() {
        try {
            if (!session_.lock)
                session_.lock = try_lock(session_);
        } catch (const Error& error) { // too few descriptors, say: tried again
            if (!std::exchange(has_told_why_, true))
                log_error(log_, error);
        }
        return session_.lock.has_value();
    }

    void begin() {
        std::uint64_t lost = 0;
        for (auto& file : request_->files())
            lost += followed_.adopt(std::move(file)) ? 0U : 1U;
        tell_lost(lost);
        request_.reset();
        is_in_place_ = true;
        if (is_ending_) {
            code_ = code_without_run();
            return;
        }
        try {
            handover_.emplace(session_.root.get());
        } catch (const Error& error) { // what it took over is saved all the same
            tell_not_staying(error, log_);
            end_soon(Clock::now());
        }
        begin_run(Run::first);
    }

    void hand_over() {
        followed_.update();
        std::uint64_t lost = 0;
        for (const auto& file : followed_.nameless())
            lost += handover_->hand_over(file) ? 0U : 1U;
        tell_lost(lost);
        if (has_left_) {
            log_.warn("not all could be saved of containers that were removed: see what the runs say");
            code_ = code_ == 0 ? static_cast<int>(ExitCode::partial) : code_;
        }
    }

    void tell_lost(std::uint64_t files) {
        if (files > 0)
            log_.warn("the next process does not take over {} that were deleted", counted(files, "file"));
    }

    // The loop.

    [[nodiscard]] bool is_over() const {
        return !runs_.is_running() && (is_done_ || (handover_ && handover_->is_relieved()));
    }

    void step() {
        auto next = std::min(decide(), next_look());
        for (const auto& listener : listeners_)
            next = std::min(next, listener->next());
        if (is_over())
            return;
        const auto left = std::chrono::ceil<milliseconds>(next - Clock::now());
        std::vector<pollfd> fds{{stop_.fd(), POLLIN, 0},
                                {Clock::now() >= next_look_ ? followed_.fd() : -1, POLLIN, 0},
                                {handover_  ? handover_->fd()
                                 : request_ ? request_->fd()
                                            : -1,
                                 POLLIN, 0}};
        for (const auto& listener : listeners_)
            for (const int fd : listener->fds())
                fds.push_back({fd, POLLIN, 0});
        ::poll(fds.data(), fds.size(),
               static_cast<int>(std::clamp(left, milliseconds(0), longest_wait).count()));
        look(fds[1].revents != 0);
        for (const auto& listener : listeners_)
            if (listener->update())
                due_after(soon);
        if (fds[2].revents != 0 && handover_)
            handover_->update();
    }

    /// Returns when to look at what happened to files although nothing tells that there is anything.
    [[nodiscard]] Clock::time_point next_look() const {
        return followed_.has_more() || Clock::now() < next_look_ ? next_look_ : never;
    }

    /// Looks at what happened to files.
    void look(bool is_new) {
        const auto begin = Clock::now();
        if (begin < next_look_ || !(is_new || followed_.has_more()))
            return;
        followed_.update_in_turn();
        const auto end = Clock::now();
        next_look_ = end + std::max<Clock::duration>(least_between_looks, end - begin);
    }

    /// Notes that a run is due for what was lost since the last one began.
    void plan_run() {
        if (std::exchange(removals_, followed_.removals()) != followed_.removals())
            due_after(soon);
        if (std::exchange(losses_, followed_.losses()) != followed_.losses())
            due_after(later);
    }

    void end() { is_ending_ = is_done_ = true; }

    void end_with_what_is_held() {
        if (followed_.has_unsaved() && code_ == 0)
            code_ = static_cast<int>(ExitCode::partial);
        end();
    }

    /// Begins what is due. Returns when something else will be, if nothing happens before.
    Clock::time_point decide() {
        // This order: it takes the signals, and one of them can be all that tells of the end of a run.
        const bool is_to_stop = stop_.requested();
        take_end_of_run();
        plan_run();
        const auto now = Clock::now();
        if ((is_to_stop && !std::exchange(is_stopped_, true)) || (!is_ending_ && now >= until_))
            end_soon(now);
        return std::min(is_ending_ ? never : until_, is_in_place_ ? work(now) : get_ready(now));
    }

    /// As the only one that listens.
    Clock::time_point work(Clock::time_point now) {
        if (runs_.is_running())
            return never;
        const bool is_given = handover_ && handover_->is_given();
        if (is_given || !lock()) {
            if (is_ending_ && now >= give_up_) // another run works, or hangs
                end_with_what_is_held();
            const auto when = is_ending_ ? give_up_ : never;
            return is_given ? when : std::min(when, now + soon); // the lock may be free by then
        }
        if (is_ending_ || is_asked())
            return finish(now);
        last_runs_ = 0;
        return keep_up(now);
    }

    [[nodiscard]] bool is_asked() const { return handover_ && handover_->is_asked(); }

    /// Saves what is held, and gives the lock away or ends.
    Clock::time_point finish(Clock::time_point now) {
        followed_.update(); // what happened until now
        // From here on the process that asked also holds files.
        if (last_runs_ == 0) {
            give_at_last_ = now + patience_for_last_runs;
            next_last_run_ = now;
            has_saved_all_ = false;
        }
        if (followed_.has_unsaved() && !has_saved_all_ && last_runs_ < most_last_runs &&
            now < give_at_last_) {
            if (now >= next_last_run_)
                begin_run(Run::last);
            return next_last_run_;
        }
        if (is_asked())
            give(now);
        else
            end_with_what_is_held();
        return now;
    }

    void give(Clock::time_point now) {
        note_gone(session_.root.get(), followed_.gone_empty());
        followed_.clear_gone();
        has_left_ = last_runs_ > 0 && followed_.has_removed(begun_); // those since, who asked has
        session_.lock.reset();
        handover_->give();
        give_up_ = now + patience_for_lock;
        last_runs_ = 0;
    }

    /// Saves what would be lost.
    Clock::time_point keep_up(Clock::time_point now) {
        if (now >= look_at_space_ && now >= not_before_) {
            look_at_space_ = now + later;
            if (followed_.is_burden([this](int file) { return is_short(file); }))
                due_ = now; // and is let go of at the end of the run
        }
        const auto next = followed_.has_unsaved() ? std::max(look_at_space_, not_before_) : never;
        if (!due_)
            return next;
        const auto when = std::max(*due_, not_before_);
        if (now < when)
            return std::min(next, when);
        begin_run(Run::between);
        return next;
    }

    void due_after(milliseconds time) {
        const auto when = Clock::now() + time;
        due_ = due_ ? std::min(*due_, when) : when;
    }

    void end_soon(Clock::time_point now) {
        is_ending_ = true;
        give_up_ = now + patience_for_lock;
        if (stop_.signal())
            runs_.stop();
    }

    void end_before_run() {
        code_ = code_without_run();
        end();
    }

    int code_without_run() {
        return is_stopped_ && stop_.signal() ? 128 + *stop_.signal() : tell_busy(session_, log_);
    }

    // Runs.

    void begin_run(Run run) {
        open_log_anew();
        followed_.update();
        plan_run();
        due_.reset();
        begun_ = Clock::now();
        if (runs_.begin(run, followed_.held(), [&](Session& session) { equip(session, run); }))
            return;
        log_.error("cannot start a run: {}", error_text(errno));
        code_ = static_cast<int>(ExitCode::impossible);
        if (run == Run::first)
            end_soon(begun_);
        else if (run == Run::last)
            note_last_run();
        else
            due_after(later);
    }

    /// logrotate may have moved the log file away.
    void open_log_anew() {
        try {
            log_.sinks() = make_logger(options_)->sinks();
        } catch (const Error&) { // the old one is still open
        }
    }

    /// In the child: gives a run what it does not have to find out.
    void equip(Session& session, Run run) {
        for (const auto& listener : listeners_)
            listener->disown();
        session.lock = std::move(session_.lock);
        if (run != Run::first || !first_ || Clock::now() - heard_first_ >= least_rest)
            return; // it finds the runtimes itself: there may be another one by now
        session.runtime = session_.runtime;
        session.descriptions = session_.descriptions;
        session.runtime.discover = [this, known = *session_.descriptions](StopSignal&) {
            *session_.descriptions = known; // what it said is to be kept
            return *first_;
        };
    }

    void take_end_of_run() {
        const auto run = runs_.reap();
        if (!run)
            return;
        const auto now = Clock::now();
        not_before_ = now + std::max<Clock::duration>(least_rest, (now - run->begun) * rest_after_run);
        has_saved_all_ = false;
        if (run->outcomes) {
            has_saved_all_ = run->kind == Run::last &&
                             std::all_of(run->outcomes->begin(), run->outcomes->end(),
                                         [](const HeldOutcome& outcome) { return outcome.saved; });
            followed_.update();
            followed_.note_saved(run->given, *run->outcomes);
            if (run->kind == Run::first)
                followed_.clear_gone(); // it asked for those that it does not know
        }
        if (run->code > killed_by_signal && !stop_.signal()) { // the kernel was short of memory, say
            log_.error("a run was ended by signal {}; the next one goes on from what is saved",
                       run->code - killed_by_signal);
            due_after(soon);
        }
        if (run->kind == Run::last)
            note_last_run();
        if (run->kind == Run::first) {
            code_ = run->code;
            first_.reset();
            if (code_ == static_cast<int>(ExitCode::impossible) && !is_ending_)
                end_soon(now);
        }
        if (followed_.has_removed())
            due_after(later); // it could not be saved
        make_room();
    }

    void note_last_run() {
        ++last_runs_;
        next_last_run_ = Clock::now() + soon;
    }

    /// True if the file system of an open file has less free space than --min-free leaves.
    [[nodiscard]] bool is_short(int file) const {
        const auto space = free_space(file, options_.min_free);
        return space && space->bytes < space->reserved_bytes;
    }

    /// Lets go of held files, so that deleted ones do not fill a disk, and those of removed containers do not
    /// keep volumes busy. They were saved just now, if that was possible.
    void make_room() {
        if (const auto removed = followed_.let_go_of_removed(patience_for_removed); removed > 0)
            log_.warn("let go of {} that were removed: they could not be saved for {} minutes",
                      counted(removed, "container"), patience_for_removed.count());
        const auto count = followed_.let_go_of_largest([this](int file) { return is_short(file); });
        if (count > 0)
            log_.warn("let go of {} that were deleted: their disk has less free space than --min-free leaves",
                      counted(count, "file"));
    }

    const Options& options_;
    spdlog::logger& log_;
    const Timestamp began_;
    const Clock::time_point until_;
    StopSignal stop_;
    Session session_;
    Followed followed_;
    std::optional<Request> request_;   ///< to the follower before
    bool has_taken_over_ = false;      ///< from that one
    bool is_in_place_ = false;         ///< no other process follows
    std::optional<Handover> handover_; ///< for the next one

    std::optional<Discovery> first_;
    const Clock::time_point heard_first_ = Clock::now();
    std::vector<std::unique_ptr<Listener>> listeners_; ///< one for each runtime
    Clock::time_point next_look_{};

    ChildRun runs_{options_, log_};
    Clock::time_point begun_{}; ///< the last run
    Clock::time_point not_before_{};
    std::optional<Clock::time_point> due_;
    Clock::time_point look_at_space_{};
    std::uint64_t losses_ = 0; ///< this and the next one as they were planned for
    std::uint64_t removals_ = 0;
    bool is_ending_ = false;
    bool is_stopped_ = false;     ///< by a signal
    Clock::time_point give_up_{}; ///< to wait for the lock, once it is to end
    bool has_saved_all_ = false;  ///< of what it was given; said of the last run only
    int last_runs_ = 0;           ///< since somebody asked for the lock, or the time was over
    Clock::time_point next_last_run_{};
    Clock::time_point give_at_last_{};
    bool has_left_ = false;     ///< removed containers unsaved, when the lock was given away
    bool has_told_why_ = false; ///< that the lock cannot be taken
    bool is_done_ = false;
    int code_ = 0;
};

} // namespace

int run_following(const Options& options, spdlog::logger& log) {
    std::optional<Follower> follower;
    try {
        follower.emplace(options, log);
    } catch (const Error& error) {
        tell_not_staying(error, log);
        return run_alone(options, log);
    }
    return follower->run();
}

} // namespace logbackup
