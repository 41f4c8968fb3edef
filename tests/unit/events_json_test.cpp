// SPDX-License-Identifier: MIT
#include "runtime/docker/events_json.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace logbackup {
namespace {

using namespace std::string_literals;

// Printed by Docker 20.10: a container was made, started, entered, restarted and removed by force.
constexpr std::string_view printed =
    R"json({"status":"create","id":"23ffb662c8e1e6ffb8bad628cf011f89a3dd1ee9c6d640a37fe8cd399c4491ff","from":"logs:1","Type":"container","Action":"create","Actor":{"ID":"23ffb662c8e1e6ffb8bad628cf011f89a3dd1ee9c6d640a37fe8cd399c4491ff","Attributes":{"image":"logs:1","io.kubernetes.container.name":"web","io.kubernetes.docker.type":"container","io.kubernetes.pod.name":"web-1","io.kubernetes.pod.namespace":"shop","io.kubernetes.pod.uid":"uid-of-web-1","name":"k8s_web_web-1_0"}},"scope":"local","time":1795375064,"timeNano":1795375064741935166}
{"Type":"network","Action":"connect","Actor":{"ID":"be414465ce05f593279398659e5c17990664686ca5d1e4588d828a0613a75a9f","Attributes":{"container":"23ffb662c8e1e6ffb8bad628cf011f89a3dd1ee9c6d640a37fe8cd399c4491ff","name":"none","type":"null"}},"scope":"local","time":1795375064,"timeNano":1795375064765921827}
{"status":"start","id":"23ffb662c8e1e6ffb8bad628cf011f89a3dd1ee9c6d640a37fe8cd399c4491ff","from":"logs:1","Type":"container","Action":"start","Actor":{"ID":"23ffb662c8e1e6ffb8bad628cf011f89a3dd1ee9c6d640a37fe8cd399c4491ff","Attributes":{"image":"logs:1","io.kubernetes.container.name":"web","io.kubernetes.docker.type":"container","io.kubernetes.pod.name":"web-1","io.kubernetes.pod.namespace":"shop","io.kubernetes.pod.uid":"uid-of-web-1","name":"k8s_web_web-1_0"}},"scope":"local","time":1795375064,"timeNano":1795375064981542217}
{"status":"exec_create: true ","id":"23ffb662c8e1e6ffb8bad628cf011f89a3dd1ee9c6d640a37fe8cd399c4491ff","from":"logs:1","Type":"container","Action":"exec_create: true ","Actor":{"ID":"23ffb662c8e1e6ffb8bad628cf011f89a3dd1ee9c6d640a37fe8cd399c4491ff","Attributes":{"execID":"a8cf35c07d3a4919ae69006a8e0de1d818f64ee394ce245a4714e858f7f847ae","image":"logs:1","io.kubernetes.container.name":"web","io.kubernetes.docker.type":"container","io.kubernetes.pod.name":"web-1","io.kubernetes.pod.namespace":"shop","io.kubernetes.pod.uid":"uid-of-web-1","name":"k8s_web_web-1_0"}},"scope":"local","time":1795375065,"timeNano":1795375065015123273}
{"status":"exec_die","id":"23ffb662c8e1e6ffb8bad628cf011f89a3dd1ee9c6d640a37fe8cd399c4491ff","from":"logs:1","Type":"container","Action":"exec_die","Actor":{"ID":"23ffb662c8e1e6ffb8bad628cf011f89a3dd1ee9c6d640a37fe8cd399c4491ff","Attributes":{"execID":"a8cf35c07d3a4919ae69006a8e0de1d818f64ee394ce245a4714e858f7f847ae","exitCode":"0","image":"logs:1","io.kubernetes.container.name":"web","io.kubernetes.docker.type":"container","io.kubernetes.pod.name":"web-1","io.kubernetes.pod.namespace":"shop","io.kubernetes.pod.uid":"uid-of-web-1","name":"k8s_web_web-1_0"}},"scope":"local","time":1795375065,"timeNano":1795375065070371215}
{"status":"die","id":"23ffb662c8e1e6ffb8bad628cf011f89a3dd1ee9c6d640a37fe8cd399c4491ff","from":"logs:1","Type":"container","Action":"die","Actor":{"ID":"23ffb662c8e1e6ffb8bad628cf011f89a3dd1ee9c6d640a37fe8cd399c4491ff","Attributes":{"exitCode":"137","image":"logs:1","io.kubernetes.container.name":"web","io.kubernetes.docker.type":"container","io.kubernetes.pod.name":"web-1","io.kubernetes.pod.namespace":"shop","io.kubernetes.pod.uid":"uid-of-web-1","name":"k8s_web_web-1_0"}},"scope":"local","time":1795375065,"timeNano":1795375065142917001}
{"status":"start","id":"23ffb662c8e1e6ffb8bad628cf011f89a3dd1ee9c6d640a37fe8cd399c4491ff","from":"logs:1","Type":"container","Action":"start","Actor":{"ID":"23ffb662c8e1e6ffb8bad628cf011f89a3dd1ee9c6d640a37fe8cd399c4491ff","Attributes":{"image":"logs:1","io.kubernetes.container.name":"web","io.kubernetes.docker.type":"container","io.kubernetes.pod.name":"web-1","io.kubernetes.pod.namespace":"shop","io.kubernetes.pod.uid":"uid-of-web-1","name":"k8s_web_web-1_0"}},"scope":"local","time":1795375065,"timeNano":1795375065376003104}
{"status":"restart","id":"23ffb662c8e1e6ffb8bad628cf011f89a3dd1ee9c6d640a37fe8cd399c4491ff","from":"logs:1","Type":"container","Action":"restart","Actor":{"ID":"23ffb662c8e1e6ffb8bad628cf011f89a3dd1ee9c6d640a37fe8cd399c4491ff","Attributes":{"image":"logs:1","io.kubernetes.container.name":"web","io.kubernetes.docker.type":"container","io.kubernetes.pod.name":"web-1","io.kubernetes.pod.namespace":"shop","io.kubernetes.pod.uid":"uid-of-web-1","name":"k8s_web_web-1_0"}},"scope":"local","time":1795375065,"timeNano":1795375065376064288}
{"status":"die","id":"23ffb662c8e1e6ffb8bad628cf011f89a3dd1ee9c6d640a37fe8cd399c4491ff","from":"logs:1","Type":"container","Action":"die","Actor":{"ID":"23ffb662c8e1e6ffb8bad628cf011f89a3dd1ee9c6d640a37fe8cd399c4491ff","Attributes":{"exitCode":"137","image":"logs:1","io.kubernetes.container.name":"web","io.kubernetes.docker.type":"container","io.kubernetes.pod.name":"web-1","io.kubernetes.pod.namespace":"shop","io.kubernetes.pod.uid":"uid-of-web-1","name":"k8s_web_web-1_0"}},"scope":"local","time":1795375065,"timeNano":1795375065420903736}
{"status":"destroy","id":"23ffb662c8e1e6ffb8bad628cf011f89a3dd1ee9c6d640a37fe8cd399c4491ff","from":"logs:1","Type":"container","Action":"destroy","Actor":{"ID":"23ffb662c8e1e6ffb8bad628cf011f89a3dd1ee9c6d640a37fe8cd399c4491ff","Attributes":{"image":"logs:1","io.kubernetes.container.name":"web","io.kubernetes.docker.type":"container","io.kubernetes.pod.name":"web-1","io.kubernetes.pod.namespace":"shop","io.kubernetes.pod.uid":"uid-of-web-1","name":"k8s_web_web-1_0"}},"scope":"local","time":1795375065,"timeNano":1795375065558176212}
{"status":"untag","id":"sha256:adc7fe0b81bef12103c110a7bc41785d9e58322011e8e0cebc7cba57d936cb61","Type":"image","Action":"untag","Actor":{"ID":"sha256:adc7fe0b81bef12103c110a7bc41785d9e58322011e8e0cebc7cba57d936cb61","Attributes":{"name":"other:1"}},"scope":"local","time":1795375065,"timeNano":1795375065633673334}
{"Type":"network","Action":"destroy","Actor":{"ID":"eee978694e832420f040a3c7847a11d6e4222653917284e496e912837a84f41b","Attributes":{"name":"x","type":"bridge"}},"scope":"local","time":1795375065,"timeNano":1795375065766607564}
)json";

