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

/// Whether a name ends like those of a format that is decompressed here: .gz, .zst, .xz, .bz2.
/// "app.log.gz~20261122T145512Z", which was set aside, does not.
[[nodiscard]] bool is_compressed(std::string_view path);

struct Decompressor {
    std::string name;              ///< of the program; empty when is_compressed() says no
    std::vector<std::string> argv; ///< empty when it is not installed
};

/// The program for a file of that name: gzip, zstd, xz or bzip2, as found on this system. It takes 128 MiB of
/// memory at most: files that ask for more make it fail.
[[nodiscard]] Decompressor decompressor_for(std::string_view path);

/// Decompresses an open file from where its offset is. The program runs as nobody and can open no file, see
/// Confinement, with 512 MiB of address space. `consume` gets the content in pieces. The file was
/// intact when the program exited with code 0; what it holds is not known before.
[[nodiscard]] ProcessResult decompress(int file, const Decompressor& with, std::chrono::milliseconds time,
                                       const std::function<Watch(std::string_view)>& consume,
                                       StopSignal& stop);

} // namespace logbackup
