// SPDX-License-Identifier: MIT
#include "commands/output.hpp"

#include "support.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace logbackup {
namespace {

std::string said_with_a_full_disk(const std::function<void(spdlog::logger&)>& log_something) {
    Options options;
    options.quiet = true;
    options.log_file = "/dev/full";
    testing::internal::CaptureStderr();
    log_something(*make_logger(options));
    return testing::internal::GetCapturedStderr();
}

TEST(LogFile, LinesThatAFullDiskLosesAreTold) {
    const auto is_told = [](const std::string& said) {
        return said.find("lines of the log file are lost") != std::string::npos &&
               said.find("No space left on device") != std::string::npos;
    };
    for (const auto& log_something : {std::function([](spdlog::logger& log) { log.info("a line"); }),
                                      std::function([](spdlog::logger& log) {
                                          log_result(log, {"a line", "another"});
                                      })})
        EXPECT_EQ(test::in_child([&] { return is_told(said_with_a_full_disk(log_something)) ? 0 : 1; }), 0);
}

} // namespace
} // namespace logbackup
