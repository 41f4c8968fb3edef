// SPDX-License-Identifier: MIT
#include "check/check.hpp"

#include "commands/commands.hpp"
#include "commands/output.hpp"
#include "report/check_report.hpp"

namespace logbackup {

int run_check(const Options& options) {
    StopSignal stop(options.max_duration);
    const auto checks = check_machine(options, stop);
    if (stop.requested() && stop.signal())
        return 128 + *stop.signal();
    if (options.json)
        print(json(checks));
    else
        print(table(checks, is_coloured() ? Colour::yes : Colour::no,
                    options.quiet ? CheckLines::not_ok : CheckLines::all));
    return exit_code(checks);
}

} // namespace logbackup
