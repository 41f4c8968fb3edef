// SPDX-License-Identifier: MIT
#include "runtime/missed.hpp"

#include "runtime/docker/events_json.hpp"
#include "runtime/labels.hpp"
#include "util/files.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace logbackup {
namespace {

std::set<std::string> ids_in(const Records& records) {
    std::set<std::string> ids;
    for (const auto& record : records) {
        ids.insert(record.containers.begin(), record.containers.end());
        for (const auto& sharer : record.sharers)
            ids.insert(sharer.container);
    }
    return ids;
}

/// Returns whether the history lacks an event that is known to have happened since then.
bool has_forgotten(const History& history, const Discovery& discovery, const Records& records,
                   const std::set<std::string>& existing, Timestamp since) {
    const auto life_of = [&](const std::string& id) {
        const auto found = history.lives.find(id);
        return found == history.lives.end() ? Life{} : found->second;
    };
    const bool birth = std::any_of(
        discovery.containers.begin(), discovery.containers.end(), [&](const Container& container) {
            return container.runtime == history.runtime && container.created > since &&
                   life_of(container.id).container.created == Timestamp{};
        });
    const bool removal = std::any_of(records.begin(), records.end(), [&](const Record& record) {
        return record.runtime == history.runtime && record.volume.empty() && !record.containers.empty() &&
               !existing.contains(record.containers.back()) &&
               life_of(record.containers.back()).removed == Timestamp{};
    });
    return birth || removal;
}

} // namespace

MissedContainers find_missed(const History& history, const Discovery& discovery, const Records& records,
                             Timestamp since) {
    const std::set<std::string> known = ids_in(records);
    // Do not use the list of docker ps: a container can be removed before docker inspect sees it.
    std::set<std::string> existing;
    for (const auto& container : discovery.containers)
        existing.insert(container.id);
    for (const auto& unreachable : discovery.unreachable)
        existing.insert(unreachable.id);
    MissedContainers result;
    for (const auto& [id, life] : history.lives) {
        const Container& container = life.container;
        const bool lived = container.created != Timestamp{} && container.started != Timestamp{};
        if (!lived || life.removed == Timestamp{} || existing.contains(id) || known.contains(id) ||
            classify(container).ownership != Ownership::ours)
            continue;
        result.missed.push_back({id, container.service, container.pod, container.namespace_name,
                                 container.pod_uid, container.image, container.created, container.started,
                                 container.finished == Timestamp{} ? life.removed : container.finished,
                                 history.runtime});
    }
    std::sort(result.missed.begin(), result.missed.end(),
              [](const Missed& a, const Missed& b) { return a.died < b.died; });
    if (history.events >= most_events)
        result.gap = history.runtime + " remembers only what happened since " + rfc3339(history.begins);
    else if (has_forgotten(history, discovery, records, existing, since))
        result.gap = history.runtime + " does not remember all that happened since " + rfc3339(since);
    if (!result.gap.empty())
        result.gap += ": containers that lived and were removed since the last run before that are not known";
    return result;
}

namespace {

/// An instance of a container: when it was there.
struct Span {
    Timestamp created{};
    Timestamp ended{}; ///< or, if that is not known, when it was created
};

/// Returns a restart count; nothing if the text is none.
std::optional<unsigned> count_in(const std::string& text) {
    unsigned count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(count) : std::nullopt;
}

} // namespace

std::vector<Missed> find_skipped_restarts(const Container& newest, const std::vector<Container>& containers,
                                          const std::vector<Record>& known) {
    static constexpr std::size_t most = 20;
    std::map<unsigned, Span> seen; ///< by restart count
    const auto note = [&](const std::string& count, Timestamp created, Timestamp finished) {
        if (const auto number = count_in(count); number && created != Timestamp{})
            seen[*number] = {created, std::max(created, finished)};
    };
    for (const auto& container : containers)
        if (container.service == newest.service && container.pod_uid == newest.pod_uid)
            note(container.restart_count, container.created, container.finished);
    for (const auto& record : known)
        if (record.service == newest.service && record.pod_uid == newest.pod_uid)
            note(record.restart_count, parse_rfc3339(record.created), parse_rfc3339(record.finished));
    std::vector<Missed> missed;
    const auto last = count_in(newest.restart_count);
    const auto here = last ? seen.find(*last) : seen.end();
    if (newest.pod_uid.empty() || here == seen.end() || here == seen.begin())
        return missed;
    const auto before = std::prev(here);
    for (unsigned count = *last; --count > before->first && missed.size() < most;) {
        const std::string id = hash_text(newest.pod_uid + "/" + newest.service + "/" + std::to_string(count));
        missed.insert(missed.begin(),
                      {id, newest.service, newest.pod, newest.namespace_name, newest.pod_uid, newest.image,
                       before->second.ended, before->second.ended, here->second.created, newest.runtime});
    }
    return missed;
}

namespace {

/// True unless the directory of the runtime's layers tells that nothing was made or removed there.
bool layers_may_have_changed(const Discovery& discovery, const std::string& runtime, Timestamp since) {
    const auto with_layers = std::find_if(
        discovery.containers.begin(), discovery.containers.end(),
        [&](const Container& container) { return container.runtime == runtime && !container.upper.empty(); });
    if (with_layers == discovery.containers.end())
        return true;
    struct stat status {};
    // overlay2 has <layers>/<id>/diff, vfs and btrfs have <layers>/<id>.
    const std::string own =
        base_name(with_layers->upper) == "diff" ? parent_path(with_layers->upper) : with_layers->upper;
    const std::string layers = parent_path(own);
    return ::stat(layers.c_str(), &status) != 0 || time_of(status.st_mtim) >= since;
}

} // namespace

bool may_have_changed(const Discovery& discovery, Timestamp since) {
    const bool has_podman = discovery.engines.contains("podman");
    const bool is_only_podman = has_podman && !discovery.engines.contains("docker");
    return (has_podman && layers_may_have_changed(discovery, "podman", since)) ||
           (!is_only_podman && layers_may_have_changed(discovery, "docker", since));
}

Record record_of(const Missed& missed) {
    Record record;
    record.service = missed.service;
    record.pod = missed.pod;
    record.namespace_name = missed.namespace_name;
    record.pod_uid = missed.pod_uid;
    record.image = missed.image;
    record.runtime = missed.runtime;
    record.containers = {missed.container_id};
    record.created = rfc3339(missed.created);
    record.started = rfc3339(missed.started);
    record.finished = rfc3339(missed.died);
    record.coverage = Coverage::missed;
    return record;
}

} // namespace logbackup
