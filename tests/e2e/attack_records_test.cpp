// SPDX-License-Identifier: MIT
#include "attack_support.hpp"

#include <algorithm>

using namespace e2e;

/// Containers with the names of others, whose records cannot be read.
class AttackRecords : public Attack {
  protected:
    std::ptrdiff_t saved_copies(const std::string& text) {
        const Tree tree = tree_of(backup);
        return std::count_if(tree.begin(), tree.end(),
                             [&](const auto& file) { return file.second.find(text) != std::string::npos; });
    }
};
MOUNTED_ONLY(AttackRecords);

// Who knows whose it is?
TEST_P(AttackRecords, ADirectoryWhoseRecordCannotBeReadIsTouchedByNobody) {
    const std::vector<std::string> damages{"{", std::string(2U << 20U, 'x'), "{\"version\": 2}"};
    const auto pod = [](std::size_t i) { return "web-" + std::to_string(i); };
    std::vector<std::string> victims;
    for (std::size_t i = 0; i < 2 * damages.size(); ++i) {
        victims.push_back(engine.start({"web", pod(i)}));
        engine.exec(victims[i], "echo victim " + std::to_string(i) + " > /opt/logs/app.log");
    }
    expect_clean(run_once());
    const auto record = [&](std::size_t i) { return backup / ".logbackup/live/web" / pod(i); };
    std::vector<ino_t> saved;
    for (std::size_t i = 0; i < victims.size(); ++i) {
        write_file(record(i), damages[i / 2]);
        saved.push_back(inode_of(backup / "web" / pod(i)));
        if (i % 2 == 0)
            engine.kill(victims[i]);
        engine.exec(engine.start({"web", pod(i)}),
                    "echo forged " + std::to_string(i) + " > /opt/logs/app.log");
    }
    const auto expect_untouched = [&](const std::string& number) {
        for (std::size_t i = 0; i < victims.size(); ++i) {
            const std::string n = std::to_string(i);
            const std::string directory = "web/" + pod(i) + number;
            EXPECT_EQ(inode_of(backup / directory), saved[i]);
            EXPECT_EQ(tree_of(backup / directory), (Tree{{"app.log", "victim " + n + "\n"}}));
            EXPECT_EQ(saved_copies("victim " + n), 2) << "and its container is saved";
            EXPECT_EQ(saved_copies("forged " + n), 1);
        }
    };
    for (int i = 0; i < 2; ++i) {
        const Result result = run_once();
        EXPECT_EQ(result.code, 3) << result.out;
        for (std::size_t k = 0; k < victims.size(); ++k)
            EXPECT_NE(result.err.find("cannot read the record '.logbackup/live/web/" + pod(k) + "': "),
                      std::string::npos)
                << result.err;
        EXPECT_NE(result.err.find("'web/web-0' is renamed (to 'web/web-0@900' or the like) and then the file "
                                  "removed"),
                  std::string::npos)
            << result.err;
        expect_untouched("");
    }
    for (std::size_t i = 0; i < victims.size(); ++i) {
        fs::rename(backup / "web" / pod(i), backup / "web" / (pod(i) + "@900"));
        fs::remove(record(i));
    }
    expect_clean(run_once());
    expect_untouched("@900");
}

TEST_P(AttackRecords, AnEndedDirectoryWhoseRecordCannotBeReadIsTouchedByNobody) {
    const auto victim = engine.start({"web", "web-1"});
    engine.exec(victim, "echo victim > /opt/logs/app.log");
    expect_clean(run_once());
    engine.remove(victim);
    expect_clean(run_once());
    write_file(backup / ".logbackup/ended/web/web-1", "{");
    const auto forger = engine.start({"web", "web-1"});
    engine.exec(forger, "echo forged > /opt/logs/app.log");
    const Result result = run_once();
    EXPECT_EQ(result.code, 3);
    EXPECT_NE(result.err.find("cannot read the record '.logbackup/ended/web/web-1'"), std::string::npos);
    EXPECT_EQ(tree_of(backup), (Tree{{"web", "dir"},
                                     {"web/web-1", "dir"},
                                     {"web/web-1/app.log", "victim\n"},
                                     {"web/web-1@1", "dir"},
                                     {"web/web-1@1/app.log", "forged\n"}}));
}

TEST_P(AttackRecords, WhereNobodyCanTellWhichNamesAreTakenNoNewOneIsGiven) {
    const auto known = engine.start({"web", "web-1"});
    const auto good = engine.start({"good", "good-1"});
    expect_clean(run_once());
    engine.start({"web", "web-2"});
    for (const auto& id : {known, good})
        engine.exec(id, "echo more > /opt/logs/app.log");
    write_file(backup / ".logbackup/ended/web", "in the way");
    for (const bool dry : {true, false}) {
        const Result result =
            run_once(dry ? std::vector<std::string>{"--dry-run"} : std::vector<std::string>{});
        EXPECT_EQ(result.code, 3) << result.out;
        EXPECT_NE(result.err.find("cannot read the directory '.logbackup/ended/web': Not a directory"),
                  std::string::npos)
            << result.err;
    }
    EXPECT_EQ(tree_of(backup), (Tree{{"good", "dir"},
                                     {"good/good-1", "dir"},
                                     {"good/good-1/app.log", "more\n"},
                                     {"web", "dir"},
                                     {"web/web-1", "dir"},
                                     {"web/web-1/app.log", "more\n"}}));
    EXPECT_EQ(run_once({"verify"}).code, 3);
}
