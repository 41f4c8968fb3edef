// SPDX-License-Identifier: MIT
#include "support.hpp"

#include <fcntl.h>

using namespace e2e;

namespace {
/// A docker client that hides MergedDir, and all layers when told to, as Docker with containerd's image store
/// does.
fs::path client_without_layers(const fs::path& directory) {
    return write_script(directory / "docker", R"sh(real=$(PATH=$PATH:/usr/local/bin command -v docker)
[ "$1" = inspect ] || exec "$real" "$@"
"$real" "$@" | sed -E 's/"(MergedDir|UpperDir|LowerDir)": "[^"]*"/"\1": null/')sh");
}
} // namespace

class Locate : public BothWays {
  protected:
    std::string volume(const std::string& name, const std::string& file, const std::string& content) {
        write_file(scratch.path() / name / file, content);
        return (scratch.path() / name).string();
    }
    Tree saved() { return tree_of(backup / "web/web-1"); }
};
IN_BOTH_WAYS(Locate);

TEST_P(Locate, AVolumeAtTheLogDirectoryIsReadInsteadOfTheImagesStaleFiles) {
    engine.build("stale:1", {"echo stale > /opt/logs/app.log; echo stale > /opt/logs/stale.log"});
    const auto path = volume("emptydir", "app.log", "fresh\n");
    const auto running =
        engine.start({"web", "web-1", {"--volume", path + ":/opt/logs"}, "exec sleep 1000000", "stale:1"});
    expect_clean(run_once());
    EXPECT_EQ(saved(), (Tree{{"app.log", "fresh\n"}}));

    append_file(fs::path(path) / "app.log", "last words\n");
    engine.kill(running);
    expect_clean(run_once());
    EXPECT_EQ(saved(), (Tree{{"app.log", "fresh\nlast words\n"}}));
}

TEST_P(Locate, AVolumeAboveTheLogDirectory) {
    engine.build("stale:1", {"echo stale > /opt/logs/app.log"});
    const auto path = volume("opt", "logs/app.log", "in the volume\n");
    engine.start({"web", "web-1", {"--volume", path + ":/opt"}, "exec sleep 1000000", "stale:1"});
    expect_clean(run_once());
    EXPECT_EQ(saved(), (Tree{{"app.log", "in the volume\n"}}));
}

TEST_P(Locate, VolumesAndSingleFilesBelowTheLogDirectory) {
    const auto audit = volume("audit", "audit.log", "audit\n");
    const auto inner = volume("inner", "inner.log", "inner\n");
    const auto single = volume("single", "one.log", "single\n") + "/one.log";
    fs::create_directory(scratch.path() / "audit/deep");
    const auto id =
        engine.start({"web",
                      "web-1",
                      {"--volume", audit + ":/opt/logs/audit", "--volume", inner + ":/opt/logs/audit/deep",
                       "--volume", single + ":/opt/logs/one.log"}});
    engine.exec(id, "echo top > /opt/logs/app.log");
    const Tree expected{{"app.log", "top\n"},
                        {"audit", "dir"},
                        {"audit/audit.log", "audit\n"},
                        {"audit/deep", "dir"},
                        {"audit/deep/inner.log", "inner\n"},
                        {"one.log", "single\n"}};
    expect_clean(run_once());
    EXPECT_EQ(saved(), expected);

    engine.kill(id);
    append_file(single, "and more\n");
    expect_clean(run_once());
    EXPECT_EQ(saved().at("one.log"), "single\nand more\n");
    EXPECT_EQ(saved().size(), expected.size());
}

TEST_P(Locate, ANamedVolume) {
    const auto id = engine.start({"web", "web-1", {"--volume", "named:/opt/logs"}});
    engine.exec(id, "echo named > /opt/logs/app.log");
    engine.kill(id);
    expect_clean(run_once());
    EXPECT_EQ(saved(), (Tree{{"app.log", "named\n"}}));
}

