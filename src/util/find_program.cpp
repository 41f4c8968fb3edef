// SPDX-License-Identifier: MIT
#include "util/process.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>

namespace logbackup {

namespace {
bool is_program(const std::string& path) {
    struct stat status {};
    return ::access(path.c_str(), X_OK) == 0 && ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

bool everybody_may_write_to(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && (status.st_mode & S_IWOTH) != 0;
}
} // namespace

std::string find_program(const std::string& name) {
    if (name.find('/') != std::string::npos)
        return is_program(name) ? name : std::string();
    const char* path = std::getenv("PATH");
    std::istringstream directories(
        std::string(path != nullptr ? path : "") +
        ":/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin:/snap/bin:/opt/bin");
    for (std::string directory; std::getline(directories, directory, ':');) {
        // An empty or relative entry means the current directory: do not run programs from there.
        std::string candidate = directory;
        candidate.append("/").append(name);
        if (directory.starts_with('/') && is_program(candidate) && !everybody_may_write_to(directory) &&
            !everybody_may_write_to(candidate))
            return candidate;
    }
    return {};
}

} // namespace logbackup
