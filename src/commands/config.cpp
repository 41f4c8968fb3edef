// SPDX-License-Identifier: MIT
#include "commands/commands.hpp"
#include "commands/output.hpp"
#include "logbackup/exit_code.hpp"
#include "report/settings_report.hpp"

namespace logbackup {

int run_config(const Options& options) {
    print(options.json ? json(options.settings) : text(options.settings));
    return static_cast<int>(ExitCode::complete);
}

} // namespace logbackup
