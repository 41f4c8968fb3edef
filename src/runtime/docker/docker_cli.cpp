// SPDX-License-Identifier: MIT
#include "runtime/docker/docker_cli.hpp"

#include "runtime/docker/endpoint.hpp"
#include "runtime/docker/events_json.hpp"
#include "runtime/docker/plain_layer.hpp"
#include "util/confine.hpp"
#include "util/error.hpp"
#include "util/files.hpp"
#include "util/text.hpp"

#include <linux/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>
#include <map>
#include <span>
#include <sstream>

namespace logbackup {
namespace {

std::string hint_for(const DockerSettings& settings, const std::string& error) {
    auto says = [&](const char* words) { return error.find(words) != std::string::npos; };
    if (settings.client == DockerClient::podman)
        return says("permission denied") ? "run as root: the containers of other users are not covered" : "";
    if (says("permission denied"))
        return "run as root, or as a member of the group that owns the docker socket";
    if (says("Cannot connect to the Docker daemon") || says("Is the docker daemon running"))
        return "is the engine running ('systemctl status docker')? If it listens elsewhere, set "
               "--docker-host or DOCKER_HOST";
    return {};
}

[[noreturn]] void fail(const DockerSettings& settings, const std::string& what, const ProcessResult& result) {
    std::string message = "cannot " + what + ": " + settings.name() + " " + describe(result.ending);
    if (const auto lines = last_lines(result.err, 3); !lines.empty())
        message += ": " + escaped(lines);
    if (const auto* spawn = std::get_if<SpawnFailed>(&result.ending); spawn != nullptr)
        throw Error(message, "name the client with --" + settings.name());
    throw Error(message, hint_for(settings, result.err));
}

std::vector<std::string> environment_for(const DockerSettings& settings) {
    return settings.client == DockerClient::podman ? podman_environment() : docker_environment(settings.host);
}

ProcessResult call(const DockerSettings& settings, const std::vector<std::string>& arguments,
                   std::chrono::milliseconds time_limit, StopSignal& stop) {
    Command command;
    command.argv.push_back(settings.program);
    command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
    command.environment = environment_for(settings);
    Limits limits;
    limits.time = time_limit;
    limits.grace = std::chrono::milliseconds(1000);
    return run(command, limits, stop);
}

/// True if the text can be an id, or the beginning of one. It is never taken for an option.
bool can_be_id(const std::string& text) {
    return !text.empty() && text.front() != '-' &&
           text.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ_.-") == std::string::npos;
}

const std::vector<std::string> list_arguments{"ps", "--all", "--quiet", "--no-trunc"};

/// Reads what list_arguments print. `other`: the first line that is not an id.
std::vector<std::string> ids_in(const std::string& text, std::string& other) {
    std::vector<std::string> ids;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        line.erase(line.find_last_not_of(" \t\r") + 1);
        if (can_be_id(line))
            ids.push_back(std::move(line));
        else if (other.empty())
            other = line.substr(0, 80);
    }
    return ids;
}

/// Lists the ids of all containers in `discovery`.
void list_ids(const DockerSettings& settings, StopSignal& stop, Discovery& discovery) {
    const auto result = call(settings, list_arguments, settings.time_limit, stop);
    if (std::holds_alternative<Cancelled>(result.ending))
        return;
    if (!succeeded(result.ending))
        fail(settings, "list the containers", result);
    std::string other;
    discovery.ids = ids_in(result.out, other);
    if (other.empty())
        return;
    const std::string text =
        "what " + settings.name() + " ps printed: " + in_quotes(other) + " is not a container id";
    if (discovery.ids.empty())
        throw Error("cannot understand " + text);
    discovery.notices.push_back("ignored a line of " + text);
}

/// True if what inspect said, in lower case, has "no such container: <id>", or "object", or no colon.
bool says_is_gone(const std::string& errors, const std::string& id) {
    const std::string lower_id = lower_case(id);
    for (const char* what : {"no such container", "no such object"})
        for (const char* between : {": ", " "})
            if (errors.find(std::string(what) + between + lower_id) != std::string::npos)
                return true;
    return false;
}

/// Inspects containers; halves a batch that gets no answer, or an unreadable one.
class Inspector {
  public:
    Inspector(const DockerSettings& settings, StopSignal& stop, Discovery& discovery)
        : settings_(settings), stop_(stop), discovery_(discovery) {}

