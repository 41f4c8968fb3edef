// SPDX-License-Identifier: MIT
#include "gzip.hpp"

#include "must.hpp"
#include "util/unique_fd.hpp"

#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

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

} // namespace logbackup::test
