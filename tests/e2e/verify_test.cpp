// SPDX-License-Identifier: MIT
#include "support.hpp"

#include <nlohmann/json.hpp>

using namespace e2e;

class Verify : public BothWays {
  protected:
    Result verify(std::vector<std::string> arguments = {}) {
        arguments.insert(arguments.begin(), "verify");
        return run_once(arguments);
    }
};
MOUNTED_ONLY(Verify);

TEST_P(Verify, TellsWhatIsTheSameWhatDiffersInOneByteAndWhatIsGone) {
    const auto id = engine.start({"web", "web-1"});
    engine.exec(id, "cd /opt/logs; seq 5000 > app.log; echo old > app.log.1; mkdir d; echo x > d/x.log");
    expect_clean(run_once());
    const auto before = tree_of(backup);
    const auto same = verify();
    expect_clean(same);
    EXPECT_NE(same.out.find("1 container, 3 files, 23.3 KiB compared"), std::string::npos) << same.out;
    EXPECT_NE(same.out.find("no differences"), std::string::npos) << same.out;
    EXPECT_EQ(tree_of(backup), before);

    const auto log = backup / "web/web-1/app.log";
    auto content = read_file(log);
    content.at(12'000) ^= 1; // neither the beginning nor the end, and the size is the same
    write_file(log, content);
    const auto other = verify({"--json"});
    EXPECT_EQ(other.code, 3);
    EXPECT_NE(other.err.find("'web/web-1: app.log': its backup holds other bytes"), std::string::npos)
        << other.err;
    const auto json = nlohmann::json::parse(other.out);
    EXPECT_EQ(json.at("containers").at(0).at("failures").at(0).at("path"), "app.log");

    engine.remove(id);
    expect_clean(run_once());
    const auto gone = verify();
    EXPECT_EQ(gone.code, 0);
    EXPECT_NE(gone.err.find("1 log directory of containers that are gone cannot be compared"),
              std::string::npos)
        << gone.err;
}
