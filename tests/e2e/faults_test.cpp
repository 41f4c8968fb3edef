// SPDX-License-Identifier: MIT
#include "support.hpp"

#include "util/unique_fd.hpp"

#include <fcntl.h>
#include <linux/types.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cstring>
#include <random>

using namespace e2e;

/// The disk of the backup, or of a log, fails in the middle of a run: real file systems on loop devices,
/// which are given back with their last mount, and so with the scratch directory.
namespace {

constexpr std::size_t MB = 1'000'000;

class Faults : public BothWays {
  protected:
    fs::path disk = scratch.path() / "disk";
    fs::path memory = scratch.path() / "memory"; ///< a tmpfs; writing to the machine's own disk takes long
    fs::path image = memory / "image";
    fs::path logs = volumes();
    Tree sources; ///< what the logs hold, by the names that they have in the backup
    std::mt19937 random{4711};

    void SetUp() override {
        BothWays::SetUp();
        backup = disk / "backup";
        fs::create_directories(memory);
        sh("mount -t tmpfs tmpfs '" + memory.string() + "'");
        fs::remove(logs / "web-3");
        for (const auto* pod : {"web-1", "web-2"}) {
            fs::create_directories(logs / pod);
            engine.share_empty(with_volume(pod, logs / pod));
        }
    }

    /// Of the containers that the tests share.
    static const fs::path& volumes() {
        static const TempDir directory;
        return directory.path();
    }
    static Pod with_volume(const std::string& pod, const fs::path& directory) {
        return {"web", pod, {"--volume", directory.string() + ":/opt/logs"}};
    }

    void mount_disk(const std::string& options = "defaults") const {
        fs::create_directories(disk);
        sh("mount -o loop," + options + " '" + image.string() + "' '" + disk.string() + "'");
    }
    void make_disk(const std::string& size, const std::string& mkfs_options = "") const {
        sh("truncate -s " + size + " '" + image.string() + "' && mkfs.ext4 -q -m 0 -E lazy_itable_init=0 " +
           mkfs_options + " '" + image.string() + "'");
        mount_disk();
    }
    void make_btrfs() const {
        sh("truncate -s 120M '" + image.string() + "' && mkfs.btrfs -q '" + image.string() + "'");
        mount_disk();
    }
    /// And waits until it is given up: a container that is being started anywhere on the machine has it too.
    void unmount_disk() const {
        sh("umount '" + disk.string() + "'");
        wait_until("the disk is given up",
                   [this] { return sh("losetup --associated '" + image.string() + "'").empty(); });
    }

    /// Appends to a log, or makes it. No two bytes are alike for long.
    void grow(const std::string& name, std::size_t bytes) {
        std::string more(bytes, '\0');
        std::generate(more.begin(), more.end(), [&] { return static_cast<char>(random()); });
        sources["web/" + name] += more;
        fs::create_directories((logs / name).parent_path());
        append_file(logs / name, more);
    }

    /// A run whose rsync writes 8 MB a second; `fault` comes when the stand-in of one log holds so many
    /// bytes.
    Result run_with(const std::function<void()>& fault, std::size_t bytes,
                    const std::vector<std::string>& arguments = {"--min-free", "0"}) {
        const auto slow = write_script(scratch.path() / "rsync", "exec /usr/bin/rsync --bwlimit=8m \"$@\"");
        auto all = arguments;
        all.insert(all.end(), {"--rsync", slow.string()});
        const auto out = scratch.path() / "out";
        const auto err = scratch.path() / "err";
        std::vector<std::string> argv{"sh", "-c",
                                      "exec >'" + out.string() + "' 2>'" + err.string() + "' \"$@\"", "sh"};
        const auto plain = command(all);
        argv.insert(argv.end(), plain.begin(), plain.end());
        Background running(argv);
        wait_until("bytes arrive", [&] { return has_arrived(backup, bytes); });
        fault();
        const int code = running.wait();
        return {code, read_file(out), read_file(err)};
    }

