// SPDX-License-Identifier: MIT
#include "assign_support.hpp"
#include "fake_node.hpp"
#include "in_private_mounts.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace logbackup {
namespace {

namespace fs = std::filesystem;
using test::FakeNode;

/// A pod of a StatefulSet is made again: its volume is mounted at the path of the new pod.
class MovedVolume : public ::testing::Test {
  protected:
    FakeNode node;

    void SetUp() override {
        node.add("other", "other", "other-0");
        node.dir.write("layers/other/opt/logs/app.log", "other\n");
        node.dir.make_directory("pods/1/volumes/data");
        node.dir.write("pods/1/volumes/data/app.log", "one\n");
        node.dir.write("pods/1/volumes/data/app.log.1", "older\n");
        add("a", "pods/1/volumes/data");
    }
    void add(const std::string& name, const std::string& volume) {
        node.add(name, "db", "db-0");
        node[name].created = node[name].started = node.now;
        node[name].mounts.push_back({"bind", node.dir.at(volume), "/opt/logs", MountAccess::read_write});
    }
    void make_again() {
        node.remove("a");
        node.dir.make_directory("pods/2/volumes");
        fs::rename(node.dir.at("pods/1/volumes/data"), node.dir.at("pods/2/volumes/data"));
        fs::remove_all(node.dir.at("pods/1"));
    }
    void expect_continued() {
        node.dir.write("pods/2/volumes/data/app.log", "one\ntwo\n");
        const auto report = node.run();
        EXPECT_FALSE(report.has_failures());
        EXPECT_TRUE(report.cut.empty());
        EXPECT_EQ(node.saved("db/db-0/app.log"), "one\ntwo\n");
        EXPECT_FALSE(node.dir.has("backup/db/db-0@1"));
        const Record record = node.record("db", "db-0");
        EXPECT_EQ(record.volume, node.dir.at("pods/2/volumes/data"));
        EXPECT_EQ(record.coverage, Coverage::live);
        EXPECT_EQ(record.ended, "");
        EXPECT_EQ(record.containers.size(), 2U);
    }
};

TEST_F(MovedVolume, GoesOnUnderItsName) {
    test::in_private_mounts([&] {
        (void)node.run();
        make_again();
        add("b", "pods/2/volumes/data");
        expect_continued();
    });
}

TEST_F(MovedVolume, GoesOnWhereARunSawNoneOfThem) {
    test::in_private_mounts([&] {
        (void)node.run();
        make_again();
        EXPECT_EQ(node.run().cut, std::vector<std::string>{"db/db-0"});
        add("b", "pods/2/volumes/data");
        expect_continued();
    });
}

TEST_F(MovedVolume, GoesOnAlsoWhereItsFilesWereRotated) {
    test::in_private_mounts([&] {
        (void)node.run();
        make_again();
        const auto file = [&](const std::string& name) { return node.dir.at("pods/2/volumes/data/" + name); };
        fs::rename(file("app.log.1"), file("app.log.2"));
        fs::rename(file("app.log"), file("app.log.1"));
        add("b", "pods/2/volumes/data");
        expect_continued();
        EXPECT_EQ(node.saved("db/db-0/app.log.2"), "older\n");
    });
}

TEST_F(MovedVolume, ThatHasOtherContentIsAnotherOne) {
    test::in_private_mounts([&] {
        (void)node.run();
        make_again();
        node.dir.write("pods/2/volumes/data/app.log", "quite another\n");
        fs::remove(node.dir.at("pods/2/volumes/data/app.log.1"));
        add("b", "pods/2/volumes/data");
        EXPECT_EQ(node.run().cut, std::vector<std::string>{"db/db-0@1"});
        EXPECT_EQ(node.saved("db/db-0@1/app.log"), "one\n");
        EXPECT_EQ(node.saved("db/db-0/app.log"), "quite another\n");
    });
}

TEST_F(MovedVolume, ThatIsStillAtItsPathIsNotTheNewOne) {
    test::in_private_mounts([&] {
        (void)node.run();
        node.remove("a");
        fs::create_directories(node.dir.at("pods/2/volumes"));
        fs::copy(node.dir.at("pods/1"), node.dir.at("pods/2"), fs::copy_options::recursive);
        add("b", "pods/2/volumes/data");
        (void)node.run();
        EXPECT_EQ(node.record("db", "db-0@1").volume, node.dir.at("pods/1/volumes/data"));
        EXPECT_EQ(node.record("db", "db-0").volume, node.dir.at("pods/2/volumes/data"));
    });
}

TEST(AssignMoved, ThePodsNamesAndTheInodeMustBeTheSame) {
    using namespace test;
    Claim made_again = on_volume(claim("b", 5, 7), "/pods/2/data");
    Record known = record("pod", "a", 1, "/pods/1/data");
    known.volume_inode = 7;
    bool is_same = true;
    int asked = 0;
    const auto known_of = [&](const Claim& claim, const std::set<std::string>& running) {
        return assign(
                   {claim}, Records({known}), running,
                   [](const std::string&) {
                       return ServiceDirectory{{"pod"}, {}, {"pod"}};
                   },
                   [](const std::string&, const std::string&) { return std::optional<Record>(); },
                   [&](const Record&, const HolderId&) {
                       ++asked;
                       return is_same;
                   })
            .places.at(0);
    };
    const auto result = known_of(made_again, {"b"});
    EXPECT_EQ(result.known, RecordId{0});
    EXPECT_TRUE(result.has_moved);
    EXPECT_EQ(result.directory, "svc/pod");
    is_same = false;
    EXPECT_FALSE(known_of(made_again, {"b"}).known);
    is_same = true;
    asked = 0;
    EXPECT_FALSE(known_of(made_again, {"a", "b"}).known) << "its container runs";
    Claim other = made_again;
    other.namespace_name = "other";
    EXPECT_FALSE(known_of(other, {"b"}).known);
    other = made_again;
    other.service = "other";
    EXPECT_FALSE(known_of(other, {"b"}).known);
    other = made_again;
    other.identity.inode = 8;
    EXPECT_FALSE(known_of(other, {"b"}).known);
    known.has_writer = true;
    EXPECT_FALSE(known_of(made_again, {"b"}).known) << "it only reads";
    EXPECT_EQ(asked, 0);
}

} // namespace
} // namespace logbackup
