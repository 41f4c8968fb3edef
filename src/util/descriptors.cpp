// SPDX-License-Identifier: MIT
#include "util/descriptors.hpp"

#include <dirent.h>
#include <sys/resource.h>

#include <fstream>
#include <optional>

namespace logbackup {
namespace {

std::optional<rlimit> former_limit; // global, because the limit belongs to the process

/// Entries that do not count: ".", "..", and the descriptor of the directory itself.
constexpr std::size_t not_counted = 3;

std::optional<std::size_t> open_descriptors() {
    DIR* directory = ::opendir("/proc/self/fd");
    if (directory == nullptr)
        return std::nullopt;
    std::size_t names = 0;
    while (::readdir(directory) != nullptr)
        ++names;
    ::closedir(directory);
    return names - (names < not_counted ? names : not_counted);
}

} // namespace

void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max)
        return;
    const rlimit former = limit;
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) == 0)
        former_limit = former;
}

void restore_descriptor_limit() noexcept {
    if (former_limit)
        ::setrlimit(RLIMIT_NOFILE, &*former_limit);
}

std::size_t descriptors_left() {
    rlimit limit{};
    const auto open = open_descriptors();
    if (!open || ::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur <= *open)
        return 0;
    return limit.rlim_cur - *open;
}

std::size_t inotify_limit(const std::string& name) {
    std::ifstream file("/proc/sys/fs/inotify/" + name);
    std::size_t limit = 0;
    file >> limit;
    return limit;
}

DescriptorShare::DescriptorShare(std::size_t at_work) : DescriptorShare(descriptors_left(), at_work) {}

bool DescriptorShare::take(std::size_t descriptors) {
    if (holds_any_ && descriptors > left_)
        return false;
    left_ -= descriptors < left_ ? descriptors : left_;
    holds_any_ = true;
    return true;
}

} // namespace logbackup
