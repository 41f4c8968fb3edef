// SPDX-License-Identifier: MIT
#include "attack_support.hpp"

using namespace e2e;

/// Containers with the names of others, whose records cannot be read.
class AttackRecords : public Attack {};
MOUNTED_ONLY(AttackRecords);

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
