// SPDX-License-Identifier: MIT
#include "pins/pins.hpp"

#include "in_private_mounts.hpp"
#include "support.hpp"
#include "util/text.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace logbackup {
namespace {

using test::bind_mount;
using test::in_private_mounts;
using test::mount_tmpfs;
using test::open_path;
using test::TempDir;
using Names = std::vector<std::string>;

struct stat status_of_path(const std::string& path) {
    struct stat status {};
    ::lstat(path.c_str(), &status);
    return status;
}

/// A backup root, and the uppermost layer of a container, on one file system.
class Pins : public ::testing::Test {
  protected:
    const std::string key = "c0ffee";
    TempDir dir;
    UniqueFd root;

    void SetUp() override {
        root = open_path(dir.make_directory("backup"));
        dir.make_directory("upper");
    }
    [[nodiscard]] PinSource upper() const { return {"", dir.at("upper")}; }
    [[nodiscard]] std::string pin(const std::string& file) const {
        return "backup/.logbackup/pins/" + key + "/" + file;
    }
    [[nodiscard]] std::string refresh(const Names& files, const std::vector<PinSource>& sources) const {
        return refresh_pins(root.get(), key, sources, files);
    }
    [[nodiscard]] std::string refresh(const Names& files) const { return refresh(files, {upper()}); }

    /// Everything below the pins of `key`, sorted.
    [[nodiscard]] Names pinned() const {
        Names names;
        const std::filesystem::path top = dir.at(pin(""));
        for (const auto& entry : std::filesystem::recursive_directory_iterator(top))
            names.push_back(std::filesystem::relative(entry.path(), top).string());
        std::sort(names.begin(), names.end());
        return names;
    }
    void expect_pinned(const std::string& file, const std::string& source) const {
        const auto made = status_of_path(dir.at(pin(file)));
        const auto wanted = status_of_path(dir.at(source));
        EXPECT_NE(wanted.st_ino, 0U) << source;
        EXPECT_EQ(made.st_ino, wanted.st_ino) << file;
        EXPECT_EQ(made.st_dev, wanted.st_dev) << file;
    }
    /// What is pinned, as it is listed.
    [[nodiscard]] Listing listing() const {
        Listing listing;
        for (const auto& name : pinned()) {
            const auto status = status_of_path(dir.at(pin(name)));
            Entry entry;
            entry.path = name;
            entry.type = S_ISDIR(status.st_mode) ? FileType::directory : FileType::regular;
            entry.inode = status.st_ino;
            entry.links = status.st_nlink;
            listing.entries.push_back(entry);
        }
        return listing;
    }
    [[nodiscard]] Names to_finish(PinnedContainer container) const {
        Names names;
        for (const auto& entry : files_to_finish(listing(), container).entries)
            names.push_back(entry.path);
        return names;
    }
};

TEST(PinKey, IsTheNewestContainerOrTheVolume) {
    Record record;
    EXPECT_EQ(pin_key(record), "");
    record.containers = {"old", "new"};
    EXPECT_EQ(pin_key(record), "new");
    record.instance = "pod@1";
    EXPECT_EQ(pin_key(record), "new");
    record.volume = "/srv/logs";
    EXPECT_EQ(pin_key(record), "volume-" + hash_text("/srv/logs"));
    record.containers = {"newer"};
    EXPECT_EQ(pin_key(record), "volume-" + hash_text("/srv/logs"));
    record.volume = "/srv/../logs\n";
    EXPECT_EQ(pin_key(record).find_first_of("/.\n"), std::string::npos);
    EXPECT_NE(pin_key(record), "volume-" + hash_text("/srv/logs"));
}

TEST_F(Pins, AreTheFilesThemselves) {
    dir.write("upper/app.log", "line\n");
    ::chmod(dir.at("upper/app.log").c_str(), 0640);
    EXPECT_EQ(refresh({"app.log"}), "");
    expect_pinned("app.log", "upper/app.log");
    EXPECT_EQ(pinned(), Names{"app.log"});
    EXPECT_EQ(status_of_path(dir.at(pin("app.log"))).st_mode & 07777U, 0640U);
    std::filesystem::remove_all(dir.at("upper"));
    EXPECT_EQ(dir.read(pin("app.log")), "line\n");
}

TEST_F(Pins, AreOpenToTheirOwnerOnly) {
    dir.write("upper/a/b/app.log", "");
    EXPECT_EQ(refresh({"a/b/app.log"}), "");
    for (const std::string directory :
         {"backup/.logbackup/pins", "backup/.logbackup/pins/c0ffee", "backup/.logbackup/pins/c0ffee/a/b"})
        EXPECT_EQ(status_of_path(dir.at(directory)).st_mode & 07777U, 0700U) << directory;
}

TEST_F(Pins, StayWhenNothingChanges) {
    dir.write("upper/app.log", "line\n");
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(refresh({"app.log"}), "");
        expect_pinned("app.log", "upper/app.log");
        EXPECT_EQ(status_of_path(dir.at("upper/app.log")).st_nlink, 2U);
    }
}

