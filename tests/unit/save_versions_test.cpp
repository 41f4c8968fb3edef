// SPDX-License-Identifier: MIT
#include "commands/commands.hpp"

#include "fake_node.hpp"
#include "in_private_mounts.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace logbackup {
namespace {

namespace fs = std::filesystem;
using test::FakeNode;

/// Numbered lines, from `first` on.
std::string log_lines(int first, int count) {
    std::string text;
    for (int i = first; i < first + count; ++i)
        text += "line " + std::to_string(1'000'000 + i) + " of a log that somebody may look for\n";
    return text;
}

std::string database_at(int change) {
    static const std::string pages = [] {
        std::mt19937 random(1);
        std::string bytes;
        while (bytes.size() < 20 * 4096)
            bytes += static_cast<char>(random() % 7);
        return bytes;
    }();
    std::string changed = pages;
    changed.replace(24, 8, std::to_string(10'000'000 + change));
    changed.replace(30'000, 8, std::to_string(10'000'000 + change));
    return changed;
}

/// One container, whose log directory has what a test writes there.
class VersionsNode : public FakeNode {
  public:
    VersionsNode() { add("a", "web", "web-1"); }

    void write_log(const std::string& name, const std::string& content) const {
        dir.write("layers/a/opt/logs/" + name, content);
    }
    /// Writes it beside and renames it, as an editor does.
    void replace_log(const std::string& name, const std::string& content) const {
        write_log(name + ".new", content);
        fs::rename(dir.at("layers/a/opt/logs/" + name + ".new"), dir.at("layers/a/opt/logs/" + name));
    }
    [[nodiscard]] std::map<std::string, std::string> all_saved() const {
        std::map<std::string, std::string> files;
        for (const auto& entry : fs::directory_iterator(dir.at("backup/web/web-1")))
            files[entry.path().filename()] = saved("web/web-1/" + entry.path().filename().string());
        return files;
    }
    [[nodiscard]] std::map<std::string, std::string> all_saved_if_any() const {
        return dir.has("backup/web/web-1") ? all_saved() : std::map<std::string, std::string>();
    }
    /// The different lines of all files.
    [[nodiscard]] std::set<std::string> all_lines() const {
        std::set<std::string> lines;
        for (const auto& [name, content] : all_saved()) {
            std::istringstream text(content);
            for (std::string line; std::getline(text, line);)
                lines.insert(line);
        }
        return lines;
    }
};

TEST(WholeSaveOfVersions, OfARewrittenFileTheLastOnesAreKept) {
    test::in_private_mounts([] {
        VersionsNode node;
        std::vector<std::string> warnings;
        for (int run = 0; run < 15; ++run) {
            node.write_log("state.db", database_at(run));
            const auto report = node.run();
            EXPECT_FALSE(report.has_failures());
            warnings.insert(warnings.end(), report.warnings.begin(), report.warnings.end());
            if (run == 14) {
                ASSERT_EQ(report.pruned.items.size(), 1U);
                EXPECT_TRUE(report.pruned.items[0].path.starts_with("state.db~"));
                EXPECT_EQ(report.pruned.items[0].reason, PruneReason::max_versions);
            }
        }
        const auto saved = node.all_saved();
        EXPECT_EQ(saved.size(), 11U);
        for (int run = 4; run < 15; ++run)
            EXPECT_TRUE(std::any_of(saved.begin(), saved.end(), [&](const auto& file) {
                return file.second == database_at(run);
            })) << run;
        ASSERT_EQ(warnings.size(), 1U);
        EXPECT_NE(warnings[0].find("rewritten, not appended to: 'web/web-1/state.db'"), std::string::npos);
        EXPECT_NE(warnings[0].find("--exclude"), std::string::npos);
    });
}

TEST(WholeSaveOfVersions, WithoutALimitAllAreKept) {
    test::in_private_mounts([] {
        VersionsNode node;
        node.options.max_versions = UINT64_MAX;
        for (int run = 0; run < 13; ++run) {
            node.write_log("state.db", database_at(run));
            (void)node.run();
        }
        EXPECT_EQ(node.all_saved().size(), 13U);
    });
}

TEST(WholeSaveOfVersions, ItIsToldAgainOnTheNextDay) {
    test::in_private_mounts([] {
        VersionsNode node;
        std::vector<int> told;
        for (int run = 0; run < 8; ++run) {
            node.write_log("state.db", database_at(run));
            if (run == 6)
                node.now += std::chrono::hours(24);
            if (!node.run().warnings.empty())
                told.push_back(run);
        }
        EXPECT_EQ(told, (std::vector<int>{2, 6}));
    });
}

// What a rotation left is nowhere else: no limit on versions is for that.
TEST(WholeSaveOfVersions, EveryLineOfALogThatIsTruncatedOrReplacedIsKept) {
    test::in_private_mounts([] {
        VersionsNode node;
        for (int run = 0; run < 14; ++run) {
            node.write_log("truncated.log", log_lines(run * 1000, 1000));
            node.replace_log("replaced.log", log_lines(100'000 + run * 1000, 1000));
            node.write_log("short.log", "run " + std::to_string(run) + " of the job\nnothing to do\n");
            const auto report = node.run();
            EXPECT_FALSE(report.has_failures());
            EXPECT_TRUE(report.pruned.items.empty());
        }
        EXPECT_EQ(node.all_saved().size(), 3 * 14U);
        EXPECT_EQ(node.all_lines().size(), 2 * 14'000U + 15U);
    });
}

TEST(WholeSaveOfVersions, AFileThatIsReplacedInEachRunIsToldOnce) {
    test::in_private_mounts([] {
        VersionsNode node;
        std::vector<std::string> warnings;
        for (int run = 0; run < 14; ++run) {
            node.replace_log("status.json", R"({"status":"UP","run":)" + std::to_string(run) + "}\n");
            const auto report = node.run();
            warnings.insert(warnings.end(), report.warnings.begin(), report.warnings.end());
        }
        ASSERT_EQ(warnings.size(), 1U);
        EXPECT_NE(warnings[0].find("in nearly every run: 'web/web-1/status.json'"), std::string::npos);
    });
}

TEST(WholeSaveOfVersions, ALogThatIsTrimmedAtItsHeadIsNotKeptAgainAndAgain) {
    test::in_private_mounts([] {
        VersionsNode node;
        for (int run = 0; run < 30; ++run) {
            node.replace_log("app.log", log_lines(run * 100, 1000));
            EXPECT_FALSE(node.run().has_failures());
        }
        EXPECT_EQ(node.all_lines().size(), 3900U) << "every line is there";
        EXPECT_LE(node.all_saved().size(), 6U);
        EXPECT_EQ(node.saved("web/web-1/app.log"), log_lines(2900, 1000));
    });
}

TEST(WholeSaveOfVersions, ALogThatHasTheNameOfAVersionIsALog) {
    test::in_private_mounts([] {
        VersionsNode node;
        node.options.max_versions = 1;
        node.write_log("state.db~20200101T000000Z", database_at(-1));
        for (int run = 0; run < 4; ++run) {
            node.write_log("state.db", database_at(run));
            (void)node.run();
        }
        EXPECT_EQ(node.saved("web/web-1/state.db~20200101T000000Z"), database_at(-1));
        EXPECT_EQ(node.all_saved().size(), 3U);
    });
}

TEST(WholeSaveOfVersions, ADryRunListsWhatTheRunDeletes) {
    test::in_private_mounts([] {
        VersionsNode node;
        node.options.max_versions = 2;
        for (int run = 0; run < 5; ++run) {
            node.write_log("state.db", database_at(run));
            const auto before = node.all_saved_if_any();
            const auto expected = node.run(dry_run);
            EXPECT_EQ(node.all_saved_if_any(), before);
            const auto report = node.run();
            ASSERT_EQ(expected.pruned.items.size(), report.pruned.items.size()) << run;
            ASSERT_EQ(report.pruned.items.size(), run < 3 ? 0U : 1U) << run;
            if (run < 3)
                continue;
            EXPECT_EQ(expected.pruned.items[0].path, report.pruned.items[0].path);
            ASSERT_EQ(expected.notices.size(), 1U);
            EXPECT_NE(expected.notices[0].find("1 old version of rewritten files would be deleted"),
                      std::string::npos);
        }
    });
}

TEST(WholeSaveOfVersions, ADryRunListsNoVersionWhoseSuccessorIsDropped) {
    test::in_private_mounts([] {
        VersionsNode node;
        node.options.max_versions = 2;
        for (int run = 0; run < 12; ++run) {
            node.replace_log("app.log", log_lines(run * 100, 1000));
            EXPECT_TRUE(node.run(dry_run).pruned.items.empty());
            EXPECT_TRUE(node.run().pruned.items.empty());
        }
    });
}

TEST(WholeSaveOfVersions, DirectoriesAndLinksThatAreNamedSoAreNoVersions) {
    test::in_private_mounts([] {
        VersionsNode node;
        node.now = std::chrono::system_clock::now();
        for (int i = 0; i < 12; ++i) {
            const std::string name = "app.log~" + compact_time(node.now) + "." + std::to_string(i + 1);
            if (i % 2 == 0)
                node.write_log(name + "/day.log", "day\n");
            else
                fs::create_symlink("app.log", node.dir.at("layers/a/opt/logs/" + name));
        }
        for (int run = 0; run < 3; ++run) {
            node.replace_log("app.log", log_lines(run * 10'000, 10));
            EXPECT_TRUE(node.run().warnings.empty()) << run;
        }
    });
}

} // namespace
} // namespace logbackup
