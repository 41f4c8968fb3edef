// SPDX-License-Identifier: MIT
//
// containerd, as nodes without Docker have it: with pods made through the Container Runtime Interface, and
// with containers of ctr.
#include "containerd_support.hpp"

#include <chrono>
#include <map>
#include <thread>

namespace e2e {
namespace {

class ContainerdNode : public testing::TestWithParam<Way> {
  protected:
    void TearDown() override { containerd.remove_all(); }

    std::vector<std::string> command(const std::vector<std::string>& arguments = {}) {
        std::vector<std::string> argv;
        if (GetParam() == Way::direct)
            argv = {"setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", "--"};
        argv.insert(argv.end(), {LOGBACKUP_BINARY, "--dest", backup.string(), "--runtime", "containerd",
                                 "--containerd-socket", containerd.socket()});
        argv.insert(argv.end(), arguments.begin(), arguments.end());
        return argv;
    }
    Result run_once(const std::vector<std::string>& arguments = {}) { return run(command(arguments)); }
    Result verify() {
        return run({LOGBACKUP_BINARY, "verify", "--dest", backup.string(), "--runtime", "containerd",
                    "--containerd-socket", containerd.socket()});
    }
    /// The container's own layer on the host.
    std::string layer_of(const std::string& id) {
        const std::string mount = containerd.ctr({"--namespace", "k8s.io", "snapshots", "mounts", "/x", id});
        const auto begin = mount.find("upperdir=") + 9;
        return mount.substr(begin, mount.find(',', begin) - begin);
    }
    Result list() { return run({LOGBACKUP_BINARY, "list", "--dest", backup.string()}); }

