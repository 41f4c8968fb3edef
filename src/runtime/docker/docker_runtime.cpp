// SPDX-License-Identifier: MIT
#include "runtime/docker/docker_runtime.hpp"

#include "util/files.hpp"
#include "util/text.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <utility>

namespace logbackup {
namespace {

constexpr std::size_t longest_of_engine = 4096; // length of an id or a directory

/// Returns what "docker info" prints of the engine; empty without an answer.
EngineIdentity ask_for_engine(const DockerSettings& settings, StopSignal& stop) {
    const bool is_podman = settings.client == DockerClient::podman;
    Command command;
    command.argv = {settings.program, "info", "--format", is_podman ? podman_engine_format : engine_format};
    command.environment = is_podman ? podman_environment() : docker_environment(settings.host);
    Limits limits;
    limits.time = settings.time_limit;
    const auto said = run(command, limits, stop);
    EngineIdentity engine = succeeded(said.ending) ? parse_engine(said.out) : EngineIdentity();
    return is_podman && !engine.root.empty() ? identity_of(engine.root) : engine;
}

Discovery discover_with_engine(const DockerSettings& settings, Descriptions& known, StopSignal& stop) {
    Discovery found = discover(settings, known, stop);
    EngineIdentity engine = engine_of(found.containers);
    // The call costs a run more than all its work, so it is made only when no container tells the engine.
    if (engine.root.empty() && !stop.requested())
        engine = ask_for_engine(settings, stop);
    found.engines[settings.name()] = std::move(engine);
    return found;
}

} // namespace

EngineIdentity identity_of(const std::string& root) {
    EngineIdentity engine{text_of_file(root + "/engine-id"), root};
    // podman keeps no id. Its state is a directory that is made once.
    struct stat state {};
    if (engine.id.empty() && ::stat((root + "/libpod").c_str(), &state) == 0)
        engine.id = "libpod " + std::to_string(state.st_ino);
    return engine;
}

EngineIdentity engine_of(const std::vector<Container>& containers) {
    const auto telling = std::find_if(containers.begin(), containers.end(), [](const Container& container) {
        return !container.data_root.empty();
    });
    if (telling == containers.end())
        return {};
    return identity_of(telling->data_root);
}

EngineIdentity parse_engine(std::string_view printed) {
    if (printed.size() > 2 * longest_of_engine)
        return {};
    const auto end = std::min(printed.find('\n'), printed.size());
    const std::string root = trimmed(printed.substr(end));
    return {trimmed(printed.substr(0, end)), root.starts_with('/') ? root : std::string()};
}

Runtime docker_runtime(const DockerSettings& settings, std::shared_ptr<Descriptions> known) {
    Runtime runtime;
    runtime.name = settings.name();
    runtime.discover = [settings, known = std::move(known)](StopSignal& stop) {
        return discover_with_engine(settings, *known, stop);
    };
    runtime.ask_again = [settings](const std::vector<std::string>& ids, StopSignal& stop) {
        return ask_again(settings, ids, stop);
    };
    runtime.history = [settings](Timestamp since, StopSignal& stop, std::string& problem) {
        std::vector<History> histories;
        if (auto history = recent_history(settings, since, stop, problem))
            histories.push_back(std::move(*history));
        return histories;
    };
    Listening listening;
    listening.events = [settings](Timestamp since) { return listen(settings, since); };
    listening.read_events = [settings](std::string_view lines) { return read_events(settings, lines); };
    listening.list = [settings] { return list_all(settings); };
    listening.read_list = parse_list;
    listening.describe = [settings](const std::vector<std::string>& ids) { return describe(settings, ids); };
    listening.read_descriptions = [settings](std::string_view json) {
        return read_descriptions(settings, json);
    };
    runtime.listening.push_back(std::move(listening));
    return runtime;
}

} // namespace logbackup
