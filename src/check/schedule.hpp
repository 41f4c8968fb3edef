// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

/// Who starts this program: lines of crontabs, see crontab(5), and timers of systemd.
namespace logbackup {

/// Those of the system name a user before the command.
enum class Crontab { of_the_system, of_a_user };

/// The program, as it is written there, of a crontab line that starts a run of logbackup; empty for any other
/// line. What it starts with a subcommand or --dry-run is no run.
[[nodiscard]] std::string run_in_crontab(std::string_view line, Crontab kind);

/// The same of a line of a systemd service.
[[nodiscard]] std::string run_in_unit(std::string_view line);

struct Schedule {
    enum class Kind { cron, timer };
    Kind kind = Kind::cron;
    std::string where;   ///< path of the crontab or timer
    std::string program; ///< with or without directory
};

/// All of them below `root`, which is "" but in tests: /etc/crontab, /etc/cron.d, root's crontab, and what is
/// enabled in timers.target.wants. Files whose names cron passes over are passed over.
[[nodiscard]] std::vector<Schedule> find_schedules(const std::string& root);

/// The version in what a program prints of itself, "3.2.7" of "rsync  version v3.2.7  protocol …"; empty when
/// there is none.
[[nodiscard]] std::string version_in(std::string_view text);

} // namespace logbackup