    Tree saved() const {
        Tree tree = tree_of(backup);
        std::erase_if(tree, [](const auto& file) { return file.second == "dir"; });
        return tree;
    }
    void expect_prefixes(const Tree& before) const {
        const Tree after = saved();
        for (const auto& [name, content] : after)
            EXPECT_TRUE(sources.contains(name) && sources.at(name).starts_with(content)) << name;
        for (const auto& [name, content] : before)
            EXPECT_TRUE(after.contains(name) && after.at(name).starts_with(content)) << name << " is lost";
    }
    /// Makes the kernel read saved files from the disk, as after a boot.
    void read_from_disk() const {
        for (const auto& [name, content] : saved())
            sh("dd if='" + (backup / name).string() + "' iflag=nocache count=0 status=none");
    }
    void expect_saved(const std::string& name) const {
        EXPECT_TRUE(fs::exists(backup / "web" / name) &&
                    read_file(backup / "web" / name) == sources.at("web/" + name))
            << name;
    }
    void expect_nothing_arriving() const {
        for (const auto& entry : fs::recursive_directory_iterator(backup / ".logbackup/incoming"))
            EXPECT_TRUE(entry.is_directory()) << entry.path();
    }
    void expect_caught_up(const std::vector<std::string>& arguments = {"--min-free", "0"}) {
        expect_clean(run_once(arguments));
        const Tree after = saved();
        EXPECT_EQ(after.size(), sources.size());
        for (const auto& [name, content] : sources)
            EXPECT_TRUE(after.contains(name) && after.at(name) == content) << name;
        expect_nothing_arriving();
    }
    /// Failed, and said so in a few lines with these in them.
    static void expect_told(const Result& result, const std::vector<std::string>& texts, int code = 3) {
        EXPECT_EQ(result.code, code) << result.out << result.err;
        for (const auto& text : texts)
            EXPECT_NE(result.err.find(text), std::string::npos) << text << "\n" << result.err;
        EXPECT_LE(std::count(result.err.begin(), result.err.end(), '\n'), 8) << result.err;
    }

    [[nodiscard]] struct statvfs space() const {
        struct statvfs status {};
        EXPECT_EQ(::statvfs(disk.c_str(), &status), 0);
        return status;
    }
    /// Everything that is free but so many bytes goes to others; without a number to the last block.
    void fill(std::size_t leave = 0) const {
        const auto others = "'" + (disk / "others").string() + "'";
        const auto free = std::size_t{space().f_bavail} * space().f_frsize;
        if (leave > 0)
            sh("fallocate -l " + std::to_string(free - leave) + " " + others);
        for (int i = 0; leave == 0 && i < 3; ++i) // written out, the last blocks turn out to be free
            sh("dd if=/dev/zero bs=4096 2>/dev/null >> " + others + "; sync -f " + others);
    }
    /// One byte of what a btrfs holds turns on its disk: to read there is an EIO, as its checksum is wrong.
    void rot(const std::string& content, std::size_t at) const {
        unmount_disk();
        const logbackup::UniqueFd bytes(::open(image.c_str(), O_RDWR | O_CLOEXEC));
        const auto size = fs::file_size(image);
        auto* all =
            static_cast<char*>(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, bytes.get(), 0));
        ASSERT_NE(all, MAP_FAILED);
        auto* found = static_cast<char*>(::memmem(all, size, content.data() + at, 100));
        ASSERT_NE(found, nullptr);
        *found = static_cast<char>(~*found);
        ::munmap(all, size);
        mount_disk();
    }
    /// From now on everything is an EIO, and what was not yet written to the disk is lost: as if it were
    /// pulled.
    void pull_disk() const {
        const logbackup::UniqueFd root(::open(disk.c_str(), O_RDONLY | O_CLOEXEC));
        __u32 without_flushing = 2; // EXT4_GOING_FLAGS_NOLOGFLUSH
        EXPECT_EQ(::ioctl(root.get(), _IOR('X', 125, __u32) /* EXT4_IOC_SHUTDOWN */, &without_flushing), 0);
    }
    void sync_disk() const { sh("sync -f '" + disk.string() + "'"); }
    void make_room() const { fs::remove(disk / "others"); }
};
IN_BOTH_WAYS(Faults);

} // namespace

