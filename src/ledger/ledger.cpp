// SPDX-License-Identifier: MIT
#include "ledger/ledger.hpp"

#include "ledger/links.hpp"
#include "util/error.hpp"
#include "util/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace logbackup {
namespace {

constexpr std::size_t largest_record = 1U << 20U;
constexpr std::size_t most_missed = 500; // for one service
constexpr int unlikely_number = 900;     // number of an instance that is probably free, for a hint
constexpr const char* last_run = ".logbackup/last-run";

[[noreturn]] void fail(const char* verb, const std::string& path) {
    throw Error(std::string("cannot ") + verb + " " + in_quotes(path) + ": " + error_text(errno));
}

void write_record(int root, const std::string& path, const Record& record) {
    const std::string text = record_text(record);
    if (text.size() > largest_record) {
        errno = EFBIG;
        fail("write the record", path);
    }
    if (!make_directories(root, parent_path(path), 0700, static_cast<gid_t>(-1)) ||
        !write_atomically(root, path, text))
        fail("write the record", path);
}

void remove_file(int root, const std::string& path) {
    if (::unlinkat(root, path.c_str(), 0) != 0 && errno != ENOENT)
        fail("remove", path);
}

/// Returns the sorted names in a directory that was just opened, and which need not exist. `problem` says why
/// it cannot be read.
std::vector<std::string> sorted_names(const UniqueFd& directory, const std::string& path,
                                      std::string& problem) {
    auto found = directory ? names_in(directory.get(), "") : std::nullopt;
    if (!found && errno != ENOENT)
        problem = "cannot read the directory " + in_quotes(path) + ": " + error_text(errno);
    auto names = std::move(found).value_or(std::vector<std::string>());
    std::erase_if(names, [](const std::string& name) { return name.starts_with('.'); });
    std::sort(names.begin(), names.end());
    return names;
}

void note(std::vector<std::string>& problems, const std::string& problem) {
    if (!problem.empty() && std::find(problems.begin(), problems.end(), problem) == problems.end())
        problems.push_back(problem);
}

/// Explains what happens to a directory whose record cannot be read, and what the operator can do.
std::string way_out(const std::string& kind, const std::string& service, const std::string& instance) {
    if (kind == missed_records)
        return "; it can be removed";
    const std::string directory = joined(service, instance);
    const auto at = std::min(instance.find('@'), instance.size());
    const auto after = std::min(instance.find_first_not_of("0123456789", at + 1), instance.size());
    const std::string free =
        instance.substr(0, at) + "@" + std::to_string(unlikely_number) + instance.substr(after);
    return "; nothing is saved in " + in_quotes(directory) + " until that file is restored from a copy, or " +
           in_quotes(directory) + " is renamed (to " + in_quotes(joined(service, free)) +
           " or the like) and then the file removed";
}

/// `directory` is the one of the records of this kind and service.
std::optional<Record> load_record(const UniqueFd& directory, const std::string& kind,
                                  const std::string& service, const std::string& instance,
                                  std::vector<std::string>& problems) {
    const std::string path = joined(joined(kind, service), instance);
    try {
        const auto text =
            directory ? read_small_file(directory.get(), instance, largest_record) : std::nullopt;
        if (!text)
            throw Error(error_text(errno));
        return parse_record(service, instance, *text);
    } catch (const Error& error) {
        note(problems, "cannot read the record " + in_quotes(path) + ": " + error.what() +
                           way_out(kind, service, instance));
    }
    return std::nullopt;
}

std::vector<Record> load_records(int root, const std::string& kind, std::vector<std::string>& problems) {
    std::vector<Record> records;
    std::string problem;
    const UniqueFd services = open_directory(root, kind);
    for (const auto& service : sorted_names(services, kind, problem)) {
        const UniqueFd directory = open_directory(services.get(), service);
        for (const auto& name : sorted_names(directory, joined(kind, service), problem))
            if (auto record = load_record(directory, kind, service, name, problems))
                records.push_back(std::move(*record));
        note(problems, problem);
    }
    note(problems, problem);
    return records;
}
} // namespace

