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
#include <iterator>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

namespace logbackup {
namespace {

/// Above this, lines are printed before all are found, and are in the order of time only part by part.
constexpr std::size_t most_held = 64U << 20U;

/// A line that matches, with the lines beside it.
struct Block {
    Timestamp time{}; ///< by which it is sorted
    std::size_t bytes = 0;
    std::vector<FoundLine> lines;
};

class Grep {
  public:
    Grep(const Options& options, spdlog::logger& log)
        : options_(options), log_(log), open_(open_inventory(options)),
          last_run_(last_complete_run(open_.root.get())), stop_(options.max_duration) {}

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
        search(open_.root.get(), files, options_.query, searcher, std::thread::hardware_concurrency() + 1,
               calls, stop_);
        end_progress_line();
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
            if (auto gap = gap_of(instances[i], options_.window, last_run_))
                summary_.gaps.push_back(std::move(*gap));
            if (record.instance.empty())
                continue; // missed
            ++summary_.directories;
            const UniqueFd directory = open_directory(open_.root.get(), record.directory());
            for_each_file(directory.get(), [&](const std::string& path, const struct statx& status) {
                const Timestamp modified = time_of({status.stx_mtime.tv_sec, status.stx_mtime.tv_nsec});
                if (modified < options_.window.since)
                    return;
                files_.push_back({i, path, status.stx_size, modified});
                summary_.bytes += status.stx_size;
            });
        }
        summary_.files = files_.size();
        for (const auto& problem : open_.inventory.problems)
            summary_.gaps.push_back({"", problem});
        std::sort(files_.begin(), files_.end(), [](const SearchedFile& left, const SearchedFile& right) {
            return std::tie(left.modified, left.instance, left.path) <
                   std::tie(right.modified, right.instance, right.path);
        });
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

    void take(Block block, const SearchedFile& file) {
        const auto matching = static_cast<std::uint64_t>(std::count_if(
            block.lines.begin(), block.lines.end(), [](const FoundLine& line) { return line.matches; }));
        const auto inside = static_cast<std::uint64_t>(
            std::count_if(block.lines.begin(), block.lines.end(), [&](const FoundLine& line) {
                return line.matches && (line.time == Timestamp{} || options_.window.has(line.time));
            }));
        summary_.outside += matching - inside;
        summary_.lines += inside;
        lines_[block.lines.front().file] += inside;
        if (inside == 0 || options_.query.counts || options_.query.files)
            return;
        if (block.time == Timestamp{})
            block.time = file.modified;
        held_ += block.bytes;
        blocks_.push_back(std::move(block));
        if (held_ > most_held)
            print_blocks();
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
        end_progress_line();
        print(text);
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
                text += joined(joined(options_.backup_root, instance.record.directory()), file.path) +
                        (options_.query.print0 ? '\0' : '\n');
        }
        print(text);
    }

    /// Tells how complete the answer is. Returns the exit code.
    int tell() {
        const bool is_found = summary_.lines > 0;
        if (stop_.requested())
            log_.warn("stopped before everything was searched");
        for (const auto& line : gap_lines(summary_))
            log_.log(is_found ? spdlog::level::info : spdlog::level::warn, line);
        log_.info(summary(summary_));
        if (const auto signal = stop_.signal())
            return 128 + *signal;
        if (is_found)
            return static_cast<int>(ExitCode::complete);
        return static_cast<int>(summary_.gaps.empty() && !stop_.requested() ? ExitCode::not_found
                                                                            : ExitCode::not_all_searched);
    }

    const Options& options_;
    spdlog::logger& log_;
    OpenInventory open_;
    Timestamp last_run_;
    StopSignal stop_;
    std::vector<SearchedFile> files_;
    std::vector<std::uint64_t> lines_; ///< that match, of each file
    std::vector<Block> blocks_;        ///< not printed yet
    std::size_t held_ = 0;             ///< bytes of them
    bool has_printed_ = false;
    SearchSummary summary_;
};

} // namespace

int run_grep(const Options& options, spdlog::logger& log) {
    return Grep(options, log).run();
}

} // namespace logbackup
