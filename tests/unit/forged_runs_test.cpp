// SPDX-License-Identifier: MIT
#include "program_node.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace logbackup {
namespace {

namespace fs = std::filesystem;
using test::expect_clean;
using test::ProgramEnd;
using test::says;

/// Containers with the names of others: what is saved of those stays theirs.
class ForgedRuns : public test::ProgramNode {
  protected:
    std::string start_with_log(const std::string& pod, const std::string& text,
                               const std::string& namespace_name = "default") {
        const auto id = start("web", pod, {}, namespace_name);
        write(id, "/opt/logs/app.log", text + "\n");
        return id;
    }
    [[nodiscard]] ino_t inode_of(const std::string& name) const {
        struct stat status {};
        EXPECT_EQ(::lstat((backup + "/" + name).c_str(), &status), 0) << name;
        return status.st_ino;
    }
    [[nodiscard]] std::ptrdiff_t saved_copies(const std::string& text) const {
        const Tree all = tree();
        return std::count_if(all.begin(), all.end(),
                             [&](const auto& file) { return file.second.find(text) != std::string::npos; });
    }
};

// Who knows whose it is?
TEST_F(ForgedRuns, ADirectoryWhoseRecordCannotBeReadIsTouchedByNobody) {
    const std::vector<std::string> damages{"{", std::string(2U << 20U, 'x'), "{\"version\": 2}"};
    const auto pod = [](std::size_t i) { return "web-" + std::to_string(i); };
    std::vector<std::string> victims;
    for (std::size_t i = 0; i < 2 * damages.size(); ++i)
        victims.push_back(start_with_log(pod(i), "victim " + std::to_string(i)));
    expect_clean(run_once());
    std::vector<ino_t> saved;
    for (std::size_t i = 0; i < victims.size(); ++i) {
        write_saved(".logbackup/live/web/" + pod(i), damages[i / 2]);
        saved.push_back(inode_of("web/" + pod(i)));
        if (i % 2 == 0)
            kill(victims[i]);
        start_with_log(pod(i), "forged " + std::to_string(i));
    }
    const auto expect_untouched = [&](const std::string& number) {
        for (std::size_t i = 0; i < victims.size(); ++i) {
            const std::string n = std::to_string(i);
            const std::string directory = "web/" + pod(i) + number;
            EXPECT_EQ(inode_of(directory), saved[i]);
            EXPECT_EQ(test::tree_of(backup + "/" + directory), (Tree{{"app.log", "victim " + n + "\n"}}));
            EXPECT_EQ(saved_copies("victim " + n), 2) << "and its container is saved";
            EXPECT_EQ(saved_copies("forged " + n), 1);
        }
    };
    for (int i = 0; i < 2; ++i) {
        const ProgramEnd result = run_once({"--verbose"});
        EXPECT_EQ(result.code, 3) << result.out;
        for (std::size_t k = 0; k < victims.size(); ++k)
            EXPECT_TRUE(says(result, "cannot read the record '.logbackup/live/web/" + pod(k) + "': "))
                << result.err;
        EXPECT_TRUE(says(result, "'web/web-0' is renamed (to 'web/web-0@900' or the like) and then the file "
                                 "removed"))
            << result.err;
        expect_untouched("");
    }
    for (std::size_t i = 0; i < victims.size(); ++i) {
        fs::rename(backup + "/web/" + pod(i), backup + "/web/" + pod(i) + "@900");
        fs::remove(backup + "/.logbackup/live/web/" + pod(i));
    }
    expect_clean(run_once());
    expect_untouched("@900");
}

TEST_F(ForgedRuns, WhereNobodyCanTellWhichNamesAreTakenNoNewOneIsGiven) {
    const auto known = start("web", "web-1");
    const auto good = start("good", "good-1");
    expect_clean(run_once());
    start("web", "web-2");
    for (const auto& id : {known, good})
        write(id, "/opt/logs/app.log", "more\n");
    dir.write("backup/.logbackup/ended/web", "in the way");
    for (const bool dry : {true, false}) {
        const ProgramEnd result = run_once(dry ? Arguments{"--dry-run"} : Arguments{});
        EXPECT_EQ(result.code, 3) << result.out;
        EXPECT_TRUE(says(result, "cannot read the directory '.logbackup/ended/web': Not a directory"))
            << result.err;
    }
    EXPECT_EQ(tree(), (Tree{{"good", "dir"},
                            {"good/good-1", "dir"},
                            {"good/good-1/app.log", "more\n"},
                            {"web", "dir"},
                            {"web/web-1", "dir"},
                            {"web/web-1/app.log", "more\n"}}));
    EXPECT_EQ(run_once({"verify"}).code, 3);
}

TEST_F(ForgedRuns, AnotherNamespaceNeverTakesTheName) {
    const auto victim = start_with_log("web-1", "victim", "victims");
    expect_clean(run_once());
    const ino_t directory = inode_of("web/web-1");
    const auto expect_untouched = [&](const char* when) {
        EXPECT_EQ(inode_of("web/web-1"), directory) << when;
        EXPECT_EQ(test::tree_of(backup + "/web/web-1"), (Tree{{"app.log", "victim\n"}})) << when;
    };
    const auto forge = [&] {
        start_with_log("web-1", "forged", "forgers");
        run_once();
        run_once();
    };
    forge();
    expect_untouched("while it runs");
    kill(victim);
    run_once();
    forge();
    expect_untouched("when it has ended");
    remove(victim);
    run_once();
    forge();
    expect_untouched("when it is removed");
}

} // namespace
} // namespace logbackup
