// SPDX-License-Identifier: MIT
#include "config/subcommands.hpp"

namespace logbackup {

const char* const program_description =
    "Saves the log files that applications write inside their "
    "containers, before a container is gone.\n"
    "One run (from cron, every minute) brings DEST/<service>/<pod> up to "
    "date with /opt/logs of every container,\n"
    "running or stopped. Saved bytes are never overwritten: a log that is "
    "truncated or replaced is set aside as\n"
    "<name>~<UTC time> and begun anew.";

const char* const program_footer =
    "Most options can also be set in the environment (--max-files as LOGBACKUP_MAX_FILES, --quiet as\n"
    "LOGBACKUP_QUIET=1), which is weaker, and in the configuration file (max-files = 1000, quiet = true),\n"
    "which is weaker still. 'logbackup config' shows what takes effect.\n"
    "DOCKER_HOST and the other variables of the docker client are passed on to it.\n"
    "\n"
    "Exit codes:\n"
    "  0  everything is backed up, but for    3  done in part: the report says what failed\n"
    "     what limits leave out              75  another run is working on the same backup\n"
    "  1  nothing could be done           128+n  stopped by signal n\n"
    "  2  wrong usage or configuration        ('logbackup grep' has its own)\n"
    "\n"
    "Examples:\n"
    "  logbackup --dry-run                    what would be saved now\n"
    "  logbackup -v --service 'payments*'     save some services only, and list each file\n"
    "  logbackup grep 'order 4711' payments --since 07:00\n"
    "                                         the lines of a service since seven o'clock (UTC)\n"
    "  logbackup list --coverage cut          the log directories that were gone too soon\n"
    "  logbackup prune --keep 30d --dry-run   what would be deleted now\n"
    "  * * * * * root logbackup --quiet --follow 5m\n"
    "                                         a line of /etc/cron.d/logbackup";

namespace {

constexpr const char* list_footer =
    "The coverage of a log directory:\n"
    "  live      it can still grow\n"
    "  complete  it has ended, and all of it is saved\n"
    "  cut       it is gone, and saved up to the time shown\n"
    "  missed    the container ended before anything was saved\n"
    "\"incomplete\" and \"skipped\" are added when limits leave something out, or links and devices are not "
    "saved.\n"
    "What needs attention comes first: failing (the last runs could not save all of it), cut, missed, "
    "incomplete.\n"
    "Times are UTC. Exit codes: 0 listed, 1 no backup or nothing matches, 3 some could not be read.\n";

constexpr const char* grep_footer =
    "PATTERN is a regular expression of ripgrep or, where that is not installed, of grep -P. Write -- "
    "before\n"
    "one that begins with a dash. SERVICE and POD are globs; without them all of the backup is searched.\n"
    "Lines are shown in the order of their times, as 'service/instance file:number:text'. With --since or\n"
    "--until those are shown whose time lies there; a line without a time has that of the line before.\n"
    "At the end the search names, on standard error, what may have contained the line and could not be "
    "searched.\n"
    "Exit codes: 0 found; 1 not found, and no gap is known; 4 not found, but not all could be searched, as "
    "what\n"
    "a live container wrote after the last run (see --until); 2 no backup, or wrong usage.\n";

constexpr const char* verify_footer = "Exit codes: 0 no differences, 1 no backup or no docker, 3 something "
                                      "differs that was there at the last run.\n"
                                      "'logbackup --help' has all options.\n";

constexpr const char* prune_footer =
    "Goes: of containers that are gone, what ended longer ago than --keep; of those that are there, files "
    "that\n"
    "they do not have any longer, and that did not change for so long; and while the backup is larger than\n"
    "--max-size, what ended, first of the service that takes most. Never what a container still has, and\n"
    "nothing that ended less than a day ago. Without either option nothing is deleted.\n"
    "Nothing is deleted in a run that finds the clock behind the last run, or more than a day ahead of it.\n"
    "Exit codes: 0 done, 1 no backup or a clock that cannot be trusted, 3 something could not be deleted or\n"
    "looked at, 75 another run is working.\n";

constexpr const char* check_footer =
    "Exit codes: 0 ready, be it with warnings; 1 no run is possible; 3 runs are possible, but something will "
    "be\n"
    "missing. --quiet shows only what is not ok. 'logbackup --help' has all options.\n";

constexpr const char* config_footer =
    "The output can serve as a configuration file. Sections "
    "[service.\"GLOB\"] have the options that differ for\n"
    "some services: log-dir, exclude, skip, keep. Of several that match, the last one counts.\n";

} // namespace

const std::vector<Subcommand>& subcommands() {
    static const std::vector<Subcommand> all{
        {"list", RunKind::list, "List what is in the backup, and how far each log directory is saved",
         list_footer, "[SERVICE[/POD]]"},
        {"grep", RunKind::grep, "Search what is saved for lines, also in compressed files", grep_footer,
         "PATTERN [SERVICE[/POD]]"},
        {"verify", RunKind::verify, "Compare the backup with the containers' files, byte by byte",
         verify_footer, "[SERVICE[/POD]]"},
        {"prune", RunKind::prune, "Delete what ended long ago, and make the backup fit into a size",
         prune_footer, "[SERVICE[/POD]]"},
        {"check", RunKind::check, "Look whether this machine is ready, from docker to the last runs",
         check_footer},
        {"config", RunKind::config, "Print all options as they take effect, and where each value comes from",
         config_footer},
    };
    return all;
}

} // namespace logbackup
