// SPDX-License-Identifier: MIT
#include "check/parts.hpp"

#include "config/runtime_settings.hpp"
#include "config/selection.hpp"
#include "locate/locate.hpp"
#include "runtime/docker/docker_runtime.hpp"
#include "runtime/labels.hpp"
#include "runtime/names.hpp"
#include "runtime/vanished.hpp"
#include "util/error.hpp"
#include "util/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>
#include <variant>

namespace logbackup::check {
namespace {

void containers(const Discovery& found, Runtimes& runtimes, Checks& checks) {
    std::string invalid;
    std::size_t left_out = 0;
    for (const auto& container : found.containers) {
        const auto classification = classify(container);
        if (classification.ownership == Ownership::ours)
            runtimes.ours.push_back(container);
        if (classification.ownership == Ownership::invalid && left_out++ == 0)
            invalid = container.id.substr(0, 12) + ": " + classification.problem;
    }
    Check check{"containers", CheckStatus::ok, {}, {}};
    const bool is_kubernetes = has_kubernetes(found.containers);
    check.found = std::to_string(found.ids.size()) + ", of these " + std::to_string(runtimes.ours.size()) +
                  (is_kubernetes ? " of pods" : " to save");
    if (runtimes.ours.empty()) {
        check.status = CheckStatus::warning;
        check.hint = is_kubernetes ? "there is nothing to save: containers of pods have the labels "
                                     "io.kubernetes.container.name and io.kubernetes.pod.name"
                                   : "there is nothing to save: --names says what names a container";
    }
    if (left_out > 0) {
        check.status = CheckStatus::warning; // no run fails for it
        check.found += ", " + std::to_string(left_out) + " with labels that cannot be used";
        check.hint = "they are not saved; the first is " + invalid;
    }
    if (!found.unreachable.empty()) {
        check.status = CheckStatus::problem;
        check.found += ", " + std::to_string(found.unreachable.size()) + " that cannot be described";
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

/// Returns what follows the first `key` in a text, up to white space or a quote; "" if it does not occur.
std::string value_after(const std::string& text, const std::string& key) {
    const auto at = text.find(key);
    if (at == std::string::npos)
        return {};
    const auto begin = text.find_first_not_of(" \t\"'", at + key.size());
    if (begin == std::string::npos)
        return {};
    return text.substr(begin, text.find_first_of(std::string_view(" \t\n\"'\0", 6), begin) - begin);
}

/// True unless it is in a container, where anybody can have any name.
bool has_our_root(int proc, const std::string& pid) {
    struct stat ours {};
    struct stat theirs {};
    return ::stat("/", &ours) == 0 && ::fstatat(proc, (pid + "/root").c_str(), &theirs, 0) == 0 &&
           ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

/// Returns the command line of a process of that name, its arguments separated by spaces; "" if none runs.
std::string command_line_of(const std::string& name) {
    static constexpr std::size_t largest = 128U << 10U;
    const UniqueFd proc(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
    for (const auto& pid : names_in(proc.get(), "", 1U << 22U).value_or(std::vector<std::string>())) {
        if (std::isdigit(static_cast<unsigned char>(pid.front())) == 0 ||
            trimmed(read_small_file(proc.get(), pid + "/comm", 64).value_or("")) != name ||
            !has_our_root(proc.get(), pid))
            continue;
        std::string line = read_small_file(proc.get(), pid + "/cmdline", largest).value_or("");
        std::replace(line.begin(), line.end(), '\0', ' ');
        return line;
    }
    return {};
}

} // namespace

std::optional<Discovery> containerd(const ContainerdSettings& settings, StopSignal& stop, Checks& checks) {
    auto command = settings.program;
    command.insert(command.end(), {"--address", settings.socket, "version"});
    const auto said = ask(std::move(command), {"LC_ALL=C"}, settings.time_limit, stop);
    const auto server = said.out.find("Server:");
    const std::string version =
        server == std::string::npos ? "" : value_after(said.out.substr(server), "Version:");
    try {
        Discovery found = containerd_runtime(settings, std::make_shared<Descriptions>()).discover(stop);
        checks.push_back({settings.name,
                          CheckStatus::ok,
                          (version.empty() ? "of an unknown version" : "version " + escaped(version)) +
                              ", at " + escaped(settings.socket),
                          {}});
        return found;
    } catch (const Error& error) {
        checks.push_back({settings.name, CheckStatus::impossible,
                          escaped(settings.socket) + ": " + error.what(), error.hint()});
        return std::nullopt;
    }
}

std::optional<Discovery> podman(const DockerSettings& settings, StopSignal& stop, Checks& checks) {
    const auto said = ask({settings.program, "version", "--format", "{{.Client.Version}}"},
                          podman_environment(), settings.time_limit, stop);
    const std::string version = trimmed(said.out);
    try {
        Discovery found = docker_runtime(settings, std::make_shared<Descriptions>()).discover(stop);
        checks.push_back({"podman",
                          CheckStatus::ok,
                          escaped(settings.program) + ", " +
                              (version.empty() ? "of an unknown version" : "version " + escaped(version)),
                          {}});
        return found;
    } catch (const Error& error) {
        checks.push_back({"podman", CheckStatus::impossible, error.what(), error.hint()});
        return std::nullopt;
    }
}

void kubelet(const FoundRuntimes& found, Checks& checks) {
    const std::string line = command_line_of("kubelet");
    if (line.empty())
        return; // k3s and RKE2 have it in one process with their containerd
    std::string socket = value_after(line, "--container-runtime-endpoint=");
    if (socket.empty())
        socket = value_after(line, "--container-runtime-endpoint ");
    if (socket.empty()) // since Kubernetes 1.27; KubeletConfiguration, kubelet.config.k8s.io/v1beta1
        socket =
            value_after(text_of_file("/var/lib/kubelet/config.yaml", 1U << 20U), "containerRuntimeEndpoint:");
    if (socket.empty())
        return; // an old one with Docker built in, or its default
    if (socket.starts_with("unix://"))
        socket.erase(0, std::string_view("unix://").size());
    const bool is_docker =
        socket.find("dockershim") != std::string::npos || socket.find("cri-dockerd") != std::string::npos;
    const bool is_covered =
        is_docker ? found.docker.has_value()
                  : std::any_of(found.containerds.begin(), found.containerds.end(),
                                [&](const ContainerdSettings& one) {
                                    std::error_code error;
                                    return std::filesystem::equivalent(one.socket, socket, error);
                                });
    Check check{"kubelet", CheckStatus::ok, "its containers run at " + escaped(socket), {}};
    if (!is_covered) {
        check.status = CheckStatus::problem;
        check.found += ", which is not asked: no log of a pod is saved";
        check.hint = socket.find("crio") != std::string::npos
                         ? "CRI-O is not supported"
                         : "name it with --runtime containerd --containerd-socket " + escaped(socket);
    }
    checks.push_back(std::move(check));
}

std::optional<Runtimes> runtimes(const Options& options, StopSignal& stop, Checks& checks) {
    const RuntimeSettings settings = runtime_settings(options);
    FoundRuntimes found;
    try {
        found = find_runtimes(settings);
    } catch (const Error& error) {
        checks.push_back({"container runtime", CheckStatus::impossible, error.what(), error.hint()});
        return std::nullopt;
    }
    for (const auto& failure : found.failures)
        checks.push_back({"container runtime", CheckStatus::problem, failure.what(), failure.hint()});
    Discovery all;
    if (found.docker)
        if (auto one = docker(*found.docker, stop, checks))
            add(all, std::move(*one));
    for (const auto& one : found.containerds)
        if (auto said = containerd(one, stop, checks))
            add(all, std::move(*said));
    if (found.podman)
        if (auto one = podman(*found.podman, stop, checks))
            add(all, std::move(*one));
    kubelet(found, checks);
    for (const auto& failure : all.failures)
        checks.push_back({"containers", CheckStatus::problem, failure.what(), failure.hint()});
    if (all.engines.empty())
        return std::nullopt;
    name_containers(all.containers, settings.naming, has_kubernetes(all.containers));
    Runtimes runtimes;
    containers(all, runtimes, checks);
    checks.push_back(files(options, runtimes.ours));
    runtimes.engines = std::move(all.engines);
    return runtimes;
}

} // namespace logbackup::check
