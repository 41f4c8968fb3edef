// SPDX-License-Identifier: MIT
#include "../number_from.hpp"
#include "random_log_directory.hpp"
#include "simulated_backup.hpp"

#include <gtest/gtest.h>

namespace logbackup {
namespace {

using test::LogDirectory;
using test::Random;
using test::SimulatedBackup;

void live_through(unsigned seed) {
    Random random(seed);
    LogDirectory source(random);
    SimulatedBackup backup(random, source);
    Timestamp now{std::chrono::seconds(1'700'000'000)};
    const auto run = [&] {
        now += std::chrono::seconds(random.below(3)); // several set-asides can fall into one second
        const bool complete = backup.run_once(now);
        if (complete)
            backup.expect_complete();
        return complete;
    };
    for (int step = 0; step < 30 && !::testing::Test::HasFailure(); ++step) {
        for (auto changes = random.below(4); changes > 0; --changes)
            source.change();
        run();
    }
    while (!::testing::Test::HasFailure() && !run()) {
    }
    if (::testing::Test::HasFailure())
        return;
    backup.expect_prefixes_only();
    const auto again = backup.make_plan(now);
    EXPECT_TRUE(again.actions.empty())
        << "an unchanged log directory needs nothing, but " << name_of(again.actions.front().kind) << " "
        << again.actions.front().path;
}

TEST(PlanHistories, KeepThePrefixRule) {
    const std::size_t histories = 10 * test::number_from("LOGBACKUP_HISTORIES", 300); // they are quick
    for (unsigned seed = 1; seed <= histories; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        live_through(seed);
        if (HasFailure())
            return;
    }
}

} // namespace
} // namespace logbackup
