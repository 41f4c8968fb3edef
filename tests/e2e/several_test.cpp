// SPDX-License-Identifier: MIT
#include "several_support.hpp"

using namespace e2e;

/// Several log directories in a container.
class Several : public SeveralDirectories {
  protected:
    std::string start(const std::string& pod, const std::vector<std::string>& arguments = {}) {
        const auto id = engine.start({"web", pod, arguments});
        engine.exec(id, "mkdir -p /var/log/app");
        return id;
    }
    static std::vector<std::string> with_two(std::vector<std::string> arguments = {}) {
        return with({a, b}, std::move(arguments));
    }
};
MOUNTED_ONLY(Several);

TEST_P(Several, AreSavedSideBySide) {
    const auto id = start("web-1");
    engine.exec(id, "echo a > /opt/logs/a.log; echo b > /var/log/app/b.log");
    const auto dry = run_once(with_two({"--dry-run"}));
    expect_clean(dry);
    EXPECT_NE(dry.out.find("web/web-1+var+log+app"), std::string::npos) << dry.out;
    EXPECT_FALSE(fs::exists(backup));

    const auto first = run_once(with_two());
    expect_clean(first);
    EXPECT_NE(first.out.find("1 container, 2 files: 2 new"), std::string::npos) << first.out;
    EXPECT_EQ(files(), (Tree{{"web/web-1/a.log", "a\n"}, {"web/web-1+var+log+app/b.log", "b\n"}}));
    EXPECT_EQ(record("live/web/web-1").at("log_directory"), "/opt/logs");

    engine.exec(id, "echo more >> /var/log/app/b.log");
    const auto second = run_once(with_two());
    expect_clean(second);
    EXPECT_NE(second.out.find("0 new, 1 changed"), std::string::npos) << second.out;
    expect_clean(run_once(with_two({"verify"})));

    engine.kill(id);
    expect_clean(run_once(with_two()));
    engine.remove(id);
    expect_clean(run_once(with_two()));
    EXPECT_EQ(files(), (Tree{{"web/web-1/a.log", "a\n"}, {"web/web-1+var+log+app/b.log", "b\nmore\n"}}));
    EXPECT_EQ(record("ended/web/web-1+var+log+app").at("coverage"), "complete");
    EXPECT_TRUE(fs::is_empty(backup / ".logbackup/incoming"));
    const auto list = run_once({"list"});
    expect_clean(list);
    EXPECT_NE(list.out.find("2 log directories of 1 service, 2 files"), std::string::npos) << list.out;
    EXPECT_NE(list.out.find("2 complete"), std::string::npos) << list.out;
    EXPECT_EQ(list.out.find("without"), std::string::npos) << list.out;
}
