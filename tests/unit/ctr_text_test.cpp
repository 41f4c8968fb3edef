// SPDX-License-Identifier: MIT
#include "runtime/containerd/ctr_text.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace logbackup {
namespace {

const std::string id = "fd546052daa5d8d2573ef0e9da76ff25e029084231f2b0242136f43e55475f99";
const std::string snapshots = "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots";

/// What ctr 1.6.20 prints of a container of the CRI service, shortened.
std::string info_of(const std::string& extensions) {
    return R"({
    "ID": ")" +
           id + R"(",
    "Labels": {
        "io.cri-containerd.kind": "container",
        "io.kubernetes.container.name": "mini",
        "io.kubernetes.pod.name": "mini-1",
        "io.kubernetes.pod.namespace": "shop",
        "io.kubernetes.pod.uid": "u1"
    },
    "Image": "docker.io/library/bb:1",
    "Runtime": {"Name": "io.containerd.runc.v2", "Options": {"type_url": "containerd.runc.v1.Options"}},
    "SnapshotKey": ")" +
           id + R"(",
    "Snapshotter": "overlayfs",
    "CreatedAt": "2026-11-30T18:43:46.122595887Z",
    "UpdatedAt": "2026-11-30T18:43:46.122595887Z",
    "Extensions": )" +
           extensions + R"(,
    "Spec": {"ociVersion": "1.0.2-dev", "root": {"path": "rootfs"}, "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "size=65536k"]},
        {"destination": "/etc/hosts", "type": "bind", "source": "/var/lib/kubelet/pods/u1/etc-hosts",
         "options": ["rbind", "rprivate", "rw"]},
        {"destination": "/opt/logs", "type": "bind",
         "source": "/var/lib/kubelet/pods/u1/volumes/kubernetes.io~empty-dir/logs", "options": ["rbind", "ro"]},
        {"destination": "/odd", "type": "none", "source": "/srv", "options": ["rbind"]},
        {"destination": "/bundle", "type": "bind", "source": "relative", "options": ["bind"]}
    ]}})";
}

std::string metadata(const std::string& base64) {
    return R"({"io.cri-containerd.container.metadata": {"type_url": "github.com/containerd/cri/pkg/store", "value": ")" +
           base64 + R"("}})";
}

TEST(ParseInfo, ReadsAContainerOfTheCriService) {
    // {"Version":"v1","Metadata":{"Config":{"metadata":{"name":"mini","attempt":4},
    //  "annotations":{"io.kubernetes.container.restartCount":"4"}}}}
    const auto info = parse_info(info_of(metadata(
        "eyJWZXJzaW9uIjoidjEiLCJNZXRhZGF0YSI6eyJDb25maWciOnsibWV0YWRhdGEiOnsibmFtZSI6Im1pbmkiLCJhdHRlbXB0Ijo0"
        "fSwiYW5ub3RhdGlvbnMiOnsiaW8ua3ViZXJuZXRlcy5jb250YWluZXIucmVzdGFydENvdW50IjoiNCJ9fX19")));
    ASSERT_TRUE(info);
    const Container& container = info->container;
    EXPECT_EQ(container.id, id);
    EXPECT_EQ(container.image, "docker.io/library/bb:1");
    EXPECT_EQ(container.service, "mini");
    EXPECT_EQ(container.pod, "mini-1");
    EXPECT_EQ(container.namespace_name, "shop");
    EXPECT_EQ(container.pod_uid, "u1");
    EXPECT_EQ(container.kind, "container");
    EXPECT_EQ(container.restart_count, "4");
    EXPECT_EQ(exact_rfc3339(container.created), "2026-11-30T18:43:46.122595887Z");
    EXPECT_EQ(info->snapshotter, "overlayfs");
    EXPECT_EQ(info->snapshot, id);
    ASSERT_EQ(container.mounts.size(), 4U);
    EXPECT_EQ(container.mounts[0].type, "tmpfs");
    EXPECT_EQ(container.mounts[0].source, "") << "a tmpfs is no directory of the host";
    EXPECT_EQ(container.mounts[1].access, MountAccess::read_write);
    EXPECT_EQ(container.mounts[2].source, "/var/lib/kubelet/pods/u1/volumes/kubernetes.io~empty-dir/logs");
    EXPECT_EQ(container.mounts[2].access, MountAccess::read_only);
    EXPECT_EQ(container.mounts[3].type, "bind") << "its options make it one";
}

