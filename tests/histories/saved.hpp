// SPDX-License-Identifier: MIT
#pragma once

#include "logs.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace logbackup::test {

struct SavedFile {
    FileType type = FileType::regular;
    std::string content; ///< of a regular file; of a link its target
    std::int64_t mtime = 0;
};
using Saved = std::map<std::string, SavedFile>; ///< by path, without directories

/// Everything below a directory, which need not exist.
[[nodiscard]] Saved read_saved(const std::string& directory);

// What is wrong; "" when all is well.

/// Each file is a prefix of something that was a log.
[[nodiscard]] std::string find_foreign(const Saved& saved, const Logs& logs);
/// What each file held is still there, as the beginning of some file, be that compressed.
[[nodiscard]] std::string find_lost(const Saved& before, const Saved& after, const Logs& logs);
/// Each file of the log directory is there under its name, but for those touched meanwhile.
[[nodiscard]] std::string find_incomplete(const Saved& saved, const Logs& logs);

/// How often each line is in the files.
using LineCounts = std::map<unsigned, unsigned>;
[[nodiscard]] LineCounts count_lines(const Saved& saved, const Logs& logs);
/// The same without the compressed files that can prove nothing, damaged ones and those of another name: what
/// they hold is in plain files, too.
[[nodiscard]] LineCounts count_lines_once(const Saved& saved, const Logs& logs);
/// How often each line is in the log directory.
[[nodiscard]] LineCounts count_lines(const Logs& logs);

} // namespace logbackup::test
