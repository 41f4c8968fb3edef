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
#include <filesystem>
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
constexpr int longest_wait = 500; // milliseconds
constexpr std::chrono::hours longest_decompression{1};
constexpr int nothing_found = 1; ///< exit code
constexpr int not_valid = 2;     ///< exit code, also for what cannot be read

bool is_ripgrep(const std::string& searcher) {
    return base_name(searcher) == "rg";
}

/// Returns the command without the files.
Command command_for(const Query& query, const std::string& searcher) {
    Command command;
    command.environment = {"LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin"};
    command.argv = {searcher, "--text", "--line-number", "--byte-offset", "--color=never"};
    const auto add = [&](std::initializer_list<const char*> options) {
        command.argv.insert(command.argv.end(), options.begin(), options.end());
    };
    if (is_ripgrep(searcher))
        add({"--no-config", "--no-heading", "--no-mmap", "--threads=1", "--no-context-separator",
             "--encoding=none", "--crlf"});
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
void require_valid(const Command& search, bool is_fixed, StopSignal& stop) {
    Command command = search;
    command.argv.emplace_back("-"); // its standard input, which is empty
    command.confinement = confined_to({}, {}, RunAs::nobody);
    const auto result = run(command, {std::chrono::seconds(10)}, stop);
    const auto* exited = std::get_if<Exited>(&result.ending);
    const int code = exited == nullptr ? -1 : exited->code;
    const std::string said = escaped(last_lines(result.err, 3));
    if (code == not_valid && !said.empty())
        throw Error("cannot search for this pattern: " + said, is_fixed ? "" : "-F takes it as a text");
    if (code != 0 && code != nothing_found)
        throw Error("cannot search: " + in_quotes(search.argv.front()) + " " + describe(result.ending) +
                    (said.empty() ? "" : ": " + said));
}

/// The program runs as nobody.
bool can_everybody_run(const std::string& program) {
    std::error_code error;
    for (auto path = std::filesystem::canonical(program, error); !error && path != path.root_path();
         path = path.parent_path()) {
        const auto mode = std::filesystem::status(path, error).permissions();
        if ((mode & std::filesystem::perms::others_exec) == std::filesystem::perms::none)
            return false;
    }
    return !error;
}

/// Files that one program searches.
struct Task {
    std::vector<std::size_t> files;
    bool is_alone = false; ///< one file, which is compressed or large
};

/// Returns why a search for bytes can miss lines of a file; "" if it cannot.
std::string unsearchable(const std::string& path, const std::string& first_bytes) {
    if (first_bytes.starts_with("\xff\xfe") || first_bytes.starts_with("\xfe\xff"))
        return "it is UTF-16, and only its bytes were searched";
    for (const std::string_view suffix : {".lz4", ".lzma", ".lzo", ".br", ".sz", ".7z", ".rar"})
        if (path.ends_with(suffix))
            return "it is compressed as " + std::string(suffix) + ", and only its bytes were searched";
    return {};
}

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
            continue;
        }
        const std::string bytes = first_bytes_of(file.get());
        if (const auto why = unsearchable(files[i].path, bytes); !why.empty())
            calls.failed(i, why);
        if (files[i].size > largest_group || is_compressed(bytes)) {
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

/// The times of lines of a file that begin with none.
class TimesOfOwners {
  public:
    TimesOfOwners(int root, const FileToSearch& file)
        : input_(open_regular(root, file.path)), owners_(file.modified), buffer_(largest_piece, '\0') {
        const Decompressor with = input_ ? decompressor_for(first_bytes_of(input_.get())) : Decompressor();
        if (with.argv.empty())
            return;
        decompressor_ = SideCommand::start(decompression(input_.get(), with, longest_decompression));
        input_ = decompressor_ ? decompressor_->give_output() : UniqueFd();
    }

    /// Returns the zero time if there is none. Offsets only grow.
    Timestamp of(std::uint64_t offset) {
        while (!owners_.has(offset)) {
            if (rest_.empty() && !read()) {
                owners_.end();
                break;
            }
            rest_.remove_prefix(owners_.take(rest_, offset));
        }
        return owners_.last();
    }

  private:
    bool read() {
        const auto got = input_ ? ::read(input_.get(), buffer_.data(), buffer_.size()) : 0;
        rest_ = std::string_view(buffer_).substr(0, got > 0 ? static_cast<std::size_t>(got) : 0);
        return !rest_.empty();
    }

    UniqueFd input_;
    std::unique_ptr<SideCommand> decompressor_;
    Owners owners_;
    std::string buffer_;
    std::string_view rest_;
};

/// A task with its programs.
struct Work {
    Task task;
    std::unique_ptr<SideCommand> decompressor{};
    std::unique_ptr<SideCommand> searcher{};
    FoundLines reader;
    std::vector<FoundLine> lines{};
    std::size_t held = 0; ///< bytes in `lines`
    std::unique_ptr<TimesOfOwners> times{};
    std::size_t file_of_times = 0;
};

class Search {
  public:
    Search(int root, const std::vector<FileToSearch>& files, Command command, WantsTimes wants_times,
           const SearchCalls& calls, StopSignal& stop)
        : root_(root), files_(files), command_(std::move(command)), wants_times_(wants_times), calls_(calls),
          stop_(stop), tasks_(tasks_for(root, files, calls)) {}

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
        if (!input)
            return give_up(file, "cannot open it: " + error_text(errno));
        const Decompressor with = decompressor_for(first_bytes_of(input.get()));
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
        std::vector<UniqueFd> held;
        FileAccess only_these;
        for (const std::size_t file : task.files) {
            held.push_back(locate_regular(root_, files_[file].path));
            only_these.readable.push_back(held.back().get());
            command.argv.push_back(above + files_[file].path);
            paths.emplace(command.argv.back(), file);
        }
        command.inherited = {root_};
        command.confinement = confined_to(std::move(only_these), {CAP_DAC_READ_SEARCH}, RunAs::us);
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
        // The signal does not tell when the time is up.
        ::poll(fds.data(), fds.size(), running_.empty() ? 0 : longest_wait);
        for (std::size_t i = running_.size(); i-- > 0;) {
            if (fds[i + 1].revents == 0 || take_lines(running_[i]))
                continue;
            Work ended = std::move(running_[i]);
            running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(i));
            if (ended.held > most_held)
                search_each(ended.task); // its program ends with it
            else
                end(ended);
        }
    }

    void search_each(const Task& task) {
        for (const std::size_t file : task.files)
            tasks_.push_back({{file}, true});
    }

    /// Returns false when the program has ended, or found more than can be held.
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
        return work.held <= most_held;
    }

    void end(Work& work) {
        const Ending searched = work.searcher->wait();
        const auto* exited = std::get_if<Exited>(&searched);
        const bool is_whole = exited != nullptr && exited->code <= nothing_found;
        if (!is_whole && !work.task.is_alone)
            return search_each(work.task); // which of them it was, each alone tells
        pass_on(work);
        for (const std::size_t file : work.task.files) {
            const auto decompressed = work.decompressor ? work.decompressor->wait() : Ending(Exited{0});
            if (!is_whole)
                calls_.failed(file,
                              "its search " + describe(searched) + ", as it does at a line without an end");
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
            if (wants_times_ == WantsTimes::yes)
                find_times(work, of_file);
            calls_.found(std::move(of_file));
            begin = end;
        }
    }

    void find_times(Work& work, std::vector<FoundLine>& lines) const {
        const std::size_t index = lines.front().file;
        const FileToSearch& file = files_[index];
        const FoundLine* previous = nullptr;
        for (auto& line : lines) {
            if (const auto time = line_time(line.text, file.modified)) {
                line.time = *time;
            } else if (previous != nullptr && previous->number + 1 == line.number &&
                       previous->time != Timestamp{}) {
                line.time = previous->time;
            } else if (line.matches && !stop_.requested()) {
                if (!work.times || work.file_of_times != index)
                    work.times = std::make_unique<TimesOfOwners>(root_, file);
                work.file_of_times = index;
                line.time = work.times->of(line.offset);
            }
            previous = &line;
        }
    }

    int root_;
    const std::vector<FileToSearch>& files_;
    Command command_;
    WantsTimes wants_times_;
    const SearchCalls& calls_;
    StopSignal& stop_;
    std::deque<Task> tasks_;
    std::vector<Work> running_;
};

} // namespace

std::string find_searcher() {
    const std::string ripgrep = find_program("rg");
    return ripgrep.empty() || !can_everybody_run(ripgrep) ? find_program("grep") : ripgrep;
}

void search(int root, const std::vector<FileToSearch>& files, const Query& query, const std::string& searcher,
            std::size_t threads, WantsTimes wants_times, const SearchCalls& calls, StopSignal& stop) {
    const Command command = command_for(query, searcher);
    require_valid(command, query.is_fixed, stop);
    Search(root, files, command, wants_times, calls, stop).run(threads);
}

} // namespace logbackup
