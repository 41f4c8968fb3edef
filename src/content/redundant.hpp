// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/listing.hpp"
#include "util/stop_signal.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace logbackup {

/// Files of one instance directory. Only regular files that are not empty count.
struct CopySearch {
    int instance = -1;             ///< descriptor of the directory that all paths are relative to
    std::vector<Entry> compressed; ///< files that may contain a copy: is_compressed() is true for them
    /// Files that may be dropped, because nothing will be appended to them. A file stays when its inode or
    /// size differs from the listing. One that is compressed itself counts as what it contains.
    std::vector<Entry> plain;
    /// Where compressed files ended before this run, by path: what was appended can be another compressed
    /// log.
    std::map<std::string, std::uint64_t> grown_from{};
};

/// Limits of one search. A container can create a small file that decompresses to any number of bytes.
struct DecompressionLimits {
    std::uint64_t bytes = 16ULL << 30U;   ///< decompressed bytes of all files together
    std::uint64_t unpacked = 1ULL << 30U; ///< bytes on the disk, of all copies that are compressed themselves
    std::chrono::milliseconds time{60'000};        ///< for one file
    std::chrono::milliseconds total_time{300'000}; ///< for all files together
};

struct DroppedCopy {
    std::string path;
    std::string proved_by;   ///< path of the compressed file that begins with it
    std::uint64_t bytes = 0; ///< its size
};

struct CopiesDropped {
    std::vector<DroppedCopy> dropped;
    /// Files that could not be read, flushed or removed, and programs that could not be started.
    std::vector<Problem> problems;
    /// Compressed files that prove nothing although they may contain a copy, and why: half-written or
    /// damaged, beyond a limit, no program for their format. These are not problems, only details.
    std::vector<Problem> unproved;
    bool complete = true; ///< false when `stop` ended the search
};

/// Drops the plain copies that are contained in a compressed file.
///
/// In a container, a log is renamed, then compressed, and then its plain form is deleted; the backup then
/// holds both forms. A plain copy is redundant when a compressed file of the same instance directory is
/// intact, which its decompressor confirms with exit code 0, and its content begins with every byte of the
/// copy. Each call proves that anew, to the last byte, on descriptors that it holds throughout. Before it
/// removes the copy, it flushes the compressed file and the directories above it to disk, and checks that
/// both files are still those that were listed or opened. A copy that is not proved stays.
///
/// Each compressed file is decompressed once and compared with all copies at a time (256 at most; with more
/// copies, once for every 256), and only as long as it may contain one: mostly for its first 64 KiB. The
/// programs are gzip, zstd, xz and bzip2, as found on this system. Memory: 4 KiB for each open copy, 128 MiB
/// at most in the decompressor.
[[nodiscard]] CopiesDropped drop_redundant_copies(const CopySearch& search, const DecompressionLimits& limits,
                                                  StopSignal& stop);

} // namespace logbackup
