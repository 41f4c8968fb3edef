// SPDX-License-Identifier: MIT
#include "search/search.hpp"

#include "content/decompress.hpp"
#include "search/found_lines.hpp"
#include "search/line_time.hpp"
#include "search/owners.hpp"
#include "util/error.hpp"
#include "util/files.hpp"
#include "util/process.hpp"

#include <linux/capability.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <deque>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <utility>

namespace logbackup {
namespace {

/// Small files are searched together: to start a program takes as long as to search some megabytes.
constexpr std::uint64_t largest_group = 32U << 20U;
constexpr std::size_t most_in_group = 200;
/// So many bytes of lines are passed on at once.
constexpr std::size_t most_held = 8U << 20U;
/// A line without an end must not take the memory of the node.
constexpr rlim_t most_memory = 1U << 30U;
constexpr std::size_t largest_piece = 1U << 20U;
constexpr std::chrono::hours longest_decompression{1};
constexpr int nothing_found = 1; ///< exit code
constexpr int not_valid = 2;     ///< exit code, also for what cannot be read

bool is_ripgrep(const std::string& searcher) {
    return base_name(searcher) == "rg";
}

/// Returns the command without the files.
Command command_for(const Query& query, const std::string& searcher) {
    Command command;
    command.environment = {"LC_ALL=C", "PATH=/usr/bin:/bin"};
    command.argv = {searcher, "--text", "--line-number", "--byte-offset", "--color=never"};
    const auto add = [&](std::initializer_list<const char*> options) {
        command.argv.insert(command.argv.end(), options.begin(), options.end());
    };
    if (is_ripgrep(searcher))
        add({"--no-config", "--no-heading", "--no-mmap", "--threads=1", "--no-context-separator"});
    else
        add({"--no-group-separator", query.is_fixed ? "--fixed-strings" : "--perl-regexp"});
    if (query.is_fixed && is_ripgrep(searcher))
        add({"--fixed-strings"});
    if (query.ignores_case)
        add({"--ignore-case"});
    if (query.context > 0)
        command.argv.push_back("--context=" + std::to_string(query.context));
    command.argv.push_back("--regexp=" + query.pattern);
    return command;
}

Confinement confined_to(FileAccess files, std::vector<int> capabilities, RunAs user) {
    Confinement confinement;
    confinement.capabilities = std::move(capabilities);
    confinement.run_as = user;
    confinement.limits = {{RLIMIT_AS, most_memory}, {RLIMIT_FSIZE, 0}};
    confinement.files = std::move(files);
    return confinement;
}

/// Throws Error when the pattern is not valid.
void require_valid(const Command& search, StopSignal& stop) {
    Command command = search;
    command.argv.emplace_back("-"); // its standard input, which is empty
    command.confinement = confined_to({}, {}, RunAs::nobody);
    const auto result = run(command, {std::chrono::seconds(10)}, stop);
    const auto* exited = std::get_if<Exited>(&result.ending);
    const int code = exited == nullptr ? -1 : exited->code;
    const std::string said = escaped(last_lines(result.err, 3));
    if (code == not_valid && !said.empty())
        throw Error("cannot search for this pattern: " + said, "-F takes it as a text");
    if (code != 0 && code != nothing_found)
        throw Error("cannot search: " + in_quotes(search.argv.front()) + " " + describe(result.ending) +
                    (said.empty() ? "" : ": " + said));
}

/// Files that one program searches.
struct Task {
    std::vector<std::size_t> files;
    bool is_alone = false; ///< one file, which is compressed or large
};

std::deque<Task> tasks_for(int root, const std::vector<FileToSearch>& files, const SearchCalls& calls) {
    std::deque<Task> tasks;
    Task group;
    std::uint64_t size = 0;
    const auto end_group = [&] {
        if (!group.files.empty())
            tasks.push_back(std::exchange(group, {}));
        size = 0;
    };
    for (std::size_t i = 0; i < files.size(); ++i) {
        const UniqueFd file = open_regular(root, files[i].path);
        if (!file) {
            calls.failed(i, "cannot open it: " + error_text(errno));
            calls.done(i);
        } else if (files[i].size > largest_group || is_compressed(first_bytes_of(file.get()))) {
            tasks.push_back({{i}, true});
        } else {
            if (group.files.size() == most_in_group || size + files[i].size > largest_group)
                end_group();
            group.files.push_back(i);
            size += files[i].size;
        }
    }
    end_group();
    return tasks;
}

/// A task with its programs.
struct Work {
    Task task;
    std::unique_ptr<SideCommand> decompressor{};
    std::unique_ptr<SideCommand> searcher{};
    FoundLines reader;
    std::vector<FoundLine> lines{};
    std::size_t held = 0; ///< bytes in `lines`
};

class Search {
  public:
    Search(int root, const std::vector<FileToSearch>& files, Command command, const SearchCalls& calls,
           StopSignal& stop)
        : root_(root), files_(files), command_(std::move(command)), calls_(calls), stop_(stop),
          tasks_(tasks_for(root, files, calls)) {}

