// SPDX-License-Identifier: MIT
#include "attack_support.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include <bit>

using namespace e2e;

class AttackFiles : public Attack {};
IN_BOTH_WAYS(AttackFiles);

namespace {
void set_attribute(const fs::path& path, const char* name, const std::string& value) {
    EXPECT_EQ(::setxattr(path.c_str(), name, value.data(), value.size(), 0), 0)
        << name << " of " << path << ": " << std::strerror(errno);
}
/// As they are stored: little-endian words.
std::string words(std::initializer_list<std::uint32_t> values) {
    static_assert(std::endian::native == std::endian::little);
    std::string bytes;
    for (const auto value : values)
        bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
    return bytes;
}
/// An ACL that lets user 1000 read and write: version 2, then tag, permissions and id of each entry.
std::string acl() {
    return words({2, 0x0006'0001, 0xFFFF'FFFF, 0x0006'0002, 1000, 0x0004'0004, 0xFFFF'FFFF, 0x0006'0010,
                  0xFFFF'FFFF, 0x0000'0020, 0xFFFF'FFFF});
}
/// cap_sys_admin, permitted and effective, revision 2: linux/capability.h.
std::string capability() {
    return words({0x0200'0001, 1U << 21U, 0, 0, 0});
}
/// All that rights can hang on: modes, owners, attributes.
void arm(const fs::path& logs, const std::string& name) {
    const fs::path file = logs / name;
    ASSERT_EQ(::chown(file.c_str(), 1000, 1000), 0);
    ASSERT_EQ(::chmod(file.c_str(), 07777), 0);
    for (const auto* attribute : {"user.evil", "trusted.evil"})
        set_attribute(file, attribute, "evil");
    set_attribute(file, "system.posix_acl_access", acl());
    set_attribute(file, "security.capability", capability());
    ASSERT_EQ(::chmod(file.c_str(), 06777), 0); // setting an ACL or a capability can take these bits away
}
} // namespace

TEST_P(AttackFiles, NoSpecialModesDevicesFifosSocketsAttributesAclsOrCapabilitiesArrive) {
    const auto id = engine.start({"evil", "evil-1"});
    engine.exec(id,
                "cd /opt/logs; mkfifo fifo; mknod null c 1 3; mknod disk b 8 0; mknod mem c 1 1; mkdir -m "
                "7777 d; chown 1000:1000 d; for n in a.log d/b.log fixed.log; do echo own > $n; done; ln "
                "/bin/busybox linked; chmod 4755 /bin/busybox");
    const fs::path logs = merged(id) / "opt/logs";
    const logbackup::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{AF_UNIX, {}};
    const auto pid = engine.docker({"inspect", "--format", "{{.State.Pid}}", id});
    const std::string path = "/proc/" + pid.substr(0, pid.size() - 1) + "/root/opt/logs/socket";
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    arm(logs, "a.log");
    arm(logs, "d/b.log");
    set_attribute(logs / "d", "system.posix_acl_default", acl());
    set_attribute(logs / "d", "user.evil", "evil");
    sh("chattr +ia '" + (logs / "fixed.log").string() + "'");

    plain_loop(id, "evil");
    const auto mode_of = [](const fs::path& file) {
        struct stat status {};
        EXPECT_EQ(::lstat(file.c_str(), &status), 0) << file;
        return status.st_mode;
    };
    EXPECT_EQ(mode_of(plain / "evil/a.log"), S_IFREG | 06777U) << "for anybody who comes by";
    EXPECT_EQ(mode_of(plain / "evil/linked"), S_IFREG | 04755U);
    EXPECT_TRUE(S_ISBLK(mode_of(plain / "evil/disk")));
    EXPECT_TRUE(S_ISCHR(mode_of(plain / "evil/mem")));

    const Tree expected{{"a.log", "own\n"},
                        {"d", "dir"},
                        {"d/b.log", "own\n"},
                        {"fixed.log", "own\n"},
                        {"linked", read_file("/bin/busybox")}};
    const auto expect_saved = [&] {
        auto argv = command();
        argv.insert(argv.begin(),
                    {"sh", "-c", "umask 0; exec \"$@\"", "sh"}); // whoever starts it may have that
        const Result result = run(argv);
        expect_clean(result);
        expect_nothing_from_outside(result);
    };
    expect_saved();
    EXPECT_EQ(tree_of(backup / "evil/evil-1"), expected);
    EXPECT_EQ(::unlink((backup / "evil/evil-1/fixed.log").c_str()), 0) << "not immutable";

    // What is there already gets no more rights either.
    for (const auto* name : {"a.log", "d/b.log"}) {
        append_file(logs / name, "more\n");
        arm(logs, name);
    }
    expect_saved();
    EXPECT_EQ(read_file(backup / "evil/evil-1/a.log"), "own\nmore\n");
    sh("chattr -ia '" + (logs / "fixed.log").string() + "'");
    engine.kill(id);
    expect_saved();
}

// rsync looks at all names first, and opens each file when its turn comes: there can be another thing by
// then.
TEST_P(AttackFiles, AFifoOrADeviceThatTakesTheNameOfAFileBeforeItIsRead) {
    const auto id = engine.start({"evil", "evil-1"});
    const auto good = engine.start({"good", "good-1"});
    const std::string logs = (merged(id) / "opt/logs").string();
    const auto incoming = (backup / ".logbackup/incoming/0000000").string();
    for (const std::string node : {"mkfifo z.log", "mknod z.log c 1 5", "mknod z.log c 5 0"}) {
        engine.exec(
            id,
            "cd /opt/logs; rm -f ?.log; head -c 3000000 /dev/zero | tr '\\0' x > a.log; echo own > z.log");
        engine.exec(good, "echo more >> /opt/logs/app.log");
        const auto rsync = write_script(
            scratch.path() / "rsync",
            "(until [ $(stat -c %s '" + incoming + "') -gt 100000 ]; do :; done; cd '" + logs +
                "' && rm -f z.log && " + node + ") 2>/dev/null &\nexec /usr/bin/rsync --bwlimit=4m \"$@\"");
        const Result result = run_once({"--rsync", rsync.string(), "--max-duration", "12s"});
        EXPECT_EQ(result.code, 0) << node << ": " << result.err;
        expect_nothing_from_outside(result);
        EXPECT_EQ(read_file(backup / "good/good-1/app.log"), engine.cat(good, "/opt/logs/app.log")) << node;
        fs::remove_all(backup);
    }
}
