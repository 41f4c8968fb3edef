// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/search.hpp"
#include "util/stop_signal.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace logbackup {

/// Returns the path of ripgrep, or of grep if not everybody can run that; "" if there is neither.
[[nodiscard]] std::string find_searcher();

/// A file to search, with its path below the directory that is searched.
struct FileToSearch {
    std::string path;
    std::uint64_t size = 0;
    Timestamp modified{}; ///< see line_time()
};

struct SearchCalls {
    /// Lines of one file, in their order, each with its time.
    std::function<void(std::vector<FoundLine>)> found;
    /// A file that was not searched, or not to its end, and why; safe to print.
    std::function<void(std::size_t file, const std::string& why)> failed;
    /// Files that were searched, or failed.
    std::function<void(std::size_t file)> done;
};

enum class WantsTimes { no, yes };

/// Searches files for lines that match, several at a time. The program that searches, and those that
/// decompress, can write nothing, and where the kernel has Landlock they can read nothing but these files and
/// the system's own: containers wrote what they read. `searcher` is from find_searcher(), `root` a descriptor
/// of the directory, `threads` the number of programs at a time. Throws Error when the pattern is not valid.
void search(int root, const std::vector<FileToSearch>& files, const Query& query, const std::string& searcher,
            std::size_t threads, WantsTimes wants_times, const SearchCalls& calls, StopSignal& stop);

} // namespace logbackup
