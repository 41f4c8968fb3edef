// SPDX-License-Identifier: MIT
#include "../number_from.hpp"
#include "simulated_node.hpp"

#include <gtest/gtest.h>

#include <random>

namespace logbackup {
namespace {

TEST(AssignHistories, NeverMixTwoLogDirectories) {
    const std::size_t histories = 10 * test::number_from("LOGBACKUP_HISTORIES", 200); // they are quick
    for (unsigned seed = 1; seed <= histories; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937 random(seed);
        std::vector<std::uint8_t> choices(1000);
        for (auto& choice : choices)
            choice = static_cast<std::uint8_t>(random());
        test::Input input(choices.data(), choices.size());
        test::SimulatedNode node(input);
        while (!input.is_empty()) {
            node.step();
            if (::testing::Test::HasFatalFailure())
                return;
        }
    }
}

} // namespace
} // namespace logbackup
