// SPDX-License-Identifier: MIT
#include "runtime/containerd/containerd_runtime.hpp"

#include "runtime/containerd/ctr_text.hpp"
#include "util/error.hpp"
#include "util/files.hpp"
#include "util/mount_table.hpp"
#include "util/text.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace logbackup {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int most_limits = 6; // bounds the total time of all calls

std::vector<std::string> ctr_environment() {
    std::vector<std::string> environment{"LC_ALL=C"};
    if (const char* path = std::getenv("PATH"); path != nullptr)
        environment.push_back(std::string("PATH=") + path);
    return environment;
}

Command ctr_command(const ContainerdSettings& settings, std::vector<std::string> arguments) {
    Command command;
    command.argv = settings.program;
    command.argv.insert(command.argv.end(), {"--address", settings.socket});
    command.argv.insert(command.argv.end(), std::make_move_iterator(arguments.begin()),
                        std::make_move_iterator(arguments.end()));
    command.environment = ctr_environment();
    return command;
}

std::string hint_for(const ContainerdSettings& settings, const std::string& error) {
    if (error.find("permission denied") != std::string::npos)
        return "run as root: containerd answers nobody else";
    return "does containerd run? Another socket than " + in_quotes(settings.socket) +
           " is named with --containerd-socket";
}

/// True if ctr says that the container does not exist.
bool says_not_found(const std::string& error) {
    return error.find("not found") != std::string::npos;
}

/// Mount points of the file systems of running containers, by "<namespace>/<id>".
std::map<std::string, std::string> rootfs_mounts() {
    static constexpr std::size_t largest_table = 64U << 20U;
    std::map<std::string, std::string> found;
    const UniqueFd process(::open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC));
    const auto table = read_small_file(process.get(), "mountinfo", largest_table);
    for (const auto& mount : parse_mountinfo(table.value_or("")))
        if (base_name(mount.point) == "rootfs") {
            const std::string bundle = parent_path(mount.point);
            const std::string name_space = parent_path(bundle);
            if (base_name(parent_path(name_space)) == "io.containerd.runtime.v2.task")
                found[joined(base_name(name_space), base_name(bundle))] = mount.point;
        }
    return found;
}

class Ctr {
  public:
    Ctr(const ContainerdSettings& settings, Descriptions& known, StopSignal& stop)
        : settings_(settings), known_(known), stop_(stop) {}

    Discovery discover() {
        for (const auto& name_space : namespaces()) {
            const auto ids = ids_in(name_space);
            if (ids.empty() || stop_.requested())
                continue;
            // After the list: what has started since is seen as running.
            const auto tasks = parse_tasks(list(name_space, {"tasks", "ls"}));
            for (const auto& id : ids)
                if (std::find(found_.ids.begin(), found_.ids.end(), id) == found_.ids.end())
                    describe(name_space, id, tasks);
                else
                    found_.failures.emplace_back("the container " + in_quotes(id) + " of the namespace " +
                                                 in_quotes(name_space) +
                                                 " is left out: another one has its id");
        }
        const std::set<std::string> listed(found_.ids.begin(), found_.ids.end());
        if (!stop_.requested())
            std::erase_if(known_, [&](const auto& one) {
                return one.second.container.runtime == settings_.name && !listed.contains(one.first);
            });
        found_.engines[settings_.name] = engine();
        return std::move(found_);
    }

    /// Describes these containers, each in the first namespace that has it, or in its place.
    Discovery describe(const std::vector<std::string>& wanted, const CtrPlaces& places = {}) {
        std::vector<std::string> left = wanted;
        std::erase_if(left, [&](const std::string& id) {
            const auto place = places.find(id);
            if (place != places.end())
                (void)describe(place->second.name_space, id, {{id, place->second.task}});
            return place != places.end();
        });
        if (left.empty())
            return std::move(found_);
        for (const auto& name_space : namespaces()) {
            if (left.empty() || stop_.requested())
                break;
            const auto ids = ids_in(name_space); // what is known may be gone by now
            const auto tasks = parse_tasks(list(name_space, {"tasks", "ls"}));
            std::erase_if(left, [&](const std::string& id) {
                return std::find(ids.begin(), ids.end(), id) != ids.end() && describe(name_space, id, tasks);
            });
        }
        found_.ids = wanted;
        return std::move(found_);
    }

    std::vector<std::string> list_ids() {
        std::vector<std::string> all;
        for (const auto& name_space : namespaces())
            for (auto& id : ids_in(name_space))
                all.push_back(std::move(id));
        return all;
    }

  private:
    std::vector<std::string> ids_in(const std::string& name_space) {
        return parse_words(list(name_space, {"containers", "ls", "--quiet"}));
    }

    ProcessResult call(const std::string& name_space, std::vector<std::string> arguments) {
        if (!name_space.empty())
            arguments.insert(arguments.begin(), {"--namespace", name_space});
        Limits limits;
        limits.time = settings_.time_limit;
        limits.grace = std::chrono::milliseconds(1000);
        return run(ctr_command(settings_, std::move(arguments)), limits, stop_);
    }

