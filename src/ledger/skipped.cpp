// SPDX-License-Identifier: MIT
#include "ledger/skipped.hpp"

#include "util/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace logbackup {
namespace {

constexpr const char* skipped_file = ".logbackup/skipped"; ///< has one byte for each skipped run

} // namespace

std::uint64_t note_skipped(int root) {
    const UniqueFd state = open_directory(root, parent_path(skipped_file));
    const UniqueFd file(::openat(state.get(), base_name(skipped_file).c_str(),
                                 O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file || ::write(file.get(), "x", 1) != 1)
        return 0;
    const auto status = status_of(file.get());
    return status ? static_cast<std::uint64_t>(status->st_size) : 0;
}

std::uint64_t skipped_runs(int root) {
    const auto status = status_at(root, skipped_file);
    return status ? static_cast<std::uint64_t>(status->st_size) : 0;
}

std::uint64_t take_skipped(int root) {
    const auto skipped = skipped_runs(root);
    if (skipped == 0)
        return 0;
    const UniqueFd state = open_directory(root, parent_path(skipped_file));
    ::unlinkat(state.get(), base_name(skipped_file).c_str(), 0);
    return skipped;
}

} // namespace logbackup
