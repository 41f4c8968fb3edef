// SPDX-License-Identifier: MIT
#include "ledger/inventory.hpp"

#include "ledger/ledger.hpp"
#include "ledger/pruning.hpp"
#include "util/error.hpp"
#include "util/files.hpp"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <tuple>

namespace logbackup {
namespace {

using Problems = std::vector<std::string>;

constexpr std::size_t most_levels = 100; // of directories in one instance

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;

Directory open_to_read(int at, const std::string& name) {
    UniqueFd fd(::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    DIR* opened = fd ? ::fdopendir(fd.get()) : nullptr;
    if (opened != nullptr)
        (void)fd.release(); // the stream owns it now
    return {opened, ::closedir};
}

void count(Usage& usage, const struct stat& status) {
    ++usage.files;
    usage.bytes += static_cast<std::uint64_t>(status.st_size);
    usage.disk_bytes += static_cast<std::uint64_t>(status.st_blocks) * 512;
    const Timestamp changed = time_of(status.st_ctim);
    usage.last_saved = std::max(usage.last_saved, changed);
}

/// Counts the files of one instance directory. Holds one descriptor for each level of the current directory.
class UsageWalk {
  public:
    explicit UsageWalk(Problems& problems) : problems_(problems) {}

    /// `path` is the path in the backup, for messages.
    Usage run(int service, const std::string& instance, const std::string& path) {
        enter(service, instance, path);
        while (!levels_.empty()) {
            errno = 0;
            if (const dirent* entry = ::readdir(levels_.back().directory.get())) {
                visit(*entry);
                continue;
            }
            if (errno != 0)
                problem("read the directory", levels_.back().path);
            levels_.pop_back();
        }
        return usage_;
    }

  private:
    struct Level {
        Directory directory;
        std::string path;
    };

    void visit(const dirent& entry) {
        const std::string_view name = entry.d_name;
        if (name == "." || name == "..")
            return;
        const int directory = ::dirfd(levels_.back().directory.get());
        if (entry.d_type == DT_DIR) {
            enter(directory, entry.d_name, joined(levels_.back().path, name));
            return;
        }
        if (entry.d_type != DT_REG && entry.d_type != DT_UNKNOWN)
            return;
        struct stat status {};
        if (::fstatat(directory, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
            if (errno != ENOENT) // ENOENT: a run renamed it meanwhile
                problem("read the status of", joined(levels_.back().path, name));
        } else if (S_ISREG(status.st_mode)) {
            count(usage_, status);
        } else if (S_ISDIR(status.st_mode)) {
            enter(directory, entry.d_name, joined(levels_.back().path, name));
        }
    }

    void enter(int at, const std::string& name, std::string path) {
        if (levels_.size() > most_levels) {
            errno = ELOOP;
            problem("go down to", path);
            return;
        }
        Directory opened = open_to_read(at, name);
        if (opened)
            levels_.push_back({std::move(opened), std::move(path)});
        else if (errno != ENOENT)
            problem("open the directory", path);
    }

    void problem(const char* verb, const std::string& path) {
        const std::string cause = error_text(errno);
        problems_.push_back(std::string("cannot ") + verb + " " + in_quotes(path) + ": " + cause);
    }

    Problems& problems_;
    Usage usage_;
    std::vector<Level> levels_;
};

/// Throws Error when the records cannot be read. Only root may read them; without them no instance would seem
/// to have a record.
void require_records(int root, const std::string& backup_root) {
    if (!names_in(root, state_directory) && errno != ENOENT)
        throw Error("cannot read the records in " + in_quotes(joined(backup_root, state_directory)) + ": " +
                        error_text(errno),
                    "run as the user that makes the backup, normally root");
}

struct LoadedRecords {
    std::map<std::string, Record> of_directory; ///< key: "<service>/<instance>"
    std::vector<Record> missed;
};

LoadedRecords load_records(int root, Problems& problems) {
    LoadedRecords records;
    auto add = [&](std::vector<Record> loaded) {
        for (auto& record : loaded) {
            std::string directory = record.directory();
            records.of_directory.emplace(std::move(directory), std::move(record));
        }
    };
    add(load_ended_records(root, problems));
    add(load_live_records(root, problems)); // a run was ending a record that is in both places
    records.missed = load_missed_records(root, problems);
    return records;
}

/// Reads the records again after a problem, because a run may just have moved a record.
LoadedRecords load_settled_records(int root, Problems& problems) {
    Problems first;
    LoadedRecords records = load_records(root, first);
    return first.empty() ? std::move(records) : load_records(root, problems);
}

/// Returns the paths "<service>/<name>" of everything in the backup root.
std::vector<std::string> names_in_services(int root, Problems& problems) {
    std::vector<std::string> found;
    const auto services = names_in(root, "");
    if (!services)
        problems.push_back("cannot read the backup root: " + error_text(errno));
    for (const auto& service : services.value_or(std::vector<std::string>())) {
        if (service.starts_with('.'))
            continue;
        const auto names = names_in(root, service);
        if (!names && errno != ENOTDIR && errno != ENOENT)
            problems.push_back("cannot read the directory " + in_quotes(service) + ": " + error_text(errno));
        for (const auto& name : names.value_or(std::vector<std::string>()))
            if (!name.starts_with('.'))
                found.push_back(joined(service, name));
    }
    return found;
}

Instance without_record(const std::string& directory) {
    Instance instance;
    instance.has_record = false;
    instance.record.service = parent_path(directory);
    instance.record.instance = base_name(directory);
    instance.record.pod = instance.record.instance.substr(0, instance.record.instance.find_first_of("@+"));
    return instance;
}

bool is_selected(const Filter& filter, const Instance& instance) {
    const auto& wanted = filter.coverages;
    const bool coverage =
        wanted.empty() || (instance.has_record &&
                           std::find(wanted.begin(), wanted.end(), instance.record.coverage) != wanted.end());
    return coverage && selects(filter, instance.record);
}

/// Returns a sort key: the instances that need most attention come first.
int rank_of(const Instance& instance) {
    if (is_failing(instance))
        return 0;
    if (!instance.has_record)
        return 4;
    switch (instance.record.coverage) {
    case Coverage::cut: return 1;
    case Coverage::missed: return 2;
    case Coverage::live:
    case Coverage::complete: break;
    }
    return instance.record.limits.empty() ? 5 : 3;
}

void sort(std::vector<Instance>& instances) {
    const auto key = [](const Instance& instance) {
        const Record& record = instance.record;
        // Of two containers created in the same second, the instance with a number is the older one.
        const bool numbered = record.instance.find('@') != std::string::npos;
        return std::make_tuple(rank_of(instance), std::cref(record.service), std::cref(record.pod),
                               std::cref(record.created), !numbered, std::cref(record.instance));
    };
    std::sort(instances.begin(), instances.end(),
              [&](const Instance& left, const Instance& right) { return key(left) < key(right); });
}

void measure(int root, Inventory& inventory) {
    UniqueFd held; // the service's directory, kept for the next instance
    const std::string* service = nullptr;
    for (auto& [record, has_record, usage, is_left_out] : inventory.instances) {
        if (record.instance.empty())
            continue;
        if (service == nullptr || *service != record.service) {
            held = open_directory(root, record.service);
            service = &record.service;
        }
        if (held)
            usage = UsageWalk(inventory.problems).run(held.get(), record.instance, record.directory());
    }
}

} // namespace

bool is_failing(const Instance& instance) {
    return instance.has_record && instance.record.coverage == Coverage::live &&
           !instance.record.saved_until.empty();
}

Inventory take_inventory(int root, const std::string& backup_root, const Filter& filter) {
    Inventory inventory;
    inventory.backup_root = backup_root;
    require_records(root, backup_root);
    // Read the directories before the records, because a run first writes a record and then creates the
    // directory.
    const auto directories = names_in_services(root, inventory.problems);
    LoadedRecords records = load_settled_records(root, inventory.problems);
    auto add = [&](Instance instance) {
        if (is_selected(filter, instance))
            inventory.instances.push_back(std::move(instance));
    };
    for (const auto& directory : directories) {
        if (records.of_directory.contains(directory))
            continue;
        const auto status = status_at(root, directory);
        if (status && S_ISDIR(status->st_mode))
            add(without_record(directory));
    }
    for (auto& [directory, record] : records.of_directory)
        if (record.coverage == Coverage::live || !is_half_pruned(root, record))
            add({std::move(record), true, {}});
    for (auto& record : records.missed)
        add({std::move(record), true, {}});
    sort(inventory.instances);
    measure(root, inventory);
    return inventory;
}

} // namespace logbackup