std::string live_path(const std::string& service, const std::string& instance) {
    return joined(joined(live_records, service), instance);
}
std::string ended_path(const std::string& service, const std::string& instance) {
    return joined(joined(ended_records, service), instance);
}

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
    const auto names = [&](const std::string& path) {
        const auto found = sorted_names(open_directory(root, path), path, result.problem);
        return std::set<std::string>(found.begin(), found.end());
    };
    result.present = names(service);
    result.ended = names(joined(ended_records, service));
    result.live = names(joined(live_records, service));
    std::erase_if(result.present, [&](const std::string& name) {
        return !result.ended.contains(name) && !result.live.contains(name) &&
               is_link_of_ours(root, service, name);
    });
    return result;
}

void save_live_record(int root, const Record& record) {
    write_record(root, live_path(record.service, record.instance), record);
}

void end_record(int root, const Record& record) {
    write_record(root, ended_path(record.service, record.instance), record);
    remove_file(root, live_path(record.service, record.instance));
}

std::optional<Record> load_ended_record(int root, const std::string& service, const std::string& instance,
                                        std::vector<std::string>& problems) {
    return load_record(open_directory(root, joined(ended_records, service)), ended_records, service, instance,
                       problems);
}

std::optional<Record> find_record(int root, const std::string& service, const std::string& instance) {
    const auto load = [&](const char* kind) {
        std::vector<std::string> ignored;
        return load_record(open_directory(root, joined(kind, service)), kind, service, instance, ignored);
    };
    auto record = load(live_records);
    return record ? std::move(record) : load(ended_records);
}

void reopen_record(int root, const Record& record) {
    save_live_record(root, record);
    remove_file(root, ended_path(record.service, record.instance));
}

namespace {
/// Returns the end of the name of a missed container's record.
std::string missed_name_end(const Record& record) {
    return "-" + (record.containers.empty() ? "" : record.containers.back().substr(0, 12));
}

/// Returns the paths of the records of its newest container.
std::vector<std::string> missed_paths(int root, const Record& record) {
    std::string ignored;
    const std::string directory = joined(missed_records, record.service);
    std::vector<std::string> paths;
    for (const auto& name : sorted_names(open_directory(root, directory), directory, ignored))
        if (name.ends_with(missed_name_end(record)))
            paths.push_back(joined(directory, name));
    return paths;
}
} // namespace

std::string missed_path(const Record& record) {
    // The name begins with the time, so that names sort by time.
    return joined(joined(missed_records, record.service),
                  compact_time(parse_rfc3339(record.finished)) + missed_name_end(record));
}

bool has_missed_record(int root, const Record& record) {
    return !missed_paths(root, record).empty();
}

void forget_missed(int root, const Record& record) {
    for (const auto& path : missed_paths(root, record))
        remove_file(root, path);
}

void save_missed_record(int root, const Record& record) {
    const std::string directory = joined(missed_records, record.service);
    write_record(root, missed_path(record), record);
    std::string ignored;
    const auto names = sorted_names(open_directory(root, directory), directory, ignored);
    for (std::size_t i = 0; i + most_missed < names.size(); ++i)
        remove_file(root, joined(directory, names[i]));
}

Timestamp last_complete_run(int root) {
    const auto status = status_at(root, last_run);
    return status ? time_of(status->st_mtim) : Timestamp{};
}

void note_complete_run(int root, Timestamp began) {
    const UniqueFd state = open_directory(root, parent_path(last_run));
    const UniqueFd file(::openat(state.get(), base_name(last_run).c_str(),
                                 O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    const auto seconds = std::chrono::floor<std::chrono::seconds>(began);
    const timespec exact{seconds.time_since_epoch().count(), (began - seconds).count()};
    if (!file || ::futimens(file.get(), std::array<timespec, 2>{timespec{0, UTIME_OMIT}, exact}.data()) != 0)
        fail("write", last_run);
}

} // namespace logbackup