    void run(std::size_t threads) {
        while (!stop_.requested() && !(tasks_.empty() && running_.empty())) {
            while (running_.size() < threads && !tasks_.empty()) {
                Task task = std::move(tasks_.front());
                tasks_.pop_front();
                task.is_alone ? begin_alone(task.files.front()) : begin_group(std::move(task));
            }
            wait();
        }
    }

  private:
    void begin_alone(std::size_t file) {
        const UniqueFd input = open_regular(root_, files_[file].path);
        const Decompressor with = input ? decompressor_for(first_bytes_of(input.get())) : Decompressor();
        Work work{{{file}, true}, {}, {}, FoundLines({}, file)};
        Command command = command_;
        command.argv.emplace_back("--no-filename");
        command.argv.emplace_back("-");
        command.confinement = confined_to({}, {}, RunAs::nobody);
        command.input = input.get();
        UniqueFd pipe;
        if (!with.name.empty()) {
            work.decompressor =
                with.argv.empty()
                    ? nullptr
                    : SideCommand::start(decompression(input.get(), with, longest_decompression));
            if (!work.decompressor)
                return give_up(file, with.argv.empty()
                                         ? with.name + " is not installed"
                                         : "cannot start " + with.name + ": " + error_text(errno));
            pipe = work.decompressor->give_output();
            command.input = pipe.get();
        }
        begin(std::move(work), command);
    }

    void begin_group(Task task) {
        Command command = command_;
        for (const char* option : {"--with-filename", "--null", "--"})
            command.argv.emplace_back(option);
        const std::string above = "/proc/self/fd/" + std::to_string(root_) + "/";
        std::map<std::string, std::size_t> paths;
        for (const std::size_t file : task.files) {
            command.argv.push_back(above + files_[file].path);
            paths.emplace(command.argv.back(), file);
        }
        command.inherited = {root_};
        command.confinement = confined_to({{root_}, {}}, {CAP_DAC_READ_SEARCH}, RunAs::us);
        begin({std::move(task), {}, {}, FoundLines(std::move(paths), 0)}, command);
    }

    void begin(Work work, const Command& command) {
        work.searcher = SideCommand::start(command);
        if (!work.searcher)
            for (const std::size_t file : work.task.files)
                give_up(file, "cannot start " + command.argv.front() + ": " + error_text(errno));
        else
            running_.push_back(std::move(work));
    }

    void give_up(std::size_t file, const std::string& why) {
        calls_.failed(file, why);
        calls_.done(file);
    }

    /// Takes what the programs have found, until one has ended.
    void wait() {
        std::vector<pollfd> fds{{stop_.fd(), POLLIN, 0}};
        for (const auto& work : running_)
            fds.push_back({work.searcher->fd(), POLLIN, 0});
        ::poll(fds.data(), fds.size(), running_.empty() ? 0 : -1);
        for (std::size_t i = running_.size(); i-- > 0;) {
            if (fds[i + 1].revents == 0 || take_lines(running_[i]))
                continue;
            Work ended = std::move(running_[i]);
            running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(i));
            end(ended);
        }
    }

