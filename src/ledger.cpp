// SPDX-License-Identifier: MIT
#include "logbackup/ledger.hpp"

#include "logbackup/labels.hpp"
#include "logbackup/util/error.hpp"
#include "logbackup/util/files.hpp"

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

namespace logbackup {
namespace {

using Json = nlohmann::ordered_json;

constexpr int format_version = 1;
constexpr std::size_t largest_record = 1U << 20U;
constexpr const char* ended_records = ".logbackup/ended";
constexpr const char* missed_records = ".logbackup/missed";
constexpr std::size_t most_missed = 500; // of one service
constexpr const char* last_tick = ".logbackup/last-tick";
constexpr const char* move_journal = ".logbackup/move";

/// Paths below the backup root.
std::string live_path(const std::string& service, const std::string& instance) {
    return joined(joined(live_records, service), instance);
}
std::string ended_path(const std::string& service, const std::string& instance) {
    return joined(joined(ended_records, service), instance);
}

/// The text members, under their names in the file.
constexpr std::array<std::pair<const char*, std::string Record::*>, 13> text_members{{
    {"saved_until", &Record::saved_until},
    {"pod", &Record::pod},
    {"namespace", &Record::namespace_name},
    {"pod_uid", &Record::pod_uid},
    {"image", &Record::image},
    {"restart_count", &Record::restart_count},
    {"created", &Record::created},
    {"started", &Record::started},
    {"finished", &Record::finished},
    {"log_directory", &Record::log_directory},
    {"first_seen", &Record::first_seen},
    {"copies_tried", &Record::copies_tried},
    {"compared_to", &Record::compared_to},
}};

constexpr std::array<Coverage, 4> coverages{Coverage::live, Coverage::complete, Coverage::cut,
                                            Coverage::missed};

[[noreturn]] void fail(const char* verb, const std::string& path) {
    throw Error(std::string("cannot ") + verb + " " + in_quotes(path) + ": " + error_text(errno));
}

void write_record(int root, const std::string& path, const Record& record) {
    if (!make_directories(root, parent_path(path), 0700, static_cast<gid_t>(-1)) ||
        !write_atomically(root, path, record_text(record)))
        fail("write the record", path);
}

void remove_file(int root, const std::string& path) {
    if (::unlinkat(root, path.c_str(), 0) != 0 && errno != ENOENT)
        fail("remove", path);
}

std::vector<std::string> sorted_names(int root, const std::string& path) {
    auto names = names_in(root, path).value_or(std::vector<std::string>());
    std::erase_if(names, [](const std::string& name) { return name.starts_with('.'); });
    std::sort(names.begin(), names.end());
    return names;
}

/// Renames if the old name is there: after a crash the step may have been done already. 0 or an errno value.
int rename_if_there(int root, const std::string& from, const std::string& to) {
    if (::renameat2(root, from.c_str(), root, to.c_str(), RENAME_NOREPLACE) == 0 || errno == ENOENT)
        return 0;
    return errno;
}

/// Does what the journal says, or where that is impossible leaves everything as it was. 0 or an errno value.
int carry_out(int root, const Move& move) {
    const auto path = move.live ? live_path : ended_path;
    const std::string from = path(move.service, move.from);
    const std::string to = path(move.service, move.to);
    int error = rename_if_there(root, from, to);
    if (error == 0) {
        error = rename_if_there(root, joined(move.service, move.from), joined(move.service, move.to));
        if (error != 0)
            rename_if_there(root, to, from);
    }
    remove_file(root, move_journal);
    return error;
}

} // namespace

std::string record_text(const Record& record) {
    Json json;
    json["version"] = format_version;
    json["coverage"] = name_of(record.coverage);
    for (const auto& [name, member] : text_members)
        if (!(record.*member).empty())
            json[name] = record.*member;
    if (!record.volume.empty()) // any bytes: a container can choose a part of the path
        json["volume"] = percent_encoded(record.volume);
    if (record.volume_inode != 0)
        json["volume_inode"] = record.volume_inode;
    if (record.volumes_below)
        json["volumes_below"] = true;
    for (const auto& [path, place] : record.seen_places)
        json["seen_places"][percent_encoded(path)] = percent_encoded(place);
    json["containers"] = record.containers;
    if (!record.last_passes.empty())
        json["last_passes"] = record.last_passes;
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Record parse_record(const std::string& service, const std::string& instance, const std::string& text) {
    const Json json = Json::parse(text, nullptr, false);
    auto member = [&](const char* name) {
        const auto found = json.find(name);
        return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    if (!json.is_object() || !json.contains("version") || json["version"] != format_version)
        throw Error("it is no record of version " + std::to_string(format_version));
    Record record;
    record.service = service;
    record.instance = instance;
    for (const auto& [name, pointer] : text_members)
        record.*pointer = member(name);
    const auto* coverage = std::find_if(coverages.begin(), coverages.end(),
                                        [&](Coverage value) { return member("coverage") == name_of(value); });
    record.coverage = coverage == coverages.end() ? Coverage::cut : *coverage;
    record.volumes_below = json.contains("volumes_below") && json["volumes_below"] == true;
    record.volume = percent_decoded(member("volume"));
    if (const auto inode = json.find("volume_inode"); inode != json.end() && inode->is_number_unsigned())
        record.volume_inode = inode->get<std::uint64_t>();
    if (const auto places = json.find("seen_places"); places != json.end() && places->is_object())
        for (const auto& [path, place] : places->items())
            if (place.is_string())
                record.seen_places[percent_decoded(path)] = percent_decoded(place.get<std::string>());
    if (const auto containers = json.find("containers"); containers != json.end() && containers->is_array())
        for (const auto& id : *containers)
            if (id.is_string())
                record.containers.push_back(id.get<std::string>());
    if (const auto passes = json.find("last_passes"); passes != json.end() && passes->is_object())
        for (const auto& [id, finished] : passes->items())
            if (finished.is_string())
                record.last_passes.emplace(id, finished.get<std::string>());
    return record;
}

namespace {
std::vector<Record> load_records(int root, const std::string& kind, std::vector<std::string>& problems) {
    std::vector<Record> records;
    for (const auto& service : sorted_names(root, kind)) {
        for (const auto& instance : sorted_names(root, joined(kind, service))) {
            const std::string path = joined(joined(kind, service), instance);
            try {
                const auto text = read_small_file(root, path, largest_record);
                if (!text)
                    throw Error(error_text(errno));
                records.push_back(parse_record(service, instance, *text));
            } catch (const Error& error) {
                problems.push_back("cannot read the record " + in_quotes(path) + ": " + error.what());
            }
        }
    }
    return records;
}
} // namespace

std::vector<Record> load_live_records(int root, std::vector<std::string>& problems) {
    return load_records(root, live_records, problems);
}
std::vector<Record> load_ended_records(int root, std::vector<std::string>& problems) {
    return load_records(root, ended_records, problems);
}
std::vector<Record> load_missed_records(int root, std::vector<std::string>& problems) {
    auto records = load_records(root, missed_records, problems);
    for (auto& record : records)
        record.instance.clear();
    return records;
}

ServiceDirectory look_up_service(int root, const std::string& service) {
    ServiceDirectory result;
    const auto present = sorted_names(root, service);
    const auto ended = sorted_names(root, joined(ended_records, service));
    result.present.insert(present.begin(), present.end());
    result.ended.insert(ended.begin(), ended.end());
    return result;
}

void save_live_record(int root, const Record& record) {
    write_record(root, live_path(record.service, record.instance), record);
}

void end_record(int root, const Record& record) {
    write_record(root, ended_path(record.service, record.instance), record);
    remove_file(root, live_path(record.service, record.instance));
}

std::optional<Record> load_ended_record(int root, const std::string& service, const std::string& instance) {
    const auto text = read_small_file(root, ended_path(service, instance), largest_record);
    try {
        return text ? std::optional(parse_record(service, instance, *text)) : std::nullopt;
    } catch (const Error&) {
        return std::nullopt;
    }
}

void reopen_record(int root, const Record& record) {
    save_live_record(root, record);
    remove_file(root, ended_path(record.service, record.instance));
}

void save_missed_record(int root, const Record& record) {
    const std::string directory = joined(missed_records, record.service);
    // The time in front makes the order of names that of time.
    write_record(root,
                 joined(directory, compact_time(parse_rfc3339(record.finished)) + "-" +
                                       record.containers.front().substr(0, 12)),
                 record);
    const auto names = sorted_names(root, directory);
    for (std::size_t i = 0; i + most_missed < names.size(); ++i)
        remove_file(root, joined(directory, names[i]));
}

Timestamp last_complete_tick(int root) {
    const auto status = status_at(root, last_tick);
    return status ? Timestamp(std::chrono::seconds(status->st_mtim.tv_sec) +
                              std::chrono::nanoseconds(status->st_mtim.tv_nsec))
                  : Timestamp{};
}

void note_complete_tick(int root, Timestamp began) {
    const UniqueFd state = open_directory(root, parent_path(last_tick));
    const UniqueFd file(::openat(state.get(), base_name(last_tick).c_str(),
                                 O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    const auto seconds = std::chrono::floor<std::chrono::seconds>(began);
    const timespec exact{seconds.time_since_epoch().count(), (began - seconds).count()};
    if (!file || ::futimens(file.get(), std::array<timespec, 2>{timespec{0, UTIME_OMIT}, exact}.data()) != 0)
        fail("write", last_tick);
}

void move_instance(int root, const Move& move) {
    const Json json{
        {"service", move.service}, {"from", move.from}, {"to", move.to}, {"live", move.live.has_value()}};
    if (!write_atomically(root, move_journal, json.dump() + "\n"))
        fail("write", move_journal);
    if (const int error = carry_out(root, move); error != 0)
        throw Error("cannot rename " + in_quotes(joined(move.service, move.from)) + " to " +
                    in_quotes(joined(move.service, move.to)) + ": " + error_text(error));
}

void finish_move(int root) {
    const auto text = read_small_file(root, move_journal, largest_record);
    if (!text && errno == ENOENT)
        return;
    const Json json = Json::parse(text.value_or(""), nullptr, false);
    auto name = [&](const char* key) {
        const auto found = json.find(key);
        return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    Move move{name("service"), name("from"), name("to"), std::nullopt};
    if (move.service.empty() || move.from.empty() || move.to.empty())
        throw Error(
            "cannot read " + in_quotes(move_journal) + ", which tells of an interrupted move",
            "see that each instance directory stands under the name of its record, then remove the file");
    if (json.contains("live") && json["live"] == true)
        move.live = 0;
    carry_out(root, move); // where it is impossible, this run finds another name
}

} // namespace logbackup