TEST_P(Locate, ATmpfsIsReadThroughTheContainersProcess) {
    engine.build("stale:1", {"echo stale > /opt/logs/app.log"});
    const Pod by_option{"web", "web-1", {"--tmpfs", "/opt/logs"}, "exec sleep 1000000", "stale:1"};
    const Pod by_mount{"web", "web-2", {"--mount", "type=tmpfs,destination=/opt/logs/mem"}};
    const auto a = engine.start(by_option);
    const auto b = engine.start(by_mount);
    engine.exec(a, "echo in memory > /opt/logs/app.log");
    engine.exec(b, "echo in memory > /opt/logs/mem/app.log; echo on disk > /opt/logs/app.log");
    expect_clean(run_once());
    EXPECT_EQ(saved(), (Tree{{"app.log", "in memory\n"}}));
    const Tree second{{"app.log", "on disk\n"}, {"mem", "dir"}, {"mem/app.log", "in memory\n"}};
    EXPECT_EQ(tree_of(backup / "web/web-2"), second);

    // What is saved stays when the tmpfs has ended with its container.
    engine.kill(a);
    engine.kill(b);
    expect_clean(run_once());
    EXPECT_EQ(saved(), (Tree{{"app.log", "in memory\n"}}));
    EXPECT_EQ(tree_of(backup / "web/web-2"), second);
}

// Of two containers with one volume only one is read. It does not have what is mounted in the other.
TEST_P(Locate, ATmpfsBelowASharedVolumeIsSaved) {
    const auto path = volume("shared", "app.log", "shared\n");
    const auto plain = engine.start({"web", "web-1", {"--volume", path + ":/opt/logs"}});
    const auto other =
        engine.start({"helper",
                      "web-1",
                      {"--volume", path + ":/opt/logs", "--mount", "type=tmpfs,destination=/opt/logs/mem"}});
    engine.exec(other, "echo in memory > /opt/logs/mem/fast.log");
    expect_clean(run_once());
    EXPECT_EQ(read_file(backup / "web/web-1/app.log"), "shared\n");
    const auto fast = backup / "helper/web-1+opt+logs+mem/fast.log";
    EXPECT_EQ(read_file(fast), "in memory\n");

    engine.exec(other, "echo more > /opt/logs/mem/more.log");
    engine.kill(plain); // the other one is left, and its tmpfs keeps its place
    engine.remove(plain);
    expect_clean(run_once());
    EXPECT_EQ(read_file(backup / "helper/web-1+opt+logs+mem/more.log"), "more\n");
    engine.kill(other);
    expect_clean(run_once());
    engine.remove(other);
    expect_clean(run_once());
    EXPECT_EQ(read_file(fast), "in memory\n");
    const auto list = run_once({"list"}).out;
    EXPECT_NE(list.find("1 cut"), std::string::npos) << list << "nobody saw its end";
}

TEST_P(Locate, WithoutMergedDirTheContainersMountNamespaceIsRead) {
    const auto path = volume("emptydir", "audit.log", "audit\n");
    const auto id = engine.start({"web", "web-1", {"--volume", path + ":/opt/logs/audit"}});
    engine.exec(id, "echo top > /opt/logs/app.log");
    const auto stopped = engine.start({"job", "job-1", {}, "echo x > /opt/logs/app.log"});
    engine.wait(stopped);

    const Result result = run_once({"-v", "--docker", client_without_layers(scratch.path()).string()});

    EXPECT_EQ(saved(), (Tree{{"app.log", "top\n"}, {"audit", "dir"}, {"audit/audit.log", "audit\n"}}));
    EXPECT_NE(result.out.find("process"), std::string::npos) << result.out;
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_NE(result.out.find("log directory removed"), std::string::npos) << "docker names no layers of it";
}

// A mount namespace that was made before the container started shows MergedDir as an empty directory.
TEST_P(Locate, WhereTheDaemonsMountsAreNotSeenTheContainersMountNamespaceIsRead) {
    const Background elsewhere({"unshare", "--mount", "--propagation", "private", "sleep", "1000"});
    const std::string ns = "/proc/" + std::to_string(elsewhere.pid()) + "/ns/mnt";
    wait_until("the namespace is there", [&] {
        std::error_code error;
        const auto theirs = fs::read_symlink(ns, error);
        return !error && theirs != fs::read_symlink("/proc/self/ns/mnt");
    });
    const auto id = engine.start({"web", "web-1"});
    engine.exec(id, "echo seen > /opt/logs/app.log");

    auto argv = command({"-v"});
    argv.insert(argv.begin(), {"nsenter", "--mount=" + ns, "--"});
    const Result result = run(argv);

    expect_clean(result);
    EXPECT_EQ(saved(), (Tree{{"app.log", "seen\n"}}));
    EXPECT_NE(result.out.find("process"), std::string::npos) << result.out;
}

