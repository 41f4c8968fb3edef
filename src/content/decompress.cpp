// SPDX-License-Identifier: MIT
#include "content/decompress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdint>

namespace logbackup {
namespace {

struct Format {
    std::string_view magic; ///< the first bytes of a file
    std::vector<std::string> command;
};

constexpr std::string_view zip_magic = "PK\x03\x04";
constexpr std::string_view zip_end_magic = "PK\x05\x06"; // of its last 22 bytes, if it has no comment
constexpr std::string_view zip_directory_magic = "PK\x01\x02";
constexpr off_t zip_end_size = 22;

/// A decompressor may use 128 MiB (see the formats), and zstd needs twice that. Threads and libraries map
/// more than they use.
constexpr rlim_t most_address_space = 512U << 20U;

const std::vector<Format>& known_formats() {
    static const std::vector<std::string> gzip{"gzip", "-dc"};
    static const std::vector<Format> formats{{"\x1f\x8b", gzip},
                                             {"\x1f\x9d", gzip},
                                             {zip_magic, gzip},
                                             {"\x28\xb5\x2f\xfd", {"zstd", "-dcq", "--memory=128MB"}},
                                             {"\xfd"
                                              "7zXZ",
                                              {"xz", "-dc", "--memlimit-decompress=128MiB", "--threads=1"}},
                                             {"BZh", {"bzip2", "-dc"}}};
    return formats;
}

const Format* format_of(std::string_view first_bytes) {
    const auto& formats = known_formats();
    const auto found = std::find_if(formats.begin(), formats.end(), [&](const Format& format) {
        return first_bytes.starts_with(format.magic);
    });
    return found != formats.end() ? &*found : nullptr;
}

Decompressor installed(const std::vector<std::string>& command) {
    Decompressor result{command.front(), command};
    result.argv.front() = find_program(result.name);
    if (result.argv.front().empty())
        result.argv.clear();
    return result;
}

std::string bytes_at(int file, off_t offset, std::size_t length) {
    std::string bytes(length, '\0');
    const auto got = ::pread(file, bytes.data(), length, offset);
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
}

/// Returns the little-endian number of four bytes.
std::uint64_t number_at(std::string_view bytes, std::size_t offset) {
    std::uint64_t number = 0;
    for (std::size_t i = 4; i-- > 0;)
        number = number << 8U | static_cast<unsigned char>(bytes[offset + i]);
    return number;
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

bool is_compressed(std::string_view first_bytes) {
    return format_of(first_bytes) != nullptr;
}

std::string first_bytes_of(int file, std::uint64_t offset) {
    return bytes_at(file, static_cast<off_t>(offset), magic_size);
}

Decompressor decompressor_for(std::string_view first_bytes) {
    const Format* format = format_of(first_bytes);
    return format == nullptr ? Decompressor() : installed(format->command);
}

std::vector<Decompressor> all_decompressors() {
    std::vector<Decompressor> all;
    for (const auto& format : known_formats())
        if (all.empty() || all.back().name != format.command.front())
            all.push_back(installed(format.command));
    return all;
}

bool has_its_end(int file, std::string_view first_bytes) {
    if (!first_bytes.starts_with(zip_magic))
        return true;
    const off_t size = ::lseek(file, 0, SEEK_END);
    ::lseek(file, 0, SEEK_SET);
    const std::string end = size > zip_end_size ? bytes_at(file, size - zip_end_size, zip_end_size) : "";
    if (end.size() != zip_end_size || !end.starts_with(zip_end_magic))
        return false;
    const std::uint64_t directory_size = number_at(end, 12);
    const std::uint64_t directory = number_at(end, 16);
    const bool is_zip64 =
        directory == UINT32_MAX || directory_size == UINT32_MAX; // they stand elsewhere then
    return is_zip64 ||
           (directory + directory_size == static_cast<std::uint64_t>(size - zip_end_size) &&
            bytes_at(file, static_cast<off_t>(directory), zip_directory_magic.size()) == zip_directory_magic);
}

Command decompression(int file, const Decompressor& with, std::chrono::milliseconds time) {
    Command command;
    command.argv = with.argv;
    command.environment = {"LC_ALL=C", "PATH=/usr/bin:/bin"};
    command.input = file;
    command.confinement = nothing_but_its_streams(time);
    return command;
}

ProcessResult decompress(int file, const Decompressor& with, std::chrono::milliseconds time,
                         const std::function<Watch(std::string_view)>& consume, StopSignal& stop) {
    Command command = decompression(file, with, time);
    command.consume = consume;
    Limits limits;
    limits.time = time;
    limits.output = 1U << 20U;
    return run(command, limits, stop);
}

} // namespace logbackup
