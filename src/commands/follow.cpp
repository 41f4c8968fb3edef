// SPDX-License-Identifier: MIT
#include "commands/commands.hpp"
#include "commands/output.hpp"
#include "config/selection.hpp"
#include "follow/followed.hpp"
#include "follow/handover.hpp"
#include "ledger/backup_root.hpp"
#include "ledger/followed.hpp"
#include "logbackup/exit_code.hpp"
#include "runtime/labels.hpp"
#include "util/descriptors.hpp"
#include "util/error.hpp"
#include "util/files.hpp"
#include "util/free_space.hpp"
#include "util/priority.hpp"
#include "util/text.hpp"

#include <spdlog/sinks/sink.h>

#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// From one run to the next: the follower is one process, which listens and holds files open. Each run is a
/// child of it: it inherits all that is held, works as a run without a follower does, and ends. So nothing
/// that a run waits for keeps the follower from listening.
namespace logbackup {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// A container that has ended is saved so soon; others that end with it come along.
constexpr milliseconds soon{200};
/// A file that has lost its name is held, and can wait so long.
constexpr milliseconds later{10'000};
/// What is not saved before the follower ends is tried again so often: a container may be about to go.
constexpr int most_last_runs = 4;
/// Runs take no more than a tenth of the time.
constexpr int rest_after_run = 9;
constexpr milliseconds least_rest{1000};
constexpr milliseconds before_next_try{1000};
/// So long after its time the follower waits for the lock, to save what it holds.
constexpr std::chrono::seconds patience_for_lock{60};
/// What a runtime that was away may not have told is asked for from a bit before.
constexpr std::chrono::seconds overlap_of_events{2};
/// Files that are held, however many descriptors there are.
constexpr std::size_t most_files = 20'000;
/// Descriptors that are left to the runs.
constexpr std::size_t descriptors_of_a_run = 300;

enum class Run {
    first,   ///< the one that was asked for, with its report
    between, ///< saves what would be lost; the next run reports it
    last,    ///< before the follower ends
};

WatchLimits watch_limits() {
    const std::size_t left = descriptors_left();
    WatchLimits limits;
    limits.files = left > 2 * descriptors_of_a_run ? (left - descriptors_of_a_run) / 2 : left / 4;
    limits.files = std::min(limits.files, most_files);
    std::ifstream file("/proc/sys/fs/inotify/max_user_watches");
    if (std::size_t most = 0; file >> most) // the user's other programs need some, too
        limits.directories_in_all = std::min(limits.directories_in_all, most / 2);
    return limits;
}

class Follower {
  public:
    Follower(const Options& options, spdlog::logger& log)
        : options_(options), log_(log), began_(std::chrono::system_clock::now()),
          until_(Clock::now() + options.follow), session_{options, stop_, began_},
          followed_(
              watch_limits(), [this](const Container& container) { return log_directories(container); },
              [&options](const std::string& path) { return is_left_out(options, path); }) {}

    int run() {
        ::signal(SIGIO, SIG_IGN); // sent when a lease ends, see has_writer()
        prepare(session_, log_);
        listen();
        first_ = session_.runtime.discover(stop_);
        heard_ = began_;
        followed_.add(first_->containers);
        if (followed_.lacks_watches())
            log_.warn(
                "the kernel has no room for more watches: not every file can be held that is deleted before "
                "the next run\nhint: raise fs.inotify.max_user_watches (sysctl)");
        open_root();
        while (!is_over())
            step();
        if (session_.lock || (handover_ && handover_->is_relieved())) // the next one waits for our end
            note_gone(session_.root.get(), followed_.gone_empty());
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

    void get_ready() {
        if (!session_.lock)
            session_.lock = try_lock(session_);
        if (!session_.lock && !request_)
            request_.emplace(session_.root.get());
        const auto state = request_ ? request_->update() : Request::State::ended;
        if (state == Request::State::given && session_.lock)
            request_->relieve();
        if (state != Request::State::ended)
            return;
        if (session_.lock || (session_.lock = try_lock(session_))) // it may have ended at this moment
            return begin();
        code_ = tell_busy(session_, log_);
        end();
    }

    void begin() {
        request_.reset();
        handover_.emplace(session_.root.get());
        begin_run(Run::first);
    }

    // The loop.

    [[nodiscard]] bool is_over() const {
        return child_ == 0 && (is_done_ || (handover_ && handover_->is_relieved()));
    }

    void step() {
        decide();
        if (is_over())
            return;
        std::array<pollfd, 5> fds{{{followed_.fd(), POLLIN, 0},
                                   {events_ ? events_->fd() : -1, POLLIN, 0},
                                   {describing_ ? describing_->fd() : -1, POLLIN, 0},
                                   {stop_.fd(), POLLIN, 0},
                                   {handover_  ? handover_->fd()
                                    : request_ ? request_->fd()
                                               : -1,
                                    POLLIN, 0}}};
        ::poll(fds.data(), fds.size(), time_to_wait());
        if (stop_.requested() && !is_ending_)
            end_soon();
        reap();
        if (fds[0].revents != 0)
            followed_.update();
        if (fds[2].revents != 0)
            take_descriptions();
        if (fds[1].revents != 0)
            take_events();
        if (fds[4].revents != 0 && handover_)
            handover_->update();
    }

    void end() { is_ending_ = is_done_ = true; }

    /// Begins what is due.
    void decide() {
        const auto now = Clock::now();
        if (!events_ && now >= listen_again_)
            listen_again();
        if (describing_ && now >= describe_until_)
            describing_.reset(); // a sick container can make it hang
        if (!describing_ && !to_describe_.empty())
            describe();
        if (now >= until_ && !is_ending_)
            end_soon();
        if (!handover_)
            return is_ending_ ? end() : get_ready();
        if (child_ != 0 || handover_->is_given())
            return; // a run works, ours or that of another process
        if (!session_.lock && !(session_.lock = try_lock(session_)))
            return is_ending_ && now >= until_ + patience_for_lock ? end() : void(); // another run works
        if (is_ending_ || handover_->is_asked()) {
            followed_.update(); // what happened until now
            // What happens from now on, who asked holds as well.
            if (followed_.has_unsaved() && !has_saved_all_ && last_runs_ < most_last_runs) {
                if (now >= next_last_run_)
                    begin_run(Run::last);
                return;
            }
            if (is_ending_) {
                if (followed_.has_unsaved() && code_ == 0)
                    code_ = static_cast<int>(ExitCode::partial);
                return end();
            }
            session_.lock.reset();
            handover_->give();
            last_runs_ = 0;
            has_saved_all_ = false;
            return;
        }
        last_runs_ = 0;
        has_saved_all_ = false;
        if (now >= look_at_space_) {
            look_at_space_ = now + later;
            if (followed_.is_burden([this](int file) { return is_short(file); }))
                return begin_run(Run::between); // which lets go of it at its end
        }
        if (due_ && now >= *due_ && now >= not_before_)
            begin_run(Run::between);
    }

    [[nodiscard]] int time_to_wait() {
        if (followed_.losses() != losses_ && !due_)
            due_ = Clock::now() + later;
        auto next = Clock::now() + std::chrono::minutes(1);
        const auto consider = [&](Clock::time_point when) { next = std::min(next, when); };
        if (!is_ending_)
            consider(until_);
        if (!events_)
            consider(listen_again_);
        if (describing_)
            consider(describe_until_);
        else if (!to_describe_.empty())
            consider(Clock::now() + soon);
        const bool can_run = handover_ && session_.lock && child_ == 0;
        if (!can_run && child_ == 0 && !(handover_ && handover_->is_given()))
            consider(Clock::now() + soon); // the lock may be free by then
        if (can_run && last_runs_ > 0)
            consider(next_last_run_);
        const bool goes_on = can_run && !is_ending_ && !handover_->is_asked();
        if (goes_on && due_)
            consider(std::max(*due_, not_before_));
        if (goes_on && followed_.has_unsaved())
            consider(look_at_space_);
        const auto left = std::chrono::ceil<milliseconds>(next - Clock::now()).count();
        return static_cast<int>(std::max<milliseconds::rep>(left, 0));
    }

    void due_soon() {
        const auto when = Clock::now() + soon;
        due_ = due_ ? std::min(*due_, when) : when;
    }

    void end_soon() {
        is_ending_ = true;
        if (child_ != 0 && stop_.signal())
            ::kill(child_, SIGTERM);
    }

    // Runs.

    void begin_run(Run run) {
        run_ = run;
        due_.reset();
        losses_ = followed_.losses();
        begun_ = Clock::now();
        followed_.update();
        given_ = followed_.held();
        outcomes_ = UniqueFd(::memfd_create("outcomes", MFD_CLOEXEC));
        log_.flush();
        std::fflush(stdout);
        child_ = ::fork();
        if (child_ == 0)
            work(run);
        if (child_ < 0) {
            child_ = 0;
            log_.error("cannot start a run: {}", error_text(errno));
            end();
            code_ = static_cast<int>(ExitCode::impossible);
        }
    }

    /// The child: a run as any other, which knows what is held.
    [[noreturn]] void work(Run run) {
        events_ ? events_->disown() : void();
        describing_ ? describing_->disown() : void();
        int code = static_cast<int>(ExitCode::impossible);
        try {
            give_way(options_.nice, options_.io_priority);
            Options options = options_;
            if (run != Run::first) {
                options.quiet = true;
                options.json = options.verbose = false;
                options.metrics.clear();
                if (run == Run::between) // the next run tells what is still so
                    log_.sinks().front()->set_level(spdlog::level::off);
            }
            StopSignal stop(options.max_duration);
            Session session{options, stop, std::chrono::system_clock::now()};
            session.lock = std::move(session_.lock);
            session.runtime = session_.runtime;
            session.held = &given_;
            session.is_between = run != Run::first;
            if (run == Run::first && first_ && Clock::now() - heard_first_ < least_rest)
                session.runtime.discover = [this](StopSignal&) { return *first_; };
            std::optional<Report> report;
            code = save_and_monitor(session, report, log_);
            if (report)
                write_outcomes(*report);
        } catch (const std::exception& error) {
            const auto* expected = dynamic_cast<const Error*>(&error);
            log_.error(error.what() + (expected == nullptr || expected->hint().empty()
                                           ? std::string()
                                           : "\nhint: " + expected->hint()));
        }
        log_.flush();
        std::fflush(stdout);
        ::_exit(code);
    }

    void write_outcomes(const Report& report) {
        std::string text;
        for (const auto& outcome : report.held)
            text += outcome.compared ? 'c' : outcome.saved ? 's' : '-';
        [[maybe_unused]] const auto written = ::write(outcomes_.get(), text.data(), text.size());
    }

    /// Takes the end of a run.
    void reap() {
        int status = 0;
        if (child_ == 0 || ::waitpid(child_, &status, WNOHANG) != child_)
            return;
        child_ = 0;
        const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        const auto now = Clock::now();
        not_before_ = now + std::max<Clock::duration>(least_rest, (now - begun_) * rest_after_run);
        std::string text(given_.directories.size(), '-');
        const auto got = ::pread(outcomes_.get(), text.data(), text.size(), 0);
        if (got == static_cast<ssize_t>(text.size())) {
            std::vector<HeldOutcome> outcomes;
            std::size_t i = 0;
            for (const auto& [id, directory] : given_.directories) {
                outcomes.push_back({id, text[i] != '-', text[i] == 'c'});
                ++i;
            }
            has_saved_all_ = std::all_of(outcomes.begin(), outcomes.end(),
                                         [](const HeldOutcome& outcome) { return outcome.saved; });
            followed_.update();
            followed_.note_saved(given_, outcomes);
            if (run_ == Run::first)
                followed_.clear_gone(); // it asked for those that it does not know
        }
        given_ = {};
        has_saved_all_ = has_saved_all_ && run_ == Run::last;
        if (run_ == Run::last) {
            ++last_runs_;
            next_last_run_ = now + soon;
        }
        if (run_ == Run::first) {
            code_ = code;
            if (code != static_cast<int>(ExitCode::complete) && code != static_cast<int>(ExitCode::partial))
                end(); // no run is possible, or it was stopped
            first_.reset();
        }
        if (followed_.has_removed())
            due_soon(); // it went meanwhile, or could not be saved
        make_room();
    }

    /// True if the file system of an open file has less free space than --min-free leaves.
    [[nodiscard]] bool is_short(int file) const {
        const auto space = free_space(file, options_.min_free);
        return space && space->bytes < space->reserved_bytes;
    }

    /// What is held of deleted files must not fill a disk. It was saved just now, if that was possible.
    void make_room() {
        const auto count = followed_.let_go_of_largest([this](int file) { return is_short(file); });
        if (count > 0)
            log_.warn("let go of {} that were deleted: their disk has less free space than --min-free leaves",
                      counted(count, "file"));
    }

    // The runtime.

    void listen() {
        events_ =
            session_.runtime.listening.events(heard_ == Timestamp{} ? began_ : heard_ - overlap_of_events);
        rest_.clear();
        listen_again_ = Clock::now() + before_next_try;
    }

    /// The stream has ended: the runtime was restarted, or is away. What happened meanwhile it may have
    /// forgotten.
    void listen_again() {
        listen();
        if (!events_)
            return;
        try {
            followed_.add(session_.runtime.discover(stop_).containers);
            followed_.update(); // sees whose layers are gone
        } catch (const Error&) {
            events_.reset();
        }
        listen_again_ = Clock::now() + before_next_try;
    }

    void take_events() {
        const auto text = events_->read();
        if (!text) {
            events_.reset();
            return;
        }
        rest_ += *text;
        const auto end = rest_.rfind('\n');
        if (end == std::string::npos)
            return;
        const History history =
            session_.runtime.listening.read_events(std::string_view(rest_).substr(0, end));
        rest_.erase(0, end + 1);
        for (const auto& [id, life] : history.lives) {
            const Container& container = life.container;
            heard_ =
                std::max({heard_, container.created, container.started, container.finished, life.removed});
            if (!followed_.knows(id)) {
                if (life.removed == Timestamp{})
                    to_describe_.push_back(id);
                continue;
            }
            if (container.started != Timestamp{})
                followed_.note_start(id, container.started);
            if (container.started > container.finished && life.removed == Timestamp{})
                to_describe_.push_back(id); // it has a process now, and all its mounts
            if (container.finished != Timestamp{} && container.finished >= container.started) {
                followed_.note_end(id, container.finished);
                due_soon();
            }
            if (life.removed != Timestamp{})
                take_removal(id, life.removed);
        }
    }

    void take_removal(const std::string& id, Timestamp when) {
        followed_.update(); // what it wrote last
        followed_.note_removal(id, when);
        if (followed_.has_removed())
            due_soon();
    }

    void describe() {
        std::sort(to_describe_.begin(), to_describe_.end());
        to_describe_.erase(std::unique(to_describe_.begin(), to_describe_.end()), to_describe_.end());
        describing_ = session_.runtime.listening.describe(to_describe_);
        if (!describing_)
            return; // tried again
        to_describe_.clear();
        described_.clear();
        describe_until_ = Clock::now() + options_.docker_timeout;
    }

    void take_descriptions() {
        if (const auto text = describing_->read()) {
            described_ += *text;
            return;
        }
        describing_.reset();
        try {
            followed_.add(session_.runtime.listening.read_descriptions(described_));
        } catch (const Error&) { // it has gone by now, or the runtime is away
        }
    }

    const Options& options_;
    spdlog::logger& log_;
    const Timestamp began_;
    const Clock::time_point until_;
    StopSignal stop_;
    Session session_;
    Followed followed_;
    std::optional<Request> request_;   ///< to the follower before
    std::optional<Handover> handover_; ///< for the next one; set once this process has its place

    std::optional<Discovery> first_;
    const Clock::time_point heard_first_ = Clock::now();
    Timestamp heard_{}; ///< of the last event
    std::unique_ptr<SideCommand> events_;
    std::string rest_; ///< of a line of events
    Clock::time_point listen_again_{};
    std::vector<std::string> to_describe_; ///< ids
    std::unique_ptr<SideCommand> describing_;
    std::string described_;
    Clock::time_point describe_until_{};

    pid_t child_ = 0;
    Run run_ = Run::first;
    HeldLogs given_;
    UniqueFd outcomes_; ///< one byte for each log directory in `given_`
    Clock::time_point begun_{};
    Clock::time_point not_before_{};
    std::optional<Clock::time_point> due_;
    Clock::time_point look_at_space_{};
    std::uint64_t losses_ = 0;
    bool is_ending_ = false;
    bool has_saved_all_ = false; ///< of what it was given; said of the last run only
    int last_runs_ = 0;          ///< since somebody asked for the lock, or the time was over
    Clock::time_point next_last_run_{};
    bool is_done_ = false;
    int code_ = 0;
};

} // namespace

int run_following(const Options& options, spdlog::logger& log) {
    return Follower(options, log).run();
}

} // namespace logbackup
