// SPDX-License-Identifier: MIT
#include "runtime/containerd/containerd_runtime.hpp"

#include "support.hpp"
#include "util/error.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace logbackup {
namespace {

using namespace std::chrono_literals;

/// containerd, whose client is a shell script: it answers from files, "<namespace>/info/<id>" and others.
class Containerd : public testing::Test {
  protected:
    test::TempDir dir;
    std::shared_ptr<Descriptions> known = std::make_shared<Descriptions>();
    const std::string web = std::string(63, '0') + "1";
    const std::string job = std::string(63, '0') + "2";

    void SetUp() override {
        dir.write_program("ctr",
                          "#!/bin/sh\n"
                          "cd '" +
                              dir.path() +
                              "' || exit\n"
                              "echo \"$*\" >>calls\n"
                              "test \"$1 $2\" = \"--address $PWD/c.sock\" || exit 9\n"
                              "shift 2\n"
                              "name=none\n"
                              "test \"$1\" != --namespace || { name=$2; shift 2; }\n"
                              "case \"$1 $2\" in\n"
                              "'namespaces ls') cat namespaces ;;\n"
                              "'containers ls') cat $name/containers ;;\n"
                              "'tasks ls') cat $name/tasks ;;\n"
                              "'containers info') test -e $name/info/$3 || { echo \"ctr: container \\\"$3\\\""
                              " in namespace \\\"$name\\\": not found\" >&2; exit 1; }\n"
                              "  . ./$name/info/$3 ;;\n"
                              "'snapshots --snapshotter') echo \"mount -t overlay overlay /x -o upperdir=" +
                              root() +
                              "/io.containerd.snapshotter.v1.overlayfs/snapshots/$6/fs,lowerdir=/low\" ;;\n"
                              "*) exit 8 ;;\n"
                              "esac\n");
        dir.write("c.sock", "");
        dir.write("namespaces", "default\nk8s.io\nmoby\n");
        for (const auto* name : {"default", "k8s.io", "moby"}) {
            dir.make_directory(std::string(name) + "/info");
            dir.write(std::string(name) + "/containers", "");
            dir.write(std::string(name) + "/tasks", "TASK    PID    STATUS\n");
        }
    }
    [[nodiscard]] std::string root() const { return dir.path() + "/root"; }

    /// Adds a container; `labels` are members of a JSON object.
    void add(const std::string& name_space, const std::string& id, const std::string& labels = "",
             const std::string& created = "2026-11-30T18:43:46Z") {
        append(name_space + "/containers", id + "\n");
        dir.write(name_space + "/info/" + id,
                  "echo '{\"ID\":\"" + id + "\",\"Labels\":{" + labels + "},\"Snapshotter\":\"overlayfs\"," +
                      "\"SnapshotKey\":\"s-" + id.substr(id.size() - 1) + "\",\"CreatedAt\":\"" + created +
                      "\",\"Extensions\":" +
                      (labels.empty() ? "null" : "{\"io.cri-containerd.container.metadata\":{}}") + "}'\n");
    }
    void append(const std::string& path, const std::string& text) const {
        dir.write(path, dir.read(path) + text);
    }
    static std::string of_pod(const std::string& service, const std::string& pod) {
        return R"("io.cri-containerd.kind":"container","io.kubernetes.container.name":")" + service +
               R"(","io.kubernetes.pod.name":")" + pod + "\"";
    }
    [[nodiscard]] Runtime runtime() const {
        ContainerdSettings settings;
        settings.name = "containerd";
        settings.program = {dir.at("ctr")};
        settings.socket = dir.at("c.sock");
        settings.time_limit = 5s;
        return containerd_runtime(settings, known);
    }
    [[nodiscard]] Discovery discover() const {
        test::Stop stop;
        return runtime().discover(stop.get());
    }
    [[nodiscard]] std::size_t calls(const std::string& what) const {
        std::istringstream lines(dir.read("calls"));
        std::size_t count = 0;
        for (std::string line; std::getline(lines, line);)
            count += line.find(what) != std::string::npos ? 1U : 0U;
        return count;
    }
};

