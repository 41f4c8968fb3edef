// SPDX-License-Identifier: MIT
#include "commands/commands.hpp"
#include "commands/inventory.hpp"
#include "commands/output.hpp"
#include "logbackup/exit_code.hpp"

namespace logbackup {

int run_list(const Options& options, spdlog::logger& log) {
    const Inventory inventory = open_inventory(options, options.window).inventory;
    print(inventory, options, options.verbose ? InventoryDetail::paths : InventoryDetail::lines);
    for (const auto& problem : inventory.problems)
        log.error(problem);
    return static_cast<int>(inventory.problems.empty() ? ExitCode::complete : ExitCode::partial);
}

} // namespace logbackup
