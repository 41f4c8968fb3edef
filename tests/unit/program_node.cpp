// SPDX-License-Identifier: MIT
#include "program_node.hpp"

#include "commands/app.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <sstream>

namespace logbackup::test {
namespace {

using Json = nlohmann::json;

Timestamp this_moment() {
    return std::chrono::system_clock::now();
}

Json labels_of(const Container& container) {
    const std::string k8s = "io.kubernetes.";
    return {{k8s + "container.name", container.service},
            {k8s + "pod.name", container.pod},
            {k8s + "pod.namespace", container.namespace_name},
            {k8s + "docker.type", container.kind}};
}

/// What docker inspect prints of it.
Json described(const Container& container) {
    const std::string never = "0001-01-01T00:00:00Z";
    Json mounts = Json::array();
    for (const auto& mount : container.mounts)
        mounts.push_back({{"Type", mount.type},
                          {"Source", mount.source},
                          {"Destination", mount.destination},
                          {"RW", mount.access == MountAccess::read_write}});
    return {{"Id", container.id},
            {"Created", exact_rfc3339(container.created)},
            {"ResolvConfPath", container.data_root + "/containers/" + container.id + "/resolv.conf"},
            {"State",
             {{"Status", name_of(container.state)},
              {"Pid", container.state == ContainerState::running ? 4194303 : 0}, // the highest: nobody has it
              {"StartedAt", exact_rfc3339(container.started)},
              {"FinishedAt", container.finished == Timestamp{} ? never : exact_rfc3339(container.finished)}}},
            {"GraphDriver",
             {{"Name", "overlay2"},
              {"Data", {{"UpperDir", container.upper}, {"LowerDir", container.lowers.front()}}}}},
            {"Config", {{"Image", container.image}, {"Labels", labels_of(container)}}},
            {"Mounts", mounts}};
}

void give_output_to(int descriptor, const std::string& path) {
    const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    ::dup2(file.get(), descriptor);
}

} // namespace

void expect_clean(const ProgramEnd& run, int code) {
    EXPECT_EQ(run.code, code) << run.out << run.err;
    std::istringstream lines(run.err);
    for (std::string line; std::getline(lines, line);)
        EXPECT_NE(line.find("a new backup begins at"), std::string::npos) << line;
}

std::string state_of(const std::string& directory) {
    std::vector<std::string> paths{directory};
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory))
        paths.push_back(entry.path().string());
    std::sort(paths.begin(), paths.end());
    std::ostringstream state;
    for (const auto& path : paths) {
        struct stat status {};
        EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
        state << path << ' ' << status.st_mode << ' ' << status.st_size << ' ' << status.st_ino << ' '
              << status.st_mtim.tv_sec << '.' << status.st_mtim.tv_nsec << ' ' << status.st_ctim.tv_sec << '.'
              << status.st_ctim.tv_nsec << '\n';
    }
    return state.str();
}

ProgramNode::ProgramNode() {
    dir.make_directory("engine/overlay2/image/diff");
    dir.write_program("engine/docker", "#!/bin/sh\nexec cat '" + dir.at("engine/answers") + "/'\"$1\"\n");
    dir.write("engine/engine-id", "the-engine");
    no_engine =
        dir.write_program("engine/no-engine", "#!/bin/sh\necho 'Cannot connect to the Docker daemon at "
                                              "unix:///nowhere/docker.sock. Is the docker daemon running?' "
                                              ">&2\nexit 1\n");
}

std::string ProgramNode::start(const std::string& service, const std::string& pod,
                               const std::vector<Mount>& mounts, const std::string& namespace_name) {
    Container container;
    container.id = std::to_string(1000 + ++started_) + std::string(60, '0'); // in the order of their starts
    container.image = "logs:1";
    container.state = ContainerState::running;
    container.created = container.started = this_moment();
    container.service = service;
    container.pod = pod;
    container.namespace_name = namespace_name;
    container.kind = "container";
    container.upper = dir.make_directory(below(container.id, ""));
    container.lowers = {dir.at("engine/overlay2/image/diff")};
    container.mounts = mounts;
    container.data_root = dir.at("engine");
    dir.make_directory(below(container.id, "/opt/logs"));
    for (const auto& mount : mounts) {
        dir.make_directory(below(container.id, mount.destination));
        std::filesystem::create_directories(mount.source);
    }
    containers_.push_back(container);
    happens(container, "create");
    happens(container, "start");
    return container.id;
}

void ProgramNode::kill(const std::string& id) {
    for (auto& container : containers_)
        if (container.id == id) {
            container.state = ContainerState::exited;
            container.finished = this_moment();
            happens(container, "die");
        }
}