    /// Throws Error without an answer.
    std::string list(const std::string& name_space, std::vector<std::string> arguments) {
        const std::string what = arguments.front();
        auto result = call(name_space, std::move(arguments));
        if (succeeded(result.ending))
            return std::move(result.out);
        if (std::holds_alternative<Cancelled>(result.ending))
            return {};
        std::string message = "cannot list the " + what + " of " + settings_.name + ": ctr " +
                              logbackup::describe(result.ending);
        if (const auto lines = last_lines(result.err, 1); !lines.empty())
            message += ": " + escaped(lines);
        throw Error(message, std::holds_alternative<SpawnFailed>(result.ending)
                                 ? "name the client of containerd with --ctr"
                                 : hint_for(settings_, result.err));
    }

    /// Returns containerd's directory; "" as long as no container has told it.
    std::string known_root() const {
        if (!settings_.root.empty())
            return settings_.root;
        for (const auto& [id, description] : known_)
            if (description.container.runtime == settings_.name && !description.container.data_root.empty())
                return description.container.data_root;
        return {};
    }

    /// containerd makes a directory for each namespace that ever had a task. Where that is not known, ctr is
    /// asked.
    std::vector<std::string> namespaces() {
        static constexpr std::size_t most = 1000;
        struct stat status {};
        if (::stat(settings_.socket.c_str(), &status) != 0) // ctr would wait for it
            throw Error("cannot reach " + settings_.name + " at " + in_quotes(settings_.socket) + ": " +
                            error_text(errno),
                        hint_for(settings_, {}));
        std::optional<std::vector<std::string>> names;
        const std::string root = known_root();
        const std::string tasks = root + "/io.containerd.runtime.v2.task";
        if (const UniqueFd held(root.empty() ? -1 : ::open(tasks.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
            held)
            names = names_in(held.get(), "", most);
        if (!names)
            names = parse_words(list("", {"namespaces", "ls", "--quiet"}));
        std::erase_if(*names, is_of_docker);
        std::sort(names->begin(), names->end(), [](const std::string& a, const std::string& b) {
            return std::pair(a != "k8s.io", a) < std::pair(b != "k8s.io", b);
        });
        return *names;
    }

    /// Returns false if the namespace has no such container.
    bool describe(const std::string& name_space, const std::string& id,
                  const std::map<std::string, CtrTask>& tasks) {
        auto known = known_.find(id);
        if (known != known_.end() && known->second.container.runtime != settings_.name)
            known = known_.end();
        // Only the ids of the kubelet and of nerdctl never come back for another container.
        const bool is_unique =
            id.size() == 64 && id.find_first_not_of("0123456789abcdef") == std::string::npos;
        if (known == known_.end() || !is_unique) {
            auto asked = ask(name_space, id);
            if (!asked)
                return false;
            if (asked->container.id.empty()) { // unreachable, as is noted by now
                found_.ids.push_back(id);
                return true;
            }
            if (known == known_.end() || known->second.container.created != asked->container.created)
                known = known_.insert_or_assign(id, std::move(*asked)).first;
        }
        found_.ids.push_back(id);
        const auto task = tasks.find(id);
        found_.containers.push_back(
            as_it_is_now(name_space, known->second, task == tasks.end() ? CtrTask() : task->second));
        return true;
    }

    /// Returns what stays the same of a container; nothing if it does not exist; no id if it cannot be
    /// described.
    std::optional<Description> ask(const std::string& name_space, const std::string& id) {
        if (SteadyClock::now() >= deadline_)
            return leave_out(id, "ctr takes too long for too many containers");
        const auto said = call(name_space, {"containers", "info", id});
        if (!succeeded(said.ending))
            return says_not_found(said.err) ? std::nullopt : leave_out(id, problem(said));
        auto info = parse_info(said.out);
        if (!info)
            return leave_out(id, "cannot understand what ctr printed of it");
        const auto mounts = call(
            name_space, {"snapshots", "--snapshotter", info->snapshotter, "mounts", "/x", info->snapshot});
        const bool has_snapshot = succeeded(mounts.ending);
        if (!has_snapshot && !says_not_found(mounts.err))
            return leave_out(id, problem(mounts));
        if (!has_snapshot && !succeeded(call(name_space, {"containers", "info", id}).ending))
            return std::nullopt; // it was removed meanwhile
        Description description{std::move(info->container), {}};
        Container& container = description.container;
        container.runtime = settings_.name;
        if (has_snapshot) // else it has a file system of its own, which its process shows
            parse_snapshot_mounts(mounts.out, container);
        container.data_root = containerd_root_of(container.upper);
        return description;
    }

    std::optional<Description> leave_out(const std::string& id, const std::string& reason) {
        found_.unreachable.push_back({id, reason});
        return Description{};
    }

    static std::string problem(const ProcessResult& result) {
        std::string why = "ctr " + logbackup::describe(result.ending);
        if (const auto lines = last_lines(result.err, 1); !lines.empty())
            why += ": " + escaped(lines);
        return why;
    }

    /// Adds to a description what changes.
    Container as_it_is_now(const std::string& name_space, Description& description, const CtrTask& task) {
        Container container = description.container;
        // A task whose state is not known has a process: its shim does not answer.
        const bool has_process =
            task.pid != 0 && task.state != ContainerState::exited && task.state != ContainerState::created;
        container.state = task.pid == 0 ? ContainerState::created : task.state;
        container.pid = has_process ? task.pid : 0;
        if (has_process)
            if (const auto found = rootfs_.find(joined(name_space, container.id)); found != rootfs_.end())
                container.merged = found->second;
        if (!container.kind.empty()) {
            // As in containerd's source, core/sandbox and internal/cri/store/container/status.go.
            static constexpr std::size_t largest_status = 1U << 20U;
            const std::string& root = container.data_root.empty() ? settings_.root : container.data_root;
            const std::string status = text_of_file(
                root + "/io.containerd.grpc.v1.cri/containers/" + container.id + "/status", largest_status);
            if (!status.empty()) {
                parse_cri_status(status, container);
                return container;
            }
        }
        note_end(description, task, has_process);
        container.started = task.pid == 0 && description.state.empty() ? Timestamp{} : container.created;
        if (container.started != Timestamp{} && !has_process)
            container.state = ContainerState::exited;
        // Without a task nobody knows whether it has run again meanwhile.
        container.finished = task.pid == 0 ? Timestamp{} : description.container.finished;
        return container;
    }

    /// Without the CRI service nobody notes when a container ended: it is when a run first sees it.
    static void note_end(Description& description, const CtrTask& task, bool has_process) {
        const std::string state = has_process ? "runs" : "ended " + std::to_string(task.pid);
        const bool has_run =
            has_process || task.state == ContainerState::exited || !description.state.empty();
        if (!has_run || description.state == state)
            return;
        description.state = state;
        description.container.finished = has_process ? Timestamp{} : std::chrono::system_clock::now();
    }

    /// The directory and the id that containerd keeps there.
    EngineIdentity engine() const {
        std::string root = settings_.root;
        for (const auto& container : found_.containers)
            if (!container.data_root.empty())
                root = container.data_root;
        return {root.empty() ? "" : text_of_file(root + "/io.containerd.grpc.v1.introspection/uuid"), root};
    }

    const ContainerdSettings& settings_;
    Descriptions& known_;
    StopSignal& stop_;
    const SteadyClock::time_point deadline_ = SteadyClock::now() + most_limits * settings_.time_limit;
    const std::map<std::string, std::string> rootfs_ = rootfs_mounts();
    Discovery found_;
};

Discovery ask_again(const ContainerdSettings& settings, Descriptions& known,
                    const std::vector<std::string>& ids, StopSignal& stop) {
    std::string problem = "the run was stopped";
    try {
        Discovery found = Ctr(settings, known, stop).describe(ids);
        if (!stop.requested())
            return found;
    } catch (const Error& error) {
        problem = error.what();
    }
    Discovery none;
    none.ids = ids;
    for (const auto& id : ids)
        none.unreachable.push_back({id, problem});
    return none;
}

Listening listening_of(const ContainerdSettings& settings, const std::shared_ptr<Descriptions>& known) {
    Listening listening;
    listening.has_no_past = true;
    const auto places = std::make_shared<CtrPlaces>();
    listening.events = [settings, places](Timestamp) {
        places->clear();
        return SideCommand::start(ctr_command(settings, {"events"}));
    };
    listening.read_events = [name = settings.name, places](std::string_view lines) {
        History history = parse_ctr_events(lines, *places);
        history.runtime = name;
        return history;
    };
    // These take several calls of ctr, so a copy of this process makes them.
    listening.list = [settings] {
        return SideCommand::start([settings](StopSignal& stop) {
            Descriptions none;
            std::string text;
            for (const auto& id : Ctr(settings, none, stop).list_ids())
                text += id + "\n";
            return text;
        });
    };
    listening.read_list = parse_words;
    // Without what events told, it would take two more calls: a container can be over by then.
    listening.describe = [settings, known, places](const std::vector<std::string>& ids) {
        return SideCommand::start([settings, known, places, ids](StopSignal& stop) {
            Descriptions described;
            for (auto& container : Ctr(settings, *known, stop).describe(ids, *places).containers)
                described[container.id].container = std::move(container);
            return descriptions_text(described);
        });
    };
    listening.read_descriptions = [](std::string_view text) {
        std::vector<Container> containers;
        for (auto& [id, description] : parse_descriptions(text))
            containers.push_back(std::move(description.container));
        return containers;
    };
    return listening;
}

} // namespace

Runtime containerd_runtime(const ContainerdSettings& settings, const std::shared_ptr<Descriptions>& known) {
    Runtime runtime;
    runtime.name = settings.name;
    runtime.discover = [settings, known](StopSignal& stop) { return Ctr(settings, *known, stop).discover(); };
    runtime.ask_again = [settings, known](const std::vector<std::string>& ids, StopSignal& stop) {
        return ask_again(settings, *known, ids, stop);
    };
    runtime.history = [](Timestamp, StopSignal&, std::string&) { return std::vector<History>(); };
    runtime.listening.push_back(listening_of(settings, known));
    return runtime;
}

} // namespace logbackup
