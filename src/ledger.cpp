// SPDX-License-Identifier: MIT
#include "logbackup/ledger.hpp"

#include "logbackup/labels.hpp"
#include "logbackup/util/error.hpp"
#include "logbackup/util/files.hpp"

#include <nlohmann/json.hpp>

#include <fcntl.h>

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
constexpr const char* live_records = ".logbackup/live";
constexpr const char* ended_records = ".logbackup/ended";

std::string live_path(const std::string& service, const std::string& instance) {
    return joined(joined(live_records, service), instance);
}
std::string ended_path(const std::string& service, const std::string& instance) {
    return joined(joined(ended_records, service), instance);
}

/// The text members, under their names in the file.
constexpr std::array<std::pair<const char*, std::string Record::*>, 12> text_members{{
    {"pod", &Record::pod},
    {"namespace", &Record::namespace_name},
    {"pod_uid", &Record::pod_uid},
    {"moved_from", &Record::moved_from},
    {"volume", &Record::volume},
    {"image", &Record::image},
    {"restart_count", &Record::restart_count},
    {"created", &Record::created},
    {"started", &Record::started},
    {"finished", &Record::finished},
    {"log_directory", &Record::log_directory},
    {"first_seen", &Record::first_seen},
}};

[[noreturn]] void fail(const char* verb, const std::string& path) {
    throw Error(std::string("cannot ") + verb + " " + in_quotes(path) + ": " + error_text(errno));
}

void write_record(int root, const std::string& path, const Record& record) {
    if (!make_directories(root, parent_path(path), 0700, static_cast<gid_t>(-1)) ||
        !write_atomically(root, path, record_text(record)))
        fail("write the record", path);
}

void remove_record(int root, const std::string& path) {
    if (::unlinkat(root, path.c_str(), 0) != 0 && errno != ENOENT)
        fail("remove the record", path);
}

std::vector<std::string> sorted_names(int root, const std::string& path) {
    auto names = names_in(root, path).value_or(std::vector<std::string>());
    std::erase_if(names, [](const std::string& name) { return name.starts_with('.'); });
    std::sort(names.begin(), names.end());
    return names;
}

void rename_instance(int root, const Record& record) {
    const std::string from = record.service + "/" + record.moved_from;
    const std::string to = record.directory();
    if (::renameat2(root, from.c_str(), root, to.c_str(), RENAME_NOREPLACE) != 0 && errno != ENOENT)
        throw Error("cannot rename " + in_quotes(from) + " to " + in_quotes(to) + ": " + error_text(errno));
}

/// A move writes the new record, then removes the old one. Between the two both are there: the new one
/// counts.
void drop_superseded(std::vector<Record>& records) {
    std::vector<Record> kept;
    for (const auto& record : records) {
        const bool superseded = std::any_of(records.begin(), records.end(), [&](const Record& other) {
            return other.service == record.service && other.moved_from == record.instance &&
                   other.volume == record.volume && other.containers == record.containers;
        });
        if (!superseded)
            kept.push_back(record);
    }
    records = std::move(kept);
}

} // namespace

std::string record_text(const Record& record) {
    Json json;
    json["version"] = format_version;
    json["coverage"] = record.coverage == Coverage::live ? "live" : "cut";
    if (!record.saved_until.empty())
        json["saved_until"] = record.saved_until;
    for (const auto& [name, member] : text_members)
        if (!(record.*member).empty())
            json[name] = record.*member;
    json["containers"] = record.containers;
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
    record.coverage = member("coverage") == "live" ? Coverage::live : Coverage::cut;
    record.saved_until = member("saved_until");
    if (const auto containers = json.find("containers"); containers != json.end() && containers->is_array())
        for (const auto& id : *containers)
            if (id.is_string())
                record.containers.push_back(id.get<std::string>());
    return record;
}

std::vector<Record> load_live_records(int root, std::vector<std::string>& problems) {
    std::vector<Record> records;
    for (const auto& service : sorted_names(root, live_records)) {
        for (const auto& instance : sorted_names(root, joined(live_records, service))) {
            const std::string path = live_path(service, instance);
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
    drop_superseded(records);
    return records;
}

bool is_move_unfinished(int root, const Record& record, const std::vector<Record>& live) {
    if (record.moved_from.empty() || status_at(root, record.directory()) ||
        !status_at(root, record.service + "/" + record.moved_from))
        return false;
    // The old name may be another log directory's by now.
    const bool taken = std::any_of(live.begin(), live.end(), [&](const Record& other) {
        return other.service == record.service && other.instance == record.moved_from;
    });
    return !taken && !status_at(root, ended_path(record.service, record.moved_from));
}

void finish_moves(int root, const std::vector<Record>& live) {
    for (const auto& record : live) {
        if (is_move_unfinished(root, record, live)) {
            remove_record(root, live_path(record.service, record.moved_from));
            rename_instance(root, record);
        }
    }
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
    remove_record(root, live_path(record.service, record.instance));
}

void move_instance(int root, const Move& move, Record* record) {
    Record ended;
    const std::string old_path =
        record != nullptr ? live_path(move.service, move.from) : ended_path(move.service, move.from);
    if (record == nullptr) {
        const auto text = read_small_file(root, old_path, largest_record);
        if (!text)
            fail("read the record", old_path);
        ended = parse_record(move.service, move.from, *text);
    }
    Record& moved = record != nullptr ? *record : ended;
    moved.instance = move.to;
    moved.moved_from = move.from;
    const std::string path =
        record != nullptr ? live_path(move.service, move.to) : ended_path(move.service, move.to);
    write_record(root, path, moved);
    remove_record(root, old_path);
    rename_instance(root, moved);
}

} // namespace logbackup
