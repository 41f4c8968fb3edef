// SPDX-License-Identifier: MIT
#include "ledger/identity.hpp"

#include "runtime/docker/docker_runtime.hpp"
#include "runtime/docker/inspect_json.hpp"
#include "support.hpp"
#include "util/error.hpp"
#include "util/files.hpp"

#include <gtest/gtest.h>

namespace logbackup {
namespace {

const Host here{"1111", "node-1"};
const Host elsewhere{"2222", "node-2"};
const EngineIdentity unknown{};
const EngineIdentity engine{"aaaa", "/var/lib/docker"};

BackupIdentity of(const Host& host, const EngineIdentity& of_engine) {
    return {"0123", host, {{"docker", of_engine}}};
}

EngineIdentity docker_of(const BackupIdentity& identity) {
    const auto found = identity.engines.find("docker");
    return found == identity.engines.end() ? EngineIdentity() : found->second;
}

struct Case {
    const char* what;
    std::optional<BackupIdentity> found;
    Host host;
    EngineIdentity engine;
    const char* refusal; ///< a part of it; empty: accepted
    bool changed;
    EngineIdentity kept;
};

TEST(Claim, AcceptsWhatIsOursAndRefusesWhatIsNot) {
    const EngineIdentity moved{"aaaa", "/data/docker"};
    const EngineIdentity other{"bbbb", "/var/lib/docker"};
    const EngineIdentity older{"", "/var/lib/docker"};
    const EngineIdentity older_elsewhere{"", "/data/docker"};
    const std::vector<Case> cases{
        {"new", std::nullopt, here, unknown, "", true, unknown},
        {"new, engine known", std::nullopt, here, engine, "", true, engine},
        {"ours", of(here, engine), here, engine, "", false, engine},
        {"engine not known yet", of(here, unknown), here, engine, "", true, engine},
        {"engine not known now", of(here, engine), here, unknown, "", false, engine},
        {"host renamed", of({"1111", "old"}, engine), here, engine, "", true, engine},
        {"another host", of(elsewhere, engine), here, engine, "another host, 'node-2'; this is 'node-1'",
         false, engine},
        {"installed anew", of({"3333", "node-1"}, engine), here, engine, "'node-1' with another machine id",
         false, engine},
        {"engine's directory moved", of(here, engine), here, moved, "", true, moved},
        {"another engine in the same place", of(here, engine), here, other, "another Docker engine", false,
         engine},
        {"another engine without an id", of(here, older), here, older_elsewhere,
         "that of '/var/lib/docker'; this is that of '/data/docker'", false, older},
        {"engine upgraded", of(here, older), here, engine, "", true, engine},
        {"its id cannot be read", of(here, engine), here, older, "", false, engine},
    };
    for (const auto& it : cases) {
        const Claimed result = claim(it.found, it.host, {{"docker", it.engine}}, Adopt::no);
        EXPECT_EQ(result.refusal.empty(), *it.refusal == '\0') << it.what << ": " << result.refusal;
        EXPECT_NE(result.refusal.find(it.refusal), std::string::npos) << it.what << ": " << result.refusal;
        EXPECT_EQ(result.hint.empty(), result.refusal.empty()) << it.what;
        EXPECT_EQ(result.changed, it.changed) << it.what;
        EXPECT_EQ(docker_of(result.identity).id, it.kept.id) << it.what;
        EXPECT_EQ(docker_of(result.identity).root, it.kept.root) << it.what;
    }
}

TEST(Claim, AdoptsAnotherHostsAndForgetsItsEngine) {
    const Claimed host = claim(of(elsewhere, engine), here, {{"docker", unknown}}, Adopt::yes);
    EXPECT_EQ(host.refusal, "");
    EXPECT_TRUE(host.changed);
    EXPECT_EQ(host.identity.backup, "0123") << "it is the same backup";
    EXPECT_EQ(host.identity.host.id, here.id);
    EXPECT_EQ(docker_of(host.identity).id, "");
    const Claimed other = claim(host.identity, here, {{"docker", {"bbbb", "/data/docker"}}}, Adopt::no);
    EXPECT_EQ(other.refusal, "");
    EXPECT_EQ(docker_of(other.identity).id, "bbbb");
}

TEST(Claim, KnowsEachRuntimesEngine) {
    BackupIdentity known = of(here, engine);
    known.engines["containerd"] = {"cccc", "/var/lib/containerd"};
    const Claimed one = claim(known, here, {{"containerd", {"cccc", "/var/lib/containerd"}}}, Adopt::no);
    EXPECT_EQ(one.refusal, "");
    EXPECT_FALSE(one.changed) << "a runtime that does not answer is not forgotten";
    EXPECT_EQ(claim(known, here, {{"k3s", {"dddd", "/k3s"}}}, Adopt::no).identity.engines.size(), 3U);
    const Claimed other = claim(known, here, {{"containerd", {"dddd", "/var/lib/containerd"}}}, Adopt::no);
    EXPECT_NE(other.refusal.find("another containerd engine, that of '/var/lib/containerd', id cccc"),
              std::string::npos)
        << other.refusal;
    EXPECT_FALSE(other.changed);
}

TEST(Host, IsKnownByItsMachineIdOrElseByItsName) {
    EXPECT_EQ(host_of("abcd\n", "one").id, host_of("abcd", "two").id);
    EXPECT_NE(host_of("abcd", "one").id, host_of("abce", "one").id);
    EXPECT_EQ(host_of("abcd", "one").id.find("abcd"), std::string::npos) << "it is not to be told to others";
    for (const auto* none : {"", "\n", "uninitialized\n"}) {
        EXPECT_EQ(host_of(none, "one").id, host_of("", "one").id);
        EXPECT_NE(host_of(none, "one").id, host_of(none, "two").id);
    }
}

TEST(IdentityText, CanBeReadAgain) {
    const auto read =
        parse_identity(identity_text({"0123", {"1111", "n\xff"}, {{"docker", {"a\"b", "/x y"}}}}));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->backup, "0123");
    EXPECT_EQ(read->host.id, "1111");
    EXPECT_EQ(docker_of(*read).id, "a\"b");
    EXPECT_EQ(docker_of(*read).root, "/x y");
}

TEST(IdentityText, OfAVersionBeforeKnowsDockersEngine) {
    const auto read = parse_identity(R"({"format": 1, "engine": "aaaa", "engine_root": "/var/lib/docker"})");
    ASSERT_TRUE(read);
    EXPECT_EQ(docker_of(*read).id, "aaaa");
    EXPECT_EQ(docker_of(*read).root, "/var/lib/docker");
}

TEST(IdentityText, OfANewerVersionIsRefused) {
    EXPECT_TRUE(parse_identity(R"({"format": 1, "more": []})")) << "an addition that may be ignored";
    for (const auto* damaged : {"", "{", "[]", "{}", R"({"format": "1"})"})
        EXPECT_FALSE(parse_identity(damaged)) << damaged;
    try {
        (void)parse_identity(R"({"format": 2})");
        FAIL() << "it was read";
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(), "the backup was made by a newer logbackup (format 2)");
    }
}

