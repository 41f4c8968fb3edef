// SPDX-License-Identifier: MIT
#pragma once

#include "util/process.hpp"
#include "util/stop_signal.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace logbackup {

/// True if the extension is one of the formats decompressed here: .gz, .zst, .xz, .bz2. A name that was set
/// aside, such as "app.log.gz~20261122T145512Z", has no such extension.
[[nodiscard]] bool is_compressed(std::string_view path);

struct Decompressor {
    std::string name;              ///< name of the program; empty when is_compressed() is false
    std::vector<std::string> argv; ///< empty when the program is not installed
};

/// Returns the program for a file of that name: gzip, zstd, xz or bzip2, as found on this system. It may use
/// 128 MiB of memory at most, and fails on files that need more.
[[nodiscard]] Decompressor decompressor_for(std::string_view path);

/// Decompresses an open file from its current offset. The program runs as nobody, can open no file (see
/// Confinement), and has 512 MiB of address space. `consume` receives the content in pieces. The file is
/// known to be intact only when the program has exited with code 0.
[[nodiscard]] ProcessResult decompress(int file, const Decompressor& with, std::chrono::milliseconds time,
                                       const std::function<Watch(std::string_view)>& consume,
                                       StopSignal& stop);

} // namespace logbackup
