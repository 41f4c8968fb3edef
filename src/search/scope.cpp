// SPDX-License-Identifier: MIT
#include "search/scope.hpp"

#include <algorithm>
#include <string>

namespace logbackup {
namespace {

/// Returns the earliest time a line can have; the least time if it is not known.
Timestamp begin_of(const Record& record) {
    if (!record.volume.empty()) // it can be older than its containers
        return Timestamp::min();
    const Timestamp created = parse_rfc3339(record.created);
    const Timestamp seen = parse_rfc3339(record.first_seen);
    if (created == Timestamp{} || (seen != Timestamp{} && seen < created))
        return seen == Timestamp{} ? Timestamp::min() : seen;
    return created;
}

/// Returns the latest time a line can have; the greatest time if it is not known.
Timestamp end_of(const Record& record) {
    const Timestamp end = std::max(
        {parse_rfc3339(record.finished), parse_rfc3339(record.saved_until), parse_rfc3339(record.ended)});
    return record.coverage == Coverage::live || end == Timestamp{} ? Timestamp::max() : end;
}

std::string time_or(Timestamp time, const char* otherwise) {
    return time == Timestamp{} ? otherwise : rfc3339(time);
}

std::string why_missing(const Instance& instance, const TimeWindow& window, Timestamp last_run) {
    const Record& record = instance.record;
    if (!instance.has_record)
        return "it has no record: its completeness is unknown";
    if (instance.is_left_out)
        return "left out by the settings";
    const Timestamp saved = parse_rfc3339(record.saved_until);
    switch (record.coverage) {
    case Coverage::missed:
        return "missed, from " +
               time_or(parse_rfc3339(record.started.empty() ? record.created : record.started), "some time") +
               " to " + time_or(parse_rfc3339(record.finished), "some time");
    case Coverage::cut:
        if (window.until > saved)
            return "gone before all was saved, and saved until " + time_or(saved, "an unknown time");
        break;
    case Coverage::live:
        if (saved != Timestamp{} && window.until > saved)
            return "runs cannot save all of it since " + rfc3339(saved);
        if (window.until > last_run)
            return "saved until " + time_or(last_run, "an unknown time");
        break;
    case Coverage::complete: break;
    }
    if (!record.limits.empty())
        return "a limit leaves out a part";
    if (record.skipped > 0)
        return "without " + counted(record.skipped, "link or device", "links or devices");
    return {};
}

} // namespace

bool lived_in(const Instance& instance, const TimeWindow& window) {
    return !instance.has_record ||
           (begin_of(instance.record) <= window.until && window.since <= end_of(instance.record));
}

std::optional<Gap> gap_of(const Instance& instance, const TimeWindow& window, Timestamp last_run) {
    const Record& record = instance.record;
    const auto why = why_missing(instance, window, last_run);
    if (why.empty())
        return std::nullopt;
    return Gap{record.service + "/" + (record.instance.empty() ? record.pod : record.instance), why};
}

} // namespace logbackup
