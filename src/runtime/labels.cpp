// SPDX-License-Identifier: MIT
#include "runtime/labels.hpp"

namespace logbackup {
namespace {

bool is_lower_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

std::string invalid_label(const char* label, const std::string& value) {
    return std::string("the label ") + label +
           " is not a valid Kubernetes name: " + in_quotes(value.substr(0, 100)) +
           (value.size() > 100 ? "…" : "");
}

Classification classify_freely(const Container& container) {
    for (const auto* name : {&container.service, &container.pod, &container.namespace_name})
        if (!is_safe_name(*name) && !(name == &container.namespace_name && name->empty()))
            return {Ownership::invalid, "its name " + in_quotes(name->substr(0, 100)) +
                                            (name->size() > 100 ? "…" : "") +
                                            " cannot be the name of a directory in the backup"};
    return {Ownership::ours, {}};
}

} // namespace

bool is_safe_name(std::string_view name) {
    static constexpr std::size_t longest = 200; // what is added to it has room
    return !name.empty() && name.size() <= longest && name.front() != '.' && name.front() != '-' &&
           name.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ_.-") == std::string_view::npos;
}

bool is_dns_label(std::string_view name) {
    if (name.empty() || name.size() > 63)
        return false;
    for (const char c : name)
        if (!is_lower_alphanumeric(c) && c != '-')
            return false;
    return name.front() != '-' && name.back() != '-';
}

bool is_dns_subdomain(std::string_view name) {
    if (name.size() > 253)
        return false;
    for (;;) {
        const auto dot = name.find('.');
        if (!is_dns_label(name.substr(0, dot)))
            return false;
        if (dot == std::string_view::npos)
            return true;
        name.remove_prefix(dot + 1);
    }
}

Classification classify(const Container& container) {
    if (container.kind == "podsandbox" || (!container.is_named_freely && container.service == "POD"))
        return {Ownership::foreign, {}};
    if (!container.has_service || !container.has_pod)
        return {Ownership::foreign, {}};
    if (container.is_named_freely)
        return classify_freely(container);
    if (!is_dns_label(container.service))
        return {Ownership::invalid, invalid_label("io.kubernetes.container.name", container.service)};
    if (!is_dns_subdomain(container.pod))
        return {Ownership::invalid, invalid_label("io.kubernetes.pod.name", container.pod)};
    if (!container.namespace_name.empty() && !is_dns_label(container.namespace_name))
        return {Ownership::invalid, invalid_label("io.kubernetes.pod.namespace", container.namespace_name)};
    return {Ownership::ours, {}};
}

} // namespace logbackup
