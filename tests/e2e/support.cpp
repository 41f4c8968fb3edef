// SPDX-License-Identifier: MIT
#include "support.hpp"

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace e2e {
namespace {

std::vector<std::string> environment_with(const std::vector<std::string>& variables) {
    std::vector<std::string> result = variables;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string variable = *entry;
        const std::string name = variable.substr(0, variable.find('=') + 1);
        const bool replaced = std::any_of(variables.begin(), variables.end(),
                                          [&](const std::string& v) { return v.starts_with(name); });
        if (!replaced)
            result.push_back(variable);
    }
    return result;
}

logbackup::StopSignal& stop_signal() {
    static logbackup::StopSignal stop;
    return stop;
}

int shell_code(int status) {
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

} // namespace

Result run(const std::vector<std::string>& argv, const std::vector<std::string>& variables) {
    logbackup::Command command;
    command.argv = argv;
    command.argv[0] = logbackup::find_program(argv[0]);
    command.environment = environment_with(variables);
    logbackup::Limits limits;
    limits.time = std::chrono::minutes(2);
    limits.output = 512U << 20U;
    auto result = logbackup::run(command, limits, stop_signal());
    Result shell{-1, std::move(result.out), std::move(result.err)};
    if (const auto* exited = std::get_if<logbackup::Exited>(&result.ending))
        shell.code = exited->code;
    else if (const auto* signaled = std::get_if<logbackup::Signaled>(&result.ending))
        shell.code = 128 + signaled->signal;
    else
        throw std::runtime_error(argv[0] + " " + logbackup::describe(result.ending) + "\n" + shell.err);
    return shell;
}

std::string sh(const std::string& script) {
    const Result result = run({"sh", "-c", script});
    if (result.code != 0)
        throw std::runtime_error("failed: " + script + "\n" + result.out + result.err);
    return result.out;
}

ino_t inode_of(const fs::path& path) {
    struct stat status {};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
    return status.st_ino;
}

std::string state_of(const fs::path& directory) {
    return sh("find '" + directory.string() + "' -printf '%p %y %m %s %T@ %C@ %i\\n' | sort");
}

bool has_arrived(const fs::path& backup, std::uintmax_t bytes) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(backup / ".logbackup/incoming", error)) {
        const auto size = entry.file_size(error);
        if (!error && size >= bytes)
            return true;
    }
    return false;
}

void wait_until(const std::string& what, const std::function<bool()>& condition) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > limit)
            throw std::runtime_error("waited in vain: " + what);
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

Background::Background(const std::vector<std::string>& argv, const std::vector<std::string>& variables) {
    const std::string program = logbackup::find_program(argv[0]);
    const auto environment = environment_with(variables);
    std::vector<char*> arguments;
    std::vector<char*> settings;
    for (const auto& argument : argv)
        arguments.push_back(const_cast<char*>(argument.c_str()));
    for (const auto& setting : environment)
        settings.push_back(const_cast<char*>(setting.c_str()));
    arguments.push_back(nullptr);
    settings.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ != 0) {
        ::setpgid(pid_, pid_);
        return;
    }
    ::setpgid(0, 0);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    const int null = ::open("/dev/null", O_RDWR);
    for (const int fd : {0, 1, 2})
        ::dup2(null, fd);
    ::execve(program.c_str(), arguments.data(), settings.data());
    ::_exit(127);
}

int Background::wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return shell_code(status);
}

Background::~Background() {
    if (pid_ <= 0)
        return;
    ::kill(-pid_, SIGKILL); // with what it started
    ::waitpid(pid_, nullptr, 0);
}

