// SPDX-License-Identifier: MIT
#pragma once

#include "util/process.hpp"
#include "util/stop_signal.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace logbackup {

/// Number of bytes at the beginning of a file that tell its format.
inline constexpr std::size_t magic_size = 6;

/// True if a file with these first bytes has one of the formats decompressed here, whatever its name: gzip,
/// compress (.Z), zip, zstd, xz, bzip2.
[[nodiscard]] bool is_compressed(std::string_view first_bytes);

/// Returns the first bytes of an open file, or those from an offset on; fewer than magic_size if it is
/// shorter or cannot be read.
[[nodiscard]] std::string first_bytes_of(int file, std::uint64_t offset = 0);

struct Decompressor {
    std::string name;              ///< name of the program; empty when is_compressed() is false
    std::vector<std::string> argv; ///< empty when the program is not installed
};

/// Returns the program for a file with these first bytes: gzip, zstd, xz or bzip2, as found on this system.
/// It may use 128 MiB of memory at most, and fails on files that need more. gzip also reads a zip archive,
/// and fails if it has more than one member.
[[nodiscard]] Decompressor decompressor_for(std::string_view first_bytes);

/// Returns all of these programs, each once.
[[nodiscard]] std::vector<Decompressor> all_decompressors();

/// True if a zip archive ends as a complete one does; true for all other formats, whose programs can tell.
[[nodiscard]] bool has_its_end(int file, std::string_view first_bytes);

/// Returns the command that decompresses an open file from its current offset to its standard output. The
/// program runs as nobody, can open no file (see Confinement), has 512 MiB of address space, and so much time
/// of a processor.
[[nodiscard]] Command decompression(int file, const Decompressor& with, std::chrono::milliseconds time);

/// Decompresses an open file from its current offset, as decompression() does. `consume` receives the content
/// in pieces. The file is known to be intact only when the program has exited with code 0.
[[nodiscard]] ProcessResult decompress(int file, const Decompressor& with, std::chrono::milliseconds time,
                                       const std::function<Watch(std::string_view)>& consume,
                                       StopSignal& stop);

} // namespace logbackup
