// SPDX-License-Identifier: MIT
#include "containerd_support.hpp"

#include <signal.h>
#include <sys/wait.h>

#include <sstream>
#include <stdexcept>

namespace e2e {

Containerd& Containerd::get() {
    static Containerd containerd;
    return containerd;
}

Containerd::Containerd() {
    ::setenv("LOGBACKUP_CONFIG", "/dev/null", 1);    // not that of the machine
    ::setenv("LOGBACKUP_DOCKER_TIMEOUT", "100s", 1); // many engines share the processors
    const std::string d = directory_.path().string();
    write_file(directory_.path() / "config.toml", R"(version = 2
root = ")" + d + R"(/root"
state = ")" + d + R"(/state"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs",
                    "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[grpc]
address = ")" + d + R"(/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "docker.io/library/pause:1"
disable_apparmor = true
restrict_oom_score_adj = true
stream_server_port = "0"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = ")" + d + R"(/cni"
conf_dir = ")" + d + R"(/cni"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
)");
    begin();
    sh("cd '" + d + "' && mkdir -p rootfs/bin rootfs/opt/logs rootfs/etc rootfs/tmp && " +
       "cp /bin/busybox rootfs/bin/ && for a in $(/bin/busybox --list); do "
       "[ $a = busybox ] || ln -s busybox rootfs/bin/$a; done && echo of the image "
       ">rootfs/opt/logs/image.log && "
       "echo root:x:0:0::/:/bin/sh >rootfs/etc/passwd && "
       "tar -C rootfs -cf layer.tar . && hash=$(sha256sum <layer.tar | cut -c 1-64) && "
       "printf "
       "'{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Env\":[\"PATH=/bin\"],\"Cmd\":[\"sleep\","
       "\"1000000\"]},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:%s\"]}}' \"$hash\" >config.json "
       "&& "
       "printf '[{\"Config\":\"config.json\",\"RepoTags\":[\"docker.io/library/logs:1\",\"docker.io/library/"
       "pause:1\"],\"Layers\":[\"layer.tar\"]}]' >manifest.json && "
       "tar -cf image.tar manifest.json config.json layer.tar && "
       "protoc --proto_path='" LOGBACKUP_SOURCE_DIRECTORY "/tests/e2e/cri' --python_out=. runtime.proto");
    for (const auto* name_space : {"k8s.io", "default"})
        ctr({"--namespace", name_space, "images", "import", d + "/image.tar"});
}

void Containerd::begin() {
    const fs::path d = directory_.path();
    fs::remove(d / "containerd.sock");
    pid_ = start_daemon({"containerd", "--config", (d / "config.toml").string()}, d / "log");
    wait_until("containerd answers", [&] {
        return run({"ctr", "--address", socket(), "version"}).code == 0;
    });
}

void Containerd::end() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
}

Containerd::~Containerd() {
    try {
        remove_all();
    } catch (const std::exception&) { // it is gone already
    }
    if (pid_ > 0) {
        ::kill(pid_, SIGTERM);
        ::waitpid(pid_, nullptr, 0);
    }
}

std::string Containerd::ctr(const std::vector<std::string>& arguments) {
    std::vector<std::string> argv{"ctr", "--address", socket()};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    Result result = run(argv);
    if (result.code != 0)
        throw std::runtime_error("ctr " + arguments.at(2) + " failed: " + result.err);
    return std::move(result.out);
}

std::string Containerd::cri(const std::vector<std::string>& arguments) {
    std::vector<std::string> argv{"/usr/bin/python3", LOGBACKUP_SOURCE_DIRECTORY "/tests/e2e/cri/cri.py",
                                  socket()};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    const Result result = run(argv, {"PYTHONPATH=" + directory_.path().string()});
    if (result.code != 0)
        throw std::runtime_error("cri.py " + arguments.at(0) + " failed: " + result.err);
    return result.out.substr(0, result.out.find('\n'));
}

std::string Containerd::start(const CriContainer& container) {
    const std::string uid = "uid-" + container.pod;
    std::string& sandbox = sandboxes_[container.pod];
    if (sandbox.empty())
        sandbox = cri({"pod", container.pod, uid});
    std::vector<std::string> arguments{"run",
                                       sandbox,
                                       container.pod,
                                       uid,
                                       container.service,
                                       std::to_string(container.attempt),
                                       "docker.io/library/logs:1",
                                       container.script};
    arguments.insert(arguments.end(), container.mounts.begin(), container.mounts.end());
    return cri(arguments);
}

void Containerd::stop(const std::string& id) {
    cri({"stop", id});
}
void Containerd::remove(const std::string& id) {
    cri({"remove", id});
}

void Containerd::remove_all() {
    for (const auto& [pod, sandbox] : sandboxes_)
        cri({"remove-pod", sandbox});
    sandboxes_.clear();
    std::istringstream ids(ctr({"--namespace", "default", "containers", "ls", "--quiet"}));
    for (std::string id; ids >> id;) {
        run({"ctr", "--address", socket(), "--namespace", "default", "tasks", "delete", "--force", id});
        ctr({"--namespace", "default", "containers", "delete", id});
    }
}

std::string Containerd::exec(const std::string& id, const std::string& script) {
    const fs::path task = directory_.path() / "state/io.containerd.runtime.v2.task/k8s.io" / id;
    const Result result =
        run({"nsenter", "--all", "--target", read_file(task / "init.pid"), "sh", "-c", script});
    if (result.code != 0)
        throw std::runtime_error("failed in " + id + ": " + script + "\n" + result.err);
    return result.out;
}

} // namespace e2e
