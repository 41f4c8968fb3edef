// SPDX-License-Identifier: MIT
#include "check/check.hpp"

#include "check/parts.hpp"
#include "util/text.hpp"

#include <algorithm>

namespace logbackup {
std::vector<Check> check_machine(const Options& options, StopSignal& stop) {
    check::Checks checks;
    const auto runtimes = check::runtimes(options, stop, checks);
    check::rsync(options, stop, checks);
    if (stop.requested())
        return checks;
    check::rights(checks);
    check::mounts(checks);
    check::landlock(checks);
    check::following(checks);
    check::decompressors(checks);
    const UniqueFd root = check::backup_root(options, runtimes, checks);
    const bool usable = std::none_of(checks.begin(), checks.end(), [](const Check& check) {
        return check.name == "backup root" && check.status == CheckStatus::impossible;
    });
    if (usable)
        check::file_system(root.get(), options, stop, checks);
    if (root)
        check::owner(root.get(), runtimes, checks);
    if (root)
        check::records(root.get(), checks);
    if (root || usable)
        check::runs(root.get(), options, checks);
    check::clock(root.get(), checks);
    check::configuration(options, checks);
    if (runtimes)
        check::volumes(options, *runtimes, checks);
    return checks;
}

} // namespace logbackup