constexpr Timestamp at(std::int64_t nanoseconds) {
    return Timestamp(std::chrono::nanoseconds(nanoseconds));
}

std::string event(const std::string& action, const std::string& id, const std::string& time,
                  const std::string& attributes = R"("image":"logs:1")",
                  const std::string& type = "container") {
    return R"({"Type":")" + type + R"(","Action":")" + action + R"(","Actor":{"ID":")" + id +
           R"(","Attributes":{)" + attributes + R"(}},"scope":"local","timeNano":)" + time + "}\n";
}

// Printed by podman 4.3.1: `podman run --rm`, with a volume.
constexpr std::string_view printed_by_podman =
    R"json({"Name":"vol","Status":"create","Time":"2026-11-30T22:46:06.407545883Z","Type":"volume","Attributes":null}
{"ID":"ac0e37be8460636b9d29f425ed4e697a1f4cff2e6a487b95e73cf7427a63a832","Image":"localhost/logs:latest","Name":"job","Status":"create","Time":"2026-11-30T22:47:13.406560064Z","Type":"container","Attributes":{"PODMAN_SYSTEMD_UNIT":"job.service"}}
{"ID":"ac0e37be8460636b9d29f425ed4e697a1f4cff2e6a487b95e73cf7427a63a832","Image":"localhost/logs:latest","Name":"job","Status":"init","Time":"2026-11-30T22:47:13.562342626Z","Type":"container","Attributes":{"PODMAN_SYSTEMD_UNIT":"job.service"}}
{"ID":"ac0e37be8460636b9d29f425ed4e697a1f4cff2e6a487b95e73cf7427a63a832","Image":"localhost/logs:latest","Name":"job","Status":"start","Time":"2026-11-30T22:47:13.60443903Z","Type":"container","Attributes":{"PODMAN_SYSTEMD_UNIT":"job.service"}}
{"ID":"ac0e37be8460636b9d29f425ed4e697a1f4cff2e6a487b95e73cf7427a63a832","Image":"localhost/logs:latest","Name":"job","Status":"attach","Time":"2026-11-30T22:47:13.60496639Z","Type":"container","Attributes":{"PODMAN_SYSTEMD_UNIT":"job.service"}}
{"ID":"ac0e37be8460636b9d29f425ed4e697a1f4cff2e6a487b95e73cf7427a63a832","Image":"localhost/logs:latest","Name":"job","Status":"died","Time":"2026-11-30T22:47:13.608135237Z","Type":"container","Attributes":{"PODMAN_SYSTEMD_UNIT":"job.service"}}
{"ID":"ac0e37be8460636b9d29f425ed4e697a1f4cff2e6a487b95e73cf7427a63a832","Image":"localhost/logs:latest","Name":"job","Status":"remove","Time":"2026-11-30T22:47:13.734616037Z","Type":"container","Attributes":{"PODMAN_SYSTEMD_UNIT":"job.service"}}
)json";

