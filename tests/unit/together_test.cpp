// SPDX-License-Identifier: MIT
#include "runtime/runtime.hpp"

#include "support.hpp"
#include "util/error.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace logbackup {
namespace {

/// A runtime that has these containers; without them it does not answer.
Runtime runtime(const std::string& name, const std::vector<std::string>& ids, bool answers = true) {
    Runtime runtime;
    runtime.name = name;
    const auto describe = [name](const std::string& id) {
        Container container;
        container.id = id;
        container.runtime = name;
        return container;
    };
    runtime.discover = [=](StopSignal&) {
        if (!answers)
            throw Error("cannot list the containers of " + name, "is it there?");
        Discovery discovery;
        discovery.ids = ids;
        for (const auto& id : ids)
            discovery.containers.push_back(describe(id));
        discovery.engines[name].root = "/" + name;
        return discovery;
    };
    runtime.ask_again = [=](const std::vector<std::string>& wanted, StopSignal&) {
        Discovery discovery;
        for (const auto& id : wanted)
            if (!answers)
                discovery.unreachable.push_back({id, name + " does not answer"});
            else if (std::find(ids.begin(), ids.end(), id) != ids.end())
                discovery.containers.push_back(describe(id));
        return discovery;
    };
    runtime.history = [=](Timestamp, StopSignal&, std::string& problem) {
        if (!answers)
            problem = name + " does not answer";
        History history;
        history.runtime = name;
        return answers ? std::vector{history} : std::vector<History>();
    };
    runtime.listening.emplace_back();
    return runtime;
}

std::vector<std::string> ids_of(const Discovery& discovery) {
    std::vector<std::string> ids;
    for (const auto& container : discovery.containers)
        ids.push_back(container.runtime + " " + container.id);
    return ids;
}

TEST(Together, PutsContainersTogether) {
    test::Stop stop;
    const Runtime both = together({runtime("docker", {"a"}), runtime("containerd", {"b", "a"})});
    const Discovery found = both.discover(stop.get());
    EXPECT_EQ(ids_of(found), (std::vector<std::string>{"docker a", "containerd b"}));
    EXPECT_EQ(found.ids, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(found.engines.size(), 2U);
    ASSERT_EQ(found.failures.size(), 1U) << "two containers of one id";
    EXPECT_NE(std::string_view(found.failures[0].what()).find("'a' is left out"), std::string::npos);
    EXPECT_EQ(both.listening.size(), 2U);
    std::string problem;
    EXPECT_EQ(both.history({}, stop.get(), problem).size(), 2U);
}

TEST(Discovery, AnIdIsOneContainer) {
    Container first;
    first.id = "a";
    Container other = first;
    other.id = "b";
    Discovery found;
    found.ids = {"a", "b", "a"};
    found.containers = {first, other, first};
    keep_one_of_each_id(found);
    EXPECT_EQ(found.ids, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(found.containers, (std::vector{first, other}));
    EXPECT_TRUE(found.failures.empty()) << "the same twice is no harm";
    Container contradiction = first;
    contradiction.upper = "/elsewhere";
    found.containers.push_back(contradiction);
    keep_one_of_each_id(found);
    EXPECT_EQ(found.containers, (std::vector{first, other}));
    ASSERT_EQ(found.failures.size(), 1U);
    EXPECT_STREQ(found.failures[0].what(),
                 "the container 'a' is described twice: only the first description is used");
}

TEST(Together, SaysWhichDoesNotAnswerAndGoesOn) {
    test::Stop stop;
    const Runtime both = together({runtime("docker", {}, false), runtime("containerd", {"b"})});
    const Discovery found = both.discover(stop.get());
    EXPECT_EQ(ids_of(found), std::vector<std::string>{"containerd b"});
    ASSERT_EQ(found.failures.size(), 1U);
    EXPECT_EQ(found.failures[0].with_hint(),
              "docker is left out: cannot list the containers of docker\nhint: is it there?");
    EXPECT_FALSE(found.engines.contains("docker"));
    std::string problem;
    EXPECT_EQ(both.history({}, stop.get(), problem).size(), 1U);
    EXPECT_EQ(problem, "docker does not answer");
    EXPECT_THROW(
        (void)together({runtime("docker", {}, false), runtime("containerd", {}, false)}).discover(stop.get()),
        Error);
}

TEST(Together, AsksEachForWhatTheOthersDoNotKnow) {
    test::Stop stop;
    const Runtime both = together({runtime("docker", {"a"}), runtime("containerd", {"b"})});
    const Discovery again = both.ask_again({"a", "b", "c"}, stop.get());
    EXPECT_EQ(ids_of(again), (std::vector<std::string>{"docker a", "containerd b"}));
    EXPECT_TRUE(again.unreachable.empty()) << "nobody knows c: it is gone";
    const Runtime one = together({runtime("docker", {}, false), runtime("containerd", {"b"})});
    const Discovery half = one.ask_again({"a", "b"}, stop.get());
    EXPECT_EQ(ids_of(half), std::vector<std::string>{"containerd b"});
    ASSERT_EQ(half.unreachable.size(), 1U);
    EXPECT_EQ(half.unreachable[0].id, "a") << "the one that does not answer may know it";
}

} // namespace
} // namespace logbackup