    /// Returns false when the program has ended.
    bool take_lines(Work& work) {
        const auto bytes = work.searcher->read();
        if (!bytes)
            return false;
        work.reader.take(*bytes, [&](FoundLine line) {
            work.held += line.text.size() + sizeof line;
            work.lines.push_back(std::move(line));
        });
        if (work.task.is_alone && work.held > most_held)
            pass_on(work);
        return true;
    }

    void end(Work& work) {
        const Ending searched = work.searcher->wait();
        const auto* exited = std::get_if<Exited>(&searched);
        const bool is_whole = exited != nullptr && exited->code <= nothing_found;
        if (!is_whole && !work.task.is_alone) { // which of them it was, each alone tells
            for (const std::size_t file : work.task.files)
                tasks_.push_back({{file}, true});
            return;
        }
        pass_on(work);
        for (const std::size_t file : work.task.files) {
            const auto decompressed = work.decompressor ? work.decompressor->wait() : Ending(Exited{0});
            if (!is_whole)
                calls_.failed(file, "the search " + describe(searched));
            else if (!succeeded(decompressed))
                calls_.failed(file, "its decompressor " + describe(decompressed));
            calls_.done(file);
        }
    }

    void pass_on(Work& work) {
        work.held = 0;
        auto lines = std::exchange(work.lines, {});
        // The lines of a file stand together.
        for (auto begin = lines.begin(); begin != lines.end();) {
            const auto end = std::find_if(begin, lines.end(),
                                          [&](const FoundLine& line) { return line.file != begin->file; });
            std::vector<FoundLine> of_file(std::make_move_iterator(begin), std::make_move_iterator(end));
            find_times(of_file);
            calls_.found(std::move(of_file));
            begin = end;
        }
    }

    void find_times(std::vector<FoundLine>& lines) const {
        const FileToSearch& file = files_[lines.front().file];
        std::vector<FoundLine*> without;
        std::vector<std::uint64_t> offsets;
        const FoundLine* previous = nullptr;
        for (auto& line : lines) {
            if (const auto time = line_time(line.text, file.modified))
                line.time = *time;
            else if (previous != nullptr && previous->number + 1 == line.number &&
                     previous->time != Timestamp{})
                line.time = previous->time;
            else if (line.matches) {
                without.push_back(&line);
                offsets.push_back(line.offset);
            }
            previous = &line;
        }
        if (without.empty())
            return;
        Owners owners(std::move(offsets), file.modified);
        read_all(file.path, [&](std::string_view bytes) { return owners.take(bytes); });
        const auto times = owners.times();
        for (std::size_t i = 0; i < without.size(); ++i)
            without[i]->time = times[i];
    }

    /// Reads a file from its begin, decompressed, until `take` returns false.
    void read_all(const std::string& path, const std::function<bool(std::string_view)>& take) const {
        const UniqueFd input = open_regular(root_, path);
        const Decompressor with = input ? decompressor_for(first_bytes_of(input.get())) : Decompressor();
        if (!with.argv.empty()) {
            (void)decompress(
                input.get(), with, longest_decompression,
                [&](std::string_view bytes) { return take(bytes) ? Watch::go_on : Watch::end_it; }, stop_);
            return;
        }
        std::string buffer(largest_piece, '\0');
        for (ssize_t got = 1; input && got > 0;) {
            got = ::read(input.get(), buffer.data(), buffer.size());
            if (got > 0 && !take({buffer.data(), static_cast<std::size_t>(got)}))
                return;
        }
    }

    int root_;
    const std::vector<FileToSearch>& files_;
    Command command_;
    const SearchCalls& calls_;
    StopSignal& stop_;
    std::deque<Task> tasks_;
    std::vector<Work> running_;
};

} // namespace

std::string find_searcher() {
    const std::string ripgrep = find_program("rg");
    return ripgrep.empty() ? find_program("grep") : ripgrep;
}

void search(int root, const std::vector<FileToSearch>& files, const Query& query, const std::string& searcher,
            std::size_t threads, const SearchCalls& calls, StopSignal& stop) {
    const Command command = command_for(query, searcher);
    require_valid(command, stop);
    Search(root, files, command, calls, stop).run(threads);
}

} // namespace logbackup
