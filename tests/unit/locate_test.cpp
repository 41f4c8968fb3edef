// SPDX-License-Identifier: MIT
#include "locate/locate.hpp"
#include "locate/overlap.hpp"

#include "support.hpp"
#include "util/files.hpp"

#include <gtest/gtest.h>

#include <sys/sysmacros.h>

namespace logbackup {
namespace {

using test::TempDir;

Identity identity_of(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return {status.st_dev, status.st_ino};
}

Identity identity_of(const UniqueFd& held) {
    const auto status = status_of(held.get());
    return status ? Identity{status->st_dev, status->st_ino} : Identity{};
}

/// A stopped container whose files all are in its uppermost layer, read without mounts.
class Locate : public ::testing::Test {
  protected:
    TempDir dir;
    Container container;

    void SetUp() override {
        container.id = std::string(64, 'a');
        container.state = ContainerState::exited;
        container.upper = dir.make_directory("root");
        dir.make_directory("volume");
    }

    void mount(const std::string& source, const std::string& destination,
               MountAccess access = MountAccess::read_write) {
        container.mounts.push_back({source.empty() ? "tmpfs" : "bind", source, destination, access});
    }
    Located find(const std::string& log_directory = "/opt/logs") const {
        HostPaths host;
        return locate(container, log_directory, nullptr, host);
    }
    /// The log directory, which must be the directory `path` of the host.
    LogDirectory expect_at(const std::string& path) const {
        auto located = find();
        if (const auto* failed = std::get_if<LocateFailed>(&located)) {
            ADD_FAILURE() << failed->reason;
            return {};
        }
        if (std::holds_alternative<NoLogDirectory>(located)) {
            ADD_FAILURE() << "no log directory";
            return {};
        }
        auto found = std::get<LogDirectory>(std::move(located));
        EXPECT_FALSE(found.sources.empty());
        EXPECT_TRUE(found.identity == identity_of(path)) << "not " << path;
        EXPECT_TRUE(found.identity == identity_of(found.sources.at(0).held));
        EXPECT_EQ(found.sources.at(0).below, "");
        return found;
    }
    void expect_gone() const { EXPECT_TRUE(std::holds_alternative<LogDirectoryGone>(find())); }
    void expect_none() const { EXPECT_TRUE(std::holds_alternative<NoLogDirectory>(find())); }
    /// It cannot be found because of what the container made.
    std::string expect_barred() const {
        const auto located = find();
        const auto* failed = std::get_if<LocateFailed>(&located);
        EXPECT_TRUE(failed != nullptr && failed->limit == Limit::location);
        return failed != nullptr ? failed->reason : std::string();
    }
    std::string expect_failure() const {
        const auto located = find();
        const auto* failed = std::get_if<LocateFailed>(&located);
        EXPECT_NE(failed, nullptr);
        return failed != nullptr ? failed->reason : std::string();
    }
};

TEST_F(Locate, FindsAPlainDirectory) {
    const auto path = dir.make_directory("root/opt/logs");
    const auto found = expect_at(path);
    EXPECT_EQ(found.sources.size(), 1U);
    EXPECT_EQ(found.sources.at(0).kind, SourceKind::upper);
    EXPECT_EQ(found.sources.at(0).host_path, path);
    EXPECT_EQ(found.volume, "");
    EXPECT_FALSE(found.process);
}

// An engine on another machine names a volume of which this one has the path, too.
TEST_F(Locate, ARunningContainerWithoutAProcessOrALayerHereIsNotReadFromAVolume) {
    dir.make_directory("volume/logs");
    dir.make_directory("root/opt");
    mount(dir.at("volume/logs"), "/opt/logs");
    container.state = ContainerState::running;
    for (const pid_t pid : {4194303, ::getpid()}) // nobody; somebody else
        for (const auto& upper : {std::string(), dir.at("nowhere/diff")}) {
            container.pid = pid;
            container.upper = upper;
            const auto located = find();
            const auto* failed = std::get_if<LocateFailed>(&located);
            ASSERT_NE(failed, nullptr);
            EXPECT_TRUE(failed->root_unseen);
        }
    container.upper = dir.at("root");
    expect_at(dir.at("volume/logs"));
}

TEST_F(Locate, FindsTheSameUnderAnySpelling) {
    const auto path = dir.make_directory("root/opt/logs");
    for (const std::string spelling :
         {"/opt/logs/", "//opt//logs", "/opt/./logs", "/opt/../opt/logs", "/../opt/logs"}) {
        const auto located = find(spelling);
        const auto* found = std::get_if<LogDirectory>(&located);
        ASSERT_NE(found, nullptr) << spelling;
        EXPECT_TRUE(found->identity == identity_of(path)) << spelling;
    }
}

TEST_F(Locate, HasNoneWhereAnyComponentIsMissing) {
    expect_none();
    dir.make_directory("root/opt");
    expect_none();
    dir.link("root/opt/logs", "/missing/too");
    expect_none();
}

TEST_F(Locate, HasNoneWhereALayerSaysItWasDeleted) {
    dir.make_directory("root/opt");
    if (::mknod(dir.at("root/opt/logs").c_str(), S_IFCHR | 0600, makedev(0, 0)) != 0)
        GTEST_SKIP() << "this process may not make a character device 0,0";
    expect_none();
}

TEST_F(Locate, FailsWhereItIsNoDirectory) {
    dir.write("root/opt/logs", "a file");
    EXPECT_NE(expect_barred().find("Not a directory"), std::string::npos);
    std::filesystem::remove(dir.at("root/opt/logs"));
    dir.fifo("root/opt/logs");
    expect_barred();
    std::filesystem::remove_all(dir.at("root/opt"));
    dir.write("root/opt", "a file above it");
    expect_barred();
}

TEST_F(Locate, FailsWithoutAnyLayer) {
    container.upper.clear();
    expect_gone();
    container.state = ContainerState::running;
    EXPECT_FALSE(expect_failure().empty());
    container.upper = dir.at("missing");
    EXPECT_NE(expect_failure().find("No such file"), std::string::npos);
}

TEST_F(Locate, ResolvesLinksInsideTheContainer) {
    const auto real = dir.make_directory("root/data/real");
    dir.make_directory("root/opt");
    for (const std::string target : {"/data/real", "../data/real", "../../../../../data/real",
                                     "/data/../data/./real/", "/../../data/real"}) {
        dir.link("root/opt/logs", target);
        expect_at(real);
        std::filesystem::remove(dir.at("root/opt/logs"));
    }
}

TEST_F(Locate, ResolvesChainedLinks) {
    const auto real = dir.make_directory("root/data/real");
    dir.link("root/opt", "srv/opt");
    dir.link("root/srv/opt/logs", "/one");
    dir.link("root/one", "two");
    dir.link("root/two", "/data/three");
    dir.link("root/data/three", "real");
    const auto found = expect_at(real);
    EXPECT_EQ(found.sources.at(0).host_path, real);
}

TEST_F(Locate, NeverLeavesTheContainer) {
    // On the host these lead to directories that exist.
    const auto outside = dir.make_directory("outside");
    dir.make_directory("root/opt");
    for (const std::string& target :
         {outside, std::string("../../outside"), std::string("../../../../../../../tmp"),
          std::string("/proc"), std::string("/etc")}) {
        dir.link("root/opt/logs", target);
        expect_none();
        std::filesystem::remove(dir.at("root/opt/logs"));
    }
}

TEST_F(Locate, TakesALinkToTheRootForTheContainersRoot) {
    dir.link("root/opt/logs", "/");
    expect_at(dir.at("root"));
    std::filesystem::remove(dir.at("root/opt/logs"));
    dir.link("root/opt/logs", "../../../..");
    expect_at(dir.at("root"));
}

TEST_F(Locate, FailsOnLoops) {
    dir.link("root/opt/logs", "logs");
    EXPECT_NE(expect_barred().find("Too many levels"), std::string::npos);
    std::filesystem::remove(dir.at("root/opt/logs"));
    dir.link("root/opt/logs", "/opt/other");
    dir.link("root/opt/other", "logs");
    expect_barred();
}

TEST_F(Locate, EscapesNamesInItsReasons) {
    dir.write("root/opt/\x1b[31m", "a file");
    dir.link("root/opt/logs", "\x1b[31m");
    EXPECT_EQ(expect_failure().find('\x1b'), std::string::npos);
}

TEST_F(Locate, FindsAVolumeAtTheLogDirectory) {
    dir.make_directory("root/opt/logs/stale");
    mount(dir.at("volume"), "/opt/logs/", MountAccess::read_only);
    const auto found = expect_at(dir.at("volume"));
    EXPECT_EQ(found.sources.at(0).kind, SourceKind::volume);
    EXPECT_EQ(found.sources.at(0).host_path, dir.at("volume"));
    EXPECT_EQ(found.volume, dir.at("volume"));
    EXPECT_EQ(found.access, MountAccess::read_only);
}

TEST_F(Locate, FindsAVolumeWhoseMountPointIsTheImages) {
    container.lowers = {dir.make_directory("empty"), dir.make_directory("image")};
    dir.make_directory("image/opt/logs");
    mount(dir.at("volume"), "/opt/logs");
    expect_at(dir.at("volume"));
    container.mounts[0].destination = "/opt";
    dir.make_directory("volume/logs");
    expect_at(dir.at("volume/logs"));
}

TEST_F(Locate, ReadsOnlyTheUppermostLayerButFindsItsWayThroughAll) {
    container.lowers = {dir.make_directory("image")};
    dir.make_directory("image/opt/logs");
    expect_none(); // only the image has it
    std::filesystem::remove_all(dir.at("image/opt"));
    dir.link("image/opt", "data");
    dir.make_directory("image/data");
    dir.make_directory("root/data/logs");
    expect_at(dir.at("root/data/logs"));
}

TEST_F(Locate, SeesTheUpperLayerOverTheLowerOnes) {
    container.lowers = {dir.make_directory("image")};
    dir.make_directory("root/opt/logs");
    dir.write("image/opt", "a file, covered by the directory");
    expect_at(dir.at("root/opt/logs"));
    std::filesystem::remove_all(dir.at("root/opt"));
    std::filesystem::remove_all(dir.at("image/opt"));
    dir.make_directory("image/opt/logs");
    dir.write("root/opt", "a file that covers the directory");
    expect_failure();
}

TEST_F(Locate, FindsALogDirectoryInAVolumeAboveIt) {
    dir.make_directory("root/opt/logs");
    dir.make_directory("volume/logs");
    mount(dir.at("volume"), "/opt");
    const auto found = expect_at(dir.at("volume/logs"));
    EXPECT_EQ(found.volume, dir.at("volume/logs"));
    EXPECT_EQ(found.access, MountAccess::read_write);
    std::filesystem::remove(dir.at("volume/logs"));
    expect_none(); // not the stale one of the image
}

TEST_F(Locate, TakesTheInnermostOfNestedVolumes) {
    dir.make_directory("root/opt");
    dir.make_directory("volume/logs");
    dir.make_directory("inner");
    mount(dir.at("volume"), "/opt");
    mount(dir.at("inner"), "/opt/logs");
    EXPECT_EQ(expect_at(dir.at("inner")).volume, dir.at("inner"));
}

TEST_F(Locate, ResolvesLinksInAVolumeInsideTheContainer) {
    const auto real = dir.make_directory("root/data/real");
    dir.make_directory("root/opt");
    dir.make_directory("data/real"); // what the link would mean on the host
    dir.link("volume/logs", "/data/real");
    mount(dir.at("volume"), "/opt");
    const auto found = expect_at(real);
    EXPECT_EQ(found.volume, "") << "it is in the container's own file system";
    std::filesystem::remove(dir.at("volume/logs"));
    dir.link("volume/logs", "../data/real");
    expect_at(real);
}

TEST_F(Locate, KnowsWhetherALinkLedToTheVolume) {
    dir.make_directory("volume/logs/deep");
    dir.make_directory("volume/sub");
    const auto is_direct = [&](const std::string& destination, const std::string& found_at) {
        container.mounts.clear();
        mount(dir.at("volume"), destination);
        return expect_at(dir.at(found_at)).direct;
    };
    dir.make_directory("root/opt/logs");
    EXPECT_TRUE(is_direct("/opt/logs/", "volume"));
    EXPECT_TRUE(is_direct("/opt", "volume/logs"));
    std::filesystem::remove_all(dir.at("root/opt"));
    dir.link("root/opt", "/data"); // the image's
    dir.make_directory("root/data/logs");
    EXPECT_TRUE(is_direct("/opt/logs", "volume"));
    EXPECT_FALSE(is_direct("/data/logs", "volume"));
    EXPECT_FALSE(is_direct("/data", "volume/logs"));
    std::filesystem::remove_all(dir.at("root/data/logs"));
    dir.link("root/data/logs", "/mnt/sub");
    dir.make_directory("root/mnt");
    EXPECT_FALSE(is_direct("/mnt", "volume/sub"));
    std::filesystem::remove_all(dir.at("volume/logs"));
    dir.link("volume/logs", "sub");
    EXPECT_FALSE(is_direct("/opt", "volume/sub"));
    std::filesystem::remove_all(dir.at("root/opt"));
    container.mounts.clear();
    EXPECT_FALSE(expect_at(dir.make_directory("root/opt/logs")).direct);
}

TEST_F(Locate, FailsWhereLinksLeadDeeperThanAnyPathCanBe) {
    std::string names;
    UniqueFd at(::open(dir.at("volume").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    for (int half = 0; half < 2; ++half) {
        for (int i = 0; i < 10; ++i) {
            const std::string name(250, static_cast<char>('a' + i));
            names += half == 0 ? "/" + name : "";
            ASSERT_EQ(::mkdirat(at.get(), name.c_str(), 0755), 0);
            at = UniqueFd(::openat(at.get(), name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        }
        ASSERT_EQ(half == 1 ? 0 : ::symlinkat(names.substr(1).c_str(), at.get(), "next"), 0);
    }
    dir.make_directory("root/opt");
    dir.link("root/opt/logs", "/mnt" + names + "/next");
    mount(dir.at("volume"), "/mnt");
    EXPECT_EQ(expect_failure(), "its path on the host is too long");
    std::filesystem::remove(dir.at("root/opt/logs"));
    dir.link("root/opt/logs", "/mnt" + names);
    expect_at(dir.at("volume" + names));
}

TEST_F(Locate, FollowsALinkIntoAVolume) {
    dir.make_directory("root/data/mounted");
    dir.make_directory("volume/sub");
    dir.link("root/opt/logs", "/data/mounted/sub");
    mount(dir.at("volume"), "/data/mounted");
    const auto found = expect_at(dir.at("volume/sub"));
    EXPECT_EQ(found.sources.at(0).kind, SourceKind::volume);
    EXPECT_EQ(found.volume, dir.at("volume/sub"));
}

TEST_F(Locate, FindsAVolumeWhoseDestinationGoesThroughALink) {
    // With /opt -> /data the runtime mounts on /data/logs what is to be at /opt/logs.
    dir.make_directory("root/data/logs");
    dir.link("root/opt", "data");
    mount(dir.at("volume"), "/opt/logs");
    expect_at(dir.at("volume"));
}

TEST_F(Locate, ShowsVolumesBelowTheLogDirectory) {
    dir.make_directory("root/opt/logs/vol");
    dir.make_directory("volume/inner");
    dir.make_directory("inner");
    mount(dir.at("inner"), "/opt/logs/vol/inner");
    mount(dir.at("volume"), "/opt/logs/vol");
    mount(dir.make_directory("elsewhere"), "/opt/logs-2");
    const auto found = expect_at(dir.at("root/opt/logs"));
    ASSERT_EQ(found.sources.size(), 3U);
    EXPECT_EQ(found.sources[1].below, "vol");
    EXPECT_EQ(found.sources[1].kind, SourceKind::volume);
    EXPECT_TRUE(identity_of(found.sources[1].held) == identity_of(dir.at("volume")));
    EXPECT_EQ(found.sources[2].below, "vol/inner");
    EXPECT_TRUE(identity_of(found.sources[2].held) == identity_of(dir.at("inner")));
    EXPECT_EQ(found.volume, "");
}

TEST_F(Locate, ShowsVolumesBelowALogDirectoryThatIsALink) {
    dir.make_directory("root/data/vol");
    dir.link("root/opt/logs", "/data");
    mount(dir.at("volume"), "/data/vol");
    EXPECT_EQ(expect_at(dir.at("root/data")).sources.size(), 2U);
    container.mounts[0].destination = "/opt/logs/vol";
    EXPECT_EQ(expect_at(dir.at("root/data")).sources.size(), 2U);
}

TEST_F(Locate, ShowsASingleFileMountedBelow) {
    dir.write("root/opt/logs/single.log", "");
    mount(dir.write("on-the-host", "mounted"), "/opt/logs/single.log");
    const auto found = expect_at(dir.at("root/opt/logs"));
    ASSERT_EQ(found.sources.size(), 2U);
    EXPECT_EQ(found.sources[1].below, "single.log");
    EXPECT_TRUE(identity_of(found.sources[1].held) == identity_of(dir.at("on-the-host")));
}

TEST_F(Locate, LeavesOutAMountedFifoBelow) {
    dir.write("root/opt/logs/fifo", "");
    mount(dir.fifo("fifo"), "/opt/logs/fifo");
    EXPECT_EQ(expect_at(dir.at("root/opt/logs")).sources.size(), 1U);
}

TEST_F(Locate, FailsWhenAVolumeCannotBeOpened) {
    dir.make_directory("root/opt/logs");
    mount(dir.at("missing/volume"), "/opt/logs");
    EXPECT_NE(expect_failure().find("volume"), std::string::npos);
    container.mounts[0].destination = "/opt/logs/below";
    expect_failure();
    container.mounts[0].destination = "/elsewhere";
    expect_at(dir.at("root/opt/logs"));
}

TEST_F(Locate, IsGoneWhenAVolumeWasRemovedAfterTheContainerEnded) {
    dir.make_directory("root/opt/logs");
    mount(dir.at("gone"), "/opt/logs");
    expect_gone();
    container.state = ContainerState::running;
    EXPECT_NE(expect_failure().find("volume"), std::string::npos);
    container.state = ContainerState::exited;
    container.mounts[0].destination = "/opt/logs/below";
    EXPECT_TRUE(expect_at(dir.at("root/opt/logs")).has_lost_part);
}

TEST_F(Locate, IsNotGoneWithAVolumeAboveAnother) {
    dir.make_directory("root/opt/logs");
    mount(dir.at("gone"), "/opt");
    mount(dir.make_directory("volume"), "/opt/logs");
    expect_failure();
}

TEST_F(Locate, IsNotGoneWithADiskThatIsNotMounted) {
    dir.make_directory("root/opt/logs");
    dir.make_directory("disk"); // the mount point
    dir.link("data/app", dir.at("disk/app"));
    mount(dir.at("data/app"), "/opt/logs");
    container.created = std::chrono::system_clock::now() + std::chrono::seconds(5); // the link is older
    expect_failure();
    dir.write("disk/other", "");
    expect_gone();
}

// What the kubelet and Docker remove with a volume is more than the volume.
TEST_F(Locate, IsGoneWhenAPodOrADockerVolumeWasRemoved) {
    dir.make_directory("root/opt/logs");
    for (const auto* volume : {"pods/uid/volumes/kubernetes.io~empty-dir/logs",
                               "pods/uid/volume-subpaths/logs/web/0", "volumes/name/_data"}) {
        SCOPED_TRACE(volume);
        container.mounts.clear();
        mount(dir.at("empty/" + std::string(volume)), "/opt/logs");
        dir.make_directory("empty");
        expect_failure(); // as when a disk is not mounted
        dir.make_directory("empty/pods");
        dir.write("empty/volumes/metadata.db", "");
        expect_gone();
        std::filesystem::remove_all(dir.at("empty"));
    }
}

TEST_F(Locate, FailsOnATmpfsWhoseProcessCannotBeReached) {
    dir.make_directory("root/opt/logs");
    mount("", "/opt/logs");
    container.state = ContainerState::running;
    container.pid = 4194303; // no process has the highest of all numbers
    const auto located = find();
    const auto* failed = std::get_if<LocateFailed>(&located);
    ASSERT_NE(failed, nullptr);
    EXPECT_TRUE(failed->needs_process);
    EXPECT_NE(failed->reason.find("its process 4194303 cannot be reached"), std::string::npos)
        << failed->reason;
    container.mounts[0].destination = "/opt/logs/below";
    EXPECT_EQ(expect_at(dir.at("root/opt/logs")).problems.size(), 1U);
}

TEST_F(Locate, IsGoneWithTheTmpfsOfAStoppedContainer) {
    dir.make_directory("root/opt/logs");
    mount("", "/opt/logs");
    for (const auto state : {ContainerState::exited, ContainerState::dead, ContainerState::created}) {
        container.state = state;
        expect_gone();
    }
    container.mounts[0].destination = "/opt";
    expect_gone();
    container.mounts[0].destination = "/opt/logs/tmp";
    const auto found = expect_at(dir.at("root/opt/logs"));
    EXPECT_EQ(found.sources.size(), 1U);
    EXPECT_TRUE(found.has_lost_part) << "nothing is left of it";
}

TEST_F(Locate, SurvivesMountsWithoutADestination) {
    const auto path = dir.make_directory("root/opt/logs");
    mount("", "");
    mount(dir.at("volume"), "");
    mount(dir.at("volume"), "relative");
    EXPECT_EQ(expect_at(path).sources.size(), 1U);
}

TEST_F(Locate, ReadsTheLayerOfAContainerWhoseProcessHasJustEnded) {
    const auto path = dir.make_directory("root/opt/logs");
    container.state = ContainerState::running;
    const pid_t ended = ::fork();
    if (ended == 0)
        ::_exit(0);
    ::waitpid(ended, nullptr, 0);
    container.pid = ended;
    container.merged = dir.make_directory("merged/opt/logs"); // no mount point any more
    expect_at(path);
}

TEST_F(Locate, DoesNotReadThroughAProcessOfSomebodyElse) {
    // A process id is used again: this process is in no cgroup of the container.
    dir.make_directory("root/opt/logs");
    container.state = ContainerState::running;
    container.pid = ::getpid();
    const auto found = expect_at(dir.at("root/opt/logs"));
    EXPECT_EQ(found.sources.at(0).kind, SourceKind::upper);
}

TEST_F(Locate, ChecksOverlapWithTheBackupRootInBothDirections) {
    dir.make_directory("root/opt/logs");
    const auto backup_root = dir.make_directory("volume/backup");
    dir.make_directory("volume/backup/svc/pod");
    dir.make_directory("beside");
    const auto held = test::open_path(backup_root);
    const OverlapCheck check(held.get(), BackupRoot::exists);
    mount(dir.at("volume"), "/opt/logs");
    const auto problem_of = [&](const std::string& source) {
        container.mounts[0].source = source;
        return check.problem(expect_at(source));
    };
    EXPECT_NE(problem_of(dir.at("volume")).find("contains the backup root"), std::string::npos);
    EXPECT_NE(problem_of(dir.path()).find("contains the backup root"), std::string::npos);
    EXPECT_NE(problem_of(backup_root).find("contains the backup root"), std::string::npos);
    EXPECT_NE(problem_of(dir.at("volume/backup/svc")).find("in the backup root"), std::string::npos);
    EXPECT_NE(problem_of(dir.at("volume/backup/svc/pod")).find("in the backup root"), std::string::npos);
    EXPECT_EQ(problem_of(dir.at("beside")), "");
    container.mounts.clear();
    EXPECT_EQ(check.problem(expect_at(dir.at("root/opt/logs"))), "");
}

TEST_F(Locate, ChecksOverlapOfWhatIsMountedBelow) {
    dir.make_directory("root/opt/logs");
    const auto backup_root = dir.make_directory("volume/backup");
    const auto held = test::open_path(backup_root);
    const OverlapCheck check(held.get(), BackupRoot::exists);
    mount(dir.at("volume"), "/opt/logs/vol");
    EXPECT_NE(check.problem(expect_at(dir.at("root/opt/logs"))), "");
    container.mounts[0].source = dir.make_directory("volume/backup/svc");
    EXPECT_NE(check.problem(expect_at(dir.at("root/opt/logs"))), "");
    container.mounts[0].source = dir.write("volume/backup/svc/app.log", "");
    EXPECT_NE(check.problem(expect_at(dir.at("root/opt/logs"))), "") << "a single file of the backup";
}

TEST_F(Locate, ChecksOverlapWithABackupRootThatIsToBeMade) {
    dir.make_directory("root/opt/logs");
    const auto held = test::open_path(dir.at("volume"));
    const OverlapCheck check(held.get(), BackupRoot::to_be_made);
    mount(dir.at("volume"), "/opt/logs");
    EXPECT_NE(check.problem(expect_at(dir.at("volume"))), "");
    container.mounts[0].source = dir.make_directory("volume/other");
    EXPECT_EQ(check.problem(expect_at(dir.at("volume/other"))), "");
}

} // namespace
} // namespace logbackup
