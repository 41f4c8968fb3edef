// SPDX-License-Identifier: MIT
#include "ledger/descriptions.hpp"
#include "runtime/descriptions.hpp"

#include "support.hpp"

#include <gtest/gtest.h>

namespace logbackup {
namespace {

Descriptions examples() {
    Container full;
    full.id = std::string(64, 'a');
    full.runtime = "containerd";
    full.image = "shop/web:1";
    full.state = ContainerState::paused;
    full.pid = 77;
    full.created = Timestamp{std::chrono::nanoseconds(1796064226124178588)};
    full.started = full.created + std::chrono::nanoseconds(1);
    full.finished = full.created + std::chrono::seconds(2);
    full.has_service = full.has_pod = full.is_named_freely = true;
    full.service = "web\n\"";
    full.pod = "web-1";
    full.namespace_name = "shop";
    full.pod_uid = "u-1";
    full.restart_count = "4";
    full.kind = "container";
    full.name = "shop-web-1";
    full.labels = {{"a.b/c", "\xff\x01"}, {"\xfe", ""}};
    full.upper = "/l/\xff%41/diff";
    full.lowers = {"/l/1", "/l/2"};
    full.merged = "/m";
    full.mounts = {{"bind", "/src/\xff", "/opt/logs", MountAccess::read_only, ""},
                   {"volume", "/v/x/_data", "/data", MountAccess::read_write, "x"},
                   {"tmpfs", "", "/tmp", MountAccess::read_write, ""}};
    full.data_root = "/var/lib/containerd";
    Container bare;
    bare.id = "web";
    return {{full.id, {full, "7 8 \xff"}}, {bare.id, {bare, ""}}};
}

TEST(DescriptionsText, CanBeReadAgain) {
    const std::string text = descriptions_text(examples());
    EXPECT_EQ(parse_descriptions(text), examples());
    EXPECT_EQ(parse_descriptions(descriptions_text({})), Descriptions());
}

TEST(DescriptionsText, IsNotBelievedWhenItIsDamaged) {
    const std::string text = descriptions_text(examples());
    for (std::size_t length = 0; length < text.size() - 1; length += 7)
        EXPECT_TRUE(parse_descriptions(text.substr(0, length)).empty()) << length;
    for (const auto* other : {"{}", "[]", "null", R"({"format":2,"containers":{}})", R"({"format":1})",
                              R"({"format":1,"containers":{"a":{}}})", R"({"format":1,"containers":{"a":7}})",
                              R"({"format":1,"containers":{"a":{"status":0,"upper":7}}})",
                              R"({"format":1,"containers":{"a":{"status":0,"mounts":[["bind"]]}}})"})
        EXPECT_TRUE(parse_descriptions(other).empty()) << other;
    EXPECT_EQ(parse_descriptions(R"({"format":1,"containers":{"a":{"status":99}}})").at("a").container.state,
              ContainerState::unknown);
}

TEST(DescriptionsFile, IsKeptInTheBackup) {
    test::TempDir dir;
    EXPECT_TRUE(parse_descriptions(load_descriptions(dir.fd())).empty());
    save_descriptions(dir.fd(), descriptions_text(examples())); // there is no place for it yet
    dir.make_directory(".logbackup");
    save_descriptions(dir.fd(), descriptions_text(examples()));
    EXPECT_EQ(parse_descriptions(load_descriptions(dir.fd())), examples());
    dir.write(".logbackup/containers", "{");
    EXPECT_TRUE(parse_descriptions(load_descriptions(dir.fd())).empty());
}

} // namespace
} // namespace logbackup
