// SPDX-License-Identifier: MIT
#include "runtime/docker/endpoint.hpp"

#include "runtime/json.hpp"
#include "util/error.hpp"
#include "util/text.hpp"

#include <nlohmann/json.hpp>

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

namespace logbackup {
namespace {

using Json = nlohmann::json;

constexpr const char* default_context = "default";

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

/// Returns the docker client's configuration directory.
std::string configuration_directory() {
    if (auto directory = variable("DOCKER_CONFIG"); !directory.empty())
        return directory;
    std::string home = variable("HOME");
    if (home.empty())
        if (const passwd* user = ::getpwuid(::geteuid()); user != nullptr)
            home = user->pw_dir;
    return home + "/.docker";
}

/// Reads the first JSON value in a file, as the client does; null if there is none.
Json read_json(const std::string& path) {
    std::ifstream file(path);
    Json json;
    try {
        file >> json;
    } catch (const Json::exception&) {
        return nullptr;
    }
    return json;
}

/// Returns the address of a context; nothing if the context does not exist or has no Docker engine.
std::optional<std::string> address_of(const std::string& context, const std::string& directory) {
    std::error_code error;
    for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
         entry.increment(error)) {
        const Json meta = read_json((entry->path() / "meta.json").string());
        if (text(member(meta, "Name")) != context)
            continue;
        const Json& docker = member(member(meta, "Endpoints"), "docker");
        return docker.is_object() ? std::optional(text(member(docker, "Host"))) : std::nullopt;
    }
    return std::nullopt;
}

} // namespace

Endpoint find_endpoint(const std::string& host_option) {
    if (!host_option.empty())
        return {host_option, "--docker-host"};
    if (auto host = variable("DOCKER_HOST"); !host.empty())
        return {std::move(host), "DOCKER_HOST"};
    const std::string directory = configuration_directory();
    const std::string configuration = directory + "/config.json";
    std::string context = variable("DOCKER_CONTEXT");
    const std::string origin = context.empty() ? in_quotes(configuration) : "DOCKER_CONTEXT";
    if (context.empty())
        context = text(member(read_json(configuration), "currentContext"));
    if (context.empty() || context == default_context)
        return {};
    const std::string named_by = "the docker context " + in_quotes(context) + " of " + origin;
    const std::string contexts = directory + "/contexts/meta";
    auto address = address_of(context, contexts);
    if (!address)
        throw Error("cannot find out where " + named_by + " leads: no file in " + in_quotes(contexts) +
                        " tells",
                    "DOCKER_CONTEXT=default is this machine's engine");
    return {std::move(*address), named_by};
}

bool is_local_socket(std::string_view address) {
    const auto begin = address.find_first_not_of(" \t\r\n"); // the client ignores leading space
    return begin != std::string_view::npos && address.substr(begin).starts_with("unix://");
}

void require_local(const Endpoint& endpoint) {
    if (endpoint.address.empty() || is_local_socket(endpoint.address))
        return;
    throw Error(
        "cannot save the logs of the docker engine at " + in_quotes(endpoint.address) + " (" +
            endpoint.named_by + "): it can be on another machine, and only files of this one can be read",
        "run logbackup on the engine's own machine, and let it ask there through the engine's socket, "
        "for example with DOCKER_HOST=unix:///run/docker.sock");
}

} // namespace logbackup
