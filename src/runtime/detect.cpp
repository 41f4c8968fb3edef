// SPDX-License-Identifier: MIT
#include "runtime/detect.hpp"

#include "runtime/containerd/ctr_text.hpp"
#include "runtime/docker/docker_runtime.hpp"
#include "runtime/docker/endpoint.hpp"
#include "runtime/names.hpp"
#include "util/error.hpp"
#include "util/files.hpp"
#include "util/text.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <string_view>
#include <utility>

namespace logbackup {
namespace {

constexpr const char* docker_socket = "/var/run/docker.sock";
constexpr const char* crio_socket = "/run/crio/crio.sock";

/// Where a distribution has its containerd.
struct Place {
    const char* runtime;
    const char* socket;
    std::array<const char*, 2> roots; ///< the first that exists counts
    /// Clients that are looked for beside "ctr", each with an argument that makes it ctr.
    std::array<std::pair<const char*, const char*>, 2> programs;
};

constexpr std::array<Place, 3> places{{
    {"containerd", "/run/containerd/containerd.sock", {"/var/lib/containerd", nullptr}, {}},
    {"k3s",
     "/run/k3s/containerd/containerd.sock",
     {"/var/lib/rancher/k3s/agent/containerd", "/var/lib/rancher/rke2/agent/containerd"},
     {{{"k3s", "ctr"}, {"/var/lib/rancher/rke2/bin/ctr", nullptr}}}},
    {"microk8s",
     "/var/snap/microk8s/common/run/containerd.sock",
     {"/var/snap/microk8s/common/var/lib/containerd", nullptr},
     {{{"/snap/microk8s/current/bin/ctr", nullptr}, {nullptr, nullptr}}}},
}};

bool is_socket(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
}

std::string root_of(const Place& place) {
    struct stat status {};
    for (const char* root : place.roots)
        if (root != nullptr && ::stat(root, &status) == 0)
            return root;
    return {};
}

/// True if nothing but Docker ever had containers there.
bool has_only_docker_s(const std::string& root) {
    const UniqueFd tasks(
        ::open((root + "/io.containerd.runtime.v2.task").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const auto names = tasks ? names_in(tasks.get(), "", 1000) : std::nullopt;
    return names && !names->empty() && std::all_of(names->begin(), names->end(), is_of_docker);
}

/// Returns the client; empty if it is not there.
std::vector<std::string> program_of(const Place& place, const std::string& ctr) {
    if (std::string path = find_program(ctr); !path.empty())
        return {std::move(path)};
    for (const auto& [name, argument] : place.programs)
        if (std::string path = name == nullptr ? "" : find_program(name); !path.empty())
            return argument == nullptr ? std::vector{std::move(path)}
                                       : std::vector<std::string>{std::move(path), argument};
    return {};
}

ContainerdSettings settings_for(const Place& place, const RuntimeSettings& settings) {
    ContainerdSettings found;
    found.name = place.runtime;
    found.socket = place.socket;
    found.root = root_of(place);
    found.time_limit = settings.time_limit;
    found.program = program_of(place, settings.ctr);
    if (found.program.empty())
        throw Error("cannot find the program " + in_quotes(settings.ctr) + ", the client of " + found.name,
                    "install it (on Debian: containerd), or name it with --ctr");
    return found;
}

bool is_wanted(const RuntimeSettings& settings, const char* runtime) {
    return std::find(settings.wanted.begin(), settings.wanted.end(), runtime) != settings.wanted.end();
}

/// `failures`: of those that are there, but not wanted by name.
std::vector<ContainerdSettings> find_containerds(const RuntimeSettings& settings,
                                                 std::vector<Error>& failures) {
    const bool is_asked = is_wanted(settings, "containerd");
    std::vector<ContainerdSettings> found;
    if (!settings.containerd_socket.empty()) {
        ContainerdSettings one = settings_for(places.front(), settings);
        if (settings.containerd_socket != one.socket)
            one.root.clear();
        one.socket = settings.containerd_socket;
        return {std::move(one)};
    }
    for (const auto& place : places)
        if (is_socket(place.socket) && (is_asked || !has_only_docker_s(root_of(place))))
            try {
                found.push_back(settings_for(place, settings));
            } catch (const Error& error) {
                if (is_asked)
                    throw;
                failures.push_back(left_out(place.runtime, error));
            }
    if (is_asked && found.empty()) // its client tells best why not
        found.push_back(settings_for(places.front(), settings));
    return found;
}

/// Returns where podman of the superuser stores containers (graphroot, containers-storage.conf(5)).
std::string podman_store() {
    static constexpr std::size_t largest = 1U << 20U;
    const char* named = std::getenv("CONTAINERS_STORAGE_CONF");
    std::istringstream lines(
        text_of_file(named != nullptr ? named : "/etc/containers/storage.conf", largest));
    for (std::string line; std::getline(lines, line);) {
        const auto begin = line.find_first_of("\"'");
        const auto end = begin == std::string::npos ? begin : line.find(line[begin], begin + 1);
        if (trimmed(line).starts_with("graphroot") && end != std::string::npos)
            return line.substr(begin + 1, end - begin - 1);
    }
    return "/var/lib/containers/storage";
}

/// True if podman ever ran here.
bool has_podman() {
    struct stat status {};
    return ::stat((podman_store() + "/libpod").c_str(), &status) == 0;
}

/// True if Docker's client would ask podman, whose containers are then asked for once, as podman's.
bool is_podman_s(const std::string& socket) {
    const std::unique_ptr<char, decltype(&std::free)> real(::realpath(socket.c_str(), nullptr), &std::free);
    return real && std::string_view(real.get()).ends_with("/podman/podman.sock");
}

DockerSettings find_podman(const RuntimeSettings& settings) {
    std::string path = find_program(settings.podman);
    if (path.empty())
        throw Error("cannot find the program " + in_quotes(settings.podman),
                    "install it (on Debian: podman), or name it with --podman; --runtime names the runtimes "
                    "that are to be asked");
    return {std::move(path), settings.time_limit, {}, DockerClient::podman};
}

DockerSettings find_docker(const RuntimeSettings& settings) {
    std::string path = find_program(settings.docker);
    if (path.empty() && settings.docker.find('/') != std::string::npos)
        throw Error("cannot find the program " + in_quotes(settings.docker), "it was named with --docker");
    if (path.empty())
        throw Error("cannot find the program " + in_quotes(settings.docker),
                    "install it (on Debian: docker.io), or name it with --docker");
    return {std::move(path), settings.time_limit, settings.docker_host};
}

/// "/run/docker.sock" of "unix:///run/docker.sock"
std::string path_of_socket(const std::string& address) {
    static constexpr std::string_view scheme = "unix://";
    return address.starts_with(scheme) ? address.substr(scheme.size()) : address;
}

std::string looked_for() {
    std::string text = std::string("looked for ") + docker_socket;
    for (const auto& place : places)
        text += std::string(", ") + place.socket;
    return text + " and " + podman_store() + "/libpod; name another one with --docker-host, " +
           "--containerd-socket or --runtime podman";
}

/// What is named under `automatic` depends on all containers, also for those that come later.
struct NodeKind {
    bool is_kubernetes = false;
};

} // namespace

FoundRuntimes find_runtimes(const RuntimeSettings& settings) {
    FoundRuntimes found;
    if (!settings.wanted.empty()) {
        if (is_wanted(settings, "docker"))
            found.docker = find_docker(settings);
        if (is_wanted(settings, "containerd"))
            found.containerds = find_containerds(settings, found.failures);
        if (is_wanted(settings, "podman"))
            found.podman = find_podman(settings);
        return found;
    }
    found.containerds = find_containerds(settings, found.failures);
    const bool is_crio = is_socket(crio_socket);
    if (has_podman() && is_crio)
        // podman's commands can unmount what CRI-O's containers use.
        found.failures.emplace_back("podman is left out: it may share its store with CRI-O",
                                    "--runtime names the runtimes that are to be asked");
    else if (has_podman())
        try {
            found.podman = find_podman(settings);
        } catch (const Error& error) {
            found.failures.push_back(left_out("podman", error));
        }
    if (is_crio)
        found.failures.emplace_back(
            "CRI-O is left out: logbackup cannot ask it",
            "see logbackup-design(7); --runtime names the runtimes that are to be asked");
    const Endpoint endpoint = find_endpoint(settings.docker_host);
    const std::string socket = endpoint.address.empty() ? docker_socket : path_of_socket(endpoint.address);
    const bool is_there =
        (!endpoint.named_by.empty() || is_socket(docker_socket)) && !(found.podman && is_podman_s(socket));
    const bool is_nothing_else = found.containerds.empty() && !found.podman && found.failures.empty();
    if (is_nothing_else && !is_there && find_program(settings.docker).empty() &&
        settings.docker.find('/') == std::string::npos)
        throw Error("found no container runtime on this host: cannot find the program " +
                        in_quotes(settings.docker),
                    "install it (on Debian: docker.io), or name it with --docker; " + looked_for());
    if (is_there || is_nothing_else) {
        try {
            found.docker = find_docker(settings); // its client tells best why not
        } catch (const Error& error) {
            if (found.containerds.empty() && !found.podman)
                throw;
            found.failures.push_back(left_out("docker", error));
        }
    }
    if (!found.docker && found.containerds.empty() && !found.podman)
        throw Error(found.failures.front().what(), found.failures.front().hint());
    return found;
}

Runtime runtime_of(const FoundRuntimes& found, const RuntimeSettings& settings,
                   const std::shared_ptr<Descriptions>& known) {
    std::vector<Runtime> runtimes;
    if (found.docker)
        runtimes.push_back(docker_runtime(*found.docker, known));
    for (const auto& containerd : found.containerds)
        runtimes.push_back(containerd_runtime(containerd, known));
    if (found.podman)
        runtimes.push_back(docker_runtime(*found.podman, known));
    Runtime all = together(std::move(runtimes));
    const auto node = std::make_shared<NodeKind>();
    const auto name = [naming = settings.naming, node](std::vector<Container>& containers) {
        node->is_kubernetes = node->is_kubernetes || has_kubernetes(containers);
        name_containers(containers, naming, node->is_kubernetes);
    };
    all.discover = [ask = all.discover, name, failures = found.failures](StopSignal& stop) {
        Discovery discovery = ask(stop);
        discovery.failures.insert(discovery.failures.end(), failures.begin(), failures.end());
        name(discovery.containers);
        return discovery;
    };
    all.ask_again = [ask = all.ask_again, name](const std::vector<std::string>& ids, StopSignal& stop) {
        Discovery discovery = ask(ids, stop);
        name(discovery.containers);
        return discovery;
    };
    all.history = [ask = all.history, name](Timestamp since, StopSignal& stop, std::string& problem) {
        auto histories = ask(since, stop, problem);
        for (auto& history : histories)
            for (auto& [id, life] : history.lives) {
                std::vector<Container> one{std::move(life.container)};
                name(one);
                life.container = std::move(one.front());
            }
        return histories;
    };
    for (auto& listening : all.listening)
        listening.read_descriptions = [read = listening.read_descriptions, name](std::string_view text) {
            auto containers = read(text);
            name(containers);
            return containers;
        };
    return all;
}

} // namespace logbackup