TEST(ParseEvents, ReadsALifeInPodmansWords) {
    const auto history = parse_events(printed_by_podman);
    EXPECT_EQ(history.events, 0U) << "their number tells nothing";
    ASSERT_EQ(history.lives.size(), 1U);
    const auto& [id, life] = *history.lives.begin();
    EXPECT_EQ(id, "ac0e37be8460636b9d29f425ed4e697a1f4cff2e6a487b95e73cf7427a63a832");
    EXPECT_EQ(life.container.name, "job");
    EXPECT_EQ(life.container.image, "localhost/logs:latest");
    EXPECT_EQ(life.container.labels.at("PODMAN_SYSTEMD_UNIT"), "job.service");
    EXPECT_EQ(exact_rfc3339(life.container.created), "2026-11-30T22:47:13.406560064Z");
    EXPECT_EQ(exact_rfc3339(life.container.started), "2026-11-30T22:47:13.604439030Z");
    EXPECT_EQ(exact_rfc3339(life.container.finished), "2026-11-30T22:47:13.608135237Z");
    EXPECT_EQ(exact_rfc3339(life.removed), "2026-11-30T22:47:13.734616037Z");
}

TEST(ParseEvents, ReadsTheTimesOfNewerPodmans) {
    const auto history = parse_events(
        R"({"ID":"abc","Name":"job","Status":"start","time":1796085000,"timeNano":1796085000000000007,"Type":"container"})"
        "\n"
        R"({"ID":"def","Name":"job","Status":"died","Time":"2026-11-30T22:47:13.5+02:00","Type":"container"})");
    EXPECT_EQ(history.lives.at("abc").container.started, at(1796085000000000007));
    EXPECT_EQ(exact_rfc3339(history.lives.at("def").container.finished), "2026-11-30T20:47:13.500000000Z");
}

