// SPDX-License-Identifier: MIT
#include "retention/delete.hpp"

#include "ledger/ledger.hpp"
#include "ledger/links.hpp"
#include "ledger/pruning.hpp"
#include "util/error.hpp"
#include "util/files.hpp"
#include "util/trees.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace logbackup {
namespace {

/// Returns 0 or an errno value, like the other functions here.
int move_record(int root, const Record& record) {
    const std::string from = ended_path(record.service, record.instance);
    const std::string to = joined(pruned_path(record), doomed_record);
    return rename_to_new(root, from, root, to) ? 0 : errno;
}

/// A missing instance directory is not a problem.
int move_files(int service, const Record& record, int place) {
    if (service < 0 || rename_to_new(service, record.instance, place, doomed_files))
        return 0;
    return errno == ENOENT ? 0 : errno;
}

int empty_place(int root, const Record& record, StopSignal& stop) {
    const UniqueFd place = open_directory(root, pruned_path(record));
    if (!place)
        return errno;
    if (const int error = remove_tree(place.get(), doomed_files, stop); error != 0)
        return error;
    if (::unlinkat(place.get(), doomed_record, 0) != 0 && errno != ENOENT)
        return errno;
    return ::unlinkat(root, pruned_path(record).c_str(), AT_REMOVEDIR) == 0 ? 0 : errno;
}

/// Removes the directories of a service if they are empty.
void remove_empty_directories_of(int root, const std::string& service) {
    for (const std::string& path : {service, joined(live_records, service), joined(ended_records, service),
                                    joined(missed_records, service), joined(pruning_directory, service),
                                    std::string(pruning_directory)})
        ::unlinkat(root, path.c_str(), AT_REMOVEDIR);
}

void remove_empty_directories_of(int root, const Record& record) {
    remove_empty_directories_of(root, record.service);
    for (const auto& sharer : record.sharers) // only links were in them
        remove_empty_directories_of(root, sharer.service);
}

int delete_directory(int root, const Record& record, StopSignal& stop) {
    remove_links(root, record);
    const UniqueFd service = open_directory(root, record.service);
    if (!service && errno != ENOENT)
        return errno;
    const UniqueFd above =
        make_directories(root, joined(pruning_directory, record.service), 0700, static_cast<gid_t>(-1));
    const std::string& name = record.instance;
    if (!above || ::mkdirat(above.get(), name.c_str(), 0700) != 0)
        return errno; // EEXIST: an earlier directory of that name could not be deleted
    const UniqueFd place = open_directory(above.get(), name);
    int error = place ? move_files(service.get(), record, place.get()) : errno;
    if (error == 0) {
        error = move_record(root, record);
        if (error != 0 && service) // undo the move
            [[maybe_unused]]
            const bool back = rename_to_new(place.get(), doomed_files, service.get(), record.instance);
    }
    if (error == 0)
        return empty_place(root, record, stop);
    ::unlinkat(above.get(), name.c_str(), AT_REMOVEDIR);
    return error;
}

/// Deletes a file, and the directories that become empty.
int delete_file(int root, const PruneItem& item) {
    const UniqueFd instance = open_directory(root, item.record.directory());
    std::string above = parent_path(item.path);
    const UniqueFd directory = instance ? open_directory(instance.get(), above) : UniqueFd();
    const std::string name = base_name(item.path);
    const auto status = directory ? status_at(directory.get(), name) : std::nullopt;
    if (!status)
        return errno;
    if (!S_ISREG(status->st_mode) || time_of(status->st_ctim) != item.ended)
        return ESTALE;
    if (::unlinkat(directory.get(), name.c_str(), 0) != 0)
        return errno;
    while (!above.empty() && ::unlinkat(open_directory(instance.get(), parent_path(above)).get(),
                                        base_name(above).c_str(), AT_REMOVEDIR) == 0)
        above = parent_path(above);
    return 0;
}

int delete_item(int root, const PruneItem& item, StopSignal& stop) {
    switch (item.kind) {
    case PruneKind::directory: return delete_directory(root, item.record, stop);
    case PruneKind::file: return delete_file(root, item);
    case PruneKind::missed: return ::unlinkat(root, missed_path(item.record).c_str(), 0) == 0 ? 0 : errno;
    }
    return 0;
}

/// Returns the names below ".logbackup/pruning".
std::vector<Record> doomed(int root) {
    std::vector<Record> records;
    for (const auto& service : names_in(root, pruning_directory).value_or(std::vector<std::string>()))
        for (const auto& name :
             names_in(root, joined(pruning_directory, service)).value_or(std::vector<std::string>())) {
            Record& record = records.emplace_back();
            record.service = service;
            record.instance = name;
        }
    return records;
}

} // namespace

std::string undeletable_text(int error) {
    if (error == EXDEV || error == EBUSY)
        return "another file system is mounted there";
    return error == ECANCELED ? "the run was stopped; the next one goes on" : error_text(error);
}

void carry_out(PruneReport& report, int root, StopSignal& stop) {
    for (auto& item : report.items) {
        if (!item.failure.empty())
            continue;
        const int error = stop.requested() ? ECANCELED : delete_item(root, item, stop);
        if (error != 0)
            item.failure = undeletable_text(error);
        else if (item.kind != PruneKind::file)
            remove_empty_directories_of(root, item.record);
    }
}

void settle_pruning(int root) {
    for (const auto& record : doomed(root))
        if (is_half_pruned(root, record))
            move_record(root, record);
}

std::vector<std::string> finish_pruning(int root, StopSignal& stop) {
    std::vector<std::string> problems;
    for (const auto& record : doomed(root)) {
        if (const int error = empty_place(root, record, stop); error != 0 && error != ECANCELED)
            problems.push_back("cannot delete " + in_quotes(pruned_path(record)) + ": " +
                               undeletable_text(error));
        remove_empty_directories_of(root, record.service);
    }
    for (const auto& service : names_in(root, pruning_directory).value_or(std::vector<std::string>()))
        remove_empty_directories_of(root, service);
    ::unlinkat(root, pruning_directory, AT_REMOVEDIR);
    return problems;
}

} // namespace logbackup