    void run(std::span<const std::string> ids, std::chrono::milliseconds time_limit) {
        if (ids.empty() || stop_.requested())
            return;
        if (Clock::now() >= deadline_) {
            leave_out(ids, settings_.name() + " inspect takes too long for too many containers");
            return;
        }
        std::vector<std::string> arguments{"inspect", "--type", "container"};
        arguments.insert(arguments.end(), ids.begin(), ids.end());
        const auto result = call(settings_, arguments, time_limit, stop_);
        if (std::holds_alternative<Cancelled>(result.ending))
            return;
        const bool timed_out = std::holds_alternative<TimedOut>(result.ending);
        if (!timed_out && take(ids, result))
            return;
        if (ids.size() == 1) {
            const std::string said = escaped(last_lines(result.err, 1));
            leave_out(ids, timed_out ? settings_.name() + " inspect of it did not answer in time"
                           : result.out.empty() && !said.empty()
                               ? settings_.name() + " inspect: " + said
                               : "cannot understand what " + settings_.name() + " inspect printed of it");
            return;
        }
        const auto shorter = std::min(settings_.time_limit,
                                      std::max(settings_.time_limit / 4, std::chrono::milliseconds(1000)));
        const auto next = timed_out ? shorter : time_limit;
        run(ids.first(ids.size() / 2), next);
        run(ids.subspan(ids.size() / 2), next);
    }

  private:
    using Clock = std::chrono::steady_clock;
    static constexpr int most_limits = 6; // bounds the total time of all calls

    void leave_out(std::span<const std::string> ids, const std::string& reason) {
        for (const auto& id : ids)
            discovery_.unreachable.push_back({id, reason});
    }

    /// Reads the output of inspect. Returns false if it is unreadable or too large.
    ///
    /// inspect exits with 1, podman's with 125, if it could not describe some of the containers, and prints
    /// the others. A container that has disappeared meanwhile ("Error: No such container: <id>"; the words
    /// before it differ between versions) is not a problem. If none was described and none has disappeared,
    /// the engine itself failed.
    bool take(std::span<const std::string> ids, const ProcessResult& result) {
        if (std::holds_alternative<Overflowed>(result.ending))
            return false;
        const auto* exited = std::get_if<Exited>(&result.ending);
        const int in_part_code = settings_.client == DockerClient::podman ? 125 : 1;
        const bool in_part =
            exited != nullptr && exited->code == in_part_code && hint_for(settings_, result.err).empty();
        if (!succeeded(result.ending) && !in_part)
            fail(settings_, "inspect the containers", result);
        std::vector<Container> described;
        try {
            described = read_descriptions(settings_, result.out);
        } catch (const Error&) {
            return false;
        }
        const std::string errors = lower_case(result.err);
        std::vector<std::string> missing;
        for (const auto& id : ids) {
            const auto is_it = [&](const Container& container) { return container.id.starts_with(id); };
            if (std::none_of(described.begin(), described.end(), is_it) && !says_is_gone(errors, id))
                missing.push_back(id);
        }
        if (in_part && missing.size() == ids.size())
            fail(settings_, "inspect the containers", result);
        leave_out(missing, in_part ? settings_.name() + " inspect: " + escaped(last_lines(result.err, 1))
                                   : settings_.name() + " inspect did not describe it");
        std::move(described.begin(), described.end(), std::back_inserter(discovery_.containers));
        return true;
    }

    const DockerSettings& settings_;
    StopSignal& stop_;
    Discovery& discovery_;
    const Clock::time_point deadline_ = Clock::now() + most_limits * settings_.time_limit;
};

constexpr const char* name_of_docker = "docker";

std::string data_root_in(const Descriptions& known) {
    const auto telling = std::find_if(known.begin(), known.end(), [](const auto& one) {
        return one.second.container.runtime == name_of_docker && !one.second.container.data_root.empty();
    });
    return telling == known.end() ? std::string() : telling->second.container.data_root;
}

/// Identifies Docker's file of a container; empty if it cannot be seen.
std::string state_of(const std::string& data_root, const std::string& id) {
    struct stat status {};
    if (data_root.empty() ||
        ::stat((data_root + "/containers/" + id + "/config.v2.json").c_str(), &status) != 0)
        return {};
    return std::to_string(nanoseconds_of(status.st_mtim)) + " " + std::to_string(status.st_ino) + " " +
           std::to_string(status.st_size);
}

/// Brings the containers into the order of the list.
void order(Discovery& discovery) {
    std::map<std::string, std::size_t> ranks;
    for (std::size_t i = 0; i < discovery.ids.size(); ++i)
        ranks.emplace(discovery.ids[i], i);
    const auto rank_of = [&](const Container& container) {
        const auto found = ranks.find(container.id);
        return found == ranks.end() ? ranks.size() : found->second;
    };
    std::stable_sort(discovery.containers.begin(), discovery.containers.end(),
                     [&](const Container& a, const Container& b) { return rank_of(a) < rank_of(b); });
}

/// Keeps the containers that exist, with the states of their files before they were inspected.
void keep(Descriptions& known, const std::vector<Container>& containers,
          const std::map<std::string, std::string>& states) {
    std::erase_if(known, [](const auto& one) { return one.second.container.runtime == name_of_docker; });
    for (const auto& container : containers)
        if (const auto state = states.find(container.id); state != states.end())
            known[container.id] = {container, state->second};
}

} // namespace

