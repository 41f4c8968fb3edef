// SPDX-License-Identifier: MIT
#include "runtime/docker/inspect_json.hpp"

#include "runtime/docker/plain_layer.hpp"
#include "support.hpp"

#include "util/error.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace logbackup {
namespace {

// Printed by Docker 20.10 with overlay2; shortened where nothing is read.
constexpr std::string_view running = R"json([
    {
        "Id": "50c60e9b292204fc492609e95d961f78130cb100a80d1331573c26aa7b6c8071",
        "Created": "2026-11-22T15:30:59.248335762Z",
        "Path": "sleep",
        "Args": ["1000"],
        "State": {
            "Status": "running", "Running": true, "Paused": false, "Restarting": false, "OOMKilled": false,
            "Dead": false, "Pid": 6607, "ExitCode": 0, "Error": "",
            "StartedAt": "2026-11-22T15:30:59.458189826Z",
            "FinishedAt": "0001-01-01T00:00:00Z"
        },
        "Image": "sha256:bebb9c21badceb078679ad92121fa688015c16b939bbc045dc11f31a6ede3006",
        "Name": "/unit-a",
        "RestartCount": 0,
        "Driver": "overlay2",
        "ExecIDs": null,
        "HostConfig": {
            "Binds": ["unit-a-vol:/opt/logs/vol:ro"],
            "VolumesFrom": null,
            "Tmpfs": {"/opt/logs/tmp": "size=1m"},
            "ConsoleSize": [0, 0],
            "MaskedPaths": ["/proc/asound", "/proc/acpi"]
        },
        "GraphDriver": {
            "Data": {
                "LowerDir": "/d/overlay2/f067-init/diff:/d/overlay2/7d32/diff",
                "MergedDir": "/d/overlay2/f067/merged",
                "UpperDir": "/d/overlay2/f067/diff",
                "WorkDir": "/d/overlay2/f067/work"
            },
            "Name": "overlay2"
        },
        "Mounts": [
            {
                "Type": "volume", "Name": "unit-a-vol", "Source": "/d/volumes/unit-a-vol/_data",
                "Destination": "/opt/logs/vol", "Driver": "local", "Mode": "ro", "RW": false, "Propagation": ""
            },
            {
                "Type": "bind", "Source": "/srv/x", "Destination": "/x", "Mode": "", "RW": true,
                "Propagation": "rprivate"
            }
        ],
        "Config": {
            "Hostname": "50c60e9b2922",
            "Env": null,
            "Image": "lb:1",
            "Volumes": null,
            "Labels": {
                "annotation.io.kubernetes.container.restartCount": "2",
                "io.kubernetes.container.name": "payments",
                "io.kubernetes.docker.type": "container",
                "io.kubernetes.pod.name": "payments-7d9f",
                "io.kubernetes.pod.namespace": "shop",
                "io.kubernetes.pod.uid": "1234"
            }
        },
        "NetworkSettings": {"Networks": {"none": {"Links": null}}}
    }
]
)json";

/// One container with `members` beside its Id.
Container parse_one(const std::string& members) {
    const auto containers =
        parse_inspect(R"([{"Id": "abc")" + (members.empty() ? "" : ", " + members) + "}]");
    EXPECT_EQ(containers.size(), 1U) << members;
    return containers.empty() ? Container{} : containers.front();
}