TEST(ParseInfo, ToleratesWhatIsMissingOrOdd) {
    EXPECT_EQ(parse_info(info_of("null"))->container.restart_count, "");
    EXPECT_EQ(parse_info(info_of(metadata("!!!")))->container.restart_count, "");
    EXPECT_EQ(parse_info(info_of(metadata("eyJWZXJz")))->container.restart_count, "") << "cut JSON";
    // {"Metadata":{"Config":{"metadata":{"attempt":7}}}}
    EXPECT_EQ(
        parse_info(info_of(metadata("eyJNZXRhZGF0YSI6eyJDb25maWciOnsibWV0YWRhdGEiOnsiYXR0ZW1wdCI6N319fX0K")))
            ->container.restart_count,
        "7")
        << "without the kubelet's annotation";
    for (const auto* nothing : {"", "[]", "{}", "null", R"({"ID": ""})", R"({"ID": 7})", "ctr: not found"})
        EXPECT_FALSE(parse_info(nothing)) << nothing;
    const auto bare = parse_info(R"({"ID": "web", "Labels": {"nerdctl/name": "shop-web-1"}, "Spec": null})");
    ASSERT_TRUE(bare);
    EXPECT_EQ(bare->container.name, "shop-web-1");
    EXPECT_EQ(bare->container.kind, "") << "not of the CRI service";
    EXPECT_EQ(parse_info(R"({"ID": "web"})")->container.name, "web");
    EXPECT_EQ(parse_info(R"({"ID": "a", "Extensions": {"io.cri-containerd.sandbox.metadata": {}}})")
                  ->container.kind,
              "podsandbox");
    EXPECT_EQ(parse_info(R"({"ID": "a", "Labels": {"io.cri-containerd.kind": "sandbox",
                             "io.kubernetes.docker.type": "podsandbox"}})")
                  ->container.kind,
              "")
        << "an image can set any label";
}

TEST(ParseTasks, SkipsTheHeadingAndWhatIsNoTask) {
    const auto tasks = parse_tasks("TASK     PID      STATUS    \n"
                                   "free1    27026    STOPPED\n" +
                                   id +
                                   "    24975    RUNNING\n"
                                   "p 12 PAUSED\nc 13 CREATED\nnew 14 SLEEPING\nbad -1 RUNNING\nx\n");
    ASSERT_EQ(tasks.size(), 5U);
    EXPECT_EQ(tasks.at("free1").state, ContainerState::exited);
    EXPECT_EQ(tasks.at(id).pid, 24975);
    EXPECT_EQ(tasks.at(id).state, ContainerState::running);
    EXPECT_EQ(tasks.at("p").state, ContainerState::paused);
    EXPECT_EQ(tasks.at("c").state, ContainerState::created);
    EXPECT_EQ(tasks.at("new").state, ContainerState::unknown);
}

TEST(ParseWords, SkipsLinesThatAreNoWord) {
    EXPECT_EQ(parse_words("a\n\n warning: something\n--force\nb \r\n"), (std::vector<std::string>{"a", "b"}));
}

TEST(ParseSnapshotMounts, FindsTheLayersOfAnOverlay) {
    Container container;
    parse_snapshot_mounts("mount -t overlay overlay /x -o index=off,workdir=" + snapshots +
                              "/3/work,upperdir=" + snapshots + "/3/fs,lowerdir=" + snapshots +
                              "/2/fs:" + snapshots + "/1/fs\n",
                          container);
    EXPECT_EQ(container.upper, snapshots + "/3/fs");
    EXPECT_EQ(container.lowers, (std::vector{snapshots + "/2/fs", snapshots + "/1/fs"}));
    EXPECT_EQ(containerd_root_of(container.upper), "/var/lib/containerd");
}

TEST(ParseSnapshotMounts, FindsTheDirectoryOfAPlainSnapshot) {
    Container container;
    parse_snapshot_mounts("mount -t bind /c/io.containerd.snapshotter.v1.native/snapshots/5 /x -o rbind,rw\n",
                          container);
    EXPECT_EQ(container.upper, "/c/io.containerd.snapshotter.v1.native/snapshots/5");
    EXPECT_TRUE(container.lowers.empty());
}

TEST(ParseSnapshotMounts, KnowsNoLayersOfOtherSnapshotters) {
    for (const auto* other :
         {"", "mount -t ext4 /dev/mapper/x-snap-5 /x -o rw", "mount -t overlay overlay /x",
          "mount -t overlay overlay /x -o upperdir=relative,lowerdir=/a",
          "mount -t overlay overlay /x -o lowerdir=/a:/b and more"}) {
        Container container;
        parse_snapshot_mounts(other, container);
        EXPECT_EQ(container.upper, "") << other;
        EXPECT_TRUE(container.lowers.empty()) << other;
    }
    EXPECT_EQ(containerd_root_of("/var/lib/docker/overlay2/a/diff"), "");
}

