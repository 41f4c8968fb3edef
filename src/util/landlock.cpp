// SPDX-License-Identifier: MIT
#include "util/landlock.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <filesystem>

namespace logbackup {
namespace {

// The kernel's interface from linux/landlock.h: the system's header can be missing, or older than its kernel.
// The numbers are the same on all processors.
constexpr long create_ruleset = 444;
constexpr long add_rule = 445;
constexpr long restrict_self = 446;
constexpr unsigned ask_version = 1;
constexpr unsigned path_beneath = 1;

struct Ruleset {
    std::uint64_t files;
    std::uint64_t network;
    std::uint64_t scoped;
};
struct [[gnu::packed]] PathBeneath {
    std::uint64_t allowed;
    std::int32_t directory;
};

constexpr std::uint64_t execute = 1U << 0U;
constexpr std::uint64_t write_file = 1U << 1U;
constexpr std::uint64_t read_file = 1U << 2U;
constexpr std::uint64_t read_directory = 1U << 3U;
constexpr std::uint64_t truncate = 1U << 14U;
constexpr std::uint64_t for_files = execute | write_file | read_file | truncate;

/// Restricts everything that this version of Landlock can restrict.
Ruleset all_of(long version) {
    std::uint64_t files = (1U << 13U) - 1;
    if (version >= 2)
        files |= 1U << 13U; // move or link a file to another directory
    if (version >= 3)
        files |= truncate;
    if (version >= 5)
        files |= 1U << 15U; // ioctl on devices
    return {files, version >= 4 ? 3U : 0U, version >= 6 ? 3U : 0U};
}

void add(int rules, int file, std::uint64_t access) {
    const PathBeneath rule{access, file};
    ::syscall(add_rule, rules, path_beneath, &rule, 0); // on failure, opening the file fails later
}

void allow(int rules, int file, std::uint64_t access) {
    struct stat status {};
    if (::fstat(file, &status) != 0)
        return;
    add(rules, file, S_ISDIR(status.st_mode) ? access : access & for_files);
}

void allow_program(int rules, const std::string& program) {
    static constexpr std::array<const char*, 11> everywhere{"/usr",
                                                            "/bin",
                                                            "/sbin",
                                                            "/lib",
                                                            "/lib32",
                                                            "/lib64",
                                                            "/libx32",
                                                            "/gnu/store",
                                                            "/nix/store",
                                                            "/etc/ld.so.cache",
                                                            "/run/current-system"};
    const auto allow_path = [&](const std::string& path) {
        const UniqueFd held(::open(path.c_str(), O_PATH | O_CLOEXEC));
        if (held)
            allow(rules, held.get(), execute | read_file | read_directory);
    };
    for (const char* path : everywhere)
        allow_path(path);
    std::error_code ignored;
    const auto real = std::filesystem::canonical(program, ignored);
    if (real.has_parent_path() && real.parent_path() != real.root_path())
        allow_path(real.parent_path().string());
}

} // namespace

long landlock_version() noexcept {
    return std::max(0L, ::syscall(create_ruleset, nullptr, 0, ask_version));
}

UniqueFd landlock_rules(const FileAccess& access, const std::string& program) {
    const long version = landlock_version();
    if (version < 1)
        return {};
    const Ruleset handled = all_of(version);
    UniqueFd rules(static_cast<int>(::syscall(create_ruleset, &handled, sizeof handled, 0)));
    if (!rules)
        return {};
    allow_program(rules.get(), program);
    for (const int file : access.readable)
        allow(rules.get(), file, read_file | read_directory);
    for (const int file : access.readable_files)
        add(rules.get(), file, read_file);
    for (const int file : access.writable)
        allow(rules.get(), file, (read_file | read_directory | write_file | truncate) & handled.files);
    return rules;
}

int landlock_restrict(int rules) noexcept {
    return ::syscall(restrict_self, rules, 0) == 0 ? 0 : errno;
}

} // namespace logbackup
