// SPDX-License-Identifier: MIT
#include "commands/commands.hpp"

#include "fake_node.hpp"
#include "in_private_mounts.hpp"
#include "ledger/clock.hpp"

#include <gtest/gtest.h>

/// Whole saves of directories that several containers have below their log directories.
namespace logbackup::save_parts_test {
namespace {

using test::FakeNode;
using test::row_of;

namespace fs = std::filesystem;

class Replicas : public FakeNode {
  public:
    const std::string archive = dir.make_directory("volumes/archive");

    /// Adds a replica whose rotated logs go to the archive.
    void add_replica(const std::string& name, MountAccess access = MountAccess::read_write) {
        const auto logs = add(name, "web", "web-" + name);
        dir.write("layers/" + name + "/opt/logs/app.log", name);
        fs::create_directory(logs + "/archive");
        (*this)[name].mounts = {{"bind", archive, "/opt/logs/archive", access}};
    }
    void put(const std::string& name, const std::string& content) const {
        dir.write("volumes/archive/" + name, content);
    }
    [[nodiscard]] std::string link(const std::string& path) const {
        return fs::read_symlink(dir.at("backup/" + path));
    }
    /// The paths of all saved files that hold this.
    [[nodiscard]] std::vector<std::string> places_of(const std::string& content) const {
        std::vector<std::string> places;
        const auto root = dir.at("backup");
        for (const auto& one : fs::recursive_directory_iterator(root))
            if (one.is_regular_file() && !one.is_symlink() &&
                dir.read(one.path().lexically_relative(dir.path()).string()) == content)
                places.push_back(one.path().lexically_relative(root).string());
        std::sort(places.begin(), places.end());
        return places;
    }
};

using Places = std::vector<std::string>;

TEST(WholeSave, AVolumeBelowTheLogDirectoriesOfReplicasIsSavedOnce) {
    test::in_private_mounts([] {
        Replicas node;
        for (const auto* name : {"a", "b", "c"})
            node.add_replica(name);
        node.put("old.log", "rotated");
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(node.places_of("rotated"), Places{"web/web-a+opt+logs+archive/old.log"});
        for (const std::string name : {"a", "b", "c"}) {
            EXPECT_EQ(node.saved("web/web-" + name + "/app.log"), name);
            EXPECT_EQ(node.link("web/web-" + name + "/archive"), "../web-a+opt+logs+archive");
            EXPECT_EQ(node.record("web", "web-" + name).elsewhere.at("archive"),
                      "web/web-a+opt+logs+archive");
        }
        EXPECT_FALSE(node.run(verify).has_failures());
        node.put("older.log", "rotated later");
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(node.places_of("rotated later"), Places{"web/web-a+opt+logs+archive/older.log"});
        EXPECT_EQ(row_of(node.run(), "web-b").set_aside, 0U) << "the link stays";
    });
}

TEST(WholeSave, AVolumeBelowIsNotCopiedAgainWhenItsHolderGoes) {
    test::in_private_mounts([] {
        Replicas node;
        for (const auto* name : {"a", "b", "c"})
            node.add_replica(name);
        node.put("old.log", "rotated");
        (void)node.run();
        for (const auto* name : {"a", "b"}) { // the last one keeps it
            node.remove(name);
            node.put(std::string("new.log.") + name, std::string("new of ") + name);
            EXPECT_FALSE(node.run().has_failures());
            EXPECT_EQ(node.places_of("rotated"), Places{"web/web-a+opt+logs+archive/old.log"});
            EXPECT_EQ(node.places_of(std::string("new of ") + name),
                      Places{std::string("web/web-a+opt+logs+archive/new.log.") + name});
        }
        EXPECT_EQ(node.record("web", "web-a+opt+logs+archive").coverage, Coverage::live);
    });
}

TEST(WholeSave, AVolumeBelowThatComesToBeSharedIsNotCopiedAgain) {
    test::in_private_mounts([] {
        Replicas node;
        node.add_replica("a");
        node.put("old.log", "rotated");
        (void)node.run();
        EXPECT_EQ(node.places_of("rotated"), Places{"web/web-a/archive/old.log"});
        node.add_replica("b");
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(node.places_of("rotated"), Places{"web/web-a+opt+logs+archive/old.log"});
        EXPECT_EQ(node.link("web/web-a/archive"), "../web-a+opt+logs+archive");
        EXPECT_EQ(node.link("web/web-b/archive"), "../web-a+opt+logs+archive");
        const auto report = node.run();
        EXPECT_EQ(row_of(report, "web-a").set_aside + row_of(report, "web-b").set_aside, 0U);
    });
}

TEST(WholeSave, APathThatIsNoPlainTextNamesNoDirectory) {
    test::in_private_mounts([] {
        for (const std::string name : {"\xff", "new\nline", "x\xc3\xa9"}) {
            Replicas node;
            for (const std::string replica : {"a", "b"}) {
                node.add_replica(replica);
                fs::create_directory(node.dir.at("layers/" + replica + "/opt/logs/" + name));
                node[replica].mounts.front().destination = "/opt/logs/" + name;
            }
            node.put("old.log", "rotated");
            EXPECT_FALSE(node.run().has_failures());
            EXPECT_EQ(node.places_of("rotated"),
                      (Places{"web/web-a/" + name + "/old.log", "web/web-b/" + name + "/old.log"}));
        }
    });
}

TEST(WholeSave, WhatAnotherNamespaceSavedIsNotMoved) {
    test::in_private_mounts([] {
        Replicas node;
        node.add_replica("a");
        node["a"].namespace_name = "elsewhere";
        node.put("old.log", "rotated");
        (void)node.run();
        node.add_replica("b");
        node["a"].mounts.front().access = MountAccess::read_only; // so the other one is the holder
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(node.places_of("rotated"),
                  (Places{"web/web-a/archive/old.log", "web/web-b+opt+logs+archive/old.log"}));
    });
}

TEST(WholeSave, AVolumeBelowIsNotCopiedAgainForARestartedContainer) {
    test::in_private_mounts([] {
        Replicas node;
        node.add_replica("a");
        node.put("old.log", "rotated");
        (void)node.run();
        node.end("a");
        node.add_replica("b");
        node["b"].pod = "web-a"; // made again, while the former container is still listed
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(node.places_of("rotated"), Places{"web/web-a+opt+logs+archive/old.log"});
        EXPECT_EQ(node.link("web/web-a@1/archive"), "../web-a+opt+logs+archive");
        node.remove("a");
        node.put("new.log", "new");
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(node.places_of("new"), Places{"web/web-a+opt+logs+archive/new.log"});
        EXPECT_EQ(node.link("web/web-a/archive"), "../web-a+opt+logs+archive");
    });
}

TEST(WholeSave, WhatIsExcludedInAVolumeBelowStaysExcluded) {
    test::in_private_mounts([] {
        Replicas node;
        node.options.exclude = {"/archive/*.bin", "*.tmp"};
        node.add_replica("a");
        node.add_replica("b");
        node.put("old.log", "rotated");
        node.put("dump.bin", "a dump");
        node.put("x.tmp", "half");
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(node.places_of("rotated").size(), 1U);
        EXPECT_EQ(node.places_of("a dump"), Places{});
        EXPECT_EQ(node.places_of("half"), Places{});
    });
}

TEST(WholeSave, AVolumeBelowIsSavedUnderAWriter) {
    test::in_private_mounts([] {
        Replicas node;
        node.add_replica("a", MountAccess::read_only);
        node.add_replica("b");
        node.put("old.log", "rotated");
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(node.places_of("rotated"), Places{"web/web-b+opt+logs+archive/old.log"});
        EXPECT_EQ(node.link("web/web-a/archive"), "../web-b+opt+logs+archive");
    });
}

TEST(WholeSave, ADirectoryThatIsOnlyReadLeavesOutTheLogDirectoriesOfOthersInIt) {
    test::in_private_mounts([] {
        Replicas node;
        const auto logs = node.dir.make_directory("volumes/logs");
        const auto web = node.dir.make_directory("volumes/logs/web-1");
        node.dir.write("volumes/logs/web-1/app.log", "a line");
        node.dir.write("volumes/logs/host.log", "of the host");
        (void)node.add("s", "shipper", "shipper-1");
        node["s"].mounts = {{"bind", logs, "/opt/logs", MountAccess::read_only}};
        (void)node.add("w", "web", "web-1");
        node["w"].mounts = {{"bind", web, "/opt/logs", MountAccess::read_write}};
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(node.places_of("a line"), Places{"web/web-1/app.log"});
        EXPECT_EQ(node.places_of("of the host"), Places{"shipper/shipper-1/host.log"});
        EXPECT_EQ(node.link("shipper/shipper-1/web-1"), "../../web/web-1");
        EXPECT_FALSE(node.run(verify).has_failures());
        node.remove("w"); // nobody else saves it from now on
        node.dir.write("volumes/logs/web-1/late.log", "a late line");
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(node.places_of("a late line"), Places{"shipper/shipper-1/web-1/late.log"});
    });
}

TEST(WholeSave, AMountBelowAVolumeThatAnotherContainerLeadsIsSaved) {
    test::in_private_mounts([] {
        Replicas node;
        node.add_replica("a");
        node.add_replica("b");
        const auto deep = node.dir.make_directory("volumes/deep");
        node.dir.make_directory("volumes/archive/deep");
        node["b"].mounts.push_back({"bind", deep, "/opt/logs/archive/deep", MountAccess::read_write});
        node.put("old.log", "rotated");
        node.dir.write("volumes/deep/deep.log", "a deep line");
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(node.places_of("rotated"), Places{"web/web-a+opt+logs+archive/old.log"});
        EXPECT_EQ(node.places_of("a deep line"), Places{"web/web-b+opt+logs+archive+deep/deep.log"});
        EXPECT_FALSE(node.run(verify).has_failures());
    });
}

TEST(WholeSave, AMountBelowALogDirectoryThatAnotherContainerLeadsIsSaved) {
    test::in_private_mounts([] {
        Replicas node;
        const auto logs = node.dir.make_directory("volumes/logs");
        const auto deep = node.dir.make_directory("volumes/deep");
        node.dir.make_directory("volumes/logs/deep");
        for (const std::string name : {"a", "b"}) {
            (void)node.add(name, "web", "web-" + name);
            node[name].mounts = {{"bind", logs, "/opt/logs", MountAccess::read_write}};
        }
        node["b"].mounts.push_back({"bind", deep, "/opt/logs/deep", MountAccess::read_write});
        node.dir.write("volumes/logs/app.log", "a line");
        node.dir.write("volumes/deep/deep.log", "a deep line");
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(node.places_of("a line"), Places{"web/web-a/app.log"});
        EXPECT_EQ(node.places_of("a deep line"), Places{"web/web-b+opt+logs+deep/deep.log"});
    });
}

TEST(WholeSave, AReadersOwnMountBelowTheLogDirectoryOfAWriterIsSaved) {
    test::in_private_mounts([] {
        Replicas node;
        const auto logs = node.dir.make_directory("volumes/logs");
        const auto web = node.dir.make_directory("volumes/logs/web-1");
        const auto own = node.dir.make_directory("volumes/own");
        node.dir.make_directory("volumes/logs/web-1/own");
        node.dir.write("volumes/logs/web-1/app.log", "a line");
        node.dir.write("volumes/own/own.log", "an own line");
        (void)node.add("s", "shipper", "shipper-1");
        node["s"].mounts = {{"bind", logs, "/opt/logs", MountAccess::read_only},
                            {"bind", own, "/opt/logs/web-1/own", MountAccess::read_write}};
        (void)node.add("w", "web", "web-1");
        node["w"].mounts = {{"bind", web, "/opt/logs", MountAccess::read_write}};
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(node.places_of("an own line"), Places{"shipper/shipper-1/web-1/own/own.log"});
        EXPECT_EQ(node.saved("web/web-1/app.log"), "a line");
    });
}

TEST(WholeSave, ACopyOfAPartThatIsSavedElsewhereIsNotDeletedAsGone) {
    test::in_private_mounts([] {
        Replicas node;
        node.add_replica("a");
        node.add_replica("b");
        node.put("old.log", "rotated");
        EXPECT_FALSE(node.run().has_failures());
        fs::remove(node.dir.at("backup/web/web-b/archive")); // an earlier run had saved it here
        node.dir.write("backup/web/web-b/archive/old.log", "rotated");
        node.dir.write("backup/web/web-b/gone.log", "its source is gone");
        node.options.retention.keep = std::chrono::hours(24 * 30);
        node.now = std::chrono::system_clock::now() + std::chrono::hours(24 * 60);
        note_run(test::open_path(node.options.backup_root).get(), node.now);
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(node.places_of("its source is gone"), Places{});
        EXPECT_EQ(node.saved("web/web-b/archive/old.log"), "rotated");
    });
}

/// A shipper reads a directory of the host in which a container writes its logs.
class Shipped : public Replicas {
  public:
    Shipped() {
        const auto logs = dir.make_directory("volumes/logs");
        const auto web = dir.make_directory("volumes/logs/web-1");
        dir.write("volumes/logs/web-1/app.log", "a line");
        dir.write("volumes/logs/host.log", "of the host");
        (void)add("s", "shipper", "shipper-1");
        (*this)["s"].mounts = {{"bind", logs, "/opt/logs", MountAccess::read_only}};
        (void)add("w", "web", "web-1");
        (*this)["w"].mounts = {{"bind", web, "/opt/logs", MountAccess::read_write}};
    }
};

TEST(WholeSave, AReaderDoesNotLeaveOutAWriterThatIsNeverSaved) {
    test::in_private_mounts([] {
        Shipped node;
        node.options.filter.services = {"shipper"};
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(node.places_of("a line"), Places{"shipper/shipper-1/web-1/app.log"});
    });
}

TEST(WholeSave, AReaderLeavesOutAWriterThatOtherRunsSave) {
    test::in_private_mounts([] {
        Shipped node;
        EXPECT_FALSE(node.run().has_failures());
        node.options.filter.services = {"shipper"};
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(node.places_of("a line"), Places{"web/web-1/app.log"});
    });
}

TEST(WholeSave, AWriterThatHidesItsLogDirectoryIsSavedWithTheReader) {
    test::in_private_mounts([] {
        Shipped node;
        EXPECT_FALSE(node.run().has_failures());
        fs::rename(node.dir.at("layers/w/opt"), node.dir.at("layers/w/opt2"));
        (void)node.run();
        EXPECT_EQ(node.places_of("a line"), (Places{"shipper/shipper-1/web-1/app.log", "web/web-1/app.log"}));
    });
}

TEST(WholeSave, AWriterThatOneRunCannotLookAtIsNotSavedTwice) {
    test::in_private_mounts([] {
        Shipped node;
        EXPECT_FALSE(node.run().has_failures());
        const auto writer = node["w"];
        std::erase_if(node.containers, [&](const Container& one) { return one.id == writer.id; });
        node.also_listed = {writer.id};
        (void)node.run();
        EXPECT_EQ(node.places_of("a line"), Places{"web/web-1/app.log"});
        EXPECT_EQ(node.link("shipper/shipper-1/web-1"), "../../web/web-1");
        node.also_listed = {};
        (void)node.run(); // by now it was removed
        EXPECT_EQ(node.places_of("a line"), (Places{"shipper/shipper-1/web-1/app.log", "web/web-1/app.log"}));
    });
}

/// Replicas are made again under the same names, with a new volume below their log directories.
void make_again(const std::function<void(Replicas& node)>& meanwhile) {
    Replicas node;
    node.add_replica("a");
    node.add_replica("b");
    (void)node.add("z", "other", "other");
    node.dir.write("layers/z/opt/logs/z.log", "z");
    node.put("old.log", "rotated");
    EXPECT_FALSE(node.run().has_failures());
    const auto links = Places{node.link("web/web-a/archive"), node.link("web/web-b/archive")};
    EXPECT_EQ(links, (Places{"../web-a+opt+logs+archive", "../web-a+opt+logs+archive"}));
    node.dir.make_directory("volumes/new");
    node.remove("a");
    node.remove("b");
    fs::remove_all(node.archive);
    fs::rename(node.dir.at("volumes/new"), node.archive);
    meanwhile(node);
    node.add_replica("c");
    node.add_replica("d");
    node["c"].pod = "web-a";
    node["d"].pod = "web-b";
    node.put("new.log", "of the new volume");
    for (int i = 0; i < 2; ++i) {
        (void)node.run();
        EXPECT_EQ(node.places_of("rotated"), Places{"web/web-a@1+opt+logs+archive/old.log"});
        EXPECT_EQ(node.places_of("of the new volume"), Places{"web/web-a+opt+logs+archive/new.log"});
        for (const std::string pod : {"web-a", "web-b"}) {
            EXPECT_EQ(node.record("web", pod + "@1").elsewhere.at("archive"), "web/web-a@1+opt+logs+archive");
            EXPECT_EQ(node.link("web/" + pod + "@1/archive"), "../web-a@1+opt+logs+archive");
            EXPECT_EQ(node.record("web", pod).elsewhere.at("archive"), "web/web-a+opt+logs+archive");
            EXPECT_EQ(node.link("web/" + pod + "/archive"), "../web-a+opt+logs+archive");
        }
    }
}

TEST(WholeSave, LinksOfReplicasThatAreMadeAgainFollowTheirVolume) {
    test::in_private_mounts([] { make_again([](Replicas&) {}); });
}

TEST(WholeSave, LinksOfReplicasThatHadEndedFollowTheirVolume) {
    test::in_private_mounts([] {
        make_again([](Replicas& node) {
            (void)node.run();
            EXPECT_NE(node.record("web", "web-b").coverage, Coverage::live);
        });
    });
}

} // namespace
} // namespace logbackup::save_parts_test