TempDir::TempDir() {
    std::string name = (fs::temp_directory_path() / "logbackup-e2e-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
        throw std::runtime_error("mkdtemp failed");
    path_ = name;
}

TempDir::~TempDir() {
    // Innermost first.
    std::ifstream mounts("/proc/self/mounts");
    std::vector<std::string> below;
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream fields(line);
        std::string device;
        std::string place;
        fields >> device >> place;
        for (auto at = place.find("\\040"); at != std::string::npos; at = place.find("\\040"))
            place.replace(at, 4, " ");
        if (place.starts_with(path_.string() + "/"))
            below.push_back(place);
    }
    std::sort(below.rbegin(), below.rend());
    for (const auto& place : below)
        ::umount2(place.c_str(), MNT_DETACH);
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

void write_file(const fs::path& path, std::string_view content) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

void append_file(const fs::path& path, std::string_view content) {
    std::ofstream(path, std::ios::binary | std::ios::app) << content;
}

std::string read_file(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file)
        throw std::runtime_error("cannot open " + path.string());
    std::ostringstream content;
    content << file.rdbuf();
    return content.str();
}

fs::path write_script(const fs::path& path, const std::string& body) {
    write_file(path, "#!/bin/sh\n" + body + "\n");
    fs::permissions(path, fs::perms::owner_all);
    return path;
}

std::string log_text(std::size_t bytes, unsigned seed) {
    std::string text;
    for (unsigned line = 0; text.size() < bytes; ++line)
        text += "2026-11-22 14:55:12,0" + std::to_string(line % 100) + " INFO  [" + std::to_string(seed) +
                "] line " + std::to_string(line) + "\n";
    text.resize(bytes);
    return text;
}

Engine& Engine::get() {
    static Engine engine;
    return engine;
}

pid_t start_daemon(const std::vector<std::string>& argv, const fs::path& log) {
    const std::string program = logbackup::find_program(argv[0]);
    std::vector<char*> arguments;
    for (const auto& argument : argv)
        arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    const pid_t pid = ::fork();
    if (pid != 0)
        return pid;
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(::open("/dev/null", O_RDONLY), 0);
    ::dup2(output, 1);
    ::dup2(output, 2);
    ::execv(program.c_str(), arguments.data());
    ::_exit(127);
}

Engine::Engine() {
    ::setenv("LOGBACKUP_CONFIG", "/dev/null", 1);    // not that of the machine
    ::setenv("LOGBACKUP_DOCKER_TIMEOUT", "100s", 1); // many engines share the processors
    const fs::path d = directory_.path();
    write_file(d / "containerd.toml",
               "version = 2\nroot = \"" + (d / "containerd").string() + "\"\nstate = \"" +
                   (d / "containerd-state").string() +
                   "\"\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = \"" +
                   (d / "containerd.sock").string() +
                   "\"\n[plugins.\"io.containerd.internal.v1.opt\"]\npath = \"" + (d / "opt").string() +
                   "\"\n");
    write_file(d / "daemon.json", "{}");
    start_containerd();
    start_dockerd();
    sh("cd '" + d.string() +
       "' && mkdir -p rootfs/bin rootfs/opt/logs rootfs/etc rootfs/tmp rootfs/var/log && "
       "cp /bin/busybox rootfs/bin/ && for a in $(/bin/busybox --list); do "
       "[ $a = busybox ] || ln -s busybox rootfs/bin/$a; done && echo root:x:0:0::/:/bin/sh > "
       "rootfs/etc/passwd && "
       "tar -C rootfs -c . | docker import - logs:1");
}

/// Its own one: a dockerd joins the machine's when there is one, and its containers with it.
void Engine::start_containerd() {
    const fs::path d = directory_.path();
    const fs::path socket = d / "containerd.sock";
    fs::remove(socket);
    containerd_ =
        start_daemon({"containerd", "--config", (d / "containerd.toml").string()}, d / "engine.log");
    wait_until("containerd is there", [&] { return fs::exists(socket); });
}

void Engine::start_dockerd() {
    const fs::path d = directory_.path();
    const fs::path log = d / "engine.log";
    dockerd_ = start_daemon({"dockerd",
                             "--config-file",
                             (d / "daemon.json").string(),
                             "--host",
                             host(),
                             "--containerd",
                             (d / "containerd.sock").string(),
                             "--data-root",
                             (d / "data").string(),
                             "--exec-root",
                             (d / "exec").string(),
                             "--pidfile",
                             (d / "pid").string(),
                             "--bridge",
                             "none",
                             "--iptables=false",
                             "--ip6tables=false",
                             "--ip-forward=false",
                             "--storage-driver",
                             "overlay2"},
                            log);
    ::setenv("DOCKER_HOST", host().c_str(), 1);
    try {
        wait_until("the Docker engine answers", [] { return run({"docker", "version"}).code == 0; });
    } catch (const std::exception&) {
        throw std::runtime_error("no Docker engine could be started:\n" +
                                 (fs::exists(log) ? read_file(log) : ""));
    }
}

