// SPDX-License-Identifier: MIT
#include "commands/moved_volume.hpp"

#include "commands/gone.hpp"
#include "content/content.hpp"
#include "util/files.hpp"
#include "view/listing.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace logbackup {
namespace {

constexpr std::size_t most_saved = 100;
constexpr std::size_t most_here = 1000;

std::vector<Entry> files_in(UniqueFd directory, std::size_t most, StopSignal& stop) {
    Tree tree;
    tree.held = std::move(directory);
    ListingLimits limits;
    limits.entries = most;
    auto entries = list_tree(tree, limits, stop).entries;
    std::erase_if(entries, [](const Entry& entry) { return entry.type != FileType::regular; });
    return entries;
}

} // namespace

bool has_moved_to(const Session& session, Survey& survey, const Record& record, const LogDirectory& found) {
    const auto& source = found.sources.front().held;
    UniqueFd instance =
        session.root && source ? open_directory(session.root.get(), record.directory()) : UniqueFd();
    if (!instance || volume_exists(record, *survey.host))
        return false;
    const auto saved = files_in(open_directory(instance.get(), ""), most_saved, session.stop);
    const auto here = files_in(open_directory(source.get(), ""), most_here, session.stop);
    Tree tree;
    tree.held = open_directory(source.get(), "");
    const Content content = content_of(tree, instance.get(), session.stop);
    std::uint64_t proved = 0; // bytes
    std::uint64_t refuted = 0;
    for (const auto& file : saved) {
        if (session.stop.requested())
            return false;
        if (file.size == 0)
            continue;
        bool is_here = false;
        bool has_name = false;
        for (const auto& other : here) { // it may have been rotated meanwhile
            has_name = has_name || other.path == file.path;
            is_here = is_here || (other.size >= file.size && !session.stop.requested() &&
                                  compare_windows(content, other.path, file.path, file.size).same);
        }
        // What nobody has by that name any longer may have been deleted.
        (is_here ? proved : refuted) += is_here || has_name ? file.size : 0;
    }
    return proved > 0 && proved >= refuted && !session.stop.requested();
}

} // namespace logbackup
