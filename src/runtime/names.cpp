// SPDX-License-Identifier: MIT
#include "runtime/names.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace logbackup {
namespace {

struct Names {
    std::string service;
    std::string instance;
    std::string name_space{};
};

std::string label(const Container& container, const std::string& key) {
    const auto found = container.labels.find(key);
    return found == container.labels.end() ? std::string() : found->second;
}

/// Returns a text without its ending, if it has that ending.
std::string without(std::string text, const std::string& ending) {
    if (text.size() > ending.size() && text.ends_with(ending))
        text.resize(text.size() - ending.size());
    return text;
}

/// Returns what a scheme calls a container; nothing if its labels are not there.
std::optional<Names> names_by(NameScheme scheme, const Container& container) {
    const auto labelled = [&](const char* key) { return label(container, key); };
    Names names;
    switch (scheme) {
    case NameScheme::swarm:
        names = {labelled("com.docker.swarm.service.name"), labelled("com.docker.swarm.task.name")};
        break;
    case NameScheme::compose:
        names = {labelled("com.docker.compose.service"), container.name,
                 labelled("com.docker.compose.project")};
        break;
    case NameScheme::nomad: {
        const std::string allocation = labelled("com.hashicorp.nomad.alloc_id");
        const std::string task = labelled("com.hashicorp.nomad.task_name");
        names = {!task.empty() || allocation.empty() ? task : without(container.name, "-" + allocation),
                 allocation};
        break;
    }
    case NameScheme::ecs: {
        const std::string task = labelled("com.amazonaws.ecs.task-arn");
        names = {labelled("com.amazonaws.ecs.container-name"), task.substr(task.rfind('/') + 1),
                 labelled("com.amazonaws.ecs.task-definition-family")};
        break;
    }
    case NameScheme::quadlet:
        names = {without(labelled("PODMAN_SYSTEMD_UNIT"), ".service"), container.name};
        break;
    case NameScheme::container: names = {container.name, container.name}; break;
    case NameScheme::automatic:
    case NameScheme::kubernetes: break;
    }
    return names.service.empty() || names.instance.empty() ? std::nullopt : std::optional(std::move(names));
}

std::optional<Names> names_of(const Container& container, const Naming& settings) {
    if (!settings.service_label.empty()) {
        const std::string instance = label(container, settings.instance_label);
        Names names{label(container, settings.service_label), instance.empty() ? container.name : instance};
        return names.service.empty() || names.instance.empty() ? std::nullopt
                                                               : std::optional(std::move(names));
    }
    if (settings.scheme != NameScheme::automatic)
        return names_by(settings.scheme, container);
    for (const auto scheme : {NameScheme::swarm, NameScheme::compose, NameScheme::nomad, NameScheme::ecs,
                              NameScheme::quadlet, NameScheme::container})
        if (auto names = names_by(scheme, container))
            return names;
    return std::nullopt;
}

/// True if its own labels name it, as those of Kubernetes do. On a host without Kubernetes any image can set
/// them, but a container cannot hide by calling itself "POD". What keeps a pod of podman needs no name.
bool has_own_names(const Container& container) {
    return container.kind == "podsandbox" ||
           (container.has_service && container.has_pod && container.service != "POD");
}

/// True if only a label calls it a sandbox, which any image can set: the kubelet's containers of Docker have
/// names of their own, and other runtimes do not read that label.
bool has_forged_kind(const Container& container) {
    return container.runtime == Container().runtime && !container.name.starts_with("k8s_");
}

/// True if the kubelet made it. An image can set any label, but it cannot choose its container's name, or
/// that the CRI service has it.
bool is_made_by_kubelet(const Container& container) {
    if (container.runtime == "podman")
        return false;
    return container.runtime == Container().runtime ? container.name.starts_with("k8s_")
                                                    : !container.kind.empty();
}

} // namespace

bool has_kubernetes(const std::vector<Container>& containers) {
    return std::any_of(containers.begin(), containers.end(), is_made_by_kubelet);
}

void name_containers(std::vector<Container>& containers, const Naming& settings, bool is_kubernetes) {
    const bool has_own = !settings.service_label.empty();
    const bool is_automatic = !has_own && settings.scheme == NameScheme::automatic;
    if ((!has_own && settings.scheme == NameScheme::kubernetes) || (is_automatic && is_kubernetes))
        return; // they are there
    for (auto& container : containers) {
        if (has_forged_kind(container))
            container.kind.clear();
        if (is_automatic && has_own_names(container))
            continue;
        auto names = names_of(container, settings);
        container.is_named_freely = names.has_value();
        container.has_service = container.has_pod = names.has_value();
        if (!names)
            continue;
        container.service = std::move(names->service);
        container.pod = std::move(names->instance);
        container.namespace_name = std::move(names->name_space);
    }
}

} // namespace logbackup
