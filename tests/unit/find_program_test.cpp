// SPDX-License-Identifier: MIT
#include "util/process.hpp"

#include "support.hpp"

#include <gtest/gtest.h>

namespace logbackup {
namespace {

TEST(FindProgram, TakesTheFirstExecutableOnPath) {
    const test::TempDir dir;
    dir.write("a/tool", "not executable");
    dir.write_program("b/tool", "#!/bin/sh\n");
    dir.write_program("c/tool", "#!/bin/sh\n");
    const test::Variable path("PATH", (dir.at("a") + ":" + dir.at("b") + ":" + dir.at("c")).c_str());
    EXPECT_EQ(find_program("tool"), dir.at("b/tool"));
    EXPECT_EQ(find_program("no-such-tool-here"), "");
}

TEST(FindProgram, DoesNotTakeADirectory) {
    const test::TempDir dir;
    dir.make_directory("a/tool");
    dir.write_program("b/tool", "#!/bin/sh\n");
    const test::Variable path("PATH", (dir.at("a") + ":" + dir.at("b")).c_str());
    EXPECT_EQ(find_program("tool"), dir.at("b/tool"));
    EXPECT_EQ(find_program(dir.at("a/tool")), "");
}

TEST(FindProgram, PassesOverWhatEverybodyMayWriteTo) {
    const test::TempDir dir;
    for (const auto* name : {"a/tool", "b/tool", "c/tool"})
        dir.write_program(name, "#!/bin/sh\n");
    const test::Variable path("PATH", (dir.at("a") + ":" + dir.at("b") + ":" + dir.at("c")).c_str());
    ::chmod(dir.at("a").c_str(), 01777);
    ::chmod(dir.at("b/tool").c_str(), 0757);
    EXPECT_EQ(find_program("tool"), dir.at("c/tool"));
    EXPECT_EQ(find_program(dir.at("a/tool")), dir.at("a/tool")) << "it is named";
}

TEST(FindProgram, TakesAPathAsItIs) {
    const test::TempDir dir;
    dir.write_program("tool", "#!/bin/sh\n");
    dir.write("text", "text");
    EXPECT_EQ(find_program(dir.at("tool")), dir.at("tool"));
    EXPECT_EQ(find_program(dir.at("text")), "");
    EXPECT_EQ(find_program(dir.at("missing")), "");
}

TEST(FindProgram, LooksWhereProgramsUsuallyAre) {
    for (const char* value : {static_cast<const char*>(nullptr), "", "/nonexistent"}) {
        const test::Variable path("PATH", value);
        const std::string found = find_program("sh");
        EXPECT_TRUE(found == "/usr/bin/sh" || found == "/bin/sh") << found;
    }
}

TEST(FindProgram, IgnoresRelativeEntriesOfPath) {
    EXPECT_EQ(test::in_child([] {
                  const test::TempDir dir;
                  dir.write_program("tool-of-the-current-directory", "#!/bin/sh\n");
                  if (::chdir(dir.path().c_str()) != 0)
                      return 2;
                  for (const char* value : {"", ".", "::", ".:", "./"}) {
                      const test::Variable path("PATH", value);
                      if (!find_program("tool-of-the-current-directory").empty())
                          return 1;
                  }
                  return ::chdir("/") == 0 ? 0 : 2;
              }),
              0);
}

} // namespace
} // namespace logbackup