TEST_P(Faults, TheDiskGetsFullDuringATransfer) {
    make_disk("40M");
    grow("web-1/app.log", MB);
    grow("web-2/app.log", MB);
    expect_clean(run_once());
    const auto before = saved();
    grow("web-1/app.log", 9 * MB);
    grow("web-1/a-small.log", 10'000);
    grow("web-1/small.log", 10'000);
    grow("web-2/app.log", 20'000);
    grow("web-2/large.log", 10 * MB);
    expect_told(run_with([this] { fill(); }, 3 * MB),
                {"\"web/web-1/app.log\": No space left on device", "'web/web-2: large.log': only "});
    expect_prefixes(before);
    expect_saved("web-1/a-small.log");
    expect_nothing_arriving();

    make_room();
    fill(MB / 2);
    expect_told(run_once({"--min-free", "0"}), {".log': no room for its "});
    expect_saved("web-1/small.log");
    expect_saved("web-2/app.log");
    expect_prefixes(before);
    make_room();
    expect_caught_up();
}

TEST_P(Faults, AFileThatIsNewIsSavedUpToWhereTheDiskIsFull) {
    make_disk("40M");
    grow("web-1/app.log", 1000);
    grow("web-2/first.log", 1000); // its directory needs a block, too
    expect_clean(run_once());
    grow("web-2/app.log", 10 * MB);
    expect_told(run_with([this] { fill(); }, 3 * MB), {"\"web/web-2/app.log\": No space left on device"});
    expect_prefixes({});
    expect_saved("web-1/app.log");
    EXPECT_GT(saved()["web/web-2/app.log"].size(), 3 * MB);
    expect_nothing_arriving();

    make_room();
    expect_caught_up();
}

// Its new bytes are there twice for a moment.
TEST_P(Faults, AnAppendThatFitsOnceButNotTwice) {
    make_disk("40M");
    grow("web-1/app.log", MB);
    expect_clean(run_once());
    fill(8 * MB);
    grow("web-1/app.log", 6 * MB);
    const auto before = saved();
    expect_told(run_once({"--min-free", "0"}),
                {"'web/web-1: app.log': cannot write its backup: No space left on device"});
    expect_prefixes(before);
    expect_nothing_arriving();
    for (int i = 0; i < 3 && run_once({"--min-free", "0"}).code == 3; ++i) // each brings it nearer
        expect_prefixes(before);
    expect_caught_up();
}

TEST_P(Faults, ADiskWithoutAFreeBlock) {
    make_disk("40M");
    grow("web-1/app.log", 1000);
    expect_clean(run_once());
    fill();
    grow("web-1/app.log", 10'000);
    grow("web-2/app.log", 10'000);
    const auto before = saved();
    expect_told(run_once({"--min-free", "0"}), {" are free, and --min-free keeps 0 B"});
    expect_prefixes(before);
    make_room();
    expect_caught_up();
}

TEST_P(Faults, TheReserveIsKept) {
    make_disk("40M");
    grow("web-1/app.log", 1000);
    expect_clean(run_once());
    fill(6 * MB);
    grow("web-1/app.log", 20'000);
    grow("web-1/large.log", 5 * MB);
    grow("web-2/app.log", 20'000);
    grow("web-2/medium.log", 2 * MB);
    expect_told(
        run_once({"--verbose", "--min-free", "5M"}),
        {"'web/web-1: large.log': no room for its 4.8 MiB: ",
         "'web/web-2: medium.log': no room for its 1.9 MiB: ", " are free, and --min-free keeps 5.0 MiB"});
    EXPECT_EQ(saved().size(), 2U);
    expect_saved("web-1/app.log");
    expect_saved("web-2/app.log");
    expect_told(run_once({"--verbose"}), {"'web/web-1: large.log': no room for its 4.8 MiB: "}); // 5 %
    EXPECT_EQ(saved().size(), 3U);
    expect_saved("web-2/medium.log");
    make_room();
    expect_caught_up({});
}

TEST_P(Faults, SomeInodesAreKept) {
    make_disk("16M", "-N 4096"); // of which 1 % are kept
    grow("web-1/app.log", 1000);
    expect_clean(run_once());
    for (auto i = space().f_favail; i > 55; --i)
        write_file(disk / "others" / std::to_string(i), "");
    grow("web-1/app.log", 1000);
    for (std::size_t i = 10; i < 30; ++i)
        grow("web-2/" + std::to_string(i) + ".log", 100 * i);
    const auto result = run_once({"--verbose"});
    EXPECT_EQ(result.code, 3);
    EXPECT_NE(result.err.find("'web/web-2: 29.log': no room for another file: "), std::string::npos)
        << result.err;
    expect_prefixes({});
    expect_saved("web-1/app.log");
    expect_saved("web-2/10.log");
    EXPECT_FALSE(fs::exists(backup / "web/web-2/29.log"));
    EXPECT_GE(space().f_favail, 40U);
    fs::remove_all(disk / "others");
    expect_caught_up({});
}

TEST_P(Faults, WithoutRoomFilesAreStillRenamedAndSetAside) {
    make_disk("40M");
    for (const auto* name : {"web-1/app.log", "web-1/other.log", "web-1/written-again.log"})
        grow(name, 5000);
    expect_clean(run_once());
    fill(MB);
    fs::rename(logs / "web-1/app.log", logs / "web-1/app.log.1");
    fs::remove(logs / "web-1/written-again.log");
    Tree expected = saved();
    expected["web/web-1/app.log.1"] = expected.extract("web/web-1/app.log").mapped();
    const auto old = expected.extract("web/web-1/written-again.log").mapped();
    for (const auto* name : {"web-1/other.log", "web-1/app.log", "web-1/written-again.log", "web-2/app.log"})
        grow(name, 3000);
    expect_told(run_once({"--verbose"}), {"'web/web-1: app.log': no room for its 2.9 KiB"});
    auto after = saved();
    for (const auto& [name, content] : saved())
        if (name.starts_with("web/web-1/written-again.log~")) {
            EXPECT_EQ(content, old);
            after.erase(name);
        }
    EXPECT_EQ(after, expected);
}

TEST_P(Faults, TheDiskIsGoneDuringATransfer) {
    make_disk("40M");
    grow("web-1/app.log", MB);
    grow("web-2/app.log", MB);
    expect_clean(run_once());
    sync_disk();
    const auto before = saved();
    grow("web-1/app.log", 10 * MB);
    grow("web-2/app.log", 20'000);
    expect_told(run_with([this] { pull_disk(); }, 4 * MB), {"Input/output error"});
    expect_told(run_once(), {"cannot open the lock file 'lock': Input/output error"}, 1);

    unmount_disk();
    mount_disk();
    expect_prefixes(before);
    expect_caught_up();
}

TEST_P(Faults, TheFileSystemBecomesReadOnlyDuringATransfer) {
    make_disk("40M");
    unmount_disk();
    mount_disk("errors=remount-ro");
    grow("web-1/app.log", MB);
    grow("web-2/app.log", MB);
    expect_clean(run_once());
    sync_disk();
    const auto before = saved();
    grow("web-1/app.log", 10 * MB);
    grow("web-2/app.log", 20'000);
    const auto fail = [this] {
        sh("d=$(findmnt -n -o SOURCE '" + disk.string() +
           "'); echo 1 > /sys/fs/ext4/${d#/dev/}/trigger_fs_error");
    };
    expect_told(run_with(fail, 5 * MB), {"Read-only file system"});
    expect_prefixes(before);
    expect_told(run_once(), {"cannot open the lock file 'lock': Read-only file system"}, 1);
    expect_prefixes(before);

    unmount_disk();
    EXPECT_LE(run({"e2fsck", "-fy", image.string()}).code, 1);
    mount_disk();
    expect_prefixes(before);
    expect_caught_up();
}

TEST_P(Faults, AQuotaIsUsedUpDuringATransfer) {
    make_btrfs();
    sh("cd '" + disk.string() +
       "' && btrfs quota enable . && btrfs subvolume create backup && btrfs qgroup limit 8M backup");
    grow("web-1/app.log", 1000);
    grow("web-2/app.log", MB);
    expect_clean(run_once());
    const auto before = saved();
    grow("web-1/app.log", 20'000);
    grow("web-2/app.log", 10 * MB);
    expect_told(run_once(), {"\"web/web-2/app.log\": Disk quota exceeded"});
    expect_prefixes(before);
    expect_nothing_arriving();
    sh("btrfs qgroup limit none '" + backup.string() + "'");
    expect_caught_up();
}

TEST_P(Faults, ABackupCannotBeRead) {
    make_btrfs();
    grow("web-1/app.log", MB);
    grow("web-2/app.log", 20'000);
    expect_clean(run_once());
    rot(sources.at("web/web-1/app.log"), MB - 200);
    grow("web-1/app.log", 2000);
    grow("web-2/app.log", 20'000);
    for (int i = 0; i < 2; ++i) {
        expect_told(run_once(),
                    {"'web/web-1: app.log': cannot compare it with its backup: Input/output error"});
        expect_saved("web-2/app.log");
        EXPECT_EQ(fs::file_size(backup / "web/web-1/app.log"), MB);
    }
}

TEST_P(Faults, TheDiskOfALogIsGoneDuringATransfer) {
    make_disk("40M");
    backup = scratch.path() / "backup";
    fs::create_directories(disk / "web-3");
    fs::create_directory_symlink(disk / "web-3", logs / "web-3");
    grow("web-1/app.log", 20'000);
    grow("web-3/app.log", 10 * MB);
    sync_disk();
    const auto id = engine.start(with_volume("web-3", disk / "web-3"));
    expect_told(run_with([this] { pull_disk(); }, 4 * MB), {"Input/output error"});
    expect_saved("web-1/app.log");
    expect_prefixes({});
    expect_nothing_arriving();
    expect_told(run_once(), {"Input/output error"});

    engine.remove(id);
    unmount_disk();
    mount_disk();
    engine.start(with_volume("web-3", disk / "web-3"));
    expect_caught_up();
}

// rsync writes zeros in the place of what it cannot read, and goes on.
TEST_P(Faults, ALogCannotBeRead) {
    make_btrfs();
    backup = scratch.path() / "backup";
    fs::create_directories(disk / "web-3");
    fs::create_directory_symlink(disk / "web-3", logs / "web-3");
    grow("web-1/app.log", 20'000);
    for (const auto* name : {"web-3/a.log", "web-3/b.log", "web-3/c.log"})
        grow(name, MB);
    rot(sources.at("web/web-3/b.log"), MB / 2);
    rot(sources.at("web/web-3/c.log"), MB - 200);
    engine.start(with_volume("web-3", disk / "web-3"));
    for (int i = 0; i < 2; ++i) {
        expect_told(run_once({"--verbose"}),
                    {"'web/web-3: b.log': ", "'web/web-3: c.log': ", "Input/output error"});
        expect_prefixes({});
        expect_saved("web-1/app.log");
        expect_saved("web-3/a.log");
        expect_nothing_arriving();
    }
}

// What cannot be appended is told by writeback alone, after the run or never.
TEST_P(Faults, WhatIsWrittenDoesNotReachTheDisk) {
    sh("mount -o remount,size=80M '" + memory.string() + "'");
    make_disk("64M", "-b 4096");
    grow("web-1/app.log", MB);
    grow("web-2/app.log", MB);
    expect_clean(run_once());
    unmount_disk();
    // Its metadata, journal and files have their places; what is free has none, and the disk below is full.
    sh("cd '" + memory.string() +
       "' && fallocate -l 64M image && dumpe2fs image 2>/dev/null | sed -n 's/^  Free blocks: //p' | "
       "tr ', ' '\\n\\n' | awk -F- '$2 - $1 > 2000 {print ($1 + 1000) * 4096, ($2 - $1 - 999) * 4096}' | "
       "while read from length; do fallocate --punch-hole --offset $from --length $length image; done");
    mount_disk();
    run({"dd", "if=/dev/zero", "of=" + (memory / "others").string(), "bs=4096"});
    grow("web-1/app.log", 3 * MB);
    grow("web-2/app.log", 3 * MB);
    grow("web-2/new.log", MB);
    for (int i = 0; i < 3; ++i) { // each tries again
        expect_told(run_once(), {"cannot bring its backup to the disk"});
        read_from_disk();
        expect_prefixes({});
    }
    // A run that was killed before it could know: its writes are in memory, and fail later.
    append_file(backup / "web/web-1/app.log",
                sources.at("web/web-1/app.log").substr(fs::file_size(backup / "web/web-1/app.log")));
    run({"sync", "-f", disk.string()});
    EXPECT_NE(run_once().code, 0);
    unmount_disk();
    fs::remove(memory / "others");
    sh("mount -o remount,size=200M '" + memory.string() + "'");
    EXPECT_LE(run({"e2fsck", "-fy", image.string()}).code, 1);
    mount_disk();
    expect_clean(run_once()); // what the disk made of the files is set aside
    const Tree after = saved();
    for (const auto& [name, content] : sources)
        EXPECT_TRUE(after.contains(name) && after.at(name) == content) << name;
}

TEST_P(Faults, TheReserveIsKeptFromManySmallFiles) {
    make_disk("40M", "-b 4096");
    grow("web-1/app.log", 1000);
    expect_clean(run_once());
    fill(6 * MB);
    for (int i = 0; i < 1000; ++i)
        grow("web-2/" + std::to_string(i) + ".log", 100);
    EXPECT_EQ(run_once({"--min-free", "5M"}).code, 3);
    sync_disk();
    const std::size_t for_directories = 64U << 10U;
    EXPECT_GE(space().f_bavail * space().f_frsize + for_directories, 5U << 20U);
}

TEST_P(Faults, WithoutRoomNoDirectoriesAreMade) {
    make_disk("40M");
    grow("web-1/app.log", 1000);
    expect_clean(run_once());
    fill(MB);
    for (int i = 0; i < 200; ++i)
        grow("web-2/d" + std::to_string(i) + "/app.log", 1000);
    EXPECT_EQ(run_once().code, 3);
    EXPECT_FALSE(fs::exists(backup / "web/web-2/d1"));
}