TEST_F(Containerd, DescribesWhatRunsAndWhatHasEnded) {
    add("k8s.io", web, of_pod("web", "web-1"));
    add("k8s.io", job, of_pod("job", "job-1"));
    append("k8s.io/tasks", web + "    4711    RUNNING\n");
    dir.make_directory("root/io.containerd.grpc.v1.cri/containers/" + job);
    dir.write("root/io.containerd.grpc.v1.cri/containers/" + job + "/status",
              R"({"StartedAt":1796064226218007199,"FinishedAt":1796064226223705834})");
    dir.make_directory("root/io.containerd.grpc.v1.introspection");
    dir.write("root/io.containerd.grpc.v1.introspection/uuid", "c3d35e5b\n");
    const Discovery found = discover();
    ASSERT_EQ(found.containers.size(), 2U);
    const Container& running = found.containers[0];
    EXPECT_EQ(running.runtime, "containerd");
    EXPECT_EQ(running.service, "web");
    EXPECT_EQ(running.state, ContainerState::running);
    EXPECT_EQ(running.pid, 4711);
    EXPECT_EQ(running.upper, root() + "/io.containerd.snapshotter.v1.overlayfs/snapshots/s-1/fs");
    EXPECT_EQ(running.lowers, std::vector<std::string>{"/low"});
    const Container& ended = found.containers[1];
    EXPECT_EQ(ended.state, ContainerState::exited);
    EXPECT_TRUE(ended.is_still());
    EXPECT_EQ(ended.finished.time_since_epoch().count(), 1796064226223705834);
    EXPECT_EQ(found.engines.at("containerd").root, root());
    EXPECT_EQ(found.engines.at("containerd").id, "c3d35e5b");
}

TEST_F(Containerd, AsksForADescriptionOnlyOnce) {
    add("k8s.io", web, of_pod("web", "web-1"));
    append("k8s.io/tasks", web + "    4711    RUNNING\n");
    (void)discover();
    EXPECT_EQ(calls("containers info"), 1U);
    EXPECT_EQ(known->count(web), 1U);
    dir.write("k8s.io/tasks", "TASK    PID    STATUS\n");
    const Discovery again = discover();
    EXPECT_EQ(calls("containers info"), 1U);
    EXPECT_EQ(calls("snapshots"), 1U);
    ASSERT_EQ(again.containers.size(), 1U);
    EXPECT_EQ(again.containers[0].service, "web");
    EXPECT_EQ(again.containers[0].pid, 0) << "what changes is asked for each time";
    dir.write("k8s.io/containers", "");
    (void)discover();
    EXPECT_TRUE(known->empty());
}

TEST_F(Containerd, SeesTheNamespacesInTheDirectoryThatAContainerHasTold) {
    add("k8s.io", web, of_pod("web", "web-1"));
    append("k8s.io/tasks", web + "    4711    RUNNING\n");
    for (const auto* name_space : {"k8s.io", "moby"})
        dir.make_directory(std::string("root/io.containerd.runtime.v2.task/") + name_space);
    EXPECT_EQ(discover().ids, std::vector{web});
    EXPECT_EQ(calls("namespaces ls"), 1U);
    add("default", "registry");
    dir.make_directory("root/io.containerd.runtime.v2.task/default");
    EXPECT_EQ(discover().ids, (std::vector<std::string>{web, "registry"}));
    EXPECT_EQ(calls("namespaces ls"), 1U);
    EXPECT_EQ(calls("--namespace moby"), 0U);
    std::filesystem::remove_all(dir.at("root"));
    EXPECT_EQ(discover().ids, (std::vector<std::string>{web, "registry"}));
    EXPECT_EQ(calls("namespaces ls"), 2U);
}

TEST_F(Containerd, LeavesDockersContainersToDocker) {
    add("moby", web, of_pod("web", "web-1"));
    const Discovery found = discover();
    EXPECT_TRUE(found.ids.empty());
    EXPECT_EQ(calls("--namespace moby"), 0U);
}

TEST_F(Containerd, NotesWhenAContainerWithoutTheKubeletEnded) {
    add("default", "web");
    EXPECT_EQ(discover().containers.at(0).state, ContainerState::created);
    append("default/tasks", "web    4711    RUNNING\n");
    EXPECT_EQ(discover().containers.at(0).state, ContainerState::running);
    dir.write("default/tasks", "TASK    PID    STATUS\nweb    4711    STOPPED\n");
    const Timestamp before = std::chrono::system_clock::now();
    const Container ended = discover().containers.at(0);
    EXPECT_EQ(ended.state, ContainerState::exited);
    EXPECT_GE(ended.finished, before);
    EXPECT_NE(ended.started, Timestamp{});
    EXPECT_EQ(discover().containers.at(0).finished, ended.finished) << "the same end is noted once";
    dir.write("default/tasks", "TASK    PID    STATUS\nweb    4712    STOPPED\n");
    EXPECT_GT(discover().containers.at(0).finished, ended.finished) << "it has run again meanwhile";
}

TEST_F(Containerd, DoesNotCallATaskEndedWhoseShimDoesNotAnswer) {
    add("default", "web");
    append("default/tasks", "web    4711    RUNNING\n");
    (void)discover();
    dir.write("default/tasks", "TASK    PID    STATUS\nweb    4711    UNKNOWN\n");
    const Container unclear = discover().containers.at(0);
    EXPECT_EQ(unclear.pid, 4711);
    EXPECT_EQ(unclear.finished, Timestamp{});
    EXPECT_FALSE(unclear.is_still());
}

