// SPDX-License-Identifier: MIT
#include "util/descriptors.hpp"
#include "util/process.hpp"

#include "support.hpp"

#include <gtest/gtest.h>

#include <sys/resource.h>

namespace logbackup {
namespace {

bool set_limit(rlim_t soft, rlim_t hard) {
    const rlimit limit{soft, hard};
    return ::setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

TEST(Descriptors, AreAllThatMayBeHad) {
    EXPECT_EQ(test::in_child([] {
                  rlimit limit{};
                  if (!set_limit(300, 600))
                      return 1;
                  raise_descriptor_limit();
                  ::getrlimit(RLIMIT_NOFILE, &limit);
                  return limit.rlim_cur == 600 && limit.rlim_max == 600 ? 0 : 2;
              }),
              0);
}

TEST(Descriptors, AChildHasTheFormerLimit) {
    const auto seen_by_child = [] {
        if (!set_limit(300, 600))
            return 1;
        raise_descriptor_limit();
        test::Stop stop;
        Command command;
        command.argv = {"/bin/sh", "-c", "ulimit -Sn; ulimit -Hn"};
        return run(command, {}, stop.get()).out == "300\n600\n" ? 0 : 2;
    };
    EXPECT_EQ(test::in_child(seen_by_child), 0);
}

TEST(Descriptors, AreCountedWhoeverOpenedThem) {
    EXPECT_EQ(test::in_child([] {
                  if (!set_limit(600, 600))
                      return 1;
                  const std::size_t before = descriptors_left();
                  if (before == 0 || before > 597)
                      return 2;
                  for (std::size_t i = 0; i < 100; ++i)
                      if (::dup(STDERR_FILENO) < 0)
                          return 3;
                  if (descriptors_left() != before - 100)
                      return 4;
                  for (std::size_t i = 0; i < before - 100; ++i)
                      if (::dup(STDERR_FILENO) < 0)
                          return 5;
                  return descriptors_left() == 0 ? 0 : 6; // where there is none to count with, too
              }),
              0);
}

TEST(DescriptorShare, IsHalfOfWhatIsLeftBesideTheWork) {
    DescriptorShare share(110, 10);
    EXPECT_TRUE(share.take(49));
    EXPECT_FALSE(share.take(2));
    EXPECT_TRUE(share.take(1));
    EXPECT_FALSE(share.take(1));
    share.give_back(1);
    EXPECT_TRUE(share.take(1));
}

TEST(DescriptorShare, HoldsOneThingInAnyCase) {
    DescriptorShare none(5, 10);
    EXPECT_TRUE(none.take(3));
    EXPECT_FALSE(none.take(1));
    DescriptorShare few(30, 10);
    EXPECT_TRUE(few.take(1000));
    EXPECT_FALSE(few.take(1));
}

} // namespace
} // namespace logbackup
