// SPDX-License-Identifier: MIT
#include "ledger/links.hpp"

#include "ledger/ledger.hpp"
#include "util/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <optional>
#include <utility>

namespace logbackup {
namespace {

constexpr mode_t mode_of_service = 0750;

/// Returns where a link in a service's directory leads that stands for an instance directory.
std::string link_text(const std::string& service, const std::string& to_service,
                      const std::string& instance) {
    return service == to_service ? instance : "../" + to_service + "/" + instance;
}

/// Returns the target of a symbolic link; empty if there is none.
std::string target_at(int directory, const std::string& name) {
    std::array<char, PATH_MAX> target{};
    const auto length = ::readlinkat(directory, name.c_str(), target.data(), target.size());
    return {target.data(), length > 0 ? static_cast<std::size_t>(length) : 0};
}

/// Returns the service and the instance for which a link in a service's directory stands.
std::optional<std::pair<std::string, std::string>> parse_link(const std::string& service,
                                                              const std::string& target) {
    auto names = components(target);
    if (names.size() == 1)
        names = {"..", service, names[0]};
    if (names.size() != 3 || names[1].starts_with('.') || names[2].starts_with('.') ||
        target != link_text(service, names[1], names[2]))
        return std::nullopt;
    return std::pair(names[1], names[2]);
}

bool has_any_record(int root, const Sharer& sharer) {
    return status_at(root, live_path(sharer.service, sharer.instance)) ||
           status_at(root, ended_path(sharer.service, sharer.instance));
}

void make_link_for(int root, const Sharer& sharer, const Record& record, gid_t group) {
    const std::string target = link_text(sharer.service, record.service, record.instance);
    UniqueFd service = open_directory(root, sharer.service);
    struct stat there {};
    if (service && ::fstatat(service.get(), sharer.instance.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0)
        return; // the link exists already, or something else has this name
    if (has_any_record(root, sharer))
        return; // that log directory gets the name
    if (!service)
        service = make_directories(root, sharer.service, mode_of_service, group);
    if (service) [[maybe_unused]]
        const int made = ::symlinkat(target.c_str(), service.get(), sharer.instance.c_str());
}

void remove_link_for(int root, const Sharer& sharer, const Record& record) {
    const UniqueFd service = open_directory(root, sharer.service);
    if (service && target_at(service.get(), sharer.instance) ==
                       link_text(sharer.service, record.service, record.instance))
        ::unlinkat(service.get(), sharer.instance.c_str(), 0);
}

/// Returns where a link leads that stands for a part of a log directory.
std::string part_link_text(const Record& record, const std::string& below, const std::string& place) {
    std::string above;
    for (auto levels = components(below).size() + 1; levels > 0; --levels)
        above += "../";
    if (parent_path(place) == record.service && components(below).size() == 1)
        return "../" + base_name(place);
    return above + place;
}

void make_part_link(int root, const Record& record, const std::string& below, const std::string& place,
                    gid_t group) {
    const std::string link = joined(record.directory(), below);
    if (status_at(root, link) || !status_at(root, place))
        return;
    const UniqueFd above = make_directories(root, parent_path(link), mode_of_service, group);
    if (above) [[maybe_unused]]
        const int made =
            ::symlinkat(part_link_text(record, below, place).c_str(), above.get(), base_name(link).c_str());
}

} // namespace

void remove_stale_part_links(int root, const Record& former, const Record& record) {
    for (const auto& [below, place] : former.elsewhere) {
        const auto kept = record.elsewhere.find(below);
        if (kept != record.elsewhere.end() && kept->second == place)
            continue;
        const std::string link = joined(former.directory(), below);
        const UniqueFd above = open_directory(root, parent_path(link));
        if (above && target_at(above.get(), base_name(link)) == part_link_text(former, below, place))
            ::unlinkat(above.get(), base_name(link).c_str(), 0);
    }
}

void update_links(int root, const Record& former, const Record& record, gid_t group) {
    for (const auto& sharer : former.sharers)
        if (std::none_of(record.sharers.begin(), record.sharers.end(), [&](const Sharer& kept) {
                return kept.service == sharer.service && kept.instance == sharer.instance;
            }))
            remove_link_for(root, sharer, former);
    if (record.sharers.empty() && record.elsewhere.empty())
        return;
    const auto instance = status_at(root, record.directory());
    if (!instance || !S_ISDIR(instance->st_mode))
        return;
    for (const auto& sharer : record.sharers)
        make_link_for(root, sharer, record, group);
    for (const auto& [below, place] : record.elsewhere)
        make_part_link(root, record, below, place, group);
}

bool follow_moves(Record& record, const std::vector<Move>& moves) {
    bool changed = false;
    for (auto& [below, place] : record.elsewhere)
        for (const auto& move : moves) // one can take the name that an earlier one has left
            if (lies_in(place, move.old_directory())) {
                place = joined(move.new_directory(), part_below(place, move.old_directory()));
                changed = true;
            }
    return changed;
}

void follow_moves(int root, const std::vector<Move>& moves) {
    const auto follow = [&](Record record, const std::string& path) {
        const Record former = record;
        if (!follow_moves(record, moves) || !write_atomically(root, path, record_text(record)))
            return;
        remove_stale_part_links(root, former, record);
        record.sharers.clear(); // their links do not change
        update_links(root, {}, record, static_cast<gid_t>(-1));
    };
    std::vector<std::string> problems; // told when the records are used
    for (const auto& record : load_live_records(root, problems))
        follow(record, live_path(record.service, record.instance));
    for (const auto& record : load_ended_records(root, problems))
        follow(record, ended_path(record.service, record.instance));
}

void remove_links(int root, const Record& record) {
    for (const auto& sharer : record.sharers)
        remove_link_for(root, sharer, record);
}

bool is_link_of_ours(int root, const std::string& service, const std::string& name) {
    const UniqueFd directory = open_directory(root, service);
    const auto place = directory ? parse_link(service, target_at(directory.get(), name)) : std::nullopt;
    const auto record = place ? find_record(root, place->first, place->second) : std::nullopt;
    return record && std::any_of(record->sharers.begin(), record->sharers.end(), [&](const Sharer& sharer) {
               return sharer.service == service && sharer.instance == name;
           });
}

void remove_link_at(int root, const std::string& directory) {
    const std::string service = parent_path(directory);
    const std::string name = base_name(directory);
    if (is_link_of_ours(root, service, name))
        ::unlinkat(open_directory(root, service).get(), name.c_str(), 0);
}

} // namespace logbackup