TEST(ParseInspect, ReadsARunningContainer) {
    const auto containers = parse_inspect(running);
    ASSERT_EQ(containers.size(), 1U);
    const Container& c = containers.front();
    EXPECT_EQ(c.id, "50c60e9b292204fc492609e95d961f78130cb100a80d1331573c26aa7b6c8071");
    EXPECT_EQ(c.image, "lb:1");
    EXPECT_EQ(c.state, ContainerState::running);
    EXPECT_EQ(c.pid, 6607);
    EXPECT_TRUE(c.has_process());
    EXPECT_EQ(c.created, parse_rfc3339("2026-11-22T15:30:59.248335762Z"));
    EXPECT_EQ(c.started, parse_rfc3339("2026-11-22T15:30:59.458189826Z"));
    EXPECT_EQ(c.finished, Timestamp{});
    EXPECT_TRUE(c.has_service);
    EXPECT_TRUE(c.has_pod);
    EXPECT_EQ(c.service, "payments");
    EXPECT_EQ(c.pod, "payments-7d9f");
    EXPECT_EQ(c.namespace_name, "shop");
    EXPECT_EQ(c.pod_uid, "1234");
    EXPECT_EQ(c.restart_count, "2");
    EXPECT_EQ(c.kind, "container");
    EXPECT_EQ(c.upper, "/d/overlay2/f067/diff");
    EXPECT_EQ(c.merged, "/d/overlay2/f067/merged");
    EXPECT_EQ(c.lowers, (std::vector<std::string>{"/d/overlay2/f067-init/diff", "/d/overlay2/7d32/diff"}));
}

TEST(ParseInspect, ReadsMountsAndTheTmpfsOfTheHostConfig) {
    const auto containers = parse_inspect(running);
    ASSERT_EQ(containers.size(), 1U);
    const auto& mounts = containers.front().mounts;
    ASSERT_EQ(mounts.size(), 3U);
    EXPECT_EQ(mounts[0].type, "volume");
    EXPECT_EQ(mounts[0].source, "/d/volumes/unit-a-vol/_data");
    EXPECT_EQ(mounts[0].destination, "/opt/logs/vol");
    EXPECT_EQ(mounts[0].access, MountAccess::read_only);
    EXPECT_EQ(mounts[0].name, "unit-a-vol");
    EXPECT_EQ(mounts[1].type, "bind");
    EXPECT_EQ(mounts[1].access, MountAccess::read_write);
    EXPECT_EQ(mounts[2].type, "tmpfs");
    EXPECT_EQ(mounts[2].source, "");
    EXPECT_EQ(mounts[2].destination, "/opt/logs/tmp");
}

TEST(ParseInspect, ReadsNoContainers) {
    EXPECT_TRUE(parse_inspect("[]").empty());
    EXPECT_TRUE(parse_inspect("[]\n").empty());
}

TEST(ParseInspect, LeavesOutElementsThatAreNoContainers) {
    EXPECT_TRUE(parse_inspect(R"([null, 1, "x", [], [{"Id": "a"}], {}, {"Id": ""}, {"Id": 7}, {"Id": null}])")
                    .empty());
    const auto containers = parse_inspect(R"([{"Name": "/x"}, {"Id": "a"}, null, {"Id": "b"}])");
    ASSERT_EQ(containers.size(), 2U);
    EXPECT_EQ(containers[0].id, "a");
    EXPECT_EQ(containers[1].id, "b");
}

TEST(ParseInspect, TakesAnyTopLevelMemberToBeMissingOrOfAnotherType) {
    parse_one("");
    for (const std::string member :
         {"Created", "State", "Config", "GraphDriver", "Mounts", "HostConfig", "Driver"}) {
        for (const std::string value : {"null", "true", "-1", "1e400", "\"\"", "\"text\"", "[]",
                                        "[null, 1, \"x\", []]", "{}", "{\"x\": null}"}) {
            if (value == "1e400")
                continue; // no JSON number
            SCOPED_TRACE(member + ": " + value);
            const Container c = parse_one("\"" + member + "\": " + value);
            EXPECT_EQ(c.id, "abc");
            EXPECT_EQ(c.state, ContainerState::unknown);
            EXPECT_FALSE(c.has_process());
            EXPECT_FALSE(c.has_service);
            EXPECT_TRUE(c.upper.empty() && c.merged.empty() && c.lowers.empty());
        }
    }
}