TEST(IdentityFile, IsMissingInANewBackupAndAnOldOne) {
    test::TempDir dir;
    EXPECT_FALSE(load_identity(dir.fd()).identity);
    EXPECT_EQ(load_identity(dir.fd()).problem, "");
    EXPECT_FALSE(has_records(dir.fd()));
    dir.make_directory(".logbackup");
    dir.write(".logbackup/lock", "");
    EXPECT_FALSE(has_records(dir.fd())) << "of a run that was killed before it wrote anything";
    dir.make_directory(".logbackup/live/web");
    EXPECT_TRUE(has_records(dir.fd()));
}

TEST(IdentityFile, KeepsTheIdThatItWasGivenAtFirst) {
    test::TempDir dir;
    dir.make_directory(".logbackup");
    const BackupIdentity first = save_identity(dir.fd(), {"", here, {}});
    EXPECT_EQ(first.backup.size(), 32U);
    (void)save_identity(dir.fd(), claim(first, here, {{"docker", engine}}, Adopt::no).identity);
    const auto found = load_identity(dir.fd()).identity;
    ASSERT_TRUE(found);
    EXPECT_EQ(found->backup, first.backup);
    EXPECT_EQ(docker_of(*found).root, engine.root);
    dir.write(".logbackup/identity", "{");
    EXPECT_EQ(load_identity(dir.fd()).problem, "cannot understand '.logbackup/identity'");
    std::filesystem::remove(dir.at(".logbackup/identity"));
    dir.link(".logbackup/identity", "elsewhere");
    EXPECT_NE(load_identity(dir.fd()).problem, "");
}

TEST(EngineOf, ComesFromDockersDirectory) {
    test::TempDir dir;
    const std::string id(64, 'a');
    const auto listed = [&](const std::string& resolv_conf) {
        return engine_of(
            parse_inspect(R"([{"Id":")" + id + R"(","ResolvConfPath":")" + resolv_conf + R"("}])"));
    };
    const std::string path = dir.path() + "/containers/" + id + "/resolv.conf";
    EXPECT_EQ(listed(path).root, dir.path());
    EXPECT_EQ(listed(path).id, "") << "an engine before version 24";
    dir.write("engine-id", "2f0c-11\n");
    EXPECT_EQ(listed(path).id, "2f0c-11");
    for (const auto* other : {"", "resolv.conf", "/etc/resolv.conf"})
        EXPECT_EQ(listed(other).root, "") << other;
    EXPECT_EQ(
        engine_of(parse_inspect(R"([{"Id":"a"},{"Id":"b","ResolvConfPath":"/d/containers/b/resolv.conf"}])"))
            .root,
        "/d")
        << "the first that tells";
    EXPECT_EQ(engine_of({}).root, "");
}

TEST(ParseEngine, ToleratesAClientThatPrintsNothingOfTheKind) {
    EXPECT_EQ(parse_engine("2f0c-11\n/var/lib/docker\n").id, "2f0c-11");
    EXPECT_EQ(parse_engine("2f0c-11\n/var/lib/docker\n").root, "/var/lib/docker");
    EXPECT_EQ(parse_engine("2f0c-11").id, "2f0c-11");
    for (const auto& nothing :
         {std::string(), std::string("\n"), std::string("\n\n"), std::string(100'000, 'x')}) {
        EXPECT_EQ(parse_engine(nothing).id, "");
        EXPECT_EQ(parse_engine(nothing).root, "");
    }
    EXPECT_EQ(parse_engine("a\nnowhere").root, "");
}

} // namespace
} // namespace logbackup
