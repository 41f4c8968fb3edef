// SPDX-License-Identifier: MIT
#include "report/progress.hpp"

#include "util/text.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdio>

namespace logbackup {
namespace {
bool shown = false; // true while the terminal shows a progress line
}

Progress progress_line(std::uint64_t total_bytes) {
    if (total_bytes == 0 || ::isatty(STDERR_FILENO) == 0)
        return {};
    const auto begin = std::chrono::steady_clock::now();
    return [total_bytes, begin](std::uint64_t bytes) {
        const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
        const auto rate =
            static_cast<std::uint64_t>(static_cast<double>(bytes) / std::max(time.count(), 0.001));
        std::fprintf(stderr, "\r\033[K%s of %s, %s/s", human_bytes(bytes).c_str(),
                     human_bytes(total_bytes).c_str(), human_bytes(rate).c_str());
        std::fflush(stderr);
        shown = true;
    };
}

void end_progress_line() {
    if (shown)
        std::fputs("\r\033[K", stderr);
    shown = false;
}

} // namespace logbackup
