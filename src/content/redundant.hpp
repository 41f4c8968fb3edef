// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/listing.hpp"
#include "util/stop_signal.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace logbackup {

/// Files of one instance directory. Only regular ones that are not empty count.
struct CopySearch {
    int instance = -1;             ///< descriptor of the directory that all paths are relative to
    std::vector<Entry> compressed; ///< what may contain a copy: those for which is_compressed() says yes
    std::vector<Entry> plain; ///< what may be dropped: nothing will be appended to it any more. Left alone
                              ///< where its inode or size is not the one that was listed
};

/// What one search may cost. A container can make a small file that decompresses to any number of bytes.
struct DecompressionLimits {
    std::uint64_t bytes = 16ULL << 30U;            ///< decompressed, of all files together
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
    /// Compressed files that prove nothing although they may well contain a copy, and why: half-written or
    /// damaged, beyond a limit, no program for their format. No failures: for those who want to know it all.
    std::vector<Problem> unproved;
    bool complete = true; ///< false when `stop` ended the search
};

/// Drops the plain copies that are contained in a compressed file.
///
/// A log is renamed, then compressed, then its plain form is deleted, in the container; the backup then holds
/// both. A plain copy is redundant when a compressed file of the same instance directory is intact, which is
/// what its decompressor says by exit code 0, and its content begins with every byte of the copy. That is
/// proved in this call, to the last byte, on descriptors that are held throughout. Before the copy is removed
/// the compressed file and the directories above it are flushed to disk, and both files must still be what
/// was listed or opened. What is not proved stays.
///
/// Each compressed file is decompressed once, compared with all copies at a time (256 at most; for more, once
/// for every 256), and only for as long as it may contain one: mostly for its first 64 KiB. The programs are
/// gzip, zstd, xz and bzip2, as found on this system. Memory: 4 KiB for each copy at hand, 128 MiB at most in
/// the decompressor.
[[nodiscard]] CopiesDropped drop_redundant_copies(const CopySearch& search, const DecompressionLimits& limits,
                                                  StopSignal& stop);

} // namespace logbackup