TEST_F(Containerd, DoesNotTakeANewContainerForAnOldOneOfItsName) {
    add("default", "web");
    append("default/tasks", "web    4711    STOPPED\n");
    const Container first = discover().containers.at(0);
    dir.write("default/containers", "");
    add("default", "web", "", "2026-11-30T19:00:00Z");
    dir.write("default/tasks", "TASK    PID    STATUS\nweb    4711    RUNNING\n");
    const Container second = discover().containers.at(0);
    EXPECT_NE(second.created, first.created);
    EXPECT_EQ(second.finished, Timestamp{});
}

TEST_F(Containerd, ToleratesContainersThatGoMeanwhileAndSickOnes) {
    add("k8s.io", web, of_pod("web", "web-1"));
    append("k8s.io/containers", job + "\n"); // without a description by now
    const std::string sick(64, 'c');
    append("k8s.io/containers", sick + "\n");
    dir.write("k8s.io/info/" + sick, "echo half of {\n");
    const std::string broken(64, 'd');
    append("k8s.io/containers", broken + "\n");
    dir.write("k8s.io/info/" + broken, "echo 'ctr: input/output error' >&2; exit 1\n");
    const Discovery found = discover();
    EXPECT_EQ(found.ids, (std::vector{web, sick, broken}));
    ASSERT_EQ(found.containers.size(), 1U);
    ASSERT_EQ(found.unreachable.size(), 2U);
    EXPECT_EQ(found.unreachable[0].reason, "cannot understand what ctr printed of it");
    EXPECT_EQ(found.unreachable[1].reason, "ctr exited with code 1: ctr: input/output error");
    EXPECT_EQ(known->size(), 1U) << "what is not known is asked for again";
}

TEST_F(Containerd, SaysWhyItDoesNotAnswer) {
    dir.write_program("ctr",
                      "#!/bin/sh\necho 'ctr: failed to dial \"/c.sock\": connection refused' >&2\nexit 1\n");
    try {
        (void)discover();
        FAIL() << "it answered";
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(),
                     "cannot list the namespaces of containerd: ctr exited with code 1: ctr: failed "
                     "to dial \"/c.sock\": connection refused");
        EXPECT_NE(error.hint().find("does containerd run?"), std::string::npos);
    }
    test::Stop stop;
    const Discovery again = runtime().ask_again({web}, stop.get());
    ASSERT_EQ(again.unreachable.size(), 1U) << "nobody knows whether it is gone";
    dir.write_program("ctr", "#!/bin/sh\nsleep 60\n");
    ContainerdSettings settings{"containerd", {dir.at("ctr")}, dir.at("c.sock"), {}, 100ms};
    EXPECT_THROW((void)containerd_runtime(settings, known).discover(stop.get()), Error);
    std::filesystem::remove(dir.at("c.sock"));
    try {
        (void)discover();
        FAIL() << "it answered";
    } catch (const Error& error) {
        EXPECT_EQ(std::string(error.what()),
                  "cannot reach containerd at '" + dir.at("c.sock") + "': No such file or directory");
    }
}

TEST_F(Containerd, TellsWhatIsGoneWhenItIsAskedAgain) {
    add("k8s.io", web, of_pod("web", "web-1"));
    test::Stop stop;
    const Discovery again = runtime().ask_again({web, job}, stop.get());
    ASSERT_EQ(again.containers.size(), 1U);
    EXPECT_EQ(again.containers[0].id, web);
    EXPECT_TRUE(again.unreachable.empty()) << "the other is gone";
}

TEST_F(Containerd, DescribesContainersToAFollower) {
    add("k8s.io", web, of_pod("web", "web-1"));
    append("k8s.io/tasks", web + "    4711    RUNNING\n");
    const Runtime containerd = runtime();
    ASSERT_EQ(containerd.listening.size(), 1U);
    const Listening& listening = containerd.listening.front();
    EXPECT_TRUE(listening.has_no_past);
    const auto all_of = [](SideCommand& command) {
        std::string text;
        for (const auto end = std::chrono::steady_clock::now() + 20s; std::chrono::steady_clock::now() < end;
             std::this_thread::sleep_for(1ms)) {
            const auto more = command.read();
            if (!more)
                break;
            text += *more;
        }
        return text;
    };
    const auto list = listening.list();
    ASSERT_TRUE(list);
    EXPECT_EQ(listening.read_list(all_of(*list)), std::vector{web});
    const auto described = listening.describe({web});
    ASSERT_TRUE(described);
    const auto containers = listening.read_descriptions(all_of(*described));
    ASSERT_EQ(containers.size(), 1U);
    EXPECT_EQ(containers[0].pid, 4711);
    EXPECT_EQ(containers[0].pod, "web-1");
}

} // namespace
} // namespace logbackup
