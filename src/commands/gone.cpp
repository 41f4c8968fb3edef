// SPDX-License-Identifier: MIT
#include "commands/gone.hpp"

#include "runtime/vanished.hpp"
#include "util/files.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace logbackup {
namespace {

constexpr const char* empty_runs_file = ".logbackup/empty-runs";
constexpr std::size_t largest_file = 32;

/// So many records may end in one run on any host; with more live records, a quarter of them may.
constexpr std::size_t a_few = 3;

} // namespace

bool volume_exists(const Record& record, HostPaths& host) {
    const auto place = host.open(record.volume);
    const auto status = place.held ? status_of(place.held.get()) : std::nullopt;
    const bool missing =
        place.ended == MountedTree::Ended::missing || place.ended == MountedTree::Ended::failed;
    return !missing && !(status && record.volume_inode != 0 && status->st_ino != record.volume_inode);
}

LayerState layer_state(const std::string& upper) {
    if (upper.empty())
        return LayerState::gone;
    const int error = look_at_layer(upper).error;
    if (error == 0)
        return LayerState::exists;
    return error == ENOENT || error == ENOTDIR ? LayerState::gone : LayerState::unknown;
}

bool may_exist(const Record& record, HostPaths& host) {
    return layer_state(record.layer) != LayerState::gone ||
           (!record.volume.empty() && !host.leaves_out(record.volume) && volume_exists(record, host));
}

std::uint64_t empty_runs_after(std::uint64_t before, bool found_any, bool any_expected) {
    return found_any || !any_expected ? 0 : std::min(before, most_doubtful_runs) + 1;
}

bool is_doubtful(std::uint64_t empty_runs) {
    return empty_runs > 0 && empty_runs <= most_doubtful_runs;
}

bool are_too_many_to_end(std::size_t ended, std::size_t live_before) {
    return ended > 0 && (ended >= live_before || ended > std::max(a_few, live_before / 4));
}

std::uint64_t load_empty_runs(int root) {
    const std::string text = read_small_file(root, empty_runs_file, largest_file).value_or("");
    std::uint64_t count = 0;
    std::from_chars(text.data(), text.data() + text.size(), count);
    return count;
}

bool save_empty_runs(int root, std::uint64_t before, std::uint64_t now) {
    if (now == before)
        return true;
    if (now == 0)
        return ::unlinkat(root, empty_runs_file, 0) == 0 || errno == ENOENT;
    return write_atomically(root, empty_runs_file, std::to_string(now) + "\n");
}

} // namespace logbackup