TEST(ParseCriStatus, TellsWhenAContainerRan) {
    Container container;
    parse_cri_status(
        R"({"Version":"v1","Pid":0,"CreatedAt":1796064226124178588,"StartedAt":1796064226218007199,)"
        R"("FinishedAt":1796064226223705834,"ExitCode":7,"Reason":"","Message":""})",
        container);
    EXPECT_EQ(container.state, ContainerState::exited);
    EXPECT_EQ(container.started.time_since_epoch().count(), 1796064226218007199);
    EXPECT_EQ(container.finished.time_since_epoch().count(), 1796064226223705834);
    container = {};
    parse_cri_status(R"({"CreatedAt":1796064226124178588,"StartedAt":0,"FinishedAt":0})", container);
    EXPECT_EQ(container.state, ContainerState::created);
    container.pid = 12;
    container.state = ContainerState::running;
    parse_cri_status(R"({"StartedAt":5,"FinishedAt":7})", container);
    EXPECT_EQ(container.state, ContainerState::running) << "its task is newer than what was written";
    EXPECT_EQ(container.finished, Timestamp{});
    parse_cri_status("not JSON", container);
    EXPECT_EQ(container.started.time_since_epoch().count(), 5);
}

TEST(ParseCtrEvents, ReadsALife) {
    const std::string task = R"({"container_id":")" + id + R"(","id":")" + id + R"(","pid":26877})";
    CtrPlaces places;
    const auto history = parse_ctr_events(
        "2026-11-30 18:47:28.826127305 +0000 UTC k8s.io /snapshot/prepare {\"key\":\"" + id + "\"}\n" +
            "2026-11-30 18:47:28.834095549 +0000 UTC k8s.io /containers/create {\"id\":\"" + id + "\"}\n" +
            "2026-11-30 18:47:28.94076061 +0000 UTC k8s.io /tasks/start " + task + "\n" +
            "2026-11-30 18:47:28.949892419 +0000 UTC k8s.io /tasks/exit " + task + "\n" +
            "2026-11-30 18:47:29.970104293 +0000 UTC k8s.io /containers/delete {\"id\":\"" + id + "\"}\n",
        places);
    EXPECT_TRUE(places.empty()) << "it is gone";
    EXPECT_EQ(history.events, 5U);
    ASSERT_EQ(history.lives.size(), 1U);
    const Life& life = history.lives.at(id);
    EXPECT_EQ(exact_rfc3339(life.container.created), "2026-11-30T18:47:28.834095549Z");
    EXPECT_EQ(exact_rfc3339(life.container.started), "2026-11-30T18:47:28.940760610Z");
    EXPECT_EQ(exact_rfc3339(life.container.finished), "2026-11-30T18:47:28.949892419Z");
    EXPECT_EQ(exact_rfc3339(life.removed), "2026-11-30T18:47:29.970104293Z");
}

TEST(ParseCtrEvents, NotesWhereAContainerIs) {
    CtrPlaces places;
    (void)parse_ctr_events("2026-11-30 18:47:28.8 +0000 UTC k8s.io /containers/create {\"id\":\"a\"}\n",
                           places);
    ASSERT_TRUE(places.contains("a"));
    EXPECT_EQ(places["a"].name_space, "k8s.io");
    EXPECT_EQ(places["a"].task.pid, 0);
    (void)parse_ctr_events(
        "2026-11-30 18:47:28.9 +0000 UTC k8s.io /tasks/start {\"container_id\":\"a\",\"pid\":26845}\n",
        places);
    EXPECT_EQ(places["a"].task.pid, 26845);
    EXPECT_EQ(places["a"].task.state, ContainerState::running);
    (void)parse_ctr_events("2026-11-30 18:47:29.0 +0000 UTC k8s.io /tasks/exit "
                           "{\"container_id\":\"a\",\"id\":\"a\",\"pid\":26845}\n",
                           places);
    EXPECT_EQ(places["a"].task.state, ContainerState::exited);
}

TEST(ParseCtrEvents, SkipsCommandsInAContainerDockerAndNonsense) {
    const std::string exec = R"({"container_id":"a","id":"probe-1","pid":7})";
    CtrPlaces places;
    const auto history =
        parse_ctr_events("2026-11-30 18:47:28.9 +0000 UTC k8s.io /tasks/exit " + exec +
                             "\n"
                             "2026-11-30 18:47:28.9 +0000 UTC moby /containers/create {\"id\":\"b\"}\n"
                             "2026-11-30 18:47:28.9 +0000 UTC k8s.io /containers/create nonsense\n"
                             "2026-11-30 18:47:28.9 +0000 UTC k8s.io /containers/create {\"id\":7}\n"
                             "nonsense\n\n",
                         places);
    EXPECT_TRUE(places.empty());
    EXPECT_TRUE(history.lives.empty());
}

} // namespace
} // namespace logbackup