void Engine::crash(Daemon daemon) {
    const pid_t pid = daemon == Daemon::dockerd ? dockerd_ : containerd_;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    if (daemon == Daemon::dockerd)
        start_dockerd();
    else
        start_containerd();
}

Engine::~Engine() {
    try {
        remove_shared();
    } catch (const std::exception&) { // the engine is gone already
    }
    for (const pid_t pid : {dockerd_, containerd_}) {
        ::kill(pid, SIGTERM);
        ::waitpid(pid, nullptr, 0);
    }
}

std::string Engine::docker(const std::vector<std::string>& arguments) {
    std::vector<std::string> argv{"docker"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    Result result = run(argv);
    if (result.code != 0) {
        std::string all;
        for (const auto& argument : argv)
            all += argument + " ";
        throw std::runtime_error(all + "failed: " + result.err);
    }
    return std::move(result.out);
}

void Engine::build(const std::string& name, const std::vector<std::string>& scripts) {
    std::string image = "logs:1";
    for (const auto& script : scripts) {
        const std::string id = start({"", "", {}, script, image});
        wait(id);
        docker({"commit", id, name});
        remove(id);
        image = name;
    }
}

std::string Engine::start(const Pod& pod) {
    // For a network namespace of its own dockerd would start itself once more, for each container.
    std::vector<std::string> arguments{"run", "--detach", "--network", "host"};
    if (!pod.service.empty()) {
        const std::string k8s = "io.kubernetes.";
        for (const auto& label : {k8s + "container.name=" + pod.service, k8s + "pod.name=" + pod.pod,
                                  k8s + "pod.namespace=" + pod.namespace_name, k8s + "docker.type=container",
                                  std::string("annotation.io.kubernetes.container.restartCount=0")}) {
            arguments.push_back("--label");
            arguments.push_back(label);
        }
    }
    const bool has_name =
        std::find(pod.arguments.begin(), pod.arguments.end(), "--name") != pod.arguments.end();
    const std::string name = "k8s_" + pod.service + "_" + pod.pod + "_" + pod.namespace_name + "_" +
                             std::to_string(++started_) + "_0";
    if (!pod.service.empty() && !has_name &&
        name.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.-") ==
            std::string::npos)
        arguments.insert(arguments.end(), {"--name", name}); // as the kubelet does
    arguments.insert(arguments.end(), pod.arguments.begin(), pod.arguments.end());
    for (const auto& argument : {pod.image, std::string("sh"), std::string("-c"), pod.script})
        arguments.push_back(argument);
    std::string id = docker(arguments);
    id.resize(64);
    return id;
}

std::string Engine::exec(const std::string& id, const std::string& script) {
    // As `docker exec` does, in a tenth of its time.
    const fs::path task = directory_.path() / "containerd-state/io.containerd.runtime.v2.task/moby" / id;
    const Result result =
        run({"nsenter", "--all", "--target", read_file(task / "init.pid"), "sh", "-c", script});
    if (result.code != 0)
        throw std::runtime_error("failed in " + id + ": " + script + "\n" + result.err);
    return result.out;
}
std::string Engine::cat(const std::string& id, const std::string& path) {
    return exec(id, "cat '" + path + "'");
}
void Engine::kill(const std::string& id) {
    request("POST", "/containers/" + id + "/kill");
    wait(id);
}
void Engine::wait(const std::string& id) {
    request("POST", "/containers/" + id + "/wait");
}
void Engine::remove(const std::string& id) {
    request("DELETE", "/containers/" + id + "?force=1&v=1");
}

void Engine::remove_all() {
    for (const auto& container : nlohmann::json::parse(request("GET", "/containers/json?all=1"))) {
        const auto id = container["Id"].get<std::string>();
        const bool is_shared = std::any_of(shared_.begin(), shared_.end(),
                                           [&](const auto& shared) { return shared.second == id; });
        if (!is_shared || container["State"] != "running")
            remove(id);
    }
}

Engine::Shared Engine::share(const Pod& pod) {
    std::string& id = shared_[pod.service + "/" + pod.pod];
    if (!id.empty()) {
        const auto known = nlohmann::json::parse(request("GET", "/containers/" + id + "/json"));
        if (known.contains("State") && known["State"]["Status"] == "running")
            return {id, false};
    }
    id = start(pod);
    return {id, true};
}

std::string Engine::share_empty(const Pod& pod) {
    const auto [id, is_new] = share(pod);
    if (!is_new)
        exec(id, "cd /opt/logs; rm -rf -- * .[!.]* ..?*");
    return id;
}

void Engine::remove_shared() {
    shared_.clear();
    remove_all();
}

std::string Engine::request(const std::string& method, const std::string& path) {
    const logbackup::UniqueFd connection(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{AF_UNIX, {}};
    socket().string().copy(address.sun_path, sizeof address.sun_path - 1);
    const std::string question =
        method + " " + path + " HTTP/1.0\r\nHost: docker\r\nContent-Length: 0\r\n\r\n";
    if (::connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::write(connection.get(), question.data(), question.size()) != std::ssize(question))
        throw std::runtime_error("the engine cannot be reached");
    std::string answer;
    std::array<char, 65536> buffer;
    for (ssize_t got = 0; (got = ::read(connection.get(), buffer.data(), buffer.size())) > 0;)
        answer.append(buffer.data(), static_cast<std::size_t>(got));
    const auto body = answer.find("\r\n\r\n"); // "HTTP/1.0 200 OK", …
    const bool is_missing = answer.find(" 404 ") < body;
    if (body == std::string::npos || (answer.find(" 2") != std::strlen("HTTP/1.0") && !is_missing))
        throw std::runtime_error(method + " " + path + " failed: " + answer);
    return answer.substr(body + 4);
}

std::string name_of(const testing::TestParamInfo<Way>& info) {
    return info.param == Way::mounted ? "Mounted" : "Direct";
}

void PrintTo(Way way, std::ostream* stream) {
    *stream << (way == Way::mounted ? "mounted" : "direct");
}

std::vector<std::string> Test::command(const std::vector<std::string>& arguments) {
    std::vector<std::string> argv;
    if (way == Way::direct)
        argv = {"setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", "--"};
    argv.insert(argv.end(), {LOGBACKUP_BINARY, "--dest", backup.string()});
    if (!recorded_docker_.empty())
        argv.insert(argv.end(), {"--docker", recorded_docker_});
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return argv;
}

void Test::record_answers() {
    const fs::path answers = scratch.path() / "answers";
    const auto ids = engine.docker({"ps", "--all", "--quiet", "--no-trunc"});
    std::vector<std::string> inspect{"inspect", "--type", "container"};
    std::istringstream lines(ids);
    for (std::string id; lines >> id;)
        inspect.push_back(id);
    write_file(answers / "ps", ids);
    write_file(answers / "inspect", ids.empty() ? "[]" : engine.docker(inspect));
    // A time in whole seconds would leave out a container that was made within this second.
    const auto now = sh("printf %s \"$(date +%s.%N)\"");
    write_file(answers / "events",
               engine.docker({"events", "--since", "1h", "--until", now, "--format", "{{json .}}"}));
    recorded_docker_ =
        write_script(answers / "docker", "exec cat '" + answers.string() + "/'\"$1\"").string();
}

Result Test::run_once(const std::vector<std::string>& arguments, const std::vector<std::string>& variables) {
    return run(command(arguments), variables);
}

void expect_clean(const Result& result, int code, const std::string& besides) {
    EXPECT_EQ(result.code, code) << result.out << result.err;
    std::istringstream lines(result.err);
    for (std::string line; std::getline(lines, line);)
        EXPECT_TRUE(line.find("this process may not mount") != std::string::npos ||
                    line.find("a new backup begins at") != std::string::npos ||
                    (!besides.empty() && line.find(besides) != std::string::npos))
            << line;
}

} // namespace e2e
