// SPDX-License-Identifier: MIT
#include "runtime/runtime.hpp"

#include "runtime/docker/inspect_json.hpp"
#include "util/process.hpp"

#include <chrono>

namespace logbackup {

Runtime docker_runtime(const DockerSettings& settings) {
    Runtime runtime;
    runtime.discover = [settings](StopSignal& stop) { return discover(settings, stop); };
    runtime.ask_again = [settings](const std::vector<std::string>& ids, StopSignal& stop) {
        return ask_again(settings, ids, stop);
    };
    runtime.history = [settings](Timestamp since, StopSignal& stop, std::string& why_not) {
        return recent_history(settings, since, std::chrono::system_clock::now(), stop, why_not);
    };
    runtime.info = [settings](const std::string& format, StopSignal& stop) {
        Command command;
        command.argv = {settings.program, "info", "--format", format};
        command.environment = docker_environment();
        Limits limits;
        limits.time = settings.time_limit;
        const auto said = run(command, limits, stop);
        return succeeded(said.ending) ? said.out : std::string();
    };
    runtime.listening.events = [settings](Timestamp since) { return listen(settings, since); };
    runtime.listening.read_events = parse_events;
    runtime.listening.list = [settings] { return list(settings); };
    runtime.listening.read_list = parse_list;
    runtime.listening.describe = [settings](const std::vector<std::string>& ids) {
        return describe(settings, ids);
    };
    runtime.listening.read_descriptions = parse_inspect;
    return runtime;
}

} // namespace logbackup