TEST_F(Pins, AreMadeInSubdirectories) {
    const Names files{"a.log", "one/b.log", "one/two/three/c.log", "other/d.log", "z.log"};
    for (const auto& file : files)
        dir.write("upper/" + file, file);
    EXPECT_EQ(refresh(files), "");
    for (const auto& file : files)
        expect_pinned(file, "upper/" + file);
}

TEST_F(Pins, FollowARotation) {
    dir.write("upper/app.log", "old\n");
    EXPECT_EQ(refresh({"app.log"}), "");
    std::filesystem::rename(dir.at("upper/app.log"), dir.at("upper/app.log.1"));
    dir.write("upper/app.log", "new\n");
    EXPECT_EQ(refresh({"app.log", "app.log.1"}), "");
    expect_pinned("app.log", "upper/app.log");
    expect_pinned("app.log.1", "upper/app.log.1");
    EXPECT_EQ(dir.read(pin("app.log")), "new\n");
    EXPECT_EQ(dir.read(pin("app.log.1")), "old\n");
}

TEST_F(Pins, OfOtherFilesAreRemoved) {
    for (const std::string file : {"a.log", "b.log", "one/c.log", "one/two/d.log", "one/e.log"})
        dir.write("upper/" + file, "");
    EXPECT_EQ(refresh({"a.log", "b.log", "one/c.log", "one/two/d.log", "one/e.log"}), "");
    EXPECT_EQ(refresh({"b.log", "one/e.log"}), "");
    EXPECT_EQ(pinned(), (Names{"b.log", "one", "one/e.log"}));
    EXPECT_EQ(refresh({}), "");
    EXPECT_EQ(pinned(), Names{});
    EXPECT_TRUE(dir.has("upper/one/two/d.log"));
    EXPECT_EQ(status_of_path(dir.at("upper/a.log")).st_nlink, 1U);
}

// They are all that is left of it: the next tick saves it from there.
TEST_F(Pins, OfAFileThatHasJustVanishedStay) {
    dir.write("upper/app.log", "line\n");
    EXPECT_EQ(refresh({"app.log"}), "");
    std::filesystem::remove(dir.at("upper/app.log"));
    EXPECT_EQ(refresh({"app.log"}), "");
    EXPECT_EQ(refresh({}), "");
    dir.write("upper/app.log", "another\n");
    EXPECT_EQ(refresh({"app.log"}), "");
    EXPECT_EQ(pinned(), Names{"app.log"});
    EXPECT_EQ(files_to_finish(listing(), PinnedContainer::exists).entries.size(), 1U);
}

TEST_F(Pins, AreNotMadeOfWhatOnlyTheImageHas) {
    dir.write("upper/app.log", "line\n");
    EXPECT_EQ(refresh({"app.log", "from-image.log", "image/deep/down.log"}), "");
    expect_pinned("app.log", "upper/app.log");
    EXPECT_FALSE(dir.has(pin("from-image.log")));
    EXPECT_FALSE(dir.has(pin("image/deep/down.log")));
    EXPECT_EQ(refresh({"app.log"}, {{"", dir.at("no-such-layer")}}), "");
    EXPECT_EQ(refresh({"app.log"}, {}), "");
}

TEST_F(Pins, AreNotMadeOfWhatIsNoRegularFile) {
    for (const std::string name : {"a", "b", "c"})
        dir.write("upper/" + name, "");
    EXPECT_EQ(refresh({"a", "b", "c"}), "");
    for (const std::string name : {"a", "b", "c"}) // they have other names yet
        std::filesystem::rename(dir.at("upper/" + name), dir.at("upper/moved-" + name));
    dir.fifo("upper/a");
    dir.link("upper/b", "../secret");
    dir.make_directory("upper/c");
    dir.write("secret", "secret");
    EXPECT_EQ(refresh({"a", "b", "c"}), "");
    EXPECT_EQ(pinned(), Names{}); // nor do those of the files before stay
    EXPECT_EQ(status_of_path(dir.at("secret")).st_nlink, 1U);
}

TEST_F(Pins, DoNotFollowLinksInTheSource) {
    dir.write("outside/secret", "secret");
    dir.write("outside/deep/secret", "secret");
    dir.link("upper/relative", "../outside");
    dir.link("upper/absolute", dir.at("outside"));
    dir.link("upper/down/link", "../../outside");
    EXPECT_EQ(refresh({"relative/secret", "absolute/secret", "absolute/deep/secret", "down/link/secret"}),
              "");
    for (const auto& name : pinned())
        EXPECT_TRUE(std::filesystem::is_directory(dir.at(pin(name)))) << name;
    EXPECT_EQ(status_of_path(dir.at("outside/secret")).st_nlink, 1U);
    EXPECT_EQ(status_of_path(dir.at("outside/deep/secret")).st_nlink, 1U);
}

