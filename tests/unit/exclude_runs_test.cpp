// SPDX-License-Identifier: MIT
#include "program_node.hpp"

#include <gtest/gtest.h>

namespace logbackup {
namespace {

using test::expect_clean;

/// What --exclude leaves out of runs, and what it leaves as it is.
class ExcludeRuns : public test::ProgramNode {
  protected:
    Tree saved_of(const std::string& instance) const { return test::tree_of(backup + "/" + instance); }
};

TEST_F(ExcludeRuns, LeavesWhatWasSavedBeforeAsItIs) {
    const auto id = start("web", "web-1");
    in(id, "/opt/logs", "echo heap > heap.hprof; echo core > core");
    expect_clean(run_once());
    const Tree expected{{"heap.hprof", "heap\n"}, {"core", "core\n"}};
    EXPECT_EQ(saved_of("web/web-1"), expected);
    // What would be appended, set aside, and be taken for a renamed file.
    in(id, "/opt/logs", "echo more >> heap.hprof; echo other > core; (echo core; echo more) > new.log");
    const Arguments options{"--exclude", "heap.*", "--exclude", "core"};
    expect_clean(run_once(options));
    Tree with_new = expected;
    with_new["new.log"] = "core\nmore\n";
    EXPECT_EQ(saved_of("web/web-1"), with_new);
    Arguments verify = options;
    verify.insert(verify.begin(), "verify");
    expect_clean(run_once(verify));
    kill(id);
    expect_clean(run_once(options));
    remove(id);
    expect_clean(run_once(options));
    EXPECT_EQ(saved_of("web/web-1"), with_new);
    EXPECT_EQ(record("ended/web/web-1").at("coverage"), "complete");
}

TEST_F(ExcludeRuns, DropsNoCopyOfWhatIsLeftOut) {
    const auto id = start("web", "web-1");
    in(id, "/opt/logs", "echo one > app.log.1");
    expect_clean(run_once());
    in(id, "/opt/logs", "gzip -c app.log.1 > app.log.1.gz");
    expect_clean(run_once({"--exclude", "app.log.1"}));
    EXPECT_TRUE(has("web/web-1/app.log.1"));
    EXPECT_TRUE(has("web/web-1/app.log.1.gz"));
}

TEST_F(ExcludeRuns, DiffersFromServiceToService) {
    for (const std::string service : {"web", "db"})
        in(start(service, service + "-1"), "/opt/logs", "echo a > a.log; echo b > b.log");
    const std::string file =
        dir.write("logbackup.toml", "exclude = [\"a.log\"]\n[service.db]\nexclude = [\"b.log\"]\n");
    expect_clean(run_once({"--config", file}));
    EXPECT_EQ(saved_of("web/web-1"), (Tree{{"b.log", "b\n"}}));
    EXPECT_EQ(saved_of("db/db-1"), (Tree{{"a.log", "a\n"}}));
}

} // namespace
} // namespace logbackup
