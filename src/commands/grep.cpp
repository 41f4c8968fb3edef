// SPDX-License-Identifier: MIT
#include "commands/commands.hpp"
#include "commands/inventory.hpp"
#include "commands/output.hpp"
#include "ledger/ledger.hpp"
#include "logbackup/exit_code.hpp"
#include "report/progress.hpp"
#include "report/search_report.hpp"
#include "search/scope.hpp"
#include "search/search.hpp"
#include "util/error.hpp"
#include "util/files.hpp"
#include "util/trees.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <functional>
#include <iterator>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

namespace logbackup {
namespace {

/// Above this, lines are printed before all are found, and are in the order of time only part by part.
constexpr std::size_t most_held = 64U << 20U;

/// A time without a zone is taken as UTC, and can be so far from it. So much around the window is searched;
/// the lines that match there are counted.
constexpr std::chrono::hours zones{14};

TimeWindow with_zones(TimeWindow window) {
    if (window.since != Timestamp::min())
        window.since -= zones;
    if (window.until != Timestamp::max())
        window.until += zones;
    return window;
}

/// A line that matches, with the lines beside it.
struct Block {
    Timestamp time{}; ///< by which it is sorted
    std::size_t bytes = 0;
    std::vector<FoundLine> lines;
};

class Grep {
  public:
    Grep(const Options& options, spdlog::logger& log)
        : options_(options), log_(log), searched_(with_zones(options.window)),
          open_(open_inventory(options, searched_)), last_run_(last_complete_run(open_.root.get())),
          stop_(options.max_duration) {}

    int run() {
        const std::string searcher = find_searcher();
        if (searcher.empty())
            throw Error("cannot find a program that searches", "install ripgrep, or grep");
        find_files();
        std::vector<FileToSearch> files;
        std::transform(files_.begin(), files_.end(), std::back_inserter(files),
                       [&](const SearchedFile& file) {
                           return FileToSearch{joined(instance_of(file).record.directory(), file.path),
                                               file.size, file.modified};
                       });
        const auto progress = options_.quiet ? Progress() : progress_line(summary_.bytes);
        std::uint64_t done = 0;
        SearchCalls calls;
        calls.found = [&](std::vector<FoundLine> lines) { take(std::move(lines)); };
        calls.failed = [&](std::size_t file, const std::string& why) {
            summary_.gaps.push_back({files[file].path, why});
        };
        calls.done = [&](std::size_t file) {
            done += files[file].size;
            if (progress)
                progress(done);
        };
        lines_.resize(files_.size());
        const bool shows_lines = !options_.query.counts && !options_.query.files;
        const auto wants_times =
            shows_lines || options_.window.has_bounds() ? WantsTimes::yes : WantsTimes::no;
        search(open_.root.get(), files, options_.query, searcher, std::thread::hardware_concurrency() + 1,
               wants_times, calls, stop_);
        end_progress_line();
        note_renamed(files);
        print_found();
        return tell();
    }

  private:
    [[nodiscard]] const Instance& instance_of(const SearchedFile& file) const {
        return open_.inventory.instances[file.instance];
    }

    /// Finds what is to be searched, the oldest first, and what is missing.
    void find_files() {
        const auto& instances = open_.inventory.instances;
        for (std::size_t i = 0; i < instances.size(); ++i) {
            const Record& record = instances[i].record;
            if (lived_in(instances[i], options_.window))
                if (auto gap = gap_of(instances[i], options_.window, last_run_))
                    summary_.gaps.push_back(std::move(*gap));
            if (!record.instance.empty()) // else it was missed
                find_files_of(i);
        }
        if (instances.empty())
            summary_.gaps.push_back({"", "nothing is saved of that time"});
        summary_.files = files_.size();
        for (const auto& problem : open_.inventory.problems)
            summary_.gaps.push_back({"", problem});
        // As the lines are in the order of time, and names in that of names.
        const bool by_name = options_.query.counts || options_.query.files;
        const auto key = [&](const SearchedFile& file) {
            return std::make_tuple(by_name ? Timestamp{} : file.modified, file.instance,
                                   std::cref(file.path));
        };
        std::sort(files_.begin(), files_.end(), [&](const SearchedFile& left, const SearchedFile& right) {
            return key(left) < key(right);
        });
    }

    void find_files_of(std::size_t instance) {
        const Instance& searched = open_.inventory.instances[instance];
        const std::string place = searched.record.directory();
        const bool lived = lived_in(searched, options_.window);
        ++summary_.directories;
        const UniqueFd directory = open_directory(open_.root.get(), place);
        const int error =
            !directory
                ? errno
                : for_each_file(directory.get(), [&](const std::string& path, const struct statx& status) {
                      const auto time = [](const statx_timestamp& when) {
                          return time_of({when.tv_sec, static_cast<long>(when.tv_nsec)});
                      };
                      const Timestamp modified = time(status.stx_mtime);
                      // A container can set the time of its file, but not when that was saved.
                      const Timestamp changed = std::max(modified, time(status.stx_ctime));
                      if (changed < searched_.since)
                          return;
                      files_.push_back({instance, path, status.stx_size, modified, status.stx_ino,
                                        lived && changed >= options_.window.since});
                      summary_.bytes += status.stx_size;
                  });
        if (error != 0)
            summary_.gaps.push_back({place, "not all of it can be read: " + error_text(error)});
    }