TEST_F(Pins, AreNotMadeThroughALinkInTheBackup) {
    dir.write("upper/app.log", "line\n");
    dir.make_directory("outside");
    dir.link("backup/.logbackup/pins/" + key, "../../../outside");
    EXPECT_NE(refresh({"app.log"}).find("cannot make '.logbackup/pins/c0ffee'"), std::string::npos);
    EXPECT_TRUE(std::filesystem::is_empty(dir.at("outside")));
}

TEST_F(Pins, ComeFromTheSourceThatShowsTheFile) {
    dir.write("upper/app.log", "");
    dir.write("upper/vol/hidden.log", "below the volume");
    dir.write("upper/volume.log", "");
    dir.write("volume/b.log", "");
    dir.write("volume/inner/hidden.log", "below the inner volume");
    dir.write("inner/c.log", "");
    const PinSource volume{"vol", dir.at("volume")};
    const PinSource inner{"vol/inner", dir.at("inner")};
    const Names files{"app.log",   "vol/b.log", "vol/hidden.log", "vol/inner/c.log", "vol/inner/hidden.log",
                      "volume.log"};
    for (const auto& sources : std::vector<std::vector<PinSource>>{
             {upper(), volume, inner}, {inner, volume, upper()}, {volume, upper(), inner}}) {
        EXPECT_EQ(refresh(files, sources), "");
        EXPECT_EQ(pinned(),
                  (Names{"app.log", "vol", "vol/b.log", "vol/inner", "vol/inner/c.log", "volume.log"}));
        expect_pinned("app.log", "upper/app.log");
        expect_pinned("volume.log", "upper/volume.log");
        expect_pinned("vol/b.log", "volume/b.log");
        expect_pinned("vol/inner/c.log", "inner/c.log");
        EXPECT_EQ(unpin_all(root.get(), key), "");
    }
}

TEST_F(Pins, CanComeFromAFileThatIsMountedByItself) {
    dir.write("upper/one/app.log", "hidden");
    dir.write("host/other-name.log", "");
    EXPECT_EQ(refresh({"one/app.log"}, {upper(), {"one/app.log", dir.at("host/other-name.log")}}), "");
    expect_pinned("one/app.log", "host/other-name.log");
}

TEST_F(Pins, CanComeFromTwoFilesOfOneDirectoryOfTheHost) {
    dir.write("host/one.log", "");
    dir.write("host/two.log", "");
    EXPECT_EQ(refresh({"a/x.log", "b/y.log"},
                      {upper(), {"a/x.log", dir.at("host/one.log")}, {"b/y.log", dir.at("host/two.log")}}),
              "");
    EXPECT_EQ(pinned(), (Names{"a", "a/x.log", "b", "b/y.log"}));
    expect_pinned("a/x.log", "host/one.log");
    expect_pinned("b/y.log", "host/two.log");
}

TEST_F(Pins, AreMadeInEachPlaceWhereAVolumeShows) {
    dir.write("volume/app.log", "");
    EXPECT_EQ(refresh({"a/app.log", "b/app.log"}, {{"a", dir.at("volume")}, {"b", dir.at("volume")}}), "");
    expect_pinned("a/app.log", "volume/app.log");
    expect_pinned("b/app.log", "volume/app.log");
}

TEST_F(Pins, AreMadeOfAFileThatTookADirectorysPlace) {
    dir.write("upper/app/a.log", "");
    EXPECT_EQ(refresh({"app/a.log"}), "");
    std::filesystem::rename(dir.at("upper/app"), dir.at("upper/moved"));
    dir.write("upper/app", "");
    EXPECT_EQ(refresh({"app"}), "");
    EXPECT_EQ(refresh({"app"}), ""); // at the latest now
    EXPECT_EQ(pinned(), Names{"app"});
}

TEST_F(Pins, AreMadeInADirectoryThatTookAFilesPlace) {
    dir.write("upper/app", "");
    EXPECT_EQ(refresh({"app"}), "");
    std::filesystem::rename(dir.at("upper/app"), dir.at("upper/moved"));
    dir.write("upper/app/a.log", "");
    EXPECT_EQ(refresh({"app/a.log"}), "");
    EXPECT_EQ(pinned(), (Names{"app", "app/a.log"}));
}

TEST_F(Pins, AreMadeAcrossABindMount) {
    dir.write("upper/app.log", "");
    dir.write("upper/one/b.log", "");
    dir.make_directory("bound");
    in_private_mounts([&] {
        bind_mount(dir.at("upper"), dir.at("bound"));
        EXPECT_EQ(refresh({"app.log", "one/b.log"}, {{"", dir.at("bound")}}), "");
        expect_pinned("app.log", "upper/app.log");
        expect_pinned("one/b.log", "upper/one/b.log");
    });
}