TEST_P(Locate, LinksResolveInsideTheContainer) {
    engine.build(
        "links:1",
        {"rmdir /opt/logs; ln -s /var/log/app /opt/logs; mkdir -p /var/log/app; echo inside > /etc/secret"});
    const auto absolute = engine.start({"web", "absolute", {}, "exec sleep 1000000", "links:1"});
    engine.exec(absolute, "echo absolute > /var/log/app/app.log");
    const auto etc = engine.start(
        {"web", "etc", {}, "rmdir /opt/logs; ln -s ../../../../etc /opt/logs; exec sleep 1000000"});
    const auto data = volume("data", "app/app.log", "volume\n");
    const auto into_volume = engine.start({"web",
                                           "into-volume",
                                           {"--volume", data + ":/data"},
                                           "rmdir /opt/logs; ln -s /data/app /opt/logs; exec sleep 1000000"});
    wait_until("the links are made", [&] {
        return run({"docker", "exec", etc, "test", "-L", "/opt/logs"}).code == 0 &&
               run({"docker", "exec", into_volume, "test", "-L", "/opt/logs"}).code == 0;
    });
    const auto loop = engine.start({"web", "loop", {}, "rmdir /opt/logs; ln -s logs /opt/logs"});
    engine.wait(loop);

    const Result result = run_once();

    EXPECT_EQ(tree_of(backup / "web/absolute"), (Tree{{"app.log", "absolute\n"}}));
    EXPECT_EQ(tree_of(backup / "web/into-volume"), (Tree{{"app.log", "volume\n"}}));
    EXPECT_EQ(tree_of(backup / "web/etc").at("passwd"), "root:x:0:0::/:/bin/sh\n")
        << "the container's, not the host's";
    EXPECT_EQ(tree_of(backup).count("web/loop"), 0U);
    EXPECT_EQ(result.code, 0) << "a container can do that for ever";
    EXPECT_NE(result.err.find("Too many levels of symbolic links"), std::string::npos) << result.err;
}

// The container replaces the directory, in which its other volume begins, by a link to the host's files.
TEST_P(Locate, AVolumeWhosePathOnTheHostBecameALink) {
    write_file(scratch.path() / "secret/shadow", "the host's\n");
    const auto inner = volume("shared/logs", "app.log", "its own\n");
    engine.start(
        {"web",
         "web-1",
         {"--volume", (scratch.path() / "shared").string() + ":/shared", "--volume", inner + ":/opt/logs"}});
    engine.start({"web",
                  "web-2",
                  {"--volume", (scratch.path() / "shared").string() + ":/shared", "--volume",
                   inner + ":/opt/logs/below"}});
    fs::rename(scratch.path() / "shared/logs", scratch.path() / "shared/moved");
    fs::create_directory_symlink(scratch.path() / "secret", scratch.path() / "shared/logs");
    expect_clean(run_once());
    EXPECT_EQ(saved(), (Tree{{"app.log", "its own\n"}}));
    EXPECT_EQ(tree_of(backup / "web/web-2"), (Tree{{"below", "dir"}, {"below/app.log", "its own\n"}}));
}

// The runtime resolves a mount point like any path in the container.
TEST_P(Locate, AVolumeWhoseMountPointGoesThroughALink) {
    engine.build("links:1", {"mkdir -p /data/logs; echo stale > /data/logs/stale.log; ln -s data /srv2"});
    const auto path = volume("emptydir", "app.log", "volume\n");
    const auto id =
        engine.start({"web", "web-1", {"--volume", path + ":/srv2/logs"}, "exec sleep 1000000", "links:1"});
    for (const auto* name : {"/srv2/logs", "/data/logs"}) {
        expect_clean(run_once({"--log-dir", name}));
        EXPECT_EQ(saved(), (Tree{{"app.log", "volume\n"}}));
    }
    engine.kill(id);
    expect_clean(run_once({"--log-dir", "/data/logs"}));
    EXPECT_EQ(saved(), (Tree{{"app.log", "volume\n"}}));
}