TEST(ParseInspect, TakesAnyInnerMemberToBeOfAnotherType) {
    for (const std::string value : {"null", "true", "7", "1.5", "[]", "{}", "[\"x\"]"}) {
        SCOPED_TRACE(value);
        const Container c = parse_one(
            R"("State": {"Status": )" + value + R"(, "StartedAt": )" + value + R"(, "FinishedAt": )" + value +
            R"(}, "Config": {"Image": )" + value + R"(, "Labels": {"io.kubernetes.container.name": )" +
            value + R"(, "io.kubernetes.pod.name": )" + value + R"(, "io.kubernetes.pod.namespace": )" +
            value + R"(}}, "GraphDriver": {"Data": {"UpperDir": )" + value + R"(, "LowerDir": )" + value +
            R"(, "MergedDir": )" + value + R"(}}, "Mounts": [{"Type": )" + value + R"(, "Source": )" + value +
            R"(, "Destination": )" + value + R"(, "RW": )" + value + "}]");
        EXPECT_EQ(c.state, ContainerState::unknown);
        EXPECT_EQ(c.started, Timestamp{});
        EXPECT_TRUE(c.image.empty());
        EXPECT_FALSE(c.has_service);
        EXPECT_FALSE(c.has_pod);
        EXPECT_TRUE(c.upper.empty() && c.merged.empty() && c.lowers.empty());
        for (const auto& mount : c.mounts)
            EXPECT_TRUE(mount.source.empty() && mount.destination.empty());
    }
}

TEST(ParseInspect, ReadsWhatTheContainerdImageStorePrints) {
    const Container c = parse_one(R"("State": {"Status": "running", "Pid": 12}, "GraphDriver": {"Data": null,
        "Name": "overlayfs"}, "Mounts": null, "Config": {"Labels": null}, "HostConfig": {"Tmpfs": null})");
    EXPECT_EQ(c.state, ContainerState::running);
    EXPECT_TRUE(c.has_process());
    EXPECT_TRUE(c.upper.empty() && c.merged.empty() && c.lowers.empty() && c.mounts.empty());
}

TEST(ParseInspect, ReadsTheLabelsWithoutTheRestOfTheContainer) {
    const Container c = parse_one(R"("Config": {"Labels": {"io.kubernetes.container.name": "",
        "io.kubernetes.docker.type": "podsandbox", "a\nb": "c\u0000d"}})");
    EXPECT_TRUE(c.has_service); // it is there, though empty
    EXPECT_FALSE(c.has_pod);
    EXPECT_EQ(c.kind, "podsandbox");
}

TEST(ParseInspect, TakesOnlyPidsThatCanBe) {
    const std::vector<std::pair<std::string, pid_t>> cases{
        {"1", 1},
        {"4194304", 4194304},
        {"2147483647", 2147483647},
        {"2147483648", 0},
        {"4294967297", 0},
        {"0", 0},
        {"-1", 0},
        {"-9223372036854775808", 0},
        {"9223372036854775808", 0},
        {"1.5", 0},
        {"99999999999999999999999", 0},
        {"18446744073709551615", 0},
        {"\"12\"", 0},
        {"null", 0},
        {"[12]", 0},
        {"true", 0},
    };
    for (const auto& [text, expected] : cases)
        EXPECT_EQ(parse_one(R"("State": {"Pid": )" + text + "}").pid, expected) << text;
}

TEST(ParseInspect, ReadsEveryState) {
    for (const auto state : {ContainerState::created, ContainerState::running, ContainerState::paused,
                             ContainerState::restarting, ContainerState::removing, ContainerState::exited,
                             ContainerState::dead, ContainerState::unknown})
        EXPECT_EQ(parse_one(R"("State": {"Status": ")" + std::string(name_of(state)) + "\"}").state, state);
    EXPECT_EQ(parse_one(R"("State": {"Status": "Running"})").state, ContainerState::unknown);
}