TEST_F(Pins, AreNotMadeAcrossFileSystems) {
    dir.make_directory("other");
    dir.write("upper/app.log", "");
    in_private_mounts([&] {
        mount_tmpfs(dir.at("other"), "size=1m");
        dir.write("other/b.log", "");
        EXPECT_EQ(refresh({"app.log", "vol/b.log"}, {upper(), {"vol", dir.at("other")}}),
                  "it is on another file system than the backup");
        expect_pinned("app.log", "upper/app.log"); // the others are
        EXPECT_FALSE(dir.has(pin("vol/b.log")));
    });
}

TEST_F(Pins, OfWhatStillHasItsNameNeedNotBeFinished) {
    dir.write("upper/app.log", "");
    dir.write("upper/one/b.log", "");
    EXPECT_EQ(refresh({"app.log", "one/b.log"}), "");
    EXPECT_EQ(to_finish(PinnedContainer::exists), Names{});
    std::filesystem::rename(dir.at("upper/app.log"), dir.at("upper/app.log.1"));
    EXPECT_EQ(to_finish(PinnedContainer::exists), Names{});
    std::filesystem::remove(dir.at("upper/one/b.log"));
    EXPECT_EQ(to_finish(PinnedContainer::exists), Names{"one/b.log"});
    EXPECT_EQ(to_finish(PinnedContainer::gone), (Names{"app.log", "one/b.log"}));
}

TEST_F(Pins, OfTwoNamesOfOneFileAreFinishedTogether) {
    dir.write("upper/a.log", "");
    std::filesystem::create_hard_link(dir.at("upper/a.log"), dir.at("upper/b.log"));
    EXPECT_EQ(refresh({"a.log", "b.log"}), "");
    EXPECT_EQ(to_finish(PinnedContainer::exists), Names{});
    std::filesystem::remove(dir.at("upper/a.log"));
    EXPECT_EQ(to_finish(PinnedContainer::exists), Names{});
    std::filesystem::remove(dir.at("upper/b.log"));
    EXPECT_EQ(to_finish(PinnedContainer::exists), (Names{"a.log", "b.log"}));
}

TEST_F(Pins, HaveKeys) {
    EXPECT_TRUE(pinned_keys(root.get()).empty());
    EXPECT_FALSE(open_pins(root.get(), key));
    EXPECT_EQ(refresh({}), "");
    EXPECT_EQ(refresh_pins(root.get(), "volume-1", {}, {}), "");
    const auto keys = pinned_keys(root.get());
    EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()), (std::set<std::string>{key, "volume-1"}));
    struct stat status {};
    ASSERT_EQ(::fstat(open_pins(root.get(), key).get(), &status), 0);
    EXPECT_EQ(status.st_ino, status_of_path(dir.at("backup/.logbackup/pins/" + key)).st_ino);
}

TEST_F(Pins, AreRemovedFileByFile) {
    for (const std::string file : {"a.log", "one/b.log", "one/c.log"})
        dir.write("upper/" + file, "");
    EXPECT_EQ(refresh({"a.log", "one/b.log", "one/c.log"}), "");
    EXPECT_EQ(unpin(root.get(), key, {"absent", "absent/too"}), "");
    EXPECT_EQ(unpin(root.get(), "absent", {"a.log"}), "");
    EXPECT_NE(unpin(root.get(), key, {"one", "one/b.log"}).find("/one': Is a directory"), std::string::npos);
    EXPECT_EQ(pinned(), (Names{"a.log", "one", "one/c.log"}));
    EXPECT_EQ(unpin(root.get(), key, {"a.log"}), "");
    EXPECT_EQ(pinned(), (Names{"one", "one/c.log"}));
    EXPECT_TRUE(dir.has("upper/a.log") && dir.has("upper/one/b.log"));
}

TEST_F(Pins, AreRemovedAllOfOneKey) {
    dir.write("upper/one/a.log", "line\n");
    EXPECT_EQ(refresh({"one/a.log"}), "");
    EXPECT_EQ(refresh_pins(root.get(), "other", {upper()}, {"one/a.log"}), "");
    EXPECT_EQ(unpin_all(root.get(), key), "");
    EXPECT_EQ(unpin_all(root.get(), key), ""); // nor does it matter when there is none
    EXPECT_EQ(pinned_keys(root.get()), Names{"other"});
    EXPECT_EQ(dir.read("backup/.logbackup/pins/other/one/a.log"), "line\n");
    EXPECT_EQ(dir.read("upper/one/a.log"), "line\n");
}

} // namespace
} // namespace logbackup
