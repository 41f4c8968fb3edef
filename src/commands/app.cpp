// SPDX-License-Identifier: MIT
#include "commands/app.hpp"

#include "check/check.hpp"
#include "commands/parts.hpp"
#include "config/options.hpp"
#include "config/selection.hpp"
#include "ledger/backup_root.hpp"
#include "ledger/inventory.hpp"
#include "logbackup/exit_code.hpp"
#include "report/check_report.hpp"
#include "report/progress.hpp"
#include "report/settings_report.hpp"
#include "util/descriptors.hpp"
#include "util/error.hpp"
#include "util/files.hpp"
#include "util/priority.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

namespace logbackup {
namespace {

using namespace app;

int run_list(const Options& options, spdlog::logger& log) {
    const UniqueFd root = find_backup_root(options.backup_root);
    if (!root)
        throw Error("no backup at " + in_quotes(options.backup_root), "name its directory with --dest");
    (void)load_identity(root.get()); // throws if a newer version wrote it, with unreadable records
    const Inventory inventory = take_inventory(root.get(), options.backup_root, options.filter);
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

int run_logged(const Options& options, spdlog::logger& log) {
    switch (options.kind) {
    case RunKind::tick:
    case RunKind::dry_run:
    case RunKind::verify: break;
    case RunKind::list: return run_list(options, log);
    case RunKind::prune:
    case RunKind::prune_dry_run: return run_prune(options, log);
    case RunKind::check: return run_check(options);
    case RunKind::config: print(options.json ? json(options.settings) : text(options.settings)); return 0;
    }
    return run_backup(options, log);
}

} // namespace

int run_app(int argc, const char* const* argv) {
    raise_descriptor_limit();
    ::umask(027);
    // Opens closed standard descriptors. Otherwise the next file opened would take their place.
    while (true) {
        const int fd = ::open("/dev/null", O_RDWR);
        if (fd > STDERR_FILENO || fd < 0) {
            UniqueFd(fd).reset();
            break;
        }
    }
    ParseEnded ended;
    const auto options = parse_options(argc, argv, ended);
    if (!options) {
        std::fputs(ended.text.c_str(), ended.code == 0 ? stdout : stderr);
        return ended.code;
    }
    std::shared_ptr<spdlog::logger> log;
    try {
        log = make_logger(*options);
        give_way(options->nice, options->io_priority);
        return run_logged(*options, *log);
    } catch (const Error& error) {
        end_progress_line();
        if (!log)
            log = make_logger(Options{});
        const std::string hint = error.hint().empty() ? "" : "\nhint: " + error.hint();
        log->error(error.what() + hint);
        return static_cast<int>(ExitCode::impossible);
    }
}

} // namespace logbackup