TEST(ParseInspect, ReadsWhatOnlyPodmanPrints) {
    // Printed by podman 4.3.1, shortened.
    const Container c = parse_one(R"("State": {"Status": "exited", "Pid": 0,
        "StartedAt": "2026-11-30T22:47:13.602403951Z", "FinishedAt": "2026-11-30T22:47:13.591420568Z"},
        "Image": "497bbebe4c63", "ImageName": "localhost/logs:latest", "Pod": "", "ResolvConfPath": "",
        "StaticDir": "/var/lib/containers/storage/overlay-containers/abc/userdata", "Name": "job",
        "GraphDriver": {"Name": "overlay", "Data": {
            "LowerDir": "/var/lib/containers/storage/overlay/08e3/diff",
            "UpperDir": "/var/lib/containers/storage/overlay/46bb/diff",
            "WorkDir": "/var/lib/containers/storage/overlay/46bb/work"}},
        "IsInfra": false, "Config": {"Image": "localhost/logs:latest", "Labels": null},
        "HostConfig": {"Tmpfs": {"/tmpfs": "rw,rprivate"}})");
    EXPECT_EQ(c.name, "job");
    EXPECT_EQ(c.image, "localhost/logs:latest");
    EXPECT_EQ(c.upper, "/var/lib/containers/storage/overlay/46bb/diff");
    EXPECT_EQ(c.lowers, std::vector<std::string>{"/var/lib/containers/storage/overlay/08e3/diff"});
    EXPECT_EQ(c.merged, "");
    EXPECT_EQ(c.data_root, "/var/lib/containers/storage");
    EXPECT_EQ(c.kind, "");
    EXPECT_EQ(parse_one(R"("IsInfra": true)").kind, "podsandbox");
    EXPECT_EQ(
        parse_one(R"("IsInfra": false, "Config": {"Labels": {"io.kubernetes.docker.type": "podsandbox"}})")
            .kind,
        "")
        << "an image can say so";
    EXPECT_EQ(parse_one(R"("StaticDir": "/x/overlay-containers/other/userdata")").data_root, "");
    EXPECT_EQ(parse_one(R"("StaticDir": "abc-containers/abc/userdata")").data_root, "");
    const auto state = [](const std::string& name) {
        return parse_one(R"("State": {"Status": ")" + name + "\"}").state;
    };
    EXPECT_EQ(state("configured"), ContainerState::created);
    EXPECT_EQ(state("initialized"), ContainerState::created);
    EXPECT_EQ(state("stopping"), ContainerState::running);
    EXPECT_EQ(state("stopped"), ContainerState::exited);
}

TEST(ParseInspect, ThrowsOnWhatIsNotOneWholeArray) {
    const std::string half(running.substr(0, running.size() / 2));
    for (const std::string& text :
         {std::string(), std::string(" "), std::string("null"), std::string("{}"),
          std::string(R"({"Id": "abc"})"), std::string("garbage"), std::string("["), std::string("[{"),
          std::string(R"([{"Id": "abc"})"), std::string("[] []"), std::string("[]garbage"), half,
          std::string("<html>"), std::string("\"[]\"")})
        EXPECT_THROW((void)parse_inspect(text), Error) << text;
}

TEST(ParseInspect, ThrowsOnBytesThatAreNotUtf8) {
    EXPECT_THROW((void)parse_inspect("[{\"Id\": \"a\xff\"}]"), Error);
    EXPECT_THROW((void)parse_inspect("\xff\xfe[]"), Error);
}

TEST(ParseInspect, ReadsEscapedSurrogates) {
    EXPECT_EQ(parse_one(R"("Config": {"Image": "\ud83d\ude00"})").image, "😀");
    EXPECT_THROW((void)parse_inspect(R"([{"Id": "\ud83d"}])"), Error);
}