std::vector<std::string> docker_environment(const std::string& host) {
    static constexpr std::array<std::string_view, 13> wanted{
        "PATH",       "HOME",        "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "SSH_AUTH_SOCK", "TMPDIR",  "TZ",
        "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",        "http_proxy",      "https_proxy",   "no_proxy"};
    std::vector<std::string> environment{"LC_ALL=C"};
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view variable = *entry;
        const auto name = variable.substr(0, variable.find('='));
        // Client versions disagree on the meaning of an empty variable.
        if (variable == "DOCKER_HOST=" || variable == "DOCKER_CONTEXT=")
            continue;
        if (!host.empty() && (name == "DOCKER_HOST" || name == "DOCKER_CONTEXT"))
            continue;
        if (name.starts_with("DOCKER_") || std::find(wanted.begin(), wanted.end(), name) != wanted.end())
            environment.emplace_back(variable);
    }
    if (!host.empty())
        environment.push_back("DOCKER_HOST=" + host);
    return environment;
}

std::vector<std::string> podman_environment() {
    static constexpr std::array<std::string_view, 5> wanted{"PATH", "HOME", "XDG_RUNTIME_DIR",
                                                            "XDG_CONFIG_HOME", "TMPDIR"};
    std::vector<std::string> environment{"LC_ALL=C"};
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view variable = *entry;
        const auto name = variable.substr(0, variable.find('='));
        if (name.starts_with("CONTAINERS_") || std::find(wanted.begin(), wanted.end(), name) != wanted.end())
            environment.emplace_back(variable);
    }
    return environment;
}

std::vector<Container> read_descriptions(const DockerSettings& settings, std::string_view json) {
    auto containers = described(json);
    for (auto& container : containers) {
        container.runtime = settings.name();
        // podman does not list all mounts of a container, such as overlay volumes. Its process shows them.
        if (settings.client == DockerClient::podman && container.has_process())
            container.merged.clear();
    }
    return containers;
}

Discovery discover(const DockerSettings& settings, Descriptions& known, StopSignal& stop) {
    const bool is_docker = settings.client == DockerClient::docker;
    if (is_docker)
        require_local(find_endpoint(settings.host));
    else if (::geteuid() != 0 || !has_capability(CAP_SYS_ADMIN)) // podman would list another user's store
        throw Error("cannot ask podman for root's containers without the right to mount (CAP_SYS_ADMIN)",
                    "run as root, with that capability");
    Discovery discovery;
    list_ids(settings, stop, discovery);
    // Before the inspection: what changes meanwhile, the next run asks for.
    const std::string root = is_docker ? data_root_in(known) : std::string();
    std::map<std::string, std::string> states;
    std::vector<std::string> changed;
    for (const auto& id : discovery.ids) {
        const std::string& state = states.emplace(id, state_of(root, id)).first->second;
        const auto found = known.find(id);
        if (found == known.end() || state.empty() || found->second.state != state)
            changed.push_back(id);
        else
            discovery.containers.push_back(found->second.container);
    }
    Inspector(settings, stop, discovery).run(changed, settings.time_limit);
    if (is_docker && !stop.requested())
        keep(known, discovery.containers, states);
    const auto can_be_docker_s = [](const std::string& id) {
        return id.size() >= 12 && id.find_first_not_of("0123456789abcdef") == std::string::npos;
    };
    if (!discovery.ids.empty() && discovery.containers.empty() && discovery.unreachable.empty() &&
        !stop.requested() && std::none_of(discovery.ids.begin(), discovery.ids.end(), can_be_docker_s))
        throw Error("cannot understand what " + settings.name() +
                    " ps printed: " + in_quotes(discovery.ids.front()) + " is not a container id");
    for (auto& id : discovery.ids) {
        const auto found =
            std::find_if(discovery.containers.begin(), discovery.containers.end(),
                         [&](const Container& container) { return container.id.starts_with(id); });
        if (found != discovery.containers.end())
            id = found->id;
    }
    order(discovery);
    if (!discovery.ids.empty() && discovery.unreachable.size() == discovery.ids.size())
        throw Error("cannot inspect any container: " + discovery.unreachable.front().reason);
    return discovery;
}

