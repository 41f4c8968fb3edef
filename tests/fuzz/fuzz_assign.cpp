// SPDX-License-Identifier: MIT
//
// Containers with forged labels over many runs, and the directories of the backup that they get.
#include "../unit/simulated_node.hpp"
#include "input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    logbackup::test::Input input(data, size);
    logbackup::test::SimulatedNode node(input);
    for (int steps = 0; steps < 100 && !input.is_empty(); ++steps)
        node.step();
    logbackup::test::end_on_failure();
    return 0;
}