TEST(ParseInspect, SurvivesDeepNesting) {
    constexpr std::size_t depth = 100'000;
    const std::string open(depth, '[');
    const std::string close(depth, ']');
    EXPECT_THROW((void)parse_inspect(open), Error);
    EXPECT_TRUE(parse_inspect(open + close).empty());
    std::string objects;
    for (std::size_t i = 0; i < depth; ++i)
        objects += "{\"a\":";
    EXPECT_THROW((void)parse_inspect("[" + objects), Error);
    const std::string closed = objects + "1" + std::string(depth, '}');
    EXPECT_EQ(parse_one("\"Config\": " + closed).id, "abc");
    EXPECT_EQ(parse_one("\"Unread\": " + closed).id, "abc");
    EXPECT_EQ(parse_one("\"Mounts\": " + open + close).id, "abc");
}

TEST(ParseInspect, CutsWhatIsWrittenDownWithoutBeingLookedAt) {
    const std::string huge(2'000'000, 'x');
    const auto containers = parse_inspect(
        R"([{"Id": "a", "Config": {"Image": ")" + huge + R"(", "Labels": {"io.kubernetes.pod.uid": ")" +
        huge + R"(", "annotation.io.kubernetes.container.restartCount": ")" + huge + R"("}}}])");
    ASSERT_EQ(containers.size(), 1U);
    EXPECT_LE(containers[0].image.size() + containers[0].pod_uid.size() + containers[0].restart_count.size(),
              2000U);
}

TEST(Described, FindsThePlainDirectoriesOfOtherStorageDrivers) {
    test::TempDir dir;
    const std::string id(64, 'a');
    const std::string sandbox(64, 'b');
    const auto upper = [&] {
        return described(R"([{"Id":")" + id +
                         R"(","GraphDriver":{"Name":"vfs","Data":null},"ResolvConfPath":")" + dir.path() +
                         "/containers/" + sandbox + R"(/resolv.conf"}])")
            .at(0)
            .upper;
    };
    EXPECT_EQ(upper(), "");
    const std::string mounts = "image/btrfs/layerdb/mounts/" + id;
    dir.make_directory(mounts);
    dir.write(mounts + "/mount-id", "5ba2");
    EXPECT_EQ(upper(), dir.path() + "/btrfs/subvolumes/5ba2");
    dir.write(mounts + "/mount-id", "../elsewhere");
    EXPECT_EQ(upper(), "");
    dir.make_directory("image/vfs/layerdb/mounts/" + id);
    dir.write("image/vfs/layerdb/mounts/" + id + "/mount-id", "77\n");
    EXPECT_EQ(upper(), dir.path() + "/vfs/dir/77");
}

TEST(Described, FindsThePlainDirectoriesOfPodman) {
    test::TempDir dir;
    const auto upper = [&] {
        return described(R"([{"Id":"abc","GraphDriver":{"Name":"vfs","Data":{}},"StaticDir":")" + dir.path() +
                         R"(/vfs-containers/abc/userdata"}])")
            .at(0)
            .upper;
    };
    EXPECT_EQ(upper(), "");
    dir.make_directory("vfs-containers");
    for (const auto* nonsense :
         {"", "[", "{}", "[1]", R"([{"id":"abc"}])", R"([{"id":"abc","layer":"../x"}])"}) {
        dir.write("vfs-containers/containers.json", nonsense);
        EXPECT_EQ(upper(), "") << nonsense;
    }
    dir.write("vfs-containers/containers.json", R"([{"id":"ab","layer":"1"},{"id":"abc","layer":"2"}])");
    EXPECT_EQ(upper(), dir.path() + "/vfs/dir/2");
    dir.write("vfs-containers/containers.json", "[]"); // of "podman run --rm"
    dir.write("vfs-containers/volatile-containers.json", R"([{"id":"abc","layer":"3"}])");
    EXPECT_EQ(upper(), dir.path() + "/vfs/dir/3");
}

} // namespace
} // namespace logbackup