void ProgramNode::remove(const std::string& id) {
    const auto container = std::find_if(containers_.begin(), containers_.end(),
                                        [&](const Container& one) { return one.id == id; });
    ASSERT_NE(container, containers_.end());
    if (container->state == ContainerState::running)
        happens(*container, "die");
    happens(*container, "destroy");
    std::filesystem::remove_all(dir.at("engine/overlay2/" + id));
    containers_.erase(container);
}

void ProgramNode::remove_all() {
    while (!containers_.empty()) {
        const std::string id = containers_.back().id;
        remove(id);
    }
}

std::string ProgramNode::below(const std::string& id, const std::string& path) const {
    return "engine/overlay2/" + id + "/diff" + path;
}

void ProgramNode::in(const std::string& id, const std::string& directory, const std::string& script) const {
    sh("cd '" + dir.at(below(id, directory)) + "' && { " + script + "; }");
}

void ProgramNode::sh(const std::string& script) {
    ASSERT_EQ(in_child([&] {
                  ::execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
                  return 127;
              }),
              0)
        << script;
}

void ProgramNode::happens(const Container& container, const char* action) {
    Json attributes = labels_of(container);
    attributes["image"] = container.image;
    events_ += Json{{"Type", "container"},
                    {"Action", action},
                    {"timeNano", static_cast<std::uint64_t>(this_moment().time_since_epoch().count())},
                    {"Actor", {{"ID", container.id}, {"Attributes", attributes}}}}
                   .dump() +
               "\n";
}

void ProgramNode::tell() const {
    std::string ids;
    Json all = Json::array();
    for (const auto& container : containers_) {
        ids += container.id + "\n";
        all.push_back(described(container));
    }
    dir.write("engine/answers/ps", ids);
    dir.write("engine/answers/inspect", all.dump());
    dir.write("engine/answers/events", events_);
    dir.write("engine/answers/info", "the-engine\n" + dir.at("engine") + "\n");
}

ProgramEnd ProgramNode::run_once(const Arguments& arguments, const Arguments& variables) {
    tell();
    Arguments words{"logbackup", "--dest", backup};
    if (std::find(arguments.begin(), arguments.end(), "--docker") == arguments.end())
        words.insert(words.end(), {"--docker", docker});
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<const char*> argv;
    for (const auto& word : words)
        argv.push_back(word.c_str());
    std::fflush(nullptr); // or the child prints it again
    const int code = in_child([&] {
        ::setenv("LOGBACKUP_CONFIG", "/dev/null", 1); // not that of the machine
        ::setenv("DOCKER_HOST", ("unix://" + dir.at("engine/docker.sock")).c_str(), 1);
        for (const auto& variable : variables) {
            const auto end = variable.find('=');
            ::setenv(variable.substr(0, end).c_str(), variable.substr(end + 1).c_str(), 1);
        }
        if (before_run && !before_run())
            return 98;
        give_output_to(STDOUT_FILENO, dir.at("out"));
        give_output_to(STDERR_FILENO, dir.at("err"));
        const int ended = run_app(static_cast<int>(argv.size()), argv.data());
        std::fflush(nullptr);
        return ended;
    });
    return {code, dir.read("out"), dir.read("err")};
}

nlohmann::json ProgramNode::prune_json(Arguments arguments) {
    arguments.emplace_back("--json");
    const ProgramEnd ended = prune(std::move(arguments));
    expect_clean(ended);
    return Json::parse(ended.out);
}

ProgramNode::Names ProgramNode::saved(const std::string& directory) const {
    Names names;
    for (const auto& [name, content] : files_of(backup + "/" + directory))
        names.insert(name);
    return names;
}

std::string ProgramNode::content(const std::string& name) const {
    std::ostringstream content;
    content << std::ifstream(backup + "/" + name, std::ios::binary).rdbuf();
    return content.str();
}

void ProgramNode::age(const std::string& directory, std::chrono::nanoseconds by) const {
    Json record = this->record("ended/" + directory);
    for (const char* name : {"ended", "finished", "saved_until"})
        record[name] = rfc3339(this_moment() - by);
    write_saved(".logbackup/ended/" + directory, record.dump());
}

void ProgramNode::set_clock(std::chrono::nanoseconds ago) const {
    write_saved(".logbackup/clock", "");
    std::filesystem::last_write_time(backup + "/.logbackup/clock",
                                     std::filesystem::file_time_type::clock::now() -
                                         std::chrono::duration_cast<std::chrono::seconds>(ago));
}

} // namespace logbackup::test
