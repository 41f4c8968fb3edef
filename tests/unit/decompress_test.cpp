// SPDX-License-Identifier: MIT
#include "content/decompress.hpp"

#include "support.hpp"

#include <gtest/gtest.h>

namespace logbackup {
namespace {

class Decompress : public testing::Test {
  protected:
    /// What a shell script prints, as an open file.
    UniqueFd output_of(const std::string& script) {
        Command command;
        command.argv = {"/bin/sh", "-c", script + " > '" + dir.at("file") + "'"};
        command.environment = {"PATH=/usr/bin:/bin"};
        EXPECT_TRUE(succeeded(run(command, Limits(), stop.get()).ending)) << script;
        return UniqueFd(::open(dir.at("file").c_str(), O_RDONLY | O_CLOEXEC));
    }
    ProcessResult decompress_all(int file) {
        size = 0;
        return decompress(
            file, decompressor_for(first_bytes_of(file)), std::chrono::seconds(60),
            [&](std::string_view bytes) {
                size += bytes.size();
                return Watch::go_on;
            },
            stop.get());
    }

    test::TempDir dir;
    test::Stop stop;
    std::size_t size = 0; ///< of what was decompressed last
};

// Within the limits on its address space, whatever the compressor wanted, up to 128 MiB.
TEST_F(Decompress, WorksInTheMemoryItGets) {
    for (const auto* compress :
         {"gzip -c", "bzip2 -9c", "zstd -qc", "zstd -qc -1 --long=27", "zstd -qc -T2 --long=27", "xz -c -1",
          "xz -c -T2 --block-size=2MiB -0", "xz -c --lzma2=preset=0,dict=64MiB"}) {
        const UniqueFd file = output_of(std::string("head -c 10000000 /dev/zero | ") + compress);
        const auto result = decompress_all(file.get());
        EXPECT_TRUE(succeeded(result.ending)) << compress << ": " << describe(result.ending) << result.err;
        EXPECT_EQ(size, 10'000'000U) << compress;
    }
}

TEST_F(Decompress, FailsWhereItWouldNeedMore) {
    const UniqueFd file = output_of("head -c 20000000 /dev/zero | zstd -qc -1 --long=29");
    EXPECT_FALSE(succeeded(decompress_all(file.get()).ending));
}

// Its program can reach nothing, even when what it reads makes it do other things.
TEST_F(Decompress, ReachesNothing) {
    if (!test::is_root())
        GTEST_SKIP() << "needs root, to have something to give up";
    dir.write_program("bin/gzip",
                      "#!/bin/sh\nid -u; id -g; id -G; ulimit -f; ulimit -c; ulimit -v; ulimit -t\n"
                      "cat\n");
    ::chmod(dir.path().c_str(), 0777);
    const test::Variable path("PATH", (dir.at("bin") + ":/usr/bin:/bin").c_str());
    const UniqueFd file(::open(dir.write("secret", "input\n").c_str(), O_RDONLY | O_CLOEXEC));
    ::chmod(dir.at("secret").c_str(), 0600);
    std::string text;
    const auto result = decompress(
        file.get(), decompressor_for("\x1f\x8b"), std::chrono::milliseconds(1500),
        [&](std::string_view bytes) {
            text += bytes;
            return Watch::go_on;
        },
        stop.get());
    EXPECT_TRUE(succeeded(result.ending)) << describe(result.ending) << result.err;
    EXPECT_EQ(text, "65534\n65534\n65534\n0\n0\n524288\n3\ninput\n");
}

} // namespace
} // namespace logbackup
