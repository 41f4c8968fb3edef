// SPDX-License-Identifier: MIT
#include "commands/inventory.hpp"

#include "config/selection.hpp"
#include "ledger/backup_root.hpp"
#include "ledger/identity.hpp"
#include "ledger/inventory.hpp"
#include "ledger/ledger.hpp"
#include "locate/host_paths.hpp"
#include "search/scope.hpp"
#include "util/error.hpp"
#include "util/files.hpp"

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace logbackup {
namespace {

[[noreturn]] void fail_without_backup(const std::string& path, const std::string& nearest) {
    throw Error("no backup at " + in_quotes(path),
                "name its directory with --dest" +
                    (nearest.empty() ? "" : "; the nearest is " + in_quotes(nearest)));
}

/// Returns a hint at what there is.
std::string services_of(int root, const Options& options) {
    std::set<std::string> services;
    for (const auto& instance : take_inventory(root, options.backup_root, {}).instances)
        services.insert(instance.record.service);
    return services.empty() ? "the backup is empty"
                            : "the backup has the services " + some_of({services.begin(), services.end()});
}

} // namespace

OpenInventory open_inventory(const Options& options, const TimeWindow& window) {
    UniqueFd root = find_backup_root(options.backup_root);
    const bool has_records = root && open_directory(root.get(), state_directory);
    const std::string nearest = has_records ? std::string() : nearest_backup_root(options.backup_root);
    if (!root || !nearest.empty())
        fail_without_backup(options.backup_root, nearest);
    (void)load_identity(root.get()); // throws if a newer version wrote it, with unreadable records
    Inventory inventory = take_inventory(root.get(), options.backup_root, options.filter);
    // What an earlier script saved is shown, though it has no records yet.
    if (!has_records && inventory.instances.empty())
        fail_without_backup(options.backup_root, nearest);
    const HostPaths host({}, [&](const std::string& path) { return is_left_out(options, path); });
    for (auto& instance : inventory.instances)
        instance.is_left_out = host.leaves_out(instance.record.volume);
    // It is not an error if no log directory has the coverage.
    if (has_filter(options) && options.filter.coverages.empty() && inventory.instances.empty() &&
        inventory.problems.empty())
        throw Error("no log directory matches", services_of(root.get(), options));
    std::erase_if(inventory.instances, [&](const Instance& instance) { return !lived_in(instance, window); });
    return {std::move(root), std::move(inventory)};
}

} // namespace logbackup
