// SPDX-License-Identifier: MIT
#include "runtime/labels.hpp"
#include "runtime/names.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace logbackup {
namespace {

using Labels = std::map<std::string, std::string>;

Container container(const std::string& name, Labels labels = {}) {
    Container container;
    container.id = name + "-id";
    container.name = name;
    container.labels = std::move(labels);
    return container;
}

Container of_kubernetes(const std::string& service, const std::string& pod) {
    Container container;
    container.has_service = container.has_pod = true;
    container.service = service;
    container.pod = pod;
    return container;
}

/// "<service>/<instance> <namespace>", or "-" if the scheme leaves it out.
std::string named(const Container& container, const Naming& settings = {}) {
    std::vector<Container> one{container};
    name_containers(one, settings, has_kubernetes(one));
    const auto ownership = classify(one.front()).ownership;
    if (ownership != Ownership::ours)
        return ownership == Ownership::invalid ? "invalid" : "-";
    return one.front().service + "/" + one.front().pod + " " + one.front().namespace_name;
}

TEST(Names, ComeFromTheLabelsOfWhoeverMadeTheContainer) {
    EXPECT_EQ(named(container("shop_web.1.x7", {{"com.docker.swarm.service.name", "shop_web"},
                                                {"com.docker.swarm.task.name", "shop_web.1.x7"}})),
              "shop_web/shop_web.1.x7 ");
    EXPECT_EQ(named(container("shop-web-1", {{"com.docker.compose.service", "web"},
                                             {"com.docker.compose.project", "shop"}})),
              "web/shop-web-1 shop");
    EXPECT_EQ(named(container("web-5ba2", {{"com.hashicorp.nomad.task_name", "web"},
                                           {"com.hashicorp.nomad.alloc_id", "5ba2"}})),
              "web/5ba2 ");
    EXPECT_EQ(named(container("web-5ba2", {{"com.hashicorp.nomad.alloc_id", "5ba2"}})), "web/5ba2 ")
        << "Nomad sets only this label unless extra_labels says more";
    EXPECT_EQ(named(container("ecs-shop-3-web-80", {{"com.amazonaws.ecs.container-name", "web"},
                                                    {"com.amazonaws.ecs.task-definition-family", "shop"},
                                                    {"com.amazonaws.ecs.task-arn",
                                                     "arn:aws:ecs:eu-west-1:12:task/main/0f9de17a6"}})),
              "web/0f9de17a6 shop");
    EXPECT_EQ(named(container("systemd-web", {{"PODMAN_SYSTEMD_UNIT", "web.service"}})), "web/systemd-web ");
    EXPECT_EQ(named(container("registry")), "registry/registry ");
}

TEST(Names, AreThoseOfKubernetesWhereItIs) {
    std::vector<Container> containers{of_kubernetes("web", "web-1"), container("registry")};
    containers[0].name = "k8s_web_web-1_shop_uid_0";
    ASSERT_TRUE(has_kubernetes(containers));
    name_containers(containers, {}, true);
    EXPECT_EQ(classify(containers[0]).ownership, Ownership::ours);
    EXPECT_FALSE(containers[0].is_named_freely);
    EXPECT_EQ(classify(containers[1]).ownership, Ownership::foreign);
    EXPECT_FALSE(has_kubernetes({container("registry")}));
    EXPECT_FALSE(has_kubernetes({}));
    name_containers(containers, {}, false); // before another one was seen, say
    EXPECT_FALSE(containers[0].is_named_freely) << "its labels say what it is";
    EXPECT_EQ(named(container("registry"), {NameScheme::kubernetes, {}, {}}), "-");
}

TEST(Names, OfOthersDoNotGoBecauseAnImageSaysThatItIsAPod) {
    std::vector<Container> containers{of_kubernetes("evil", "evil-1"), container("registry")};
    containers[0].name = "evil";
    EXPECT_FALSE(has_kubernetes(containers));
    name_containers(containers, {}, has_kubernetes(containers));
    EXPECT_EQ(containers[1].service, "registry");
    containers[0].runtime = "containerd";
    EXPECT_FALSE(has_kubernetes(containers)) << "the CRI service does not know it";
    containers[0].kind = "container";
    EXPECT_TRUE(has_kubernetes(containers));
}

TEST(Names, OfOneSchemeLeaveOthersOut) {
    const Naming compose{NameScheme::compose, {}, {}};
    EXPECT_EQ(named(container("registry"), compose), "-");
    EXPECT_EQ(named(container("shop-web-1", {{"com.docker.compose.service", "web"}}), compose),
              "web/shop-web-1 ");
    EXPECT_EQ(named(container("shop-web-1", {{"com.docker.compose.service", "web"}}),
                    {NameScheme::container, {}, {}}),
              "shop-web-1/shop-web-1 ");
    EXPECT_EQ(named(of_kubernetes("web", "web-1"), compose), "-");
}

TEST(Names, AnImageCannotHideItsContainerByLabels) {
    Container sandbox = container("web");
    sandbox.kind = "podsandbox";
    EXPECT_EQ(named(sandbox), "web/web ");
    EXPECT_EQ(named(sandbox, {NameScheme::container, "", ""}), "web/web ");
    Container made_by_kubelet = sandbox;
    made_by_kubelet.name = "k8s_POD_web-1_shop_uid_0";
    EXPECT_EQ(named(made_by_kubelet, {NameScheme::container, "", ""}), "-");
    Container pause = container("web");
    pause.has_service = pause.has_pod = true;
    pause.service = "POD";
    pause.pod = "web-1";
    EXPECT_EQ(named(pause), "web/web ");
    pause.runtime = "podman";
    EXPECT_EQ(named(pause), "web/web ");
    sandbox.runtime = "podman"; // its own word for what keeps a pod
    EXPECT_EQ(named(sandbox), "-");
}

TEST(Names, ComeFromLabelsOfOnesOwn) {
    const Naming own{NameScheme::automatic, "org.example.app", "org.example.node"};
    EXPECT_EQ(named(container("c1", {{"org.example.app", "web"}, {"org.example.node", "n-1"}}), own),
              "web/n-1 ");
    EXPECT_EQ(named(container("c1", {{"org.example.app", "web"}}), own), "web/c1 ");
    EXPECT_EQ(named(container("c1"), own), "-");
}

TEST(Names, AreSafeFileNamesOrNone) {
    const Naming own{NameScheme::automatic, "app", ""};
    for (const auto* name : {"..", ".hidden", "a/b", "-x", "a@1", "a+b", "a b", "a\nb", "\xff"})
        EXPECT_EQ(named(container("c1", {{"app", name}}), own), "invalid") << name;
    EXPECT_EQ(named(container("c1", {{"app", std::string(200, 'a')}}), own), std::string(200, 'a') + "/c1 ");
    EXPECT_EQ(named(container("c1", {{"app", std::string(201, 'a')}}), own), "invalid");
    EXPECT_EQ(named(container("c1", {{"app", "Web_1.x-Y"}}), own), "Web_1.x-Y/c1 ");
    EXPECT_EQ(named(container("shop-web-1", {{"com.docker.compose.service", "web"},
                                             {"com.docker.compose.project", "../shop"}})),
              "invalid");
    EXPECT_EQ(named(container("ecs", {{"com.amazonaws.ecs.container-name", "web"},
                                      {"com.amazonaws.ecs.task-arn", "task/.."}})),
              "invalid");
}

} // namespace
} // namespace logbackup
