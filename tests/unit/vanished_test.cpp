// SPDX-License-Identifier: MIT
#include "runtime/vanished.hpp"

#include "support.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace logbackup {
namespace {

using test::TempDir;

constexpr LayerSight there{0, false};
constexpr LayerSight removed{ENOENT, true};
constexpr LayerSight hidden{ENOENT, false};
constexpr LayerSight forbidden{EACCES, true};

Container container_in(ContainerState state, pid_t pid = 0) {
    Container container;
    container.id = std::string(64, 'a');
    container.state = state;
    container.pid = pid;
    container.upper = "/layers/a/diff";
    return container;
}

const Container running = container_in(ContainerState::running, 4711);
const Container exited = container_in(ContainerState::exited);

TEST(HasVanished, WhatDockerDoesNotKnowAnyLonger) {
    for (const auto& sight : {there, removed, hidden, forbidden})
        for (const auto& container : {running, exited})
            EXPECT_TRUE(has_vanished(Known::no, container, sight));
}

TEST(HasVanished, WhatHasEndedAndHasNoLayerAmongTheOthers) {
    for (const auto state :
         {ContainerState::exited, ContainerState::created, ContainerState::dead, ContainerState::removing})
        for (const auto known : {Known::yes, Known::unclear}) {
            const Container ended = container_in(state);
            EXPECT_TRUE(has_vanished(known, ended, removed)) << name_of(state);
            for (const auto& sight : {there, hidden, forbidden, LayerSight{EIO, true},
                                      LayerSight{ESTALE, true}, LayerSight{ENOTDIR, true}})
                EXPECT_FALSE(has_vanished(known, ended, sight)) << name_of(state) << " " << sight.error;
        }
}

TEST(HasVanished, NothingThatRuns) {
    const std::vector<Container> containers{running, container_in(ContainerState::paused, 4711),
                                            container_in(ContainerState::removing, 4711),
                                            container_in(ContainerState::running),
                                            container_in(ContainerState::restarting)}; // between two starts
    for (const auto& container : containers)
        for (const auto& sight : {there, removed, hidden, forbidden})
            for (const auto known : {Known::yes, Known::unclear})
                EXPECT_FALSE(has_vanished(known, container, sight)) << name_of(container.state);
}

TEST(HasVanished, WithoutALayerOnlyWhatIsBeingRemoved) {
    for (const auto state : {ContainerState::running, ContainerState::exited, ContainerState::created,
                             ContainerState::dead, ContainerState::removing}) {
        Container container = container_in(state);
        container.upper.clear();
        EXPECT_EQ(has_vanished(Known::yes, container, {}),
                  state == ContainerState::dead || state == ContainerState::removing)
            << name_of(state);
    }
}

TEST(LayerSight, TellsARemovedLayerFromADirectoryThatIsNotThere) {
    const TempDir dir;
    const auto overlay = dir.make_directory("overlay2/a/diff");
    EXPECT_EQ(look_at_layer(overlay).error, 0);
    EXPECT_EQ(look_at_layer("").error, 0) << "docker names none";
    const auto gone = look_at_layer(dir.at("overlay2/b/diff"));
    EXPECT_EQ(gone.error, ENOENT);
    EXPECT_TRUE(gone.above_is_there);
    const auto plain = look_at_layer(dir.at("overlay2/b"));
    EXPECT_EQ(plain.error, ENOENT);
    EXPECT_TRUE(plain.above_is_there);
    const auto elsewhere = look_at_layer(dir.at("nowhere/b/diff"));
    EXPECT_EQ(elsewhere.error, ENOENT);
    EXPECT_FALSE(elsewhere.above_is_there);
    dir.write("file", "");
    EXPECT_FALSE(look_at_layer(dir.at("file/b/diff")).above_is_there);
}

TEST(LayerSight, OfWhoMayNotLookIsNotThatOfNothing) {
    if (!test::is_root())
        GTEST_SKIP() << "only root can become another user";
    const TempDir dir;
    dir.make_directory("overlay2/a/diff");
    ::chmod(dir.path().c_str(), 0700);
    const auto error_as_nobody = [&](const std::string& path) {
        return test::in_child(
            [&] { return ::setresuid(65534, 65534, 65534) == 0 ? look_at_layer(path).error : 0; });
    };
    EXPECT_EQ(error_as_nobody(dir.at("overlay2/a/diff")), EACCES);
    EXPECT_EQ(error_as_nobody(dir.at("overlay2/gone/diff")), EACCES);
}

TEST(WhyUnseen, NamesTheLayerAndTheProcess) {
    EXPECT_EQ(
        why_unseen(running, hidden, "x"),
        "cannot open its layer '/layers/a/diff': No such file or directory; nor can its process 4711 be "
        "reached on this machine");
    EXPECT_EQ(why_unseen(exited, forbidden, "x"),
              "cannot open its layer '/layers/a/diff': Permission denied");
    EXPECT_EQ(why_unseen(exited, there, "the reason"), "the reason");
    EXPECT_NE(hint_for_unseen(forbidden).find("run as root"), std::string::npos);
    EXPECT_NE(hint_for_unseen(hidden).find("chroot"), std::string::npos);
}

} // namespace
} // namespace logbackup