TEST(ParseEvents, LeavesOutWhatKeepsAPodOfPodman) {
    const auto lives = [](const std::string& name) {
        return parse_events(R"({"ID":"abc","Name":")" + name + R"(","Status":"start","Type":"container"})")
            .lives.size();
    };
    EXPECT_EQ(lives("0123456789ab-infra"), 0U);
    EXPECT_EQ(lives("0123456789ab-service"), 0U);
    for (const auto* name : {"web-infra", "0123456789ab-infrared", "0123456789abc-infra", "0123456789ab", ""})
        EXPECT_EQ(lives(name), 1U) << name;
}

TEST(ParseEvents, ReadsALife) {
    const auto history = parse_events(printed);
    EXPECT_EQ(history.events, 12U);
    EXPECT_EQ(history.begins, at(1795375064741935166));
    ASSERT_EQ(history.lives.size(), 1U);
    const auto& [id, life] = *history.lives.begin();
    EXPECT_EQ(id, "23ffb662c8e1e6ffb8bad628cf011f89a3dd1ee9c6d640a37fe8cd399c4491ff");
    const Container& container = life.container;
    EXPECT_EQ(container.id, id);
    EXPECT_EQ(container.image, "logs:1");
    EXPECT_TRUE(container.has_service && container.has_pod);
    EXPECT_EQ(container.service, "web");
    EXPECT_EQ(container.pod, "web-1");
    EXPECT_EQ(container.namespace_name, "shop");
    EXPECT_EQ(container.pod_uid, "uid-of-web-1");
    EXPECT_EQ(container.kind, "container");
    EXPECT_EQ(container.created, at(1795375064741935166));
    EXPECT_EQ(container.started, at(1795375065376003104)); // the second time
    EXPECT_EQ(container.finished,
              at(1795375065420903736));               // neither the first time, nor what it was entered by
    EXPECT_EQ(life.removed, at(1795375065558176212)); // not the network's end
}

TEST(ParseEvents, IsEmptyForNothing) {
    for (const std::string_view text : {"", "\n", "\n\n\n"}) {
        const auto history = parse_events(text);
        EXPECT_EQ(history.events, 0U);
        EXPECT_TRUE(history.lives.empty());
        EXPECT_EQ(history.begins, Timestamp{});
    }
}

TEST(ParseEvents, ReadsALastLineWithoutItsEnd) {
    std::string text = event("create", "a", "5");
    text.pop_back();
    EXPECT_EQ(parse_events(text).lives.at("a").container.created, at(5));
}

TEST(ParseEvents, PassesOverLinesThatAreNoEvents) {
    for (const std::string& line :
         {"garbage"s, "{"s, "{\"Type\":\"container\""s, "[]"s, "null"s, "7"s, "\"text\""s, "\xff\xfe"s, "\0"s,
          "{} {}"s, "Error response from daemon: context canceled"s, std::string(1U << 20U, '['),
          std::string(1U << 20U, 'x')}) {
        const auto history = parse_events(line + "\n" + event("create", "a", "5") + line);
        EXPECT_EQ(history.events, 1U) << line.substr(0, 50);
        EXPECT_EQ(history.begins, at(5)) << line.substr(0, 50);
        EXPECT_EQ(history.lives.size(), 1U) << line.substr(0, 50);
    }
}

TEST(ParseEvents, CountsEventsOfAnyKindForTheEngineForgetsByTheirNumber) {
    std::string text;
    for (const std::string type : {"image", "network", "volume", "daemon", "plugin"})
        text += event("create", "a", "3", "", type) + event("destroy", "a", "4", "", type);
    for (const std::string action : {"attach", "exec_create: create", "exec_start: start", "exec_die", "kill",
                                     "stop", "oom", "rename", "health_status: healthy", "", "Create"})
        text += event(action, "a", "5");
    const auto history = parse_events(text);
    EXPECT_EQ(history.events, 21U);
    EXPECT_EQ(history.begins, at(3));
    EXPECT_TRUE(history.lives.empty());
}

TEST(ParseEvents, LeavesTimesThatItIsNotToldAtZero) {
    const auto history = parse_events(event("start", "a", "5") + event("create", "b", "6"));
    EXPECT_EQ(history.lives.at("a").container.created, Timestamp{});
    EXPECT_EQ(history.lives.at("a").container.started, at(5));
    EXPECT_EQ(history.lives.at("a").container.finished, Timestamp{});
    EXPECT_EQ(history.lives.at("a").removed, Timestamp{});
    EXPECT_EQ(history.lives.at("b").container.created, at(6));
    EXPECT_EQ(history.lives.at("b").container.started, Timestamp{});
}