    /// A run can rename the files of a live log directory during the search: one can then have been missed.
    void note_renamed(const std::vector<FileToSearch>& files) {
        std::set<std::string> renamed;
        for (std::size_t i = 0; i < files.size(); ++i) {
            const auto status = status_at(open_.root.get(), files[i].path);
            if (!status || status->st_ino != files_[i].inode)
                renamed.insert(instance_of(files_[i]).record.directory());
        }
        for (const auto& place : renamed)
            summary_.gaps.push_back({place, "a run renamed files during the search: search again"});
    }

    /// Takes lines of one file, in their order.
    void take(std::vector<FoundLine> lines) {
        const SearchedFile& file = files_[lines.front().file];
        std::vector<Block> blocks;
        for (auto& line : lines) {
            const bool goes_on = options_.query.context > 0 && !blocks.empty() &&
                                 blocks.back().lines.back().number + 1 == line.number;
            if (!goes_on)
                blocks.emplace_back();
            Block& block = blocks.back();
            if (line.matches && block.time == Timestamp{})
                block.time = line.time;
            block.bytes += line.text.size() + sizeof line;
            block.lines.push_back(std::move(line));
        }
        for (auto& block : blocks)
            take(std::move(block), file);
    }

    [[nodiscard]] bool is_inside(const FoundLine& line) const {
        return line.time == Timestamp{} ? files_[line.file].is_of_window : options_.window.has(line.time);
    }

    void take(Block block, const SearchedFile& file) {
        std::uint64_t inside = 0;
        bool goes_on = true; // it begins beside a line that was passed on before
        for (auto& line : block.lines) {
            goes_on = goes_on && !line.matches;
            if (!line.matches)
                continue;
            line.matches = is_inside(line);
            ++(line.matches ? inside : summary_.outside);
        }
        summary_.lines += inside;
        lines_[block.lines.front().file] += inside;
        if ((inside == 0 && !goes_on) || options_.query.counts || options_.query.files)
            return;
        if (goes_on)
            block.time = last_time_;
        if (block.time == Timestamp{})
            block.time = file.modified;
        last_time_ = block.time;
        held_ += block.bytes;
        blocks_.push_back(std::move(block));
        if (held_ > most_held)
            print_blocks();
    }

    /// Ends the process when nobody reads any longer, as `| head` does.
    static void print_or_end(const std::string& text) {
        end_progress_line();
        ::signal(SIGPIPE, SIG_DFL);
        print(text);
    }

    void print_blocks() {
        const auto key = [](const Block& block) {
            const FoundLine& line = block.lines.front();
            return std::tie(block.time, line.file, line.number);
        };
        std::sort(blocks_.begin(), blocks_.end(),
                  [&](const Block& left, const Block& right) { return key(left) < key(right); });
        const Colour colour = is_coloured() ? Colour::yes : Colour::no;
        std::string text;
        for (const auto& block : blocks_) {
            if (options_.query.context > 0 && !options_.json && std::exchange(has_printed_, true))
                text += "--\n";
            for (const auto& line : block.lines) {
                const SearchedFile& file = files_[line.file];
                text += options_.json ? found_json(line, file, instance_of(file))
                                      : found_text(line, file, instance_of(file), colour);
            }
        }
        print_or_end(text);
        blocks_.clear();
        held_ = 0;
    }

    void print_found() {
        print_blocks();
        if (!options_.query.counts && !options_.query.files)
            return;
        std::string text;
        for (std::size_t i = 0; i < files_.size(); ++i) {
            const SearchedFile& file = files_[i];
            const Instance& instance = instance_of(file);
            if (lines_[i] == 0)
                continue;
            if (options_.json)
                text += count_json(lines_[i], file, instance);
            else if (options_.query.counts)
                text += count_text(lines_[i], file, instance);
            else
                text += options_.query.print0 ? path_of(file) + '\0' : escaped(path_of(file)) + "\n";
        }
        print_or_end(text);
    }

    [[nodiscard]] std::string path_of(const SearchedFile& file) const {
        return joined(joined(options_.backup_root, instance_of(file).record.directory()), file.path);
    }

    /// Tells how complete the answer is. Returns the exit code.
    int tell() {
        const bool is_found = summary_.lines > 0;
        if (stop_.requested())
            summary_.gaps.push_back({"", "the search was stopped before its end"});
        for (const auto& line : gap_lines(summary_))
            log_.log(is_found ? spdlog::level::info : spdlog::level::warn, line);
        log_.info(summary(summary_, options_.window));
        if (const auto signal = stop_.signal())
            return 128 + *signal;
        if (is_found)
            return static_cast<int>(ExitCode::complete);
        return static_cast<int>(summary_.gaps.empty() ? ExitCode::not_found : ExitCode::not_all_searched);
    }

    const Options& options_;
    spdlog::logger& log_;
    TimeWindow searched_;
    OpenInventory open_;
    Timestamp last_run_;
    StopSignal stop_;
    std::vector<SearchedFile> files_;
    std::vector<std::uint64_t> lines_; ///< that match, of each file
    std::vector<Block> blocks_;        ///< not printed yet
    std::size_t held_ = 0;             ///< bytes of them
    Timestamp last_time_{};            ///< of a block
    bool has_printed_ = false;
    SearchSummary summary_;
};

} // namespace

int run_grep(const Options& options, spdlog::logger& log) {
    return Grep(options, log).run();
}

} // namespace logbackup
