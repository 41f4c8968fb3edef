// SPDX-License-Identifier: MIT
#include "disks.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <thread>

namespace logbackup::test {
namespace {

TEST(Disks, LeaveLittleWhileFilesAreWritten) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "mounting needs root";
    const Disks disks(DiskKind::memory);
    const std::jthread writer([&](const std::stop_token& stop) {
        std::error_code full;
        for (int n = 0; !stop.stop_requested(); ++n) {
            const std::string directory = disks.backup() + std::to_string(n % 2);
            std::filesystem::create_directory(directory, full);
            for (const char* const name : {"/a", "/b", "/c"})
                std::ofstream(directory + name) << std::string(10'000, 'x');
            std::filesystem::remove_all(directory, full);
        }
    });
    for (int n = 0; n < 2000; ++n) {
        ASSERT_NO_THROW(disks.leave(0, 0));
        ASSERT_NO_THROW(disks.leave_enough());
    }
}

} // namespace
} // namespace logbackup::test
