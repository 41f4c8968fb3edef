// SPDX-License-Identifier: MIT
#include "runtime/json.hpp"

namespace logbackup {

namespace {
using Json = nlohmann::json;
} // namespace

const Json& member(const Json& value, const char* key) {
    static const Json null;
    if (!value.is_object())
        return null;
    const auto found = value.find(key);
    return found == value.end() ? null : *found;
}

std::string text(const Json& value) {
    return value.is_string() ? value.get<std::string>() : std::string();
}

void parse_labels(const Json& labels, Container& container) {
    container.has_service = member(labels, "io.kubernetes.container.name").is_string();
    container.has_pod = member(labels, "io.kubernetes.pod.name").is_string();
    container.service = text(member(labels, "io.kubernetes.container.name"));
    container.pod = text(member(labels, "io.kubernetes.pod.name"));
    container.namespace_name = text(member(labels, "io.kubernetes.pod.namespace"));
    // These are stored without validation, so limit their length: a label can have megabytes.
    static constexpr std::size_t longest = 253;
    static constexpr std::size_t most_labels = 1000;
    container.pod_uid = text(member(labels, "io.kubernetes.pod.uid")).substr(0, longest);
    container.restart_count =
        text(member(labels, "annotation.io.kubernetes.container.restartCount")).substr(0, longest);
    container.kind = text(member(labels, "io.kubernetes.docker.type"));
    if ((container.has_service && container.has_pod) || !labels.is_object())
        return;
    for (const auto& [key, value] : labels.items())
        if (key.size() <= longest && text(value).size() <= longest && container.labels.size() < most_labels)
            container.labels.emplace(key, text(value));
}

} // namespace logbackup