Discovery ask_again(const DockerSettings& settings, std::vector<std::string> ids, StopSignal& stop) {
    Discovery discovery;
    discovery.ids = std::move(ids);
    std::string problem = "the run was stopped";
    try {
        Inspector(settings, stop, discovery).run(discovery.ids, settings.time_limit);
        if (!stop.requested())
            return discovery;
    } catch (const Error& error) {
        problem = error.what();
    }
    discovery.containers.clear();
    discovery.unreachable.clear();
    for (const auto& id : discovery.ids)
        discovery.unreachable.push_back({id, problem});
    return discovery;
}

namespace {
/// Formats seconds since 1970 with nine fraction digits.
std::string unix_time(Timestamp time) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    std::string fraction = std::to_string((time - seconds).count());
    fraction.insert(0, 9 - std::min<std::size_t>(9, fraction.size()), '0');
    return std::to_string(seconds.time_since_epoch().count()) + "." + fraction;
}

std::unique_ptr<SideCommand> start(const DockerSettings& settings, std::vector<std::string> arguments) {
    Command command;
    command.argv = std::move(arguments);
    command.argv.insert(command.argv.begin(), settings.program);
    command.environment = environment_for(settings);
    return SideCommand::start(command);
}

/// Returns the arguments that print a container's events that matter, one JSON object a line.
std::vector<std::string> events_arguments(const DockerSettings& settings, Timestamp since) {
    const bool is_podman = settings.client == DockerClient::podman;
    std::vector<std::string> arguments{"events", "--since", unix_time(since), "--format",
                                       is_podman ? "json" : "{{json .}}"};
    for (const char* filter : {"type=container", "event=create", "event=start"})
        arguments.insert(arguments.end(), {"--filter", filter});
    for (const char* filter :
         {is_podman ? "event=died" : "event=die", is_podman ? "event=remove" : "event=destroy"})
        arguments.insert(arguments.end(), {"--filter", filter});
    return arguments;
}

} // namespace

std::unique_ptr<SideCommand> listen(const DockerSettings& settings, Timestamp since) {
    return start(settings, events_arguments(settings, since));
}

History read_events(const DockerSettings& settings, std::string_view lines) {
    History history = parse_events(lines);
    history.runtime = settings.name();
    for (auto& [id, life] : history.lives) {
        life.container.runtime = settings.name();
        if (settings.client == DockerClient::podman) // a label cannot make it a sandbox
            life.container.kind.clear();
    }
    return history;
}

std::unique_ptr<SideCommand> list_all(const DockerSettings& settings) {
    return start(settings, list_arguments);
}

std::vector<std::string> parse_list(const std::string& text) {
    std::string other;
    return ids_in(text, other);
}

std::unique_ptr<SideCommand> describe(const DockerSettings& settings, const std::vector<std::string>& ids) {
    std::vector<std::string> arguments{"inspect", "--type", "container"};
    arguments.insert(arguments.end(), ids.begin(), ids.end());
    return start(settings, std::move(arguments));
}

std::optional<History> recent_history(const DockerSettings& settings, Timestamp since, StopSignal& stop,
                                      std::string& problem) {
    std::vector<std::string> arguments;
    if (settings.client == DockerClient::podman) {
        arguments = events_arguments(settings, since);
        arguments.emplace_back("--stream=false"); // with --until, version 4.3 prints nothing
    } else {
        // All events: their number tells whether the engine has forgotten some.
        arguments = {
            "events",   "--since",   unix_time(since), "--until", unix_time(std::chrono::system_clock::now()),
            "--format", "{{json .}}"};
    }
    const auto result = call(settings, arguments, settings.time_limit, stop);
    if (succeeded(result.ending))
        return read_events(settings, result.out);
    problem = settings.name() + " events " + describe(result.ending);
    if (const auto lines = last_lines(result.err, 1); !lines.empty())
        problem += ": " + escaped(lines);
    return std::nullopt;
}

} // namespace logbackup