TEST_P(Locate, AVolumeBelowADirectoryThatOnlyTheImageHas) {
    engine.build("sub:1", {"mkdir /opt/logs/audit"});
    const auto path = volume("audit", "audit.log", "audit\n");
    const auto id = engine.start(
        {"web", "web-1", {"--volume", path + ":/opt/logs/audit"}, "exec sleep 1000000", "sub:1"});
    engine.kill(id);
    expect_clean(run_once());
    EXPECT_EQ(saved(), (Tree{{"audit", "dir"}, {"audit/audit.log", "audit\n"}}));
}

TEST_P(Locate, ALogDirectoryThatIsMissingIsNoError) {
    engine.start({"web", "web-1", {}, "rmdir /opt/logs; exec sleep 1000000"});
    const auto id = engine.start({"web", "web-2"});
    engine.exec(id, "rmdir /opt/logs");
    const Result result = run_once();
    expect_clean(result);
    EXPECT_NE(result.out.find("no log directory"), std::string::npos) << result.out;
    EXPECT_EQ(tree_of(backup), Tree());
}

TEST_P(Locate, AnotherLogDirectoryInsideTheContainers) {
    const auto id = engine.start({"web", "web-1"});
    engine.exec(id, "echo other > /var/log/other.log");
    expect_clean(run_once({"--log-dir", "/var/log/"}));
    EXPECT_EQ(saved(), (Tree{{"other.log", "other\n"}}));
}

// Without the right to mount only the uppermost layer of a stopped container can be read, so these are for
// one way.
class LocateMounted : public Locate {};
MOUNTED_ONLY(LocateMounted);

TEST_P(LocateMounted, AStoppedContainerIsRebuiltFromItsLayers) {
    engine.build("layers:1",
                 {"cd /opt/logs; mkdir d opaque; echo lower > lower.log; echo lower > deleted.log; echo "
                  "lower > d/a.log; echo lower > opaque/hidden.log; echo lower > grows.log"});
    const Pod pod{"web",
                  "web-1",
                  {},
                  "cd /opt/logs; rm deleted.log; mv d renamed; rm -r opaque; mkdir opaque; echo new > "
                  "opaque/new.log; echo upper >> grows.log; exec sleep 1000000",
                  "layers:1"};
    const auto id = engine.start(pod);
    wait_until("it has written", [&] {
        return run({"docker", "exec", id, "grep", "-q", "upper", "/opt/logs/grows.log"}).code == 0;
    });
    engine.kill(id);
    expect_clean(run_once());
    EXPECT_EQ(saved(), (Tree{{"lower.log", "lower\n"},
                             {"grows.log", "lower\nupper\n"},
                             {"opaque", "dir"},
                             {"opaque/new.log", "new\n"},
                             {"renamed", "dir"},
                             {"renamed/a.log", "lower\n"}}));
}

TEST_P(LocateMounted, AnImageWithVeryManyLayers) {
    // More layers than fit by their paths into the 4095 bytes that mount(2) takes. `docker load` takes them
    // at once, from the format of docker save.
    const fs::path image = scratch.path() / "image";
    sh("mkdir -p '" + image.string() + R"(' && cd ')" + image.string() + R"(' && layers= diffs=
for i in $(seq 100); do
  mkdir -p l$i/opt/logs && echo "layer $i" > l$i/opt/logs/layer$i.log && echo "layer $i" > l$i/opt/logs/same.log
  [ $i -gt 1 ] || { mkdir -p l1/bin && cp /bin/busybox l1/bin/ && ln -s busybox l1/bin/sh && ln -s busybox l1/bin/sleep; }
  tar -C l$i -cf l$i.tar . && rm -r l$i
  layers="$layers${layers:+,}\"l$i.tar\"" diffs="$diffs${diffs:+,}\"sha256:$(sha256sum < l$i.tar | cut -c1-64)\""
done
echo "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[$diffs]}}" > config.json
echo "[{\"Config\":\"config.json\",\"RepoTags\":[\"many:1\"],\"Layers\":[$layers]}]" > manifest.json
tar -c . | docker load)");
    const auto id = engine.start({"web", "web-1", {}, "echo own > /opt/logs/own.log", "many:1"});
    engine.wait(id);
    expect_clean(run_once());
    EXPECT_EQ(saved().size(), 102U);
    EXPECT_EQ(saved().at("layer1.log"), "layer 1\n");
    EXPECT_EQ(saved().at("same.log"), "layer 100\n");
    EXPECT_EQ(saved().at("own.log"), "own\n");
}
