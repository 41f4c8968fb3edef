// SPDX-License-Identifier: MIT
#include "commands/unread.hpp"

#include "fake_node.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace logbackup {
namespace {

/// A container that ran when it was listed, and whose log directory then could not be mounted.
class UnreadJob : public testing::Test {
  protected:
    test::TempDir dir;
    test::Stop stop;
    Options options;
    Container listed;
    Survey survey;
    Job job;

    void judge(ContainerState state, pid_t pid) {
        survey.reached_any = true;
        listed.id = std::string(64, 'a');
        listed.state = ContainerState::running;
        listed.pid = 4711;
        listed.upper = dir.make_directory("layer/diff");
        note_unread(survey, {{&listed, {}, true}, "cannot mount it", {}, &job}, {"cannot mount it", true});
        EXPECT_TRUE(job.failures.empty());
        Session session{options, stop.get()};
        session.runtime.ask_again = [&](const std::vector<std::string>&, StopSignal&) {
            Discovery again;
            again.containers.push_back(listed);
            again.containers.back().state = state;
            again.containers.back().pid = pid;
            return again;
        };
        judge_unread(session, survey);
    }
};

TEST_F(UnreadJob, IsLeftToTheNextRunIfItHasEndedMeanwhile) {
    judge(ContainerState::exited, 0);
    EXPECT_TRUE(job.vanished);
    EXPECT_TRUE(job.failures.empty());
}

TEST_F(UnreadJob, FailsIfItStillRuns) {
    judge(ContainerState::running, 4711);
    EXPECT_FALSE(job.vanished);
    EXPECT_EQ(job.failures.size(), 1U);
}

} // namespace
} // namespace logbackup