    Containerd& containerd = Containerd::get();
    TempDir scratch;
    fs::path backup = scratch.path() / "backup";
};
IN_BOTH_WAYS(ContainerdNode);

/// The same where the way does not matter.
class ContainerdOnce : public ContainerdNode {};
MOUNTED_ONLY(ContainerdOnce);

/// Waits until a file in a container has this content.
void wait_for(Containerd& containerd, const std::string& id, const std::string& path) {
    wait_until(path + " is there", [&] {
        try {
            return !containerd.exec(id, "cat " + path).empty();
        } catch (const std::exception&) {
            return false;
        }
    });
}

TEST_P(ContainerdNode, SavesRunningAndEndedContainersByteForByte) {
    const std::string stay = "; touch /tmp/ready; exec sleep 1000000";
    const fs::path volume = scratch.path() / "pods/uid/volumes/kubernetes.io~empty-dir/logs";
    fs::create_directories(volume);
    const auto web = containerd.start(
        {"web", "web-1", "rm /opt/logs/image.log; mkdir /opt/logs/d; echo deep >/opt/logs/d/a.log" + stay});
    const auto db = containerd.start(
        {"db", "db-0", "echo on a volume >/opt/logs/db.log" + stay, {volume.string() + ":/opt/logs"}});
    const auto job = containerd.start(
        {"job", "job-1", "mv /opt/logs/image.log /opt/logs/moved.log; echo end >/opt/logs/job.log"});
    for (const auto& id : {web, db})
        wait_for(containerd, id, "/proc/1/cmdline && cat /tmp/ready && echo");
    wait_until("the job has ended", [&] {
        return containerd.ctr({"--namespace", "k8s.io", "tasks", "ls"}).find(job) == std::string::npos;
    });
    expect_clean(run_once());
    std::map<std::string, std::string> files{{"web", "dir"},
                                             {"web/web-1", "dir"},
                                             {"web/web-1/d", "dir"},
                                             {"web/web-1/d/a.log", "deep\n"},
                                             {"db", "dir"},
                                             {"db/db-0", "dir"},
                                             {"db/db-0/db.log", "on a volume\n"},
                                             {"job", "dir"},
                                             {"job/job-1", "dir"},
                                             {"job/job-1/job.log", "end\n"},
                                             {"job/job-1/moved.log", "of the image\n"}};
    if (GetParam() == Way::direct) // of a stopped container's layers only the topmost can be read
        EXPECT_EQ(tree_of(backup).at("job/job-1/job.log"), "end\n");
    else
        EXPECT_EQ(tree_of(backup), files);
    containerd.exec(web, "echo more >>/opt/logs/d/a.log");
    expect_clean(run_once());
    EXPECT_EQ(tree_of(backup).at("web/web-1/d/a.log"), "deep\nmore\n");
    const Result verified = verify();
    EXPECT_EQ(verified.code, 0) << verified.out << verified.err;
}

TEST_P(ContainerdOnce, TellsRestartedAndRemovedContainersApart) {
    const auto first = containerd.start({"web", "web-1", "echo first >/opt/logs/app.log"});
    wait_until("it has ended", [&] {
        return containerd.ctr({"--namespace", "k8s.io", "tasks", "ls"}).find(first) == std::string::npos;
    });
    expect_clean(run_once());
    const auto second =
        containerd.start({"web", "web-1", "echo second >/opt/logs/app.log; exec sleep 1000000", {}, 1});
    wait_for(containerd, second, "/opt/logs/app.log");
    expect_clean(run_once());
    EXPECT_EQ(read_file(backup / "web/web-1/app.log"), "second\n");
    EXPECT_EQ(read_file(backup / "web/web-1@1/app.log"), "first\n");
    containerd.remove(first);
    containerd.stop(second);
    const std::string layer = layer_of(second);
    ASSERT_TRUE(fs::exists(layer)) << layer;
    containerd.remove(second);
    wait_until("its layer is collected", [&] { return !fs::exists(layer); });
    expect_clean(run_once());
    const std::string listed = list().out;
    EXPECT_NE(listed.find("1 complete, 1 cut"), std::string::npos) << listed;
    EXPECT_NE(read_file(backup / ".logbackup/ended/web/web-1").find("\"runtime\": \"containerd\""),
              std::string::npos);
}

TEST_P(ContainerdOnce, AsksOnlyForWhatIsNew) {
    const fs::path calls = scratch.path() / "calls";
    const fs::path ctr =
        write_script(scratch.path() / "ctr", "echo \"$*\" >>'" + calls.string() + "'; exec ctr \"$@\"");
    containerd.start({"web", "web-1"});
    const auto infos = [&] {
        fs::remove(calls);
        expect_clean(run_once({"--ctr", ctr.string()}));
        std::size_t count = 0;
        const std::string all = read_file(calls);
        for (auto at = all.find(" info "); at != std::string::npos; at = all.find(" info ", at + 1))
            ++count;
        return count;
    };
    EXPECT_EQ(infos(), 2U) << "the container and its sandbox";
    EXPECT_EQ(infos(), 0U);
    write_file(backup / ".logbackup/containers", "damaged");
    EXPECT_EQ(infos(), 2U);
    containerd.start({"web", "web-2"});
    EXPECT_EQ(infos(), 2U) << "only the new ones";
}

TEST_P(ContainerdOnce, NamesContainersOfNobodyByTheirIds) {
    containerd.ctr({"--namespace", "default", "run", "--detach", "docker.io/library/logs:1", "registry", "sh",
                    "-c", "echo plain >/opt/logs/r.log; exec sleep 1000000"});
    wait_until("it has written",
               [&] { return run_once().code == 0 && fs::exists(backup / "registry/registry/r.log"); });
    EXPECT_EQ(read_file(backup / "registry/registry/r.log"), "plain\n");
    containerd.start({"web", "web-1"});
    const Result with_kubernetes = run_once({"--dry-run"});
    EXPECT_NE(with_kubernetes.out.find("web-1"), std::string::npos);
    EXPECT_EQ(with_kubernetes.out.find("registry"), std::string::npos)
        << "where pods are, only pods count: " << with_kubernetes.out;
    const Result by_name = run_once({"--dry-run", "--names", "container"});
    EXPECT_NE(by_name.out.find("registry"), std::string::npos) << by_name.out;
    // Its end is noted when a run sees it.
    run({"ctr", "--address", containerd.socket(), "--namespace", "default", "tasks", "kill", "--signal", "9",
         "registry"});
    expect_clean(run_once({"--names", "container"}));
    expect_clean(run_once({"--names", "container"}));
    EXPECT_NE(list().out.find("complete"), std::string::npos) << list().out;
}

TEST_P(ContainerdOnce, WhatDoesNotAnswerIsNotTakenForGone) {
    const auto web = containerd.start({"web", "web-1", "echo a >/opt/logs/a.log; exec sleep 1000000"});
    wait_for(containerd, web, "/opt/logs/a.log");
    expect_clean(run_once());
    containerd.end();
    const Result away = run_once();
    EXPECT_EQ(away.code, 1) << away.err;
    EXPECT_NE(away.err.find("does containerd run?"), std::string::npos) << away.err;
    // Beside a runtime that answers: a client that lists nothing will do.
    const auto docker = write_script(scratch.path() / "docker",
                                     "case $1 in info) printf 'x\\n/x\\n';; inspect) echo '[]';; esac");
    const Result one = run(command({"--runtime", "docker", "--docker", docker.string()}));
    EXPECT_EQ(one.code, 3) << one.out << one.err;
    EXPECT_NE(one.err.find("containerd is left out: cannot list the"), std::string::npos) << one.err;
    EXPECT_NE(list().out.find("1 live"), std::string::npos) << list().out;
    const Result other = run(
        {LOGBACKUP_BINARY, "--dest", backup.string(), "--runtime", "docker", "--docker", docker.string()});
    EXPECT_EQ(other.code, 3) << other.err;
    EXPECT_NE(other.err.find("1 live log directory is of containerd, which did not answer"),
              std::string::npos)
        << other.err;
    EXPECT_NE(list().out.find("1 live"), std::string::npos) << list().out;
    containerd.begin();
    containerd.exec(web, "echo b >>/opt/logs/a.log");
    expect_clean(run_once());
    EXPECT_EQ(read_file(backup / "web/web-1/a.log"), "a\nb\n");
}

TEST_P(ContainerdOnce, IsFollowedFromOneRunToTheNext) {
    Background follower(command({"--follow", "1m"}));
    wait_until("the first run is over", [&] { return fs::exists(backup / ".logbackup/last-run"); });
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    const auto job = containerd.start(
        {"job", "job-1",
         "echo a >/opt/logs/old.log; sleep 0.3; rm /opt/logs/old.log; echo b >/opt/logs/new.log"});
    wait_until("it has ended", [&] {
        return containerd.ctr({"--namespace", "k8s.io", "tasks", "ls"}).find(job) == std::string::npos;
    });
    containerd.remove(job);
    ::kill(follower.pid(), SIGTERM);
    EXPECT_EQ(follower.wait(), 0);
    EXPECT_EQ(read_file(backup / "job/job-1/old.log"), "a\n");
    EXPECT_EQ(read_file(backup / "job/job-1/new.log"), "b\n");
    EXPECT_NE(list().out.find("1 complete"), std::string::npos) << list().out;
}

TEST_P(ContainerdOnce, IsChecked) {
    containerd.start({"web", "web-1"});
    const Result checked = run({LOGBACKUP_BINARY, "check", "--dest", backup.string(), "--runtime",
                                "containerd", "--containerd-socket", containerd.socket()});
    EXPECT_NE(checked.out.find("containerd "), std::string::npos) << checked.out;
    EXPECT_NE(checked.out.find("2, of these 1 of pods"), std::string::npos) << checked.out;
    EXPECT_NE(checked.out.find("they can be reached"), std::string::npos) << checked.out;
    const Result nowhere = run({LOGBACKUP_BINARY, "check", "--dest", backup.string(), "--runtime",
                                "containerd", "--containerd-socket", (scratch.path() / "none").string()});
    EXPECT_EQ(nowhere.code, 1) << nowhere.out;
    EXPECT_NE(nowhere.out.find("does containerd run?"), std::string::npos) << nowhere.out;
}

} // namespace
} // namespace e2e
