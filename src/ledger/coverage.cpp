// SPDX-License-Identifier: MIT
#include "ledger/coverage.hpp"

#include "util/text.hpp"

#include <algorithm>

namespace logbackup {
namespace {

void describe(Record& record, const Container& container, const std::vector<const Container*>& present) {
    static constexpr std::size_t most_containers = 50; // limit for a volume whose container crashes for ever
    const auto time_text = [](Timestamp time) { return time == Timestamp{} ? std::string() : rfc3339(time); };
    auto& ids = record.containers;
    if (std::find(ids.begin(), ids.end(), container.id) == ids.end()) {
        ids.push_back(container.id);
        const auto absent = std::find_if(ids.begin(), ids.end(), [&](const std::string& id) {
            return std::none_of(present.begin(), present.end(),
                                [&](const Container* other) { return other->id == id; });
        });
        if (ids.size() > most_containers && absent != ids.end()) {
            record.last_passes.erase(*absent);
            ids.erase(absent);
        }
    }
    if (ids.back() != container.id)
        return; // it is an earlier container of a volume
    record.pod = container.pod;
    record.namespace_name = container.namespace_name;
    record.pod_uid = container.pod_uid;
    record.restart_count = container.restart_count;
    record.image = container.image;
    record.runtime = container.runtime;
    record.layer = container.upper;
    record.created = time_text(container.created);
    record.started = time_text(container.started);
    record.finished = time_text(container.finished);
}

} // namespace

bool has_ended(const Container& container) {
    return (container.state == ContainerState::exited || container.state == ContainerState::dead) &&
           container.finished != Timestamp{};
}

bool had_last_pass(const Record& record, const Container& container) {
    const auto found = record.last_passes.find(container.id);
    return has_ended(container) && found != record.last_passes.end() &&
           found->second == exact_rfc3339(container.finished);
}

bool is_closed(const Record& record, const Container& container) {
    return record.coverage == Coverage::complete && record.volume.empty() && !record.volumes_below &&
           had_last_pass(record, container);
}

void describe_containers(Record& record, const std::vector<const Container*>& containers) {
    for (const auto* container : containers) {
        describe(record, *container, containers);
        if (had_last_pass(record, *container))
            continue;
        record.last_passes.erase(container->id);
        if (record.coverage != Coverage::live)
            record.saved_until.clear();
        record.coverage = Coverage::live;
    }
}

void note_last_pass(Record& record, const std::vector<const Container*>& containers, Timestamp now) {
    note_compared(record, containers);
    record.coverage = Coverage::complete;
    record.saved_until = rfc3339(now);
}

void note_compared(Record& record, const std::vector<const Container*>& containers) {
    for (const auto* container : containers)
        record.last_passes[container->id] = exact_rfc3339(container->finished);
}

void note_growth(Record& record) {
    record.coverage = Coverage::live;
    record.saved_until.clear();
}

void note_failure(Record& record, Timestamp saved) {
    if (record.saved_until.empty())
        record.saved_until = rfc3339(saved);
}

void note_gone(Record& record, Timestamp previous) {
    if (record.coverage == Coverage::complete)
        return;
    record.coverage = Coverage::cut;
    if (previous != Timestamp{})
        note_failure(record, previous); // it may have written more after that, unseen
}

} // namespace logbackup