TEST(ParseEvents, TakesNoTimeFromWhatIsNone) {
    for (const std::string time : {"null", "\"1795375064741935166\"", "1.5", "[]", "{}", "true", "1e400",
                                   "99999999999999999999999999"}) {
        const auto history = parse_events(event("create", "a", time));
        if (history.events > 0) { // else it is no JSON at all
            EXPECT_EQ(history.begins, Timestamp{}) << time;
            EXPECT_EQ(history.lives.at("a").container.created, Timestamp{}) << time;
        }
    }
}

TEST(ParseEvents, TakesNoTimeThatDoesNotFit) {
    const auto history = parse_events(event("create", "a", "18446744073709551615"));
    EXPECT_EQ(history.lives.at("a").container.created, Timestamp{});
}

TEST(ParseEvents, ToleratesMissingMembersAndOnesOfAnotherType) {
    std::string text;
    for (const std::string line :
         {"{}", R"({"Type":"container"})", R"({"Type":"container","Action":"create"})",
          R"({"Type":"container","Action":"create","Actor":null,"timeNano":5})",
          R"({"Type":"container","Action":"create","Actor":"a","timeNano":5})",
          R"({"Type":"container","Action":"create","Actor":{"ID":null},"timeNano":5})",
          R"({"Type":"container","Action":"create","Actor":{"ID":7},"timeNano":5})",
          R"({"Type":"container","Action":"create","Actor":{"ID":""},"timeNano":5})",
          R"({"Type":"container","Action":["create"],"Actor":{"ID":"a"},"timeNano":5})",
          R"({"Type":null,"Action":"create","Actor":{"ID":"a"},"timeNano":5})"})
        text += line + "\n"s;
    const auto history = parse_events(text);
    EXPECT_EQ(history.events, 10U);
    EXPECT_TRUE(history.lives.empty());
}

TEST(ParseEvents, KnowsNoLabelsWhereThereAreNone) {
    for (const std::string attributes :
         {"null", "[]", "7", "{}", R"({"image":null,"io.kubernetes.container.name":7})"}) {
        const auto history =
            parse_events(R"({"Type":"container","Action":"create","Actor":{"ID":"a","Attributes":)" +
                         attributes + R"(},"timeNano":5})");
        ASSERT_EQ(history.lives.size(), 1U) << attributes;
        const Container& container = history.lives.at("a").container;
        EXPECT_FALSE(container.has_service || container.has_pod) << attributes;
        EXPECT_EQ(container.image + container.service + container.pod, "") << attributes;
        EXPECT_EQ(container.created, at(5)) << attributes;
    }
}

TEST(ParseEvents, TakesAnyTextForALabel) {
    const std::string huge(1U << 20U, 'x');
    const auto history =
        parse_events(event("create", "a", "5",
                           R"("io.kubernetes.container.name":"w�\n\"\\\u0000","io.kubernetes.pod.name":"")") +
                     event("create", "b", "6", R"("io.kubernetes.container.name":")" + huge + "\""));
    EXPECT_EQ(history.lives.at("a").container.service, "w\xef\xbf\xbd\n\"\\\0"s);
    EXPECT_TRUE(history.lives.at("a").container.has_pod);
    EXPECT_EQ(history.lives.at("b").container.service, huge);
    EXPECT_FALSE(history.lives.at("b").container.has_pod);
}

TEST(ParseEvents, ALineThatIsNotUtf8HidesNoOther) {
    const auto history = parse_events(event("create", "a", "5", "\"image\":\"\xff\xc3\"") +
                                      event("create", "b", "6") + event("destroy", "b", "7"));
    EXPECT_FALSE(history.lives.contains("a"));
    EXPECT_EQ(history.lives.at("b").removed, at(7));
}

TEST(ParseEvents, TellsManyContainersApart) {
    std::string text;
    for (int i = 0; i < 300; ++i)
        text += event("create", "id-" + std::to_string(i), std::to_string(i + 1)) +
                event("destroy", "id-" + std::to_string(i), std::to_string(i + 1000));
    const auto history = parse_events(text);
    EXPECT_EQ(history.events, 600U);
    ASSERT_EQ(history.lives.size(), 300U);
    EXPECT_EQ(history.lives.at("id-7").container.created, at(8));
    EXPECT_EQ(history.lives.at("id-7").removed, at(1007));
}

} // namespace
} // namespace logbackup
