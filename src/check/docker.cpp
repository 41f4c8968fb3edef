// SPDX-License-Identifier: MIT
#include "check/parts.hpp"

#include "config/selection.hpp"
#include "locate/locate.hpp"
#include "runtime/docker/endpoint.hpp"
#include "runtime/labels.hpp"
#include "runtime/vanished.hpp"
#include "util/error.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <variant>

namespace logbackup::check {
namespace {

using Json = nlohmann::json;

/// Returns a member, or null when it does not exist.
Json member(const Json& object, const char* name) {
    const auto found = object.is_object() ? object.find(name) : object.end();
    return object.is_object() && found != object.end() ? *found : Json();
}

std::string text_member(const Json& object, const char* name) {
    const Json value = member(object, name);
    return value.is_string() ? value.get<std::string>() : std::string();
}

std::string text_of(const Endpoint& endpoint) {
    return endpoint.named_by.empty() ? "its default address"
                                     : endpoint.named_by + " " + escaped(endpoint.address);
}

/// Returns nothing when no run is possible with the endpoint.
std::optional<Endpoint> local_endpoint(Checks& checks) {
    try {
        Endpoint endpoint = find_endpoint();
        require_local(endpoint);
        return endpoint;
    } catch (const Error& error) {
        checks.push_back({"docker engine", CheckStatus::impossible, error.what(), error.hint()});
        return std::nullopt;
    }
}

std::string version_text(const Json& of) {
    const auto text = text_member(of, "Version");
    return text.empty() ? "of an unknown version" : "version " + escaped(text);
}

void containers(const Discovery& found, Engine& engine, Checks& checks) {
    std::string invalid;
    std::size_t left_out = 0;
    for (const auto& container : found.containers) {
        const auto classification = classify(container);
        if (classification.ownership == Ownership::ours)
            engine.ours.push_back(container);
        if (classification.ownership == Ownership::invalid && left_out++ == 0)
            invalid = container.id.substr(0, 12) + ": " + classification.problem;
    }
    Check check{"containers", CheckStatus::ok, {}, {}};
    check.found =
        std::to_string(found.ids.size()) + ", of these " + std::to_string(engine.ours.size()) + " of pods";
    if (engine.ours.empty()) {
        check.status = CheckStatus::warning;
        check.hint = "there is nothing to save: containers of pods have the labels "
                     "io.kubernetes.container.name and io.kubernetes.pod.name";
    }
    if (left_out > 0) {
        check.status = CheckStatus::warning; // no run fails for it
        check.found += ", " + std::to_string(left_out) + " with labels that cannot be used";
        check.hint = "they are not saved; the first is " + invalid;
    }
    if (!found.unreachable.empty()) {
        check.status = CheckStatus::problem;
        check.found += ", " + std::to_string(found.unreachable.size()) + " that docker cannot describe";
        check.hint = "the first is " + found.unreachable.front().id.substr(0, 12) + ": " +
                     found.unreachable.front().reason;
    }
    checks.push_back(std::move(check));
}

/// Returns why this process cannot read anything of a container; empty when it can, or when the container is
/// gone.
std::string unseen_reason(const Container& container, const std::string& log_directory, HostPaths& host) {
    const LayerSight sight = look_at_layer(container.upper);
    const bool may_be_unseen = container.upper.empty() ? container.has_process() : sight.error != 0;
    if (!may_be_unseen || has_vanished(Known::yes, container, sight))
        return {};
    const auto located = locate(container, log_directory, nullptr, host);
    const auto* failed = std::get_if<LocateFailed>(&located);
    return failed != nullptr && failed->root_unseen ? why_unseen(container, sight, failed->reason)
                                                    : std::string();
}

/// Checks whether the containers' files are on this machine and readable by this process.
Check files(const Options& options, const std::vector<Container>& containers) {
    HostPaths host({}, [&](const std::string& path) { return is_left_out(options, path); });
    std::size_t unseen = 0;
    Check check{"containers' files", CheckStatus::ok, "they can be reached", {}};
    for (const auto& container : containers) {
        const auto names = log_directories_of(options, container.service);
        if (names.empty())
            continue;
        const std::string reason = unseen_reason(container, names.front().path, host);
        if (reason.empty() || unseen++ > 0)
            continue;
        check.found = container.id.substr(0, 12) + ": " + reason;
        check.hint = hint_for_unseen(look_at_layer(container.upper));
    }
    if (unseen == 0)
        return check;
    check.status = unseen == containers.size() ? CheckStatus::impossible : CheckStatus::problem;
    check.found =
        "those of " + counted(unseen, "container") + " cannot be reached; the first is " + check.found;
    return check;
}

Check storage(const Json& info) {
    const auto driver = text_member(info, "Driver");
    Check check{"storage driver", CheckStatus::ok, escaped(driver), {}};
    const bool in_containerd = member(info, "DriverStatus")
                                   .dump(-1, ' ', true, Json::error_handler_t::replace)
                                   .find("io.containerd.snapshotter") != std::string::npos;
    if ((driver == "overlay2" || driver == "overlay") && !in_containerd)
        return check;
    check.status = CheckStatus::warning;
    check.found = (driver.empty() ? "unknown" : escaped(driver)) +
                  (in_containerd ? ", images are kept by containerd" : "") +
                  ": running containers are read through their processes, stopped ones cannot be read";
    check.hint = in_containerd
                     ? "what a container writes after the last run before its end is lost; with overlay2 "
                       "(\"features\": {\"containerd-snapshotter\": false} in daemon.json) it is not"
                     : "what a container writes after the last run before its end is lost; with overlay2 it "
                       "is not";
    return check;
}

} // namespace

std::optional<Engine> docker(const Options& options, StopSignal& stop, Checks& checks) {
    const std::string program = find_program(options.docker);
    if (program.empty()) {
        checks.push_back({"docker client", CheckStatus::impossible, in_quotes(options.docker) + " not found",
                          "install it (on Debian: docker.io), or name it with --docker"});
        return std::nullopt;
    }
    const auto endpoint = local_endpoint(checks); // before a request goes to another machine
    if (!endpoint)
        return std::nullopt;
    const auto say = [&](const char* what) {
        return ask({program, what, "--format", "{{json .}}"}, docker_environment(), options.docker_timeout,
                   stop);
    };
    const auto asked = say("version");
    const Json version = Json::parse(asked.out, nullptr, false);
    const Json client = member(version, "Client");
    const bool is_docker = !text_member(client, "Version").empty();
    checks.push_back({"docker client", is_docker ? CheckStatus::ok : CheckStatus::warning,
                      escaped(program) + ", " + version_text(client),
                      is_docker ? "" : "it does not tell its version: is it docker?"});
    Engine engine;
    Json info;
    try {
        // Do not wait for two more timeouts.
        if (std::holds_alternative<TimedOut>(asked.ending))
            throw Error("docker version " + describe(asked.ending),
                        "is the engine overloaded? --docker-timeout waits longer");
        if (const auto told = say("info"); succeeded(told.ending))
            info = Json::parse(told.out, nullptr, false);
        engine.id = text_member(info, "ID");
        engine.root_directory = text_member(info, "DockerRootDir");
        const auto found = discover({program, options.docker_timeout}, stop);
        checks.push_back({"docker engine",
                          CheckStatus::ok,
                          version_text(member(version, "Server")) + ", at " + text_of(*endpoint),
                          {}});
        containers(found, engine, checks);
    } catch (const Error& error) {
        checks.push_back({"docker engine", CheckStatus::impossible, text_of(*endpoint) + ": " + error.what(),
                          error.hint()});
        return std::nullopt;
    }
    checks.push_back(storage(info));
    checks.push_back(files(options, engine.ours));
    return engine;
}

} // namespace logbackup::check
