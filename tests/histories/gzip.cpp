// SPDX-License-Identifier: MIT
#include "gzip.hpp"

#include "must.hpp"
#include "util/unique_fd.hpp"

#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>

namespace logbackup::test {

std::string gzip(const std::string& bytes, Level level) {
    const UniqueFd input(::memfd_create("plain", MFD_CLOEXEC));
    const UniqueFd output(::memfd_create("packed", MFD_CLOEXEC));
    must(::pwrite(input.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()), "memfd");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input.get(), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output.get(), STDOUT_FILENO);
    std::string name = "gzip";
    std::string options = level == Level::fast ? "-1nc" : "-9nc";
    const std::array<char*, 3> arguments{name.data(), options.data(), nullptr};
    std::array<char*, 1> environment{nullptr};
    pid_t pid = -1;
    errno = ::posix_spawn(&pid, "/usr/bin/gzip", &actions, nullptr, arguments.data(), environment.data());
    posix_spawn_file_actions_destroy(&actions);
    must(errno == 0, "/usr/bin/gzip");
    int status = 0;
    must(::waitpid(pid, &status, 0) == pid && status == 0, "gzip");
    std::string packed(static_cast<std::size_t>(::lseek(output.get(), 0, SEEK_END)), '\0');
    must(::pread(output.get(), packed.data(), packed.size(), 0) == static_cast<ssize_t>(packed.size()),
         "memfd");
    return packed;
}

namespace {

std::string little_endian(std::uint64_t value, std::size_t size) {
    std::string bytes;
    for (std::size_t i = 0; i < size; ++i)
        bytes += static_cast<char>(value >> (8 * i));
    return bytes;
}

} // namespace

// The fields are those of APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16.
std::string zip(const std::string& bytes, Level level) {
    static constexpr std::size_t gzip_header = 10; // without a name; after the data: checksum and size
    static const std::string name = "app.log";
    const std::string packed = gzip(bytes, level);
    const std::string data = packed.substr(gzip_header, packed.size() - gzip_header - 8);
    const std::string version = little_endian(20, 2);
    const std::string common = version + little_endian(0, 2) + little_endian(8, 2) + // deflated
                               little_endian(0, 2) + little_endian(0x21, 2) +        // on 1980-01-01
                               packed.substr(packed.size() - 8, 4) + little_endian(data.size(), 4) +
                               little_endian(bytes.size(), 4) + little_endian(name.size(), 2) +
                               little_endian(0, 2);
    const std::string local = "PK\x03\x04" + common + name + data;
    const std::string central = "PK\x01\x02" + version + common + little_endian(0, 14) + name;
    return local + central + "PK\x05\x06" + little_endian(0, 4) + little_endian(1, 2) + little_endian(1, 2) +
           little_endian(central.size(), 4) + little_endian(local.size(), 4) + little_endian(0, 2);
}

} // namespace logbackup::test
