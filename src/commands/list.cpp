// SPDX-License-Identifier: MIT
#include "commands/commands.hpp"
#include "commands/output.hpp"
#include "config/selection.hpp"
#include "ledger/backup_root.hpp"
#include "ledger/inventory.hpp"
#include "locate/host_paths.hpp"
#include "logbackup/exit_code.hpp"
#include "util/error.hpp"

namespace logbackup {

int run_list(const Options& options, spdlog::logger& log) {
    const UniqueFd root = find_backup_root(options.backup_root);
    if (!root)
        throw Error("no backup at " + in_quotes(options.backup_root), "name its directory with --dest");
    (void)load_identity(root.get()); // throws if a newer version wrote it, with unreadable records
    Inventory inventory = take_inventory(root.get(), options.backup_root, options.filter);
    const HostPaths host({}, [&](const std::string& path) { return is_left_out(options, path); });
    for (auto& instance : inventory.instances)
        instance.is_left_out = host.leaves_out(instance.record.volume);
    // It is not an error if no log directory has the coverage.
    if (has_filter(options) && options.filter.coverages.empty() && inventory.instances.empty() &&
        inventory.problems.empty())
        throw Error("no log directory matches --service, --pod, --namespace or --container",
                    "'logbackup list' without them lists all log directories");
    print(inventory, options, options.verbose ? InventoryDetail::paths : InventoryDetail::lines);
    for (const auto& problem : inventory.problems)
        log.error(problem);
    return static_cast<int>(inventory.problems.empty() ? ExitCode::complete : ExitCode::partial);
}

} // namespace logbackup
