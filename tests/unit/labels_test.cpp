// SPDX-License-Identifier: MIT
#include "runtime/labels.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace logbackup {
namespace {

using namespace std::string_literals;

Container labelled(const std::string& service, const std::string& pod,
                   const std::string& name_space = "shop") {
    Container container;
    container.id = std::string(64, 'a');
    container.has_service = true;
    container.has_pod = true;
    container.service = service;
    container.pod = pod;
    container.namespace_name = name_space;
    container.kind = "container";
    return container;
}

const std::vector<std::string>& hostile_names() {
    static const std::vector<std::string> names{
        "",     ".",        "..",    "../../etc", "/etc", "a/b", "-a",    "a-",
        "-",    "Upper",    "a_b",   "a@1",       "a~1",  "a b", " a",    "a\n",
        "a\nb", "\x1b[31m", "a\0b"s, "größe",     "\xff", "*",   "$(id)", std::string(4096, 'a')};
    return names;
}

TEST(DnsLabel, AcceptsKubernetesNames) {
    for (const std::string name : {"a", "0", "payments", "a-b", "a--b", "0a9", "x1"})
        EXPECT_TRUE(is_dns_label(name)) << name;
    EXPECT_TRUE(is_dns_label(std::string(63, 'a')));
}

TEST(DnsLabel, RefusesEverythingElse) {
    for (const auto& name : hostile_names())
        EXPECT_FALSE(is_dns_label(name)) << name;
    EXPECT_FALSE(is_dns_label("a.b"));
    EXPECT_FALSE(is_dns_label(std::string(64, 'a')));
}

TEST(DnsSubdomain, AcceptsKubernetesNames) {
    const std::string part(62, 'a');
    for (const std::string& name : {"a"s, "payments-7d9f"s, "a.b"s, "web-0.web.shop"s, "1.2.3.4"s,
                                    std::string(63, 'a'), part + "." + part + "." + part + "." + part})
        EXPECT_TRUE(is_dns_subdomain(name)) << name;
}

TEST(DnsSubdomain, TakesUpTo253Characters) {
    const std::string longest = std::string(63, 'a') + "." + std::string(63, 'b') + "." +
                                std::string(63, 'c') + "." + std::string(61, 'd');
    ASSERT_EQ(longest.size(), 253U);
    EXPECT_TRUE(is_dns_subdomain(longest));
    EXPECT_FALSE(is_dns_subdomain(longest + "e"));
}

TEST(DnsSubdomain, RefusesEverythingElse) {
    for (const auto& name : hostile_names())
        EXPECT_FALSE(is_dns_subdomain(name)) << name;
    for (const std::string& name : {"a..b"s, ".a"s, "a."s, "..a"s, "a.-b"s, "a-.b"s, "a.B"s,
                                    std::string(64, 'a'), "a." + std::string(64, 'b'), "a/../b"s})
        EXPECT_FALSE(is_dns_subdomain(name)) << name;
}

TEST(Classify, TakesContainersOfPods) {
    EXPECT_EQ(classify(labelled("payments", "payments-7d9f")).ownership, Ownership::ours);
    EXPECT_EQ(classify(labelled("payments", "web-0.web")).ownership, Ownership::ours);
}

TEST(Classify, NeedsNoNamespace) {
    EXPECT_EQ(classify(labelled("payments", "payments-7d9f", "")).ownership, Ownership::ours);
}

TEST(Classify, LeavesSandboxesAlone) {
    auto sandbox = labelled("POD", "payments-7d9f");
    EXPECT_EQ(classify(sandbox).ownership, Ownership::foreign);
    sandbox = labelled("payments", "payments-7d9f");
    sandbox.kind = "podsandbox";
    EXPECT_EQ(classify(sandbox).ownership, Ownership::foreign);
}

TEST(Classify, LeavesContainersWithoutBothLabelsAlone) {
    for (const bool service : {false, true}) {
        for (const bool pod : {false, true}) {
            Container container = labelled(service ? "a" : "", pod ? "b" : "");
            container.has_service = service;
            container.has_pod = pod;
            EXPECT_EQ(classify(container).ownership, service && pod ? Ownership::ours : Ownership::foreign);
        }
    }
}

TEST(Classify, ReportsInvalidNamesAndEscapesThem) {
    for (const auto& name : hostile_names()) {
        for (const auto& container : {labelled(name, "pod"), labelled("service", name)}) {
            const auto result = classify(container);
            EXPECT_EQ(result.ownership, Ownership::invalid) << name;
            EXPECT_FALSE(result.problem.empty());
            EXPECT_LT(result.problem.size(), 700U);
            for (const char c : result.problem)
                EXPECT_GE(static_cast<unsigned char>(c), 0x20) << result.problem;
            EXPECT_EQ(result.problem.find('\xff'), std::string::npos);
        }
        if (!name.empty()) {
            EXPECT_EQ(classify(labelled("service", "pod", name)).ownership, Ownership::invalid) << name;
        }
    }
}

TEST(Classify, NamesTheLabelThatIsInvalid) {
    EXPECT_NE(classify(labelled("../x", "pod")).problem.find("io.kubernetes.container.name"),
              std::string::npos);
    EXPECT_NE(classify(labelled("a", "../x")).problem.find("io.kubernetes.pod.name"), std::string::npos);
    EXPECT_NE(classify(labelled("a", "b", "../x")).problem.find("io.kubernetes.pod.namespace"),
              std::string::npos);
}

TEST(Classify, DoesNotTakeAServiceNameWithDots) {
    EXPECT_EQ(classify(labelled("a.b", "pod")).ownership, Ownership::invalid);
}

} // namespace
} // namespace logbackup
