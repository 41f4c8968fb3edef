// SPDX-License-Identifier: MIT
#include "check/parts.hpp"

#include "runtime/docker/docker_runtime.hpp"
#include "runtime/docker/endpoint.hpp"
#include "util/error.hpp"

#include <nlohmann/json.hpp>

#include <utility>
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
std::optional<Endpoint> local_endpoint(const std::string& host, Checks& checks) {
    try {
        Endpoint endpoint = find_endpoint(host);
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

Check storage(const Json& info) {
    const auto driver = text_member(info, "Driver");
    Check check{"storage driver", CheckStatus::ok, escaped(driver), {}};
    const bool in_containerd = member(info, "DriverStatus")
                                   .dump(-1, ' ', true, Json::error_handler_t::replace)
                                   .find("io.containerd.snapshotter") != std::string::npos;
    const bool has_layers =
        driver == "overlay2" || driver == "overlay" || driver == "vfs" || driver == "btrfs";
    if (has_layers && !in_containerd)
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

std::optional<Discovery> docker(const DockerSettings& settings, StopSignal& stop, Checks& checks) {
    const auto endpoint = local_endpoint(settings.host, checks); // before a request goes to another machine
    if (!endpoint)
        return std::nullopt;
    const auto say = [&](const char* what) {
        return ask({settings.program, what, "--format", "{{json .}}"}, docker_environment(settings.host),
                   settings.time_limit, stop);
    };
    const auto asked = say("version");
    const Json version = Json::parse(asked.out, nullptr, false);
    const Json client = member(version, "Client");
    const bool is_docker = !text_member(client, "Version").empty();
    checks.push_back({"docker client", is_docker ? CheckStatus::ok : CheckStatus::warning,
                      escaped(settings.program) + ", " + version_text(client),
                      is_docker ? "" : "it does not tell its version: is it docker?"});
    Discovery found;
    Json info;
    try {
        // Do not wait for two more timeouts.
        if (std::holds_alternative<TimedOut>(asked.ending))
            throw Error("docker version " + describe(asked.ending),
                        "is the engine overloaded? --docker-timeout waits longer");
        if (const auto told = say("info"); succeeded(told.ending))
            info = Json::parse(told.out, nullptr, false);
        Descriptions none;
        found = discover(settings, none, stop);
        EngineIdentity engine = engine_of(found.containers);
        if (engine.root.empty())
            engine = {text_member(info, "ID"), text_member(info, "DockerRootDir")};
        found.engines["docker"] = std::move(engine);
        checks.push_back({"docker engine",
                          CheckStatus::ok,
                          version_text(member(version, "Server")) + ", at " + text_of(*endpoint),
                          {}});
    } catch (const Error& error) {
        checks.push_back({"docker engine", CheckStatus::impossible, text_of(*endpoint) + ": " + error.what(),
                          error.hint()});
        return std::nullopt;
    }
    checks.push_back(storage(info));
    return found;
}

} // namespace logbackup::check
