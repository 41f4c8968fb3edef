// SPDX-License-Identifier: MIT
#include "content/decompress.hpp"

#include <algorithm>

namespace logbackup {
namespace {

struct Format {
    std::string_view suffix;
    std::vector<std::string> command;
};

/// A decompressor may use 128 MiB (see the formats), and zstd needs twice that. Threads and libraries map
/// more than they use.
constexpr rlim_t most_address_space = 512U << 20U;

const Format* format_of(std::string_view path) {
    static const std::vector<Format> formats{
        {".gz", {"gzip", "-dc"}},
        {".zst", {"zstd", "-dcq", "--memory=128MB"}},
        {".xz", {"xz", "-dc", "--memlimit-decompress=128MiB", "--threads=1"}},
        {".bz2", {"bzip2", "-dc"}}};
    const auto found = std::find_if(formats.begin(), formats.end(),
                                    [&](const Format& format) { return path.ends_with(format.suffix); });
    return found != formats.end() ? &*found : nullptr;
}

/// Lets the program use only its input and its output, with none of our rights: a container wrote what it
/// reads.
Confinement nothing_but_its_streams(std::chrono::milliseconds time) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(time).count() + 1;
    Confinement confinement;
    confinement.run_as = RunAs::nobody;
    confinement.limits = {{RLIMIT_AS, most_address_space},
                          {RLIMIT_FSIZE, 0},
                          {RLIMIT_CPU, static_cast<rlim_t>(std::max<std::int64_t>(seconds, 1))}};
    confinement.files = FileAccess{};
    return confinement;
}

} // namespace

bool is_compressed(std::string_view path) {
    return format_of(path) != nullptr;
}

Decompressor decompressor_for(std::string_view path) {
    const Format* format = format_of(path);
    if (format == nullptr)
        return {};
    Decompressor result{format->command.front(), format->command};
    result.argv.front() = find_program(result.name);
    if (result.argv.front().empty())
        result.argv.clear();
    return result;
}

ProcessResult decompress(int file, const Decompressor& with, std::chrono::milliseconds time,
                         const std::function<Watch(std::string_view)>& consume, StopSignal& stop) {
    Command command;
    command.argv = with.argv;
    command.environment = {"LC_ALL=C", "PATH=/usr/bin:/bin"};
    command.input = file;
    command.consume = consume;
    command.confinement = nothing_but_its_streams(time);
    Limits limits;
    limits.time = time;
    limits.output = 1U << 20U;
    return run(command, limits, stop);
}

} // namespace logbackup
