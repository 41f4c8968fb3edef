// SPDX-License-Identifier: MIT
#include "follow/listener.hpp"

#include "support.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace logbackup {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

/// A runtime whose commands are small shell scripts. Events are lines of "create|start|die|destroy ID
/// SECONDS".
class Listened : public testing::Test {
  protected:
    test::TempDir dir;
    Timestamp now{seconds(1'795'359'400)};
    Followed followed{WatchLimits(), [](const Container&) { return std::vector<std::string>{"/opt/logs"}; }};
    std::string events = "exec cat events";
    std::string list = "cat list";
    std::string describe = "cat"; // + ids, which are files
    std::vector<Timestamp> asked_since;
    milliseconds patience{5000};

    [[nodiscard]] std::unique_ptr<SideCommand> script(const std::string& text) const {
        Command command;
        command.argv = {"/bin/sh", "-c", "cd '" + dir.path() + "' && " + text};
        command.environment = {"PATH=/usr/bin:/bin"};
        return SideCommand::start(command);
    }
    Container container(const std::string& id) {
        Container container;
        container.id = id;
        container.created = container.started = now;
        container.upper = dir.make_directory("layers/" + id + "/diff");
        return container;
    }
    Listening runtime() {
        Listening runtime;
        runtime.events = [this](Timestamp since) {
            asked_since.push_back(since);
            return script(events);
        };
        runtime.read_events = [](std::string_view lines) {
            History history;
            std::istringstream text{std::string(lines)};
            for (std::string what, id; text >> what >> id;) {
                std::int64_t when = 0;
                text >> when;
                Life& life = history.lives[id];
                life.container.id = id;
                const Timestamp time{seconds(when)};
                (what == "create"  ? life.container.created
                 : what == "start" ? life.container.started
                 : what == "die"   ? life.container.finished
                                   : life.removed) = time;
            }
            return history;
        };
        runtime.list = [this] { return script(list); };
        runtime.read_list = [](const std::string& text) {
            std::istringstream lines(text);
            return std::vector<std::string>(std::istream_iterator<std::string>(lines), {});
        };
        runtime.describe = [this](const std::vector<std::string>& ids) {
            std::string text = describe;
            for (const auto& id : ids)
                text += " " + id;
            return script(text);
        };
        runtime.read_descriptions = [this](std::string_view text) {
            std::vector<Container> containers;
            std::istringstream ids{std::string(text)};
            for (std::string id; ids >> id;)
                containers.push_back(container(id));
            return containers;
        };
        return runtime;
    }
    /// Updates until it is so. Returns false if it is not within ten seconds.
    template <class Condition> static bool comes(Listener& listener, const Condition& is_so) {
        for (const auto end = steady_clock::now() + seconds(10); steady_clock::now() < end;) {
            (void)listener.update();
            if (is_so())
                return true;
            std::this_thread::sleep_for(milliseconds(5));
        }
        return false;
    }
};

TEST_F(Listened, DescribesWhatIsNew) {
    dir.write("events",
              "create a 1795359401\nstart a 1795359401\ncreate gone 1795359401\ndestroy gone 1795359402\n");
    dir.write("a", "a\n");
    events = "cat events; exec sleep 100";
    Listener listener(runtime(), followed, now, patience);
    EXPECT_TRUE(comes(listener, [&] { return followed.knows("a"); }));
    EXPECT_FALSE(followed.knows("gone"));
    EXPECT_EQ(asked_since, std::vector{now});
}

TEST_F(Listened, TellsThatOneHasEnded) {
    followed.add({container("a")});
    dir.write("layers/a/diff/opt/logs/app.log", "one\n");
    dir.write("events", "die a 1795359405\ndestroy a 1795359406\n");
    events = "cat events; exec sleep 100";
    Listener listener(runtime(), followed, now, patience);
    bool has_ended = false;
    for (const auto end = steady_clock::now() + seconds(10); !has_ended && steady_clock::now() < end;)
        has_ended = listener.update();
    EXPECT_TRUE(has_ended);
    ASSERT_EQ(followed.held().removed.size(), 1U);
    EXPECT_EQ(followed.held().removed.front().finished, Timestamp(seconds(1'795'359'405)));
}

// The runtime was restarted, and has forgotten what happened meanwhile.
TEST_F(Listened, AsksForAllWhenTheEventsHaveEnded) {
    dir.write("events", "create a 1795359500\n");
    dir.write("a", "a\n");
    dir.write("b", "b\n");
    dir.write("list", "a\nb\n");
    events = "cat events";
    Listener listener(runtime(), followed, now, patience);
    EXPECT_TRUE(comes(listener, [&] { return followed.knows("a"); }));
    EXPECT_TRUE(comes(listener, [&] { return followed.knows("b"); }));
    ASSERT_GE(asked_since.size(), 2U);
    EXPECT_EQ(asked_since[1], Timestamp(seconds(1'795'359'498)));
}

// One that hangs does not keep others waiting: a container can live half a second.
TEST_F(Listened, AsksForSeveralDescriptionsAtATime) {
    dir.write("events", "create sick 1795359401\n");
    events = "cat events; until [ -e more ]; do sleep 0.01; done; cat more; exec sleep 100";
    describe = "[ ! -e more ] && sleep 100; cat";
    Listener listener(runtime(), followed, now, std::chrono::minutes(10));
    EXPECT_TRUE(comes(listener, [&] { return listener.fds().size() == 2; }));
    dir.write("a", "a\n");
    dir.write("more", "create a 1795359402\n");
    EXPECT_TRUE(comes(listener, [&] { return followed.knows("a"); }));
    EXPECT_FALSE(followed.knows("sick"));
}

TEST_F(Listened, DescribesTheOthersWhenOneIsSick) {
    dir.write("events", "create a 1795359401\ncreate b 1795359401\ncreate sick 1795359401\n");
    for (const auto* id : {"a", "b"})
        dir.write(id, std::string(id) + "\n");
    events = "cat events; exec sleep 100";
    describe = "ask() { case \" $* \" in *' sick '*) sleep 100;; esac; cat \"$@\"; }; ask";
    patience = milliseconds(200);
    Listener listener(runtime(), followed, now, patience);
    EXPECT_TRUE(comes(listener, [&] { return followed.knows("a") && followed.knows("b"); }));
    EXPECT_FALSE(followed.knows("sick"));
}

TEST_F(Listened, DescribesAnewWhatHasBegun) {
    followed.add({container("a")});
    dir.write("events", "start a 1795359401\n");
    dir.write("a", "a\n");
    events = "cat events; exec sleep 100";
    describe = "echo >> asked; cat";
    Listener listener(runtime(), followed, now, patience);
    EXPECT_TRUE(comes(listener, [&] { return dir.has("asked"); }));
}

TEST_F(Listened, GivesUpAnAnswerThatHangs) {
    dir.write("events", "create sick 1795359401\n");
    events = "cat events; until [ -e more ]; do sleep 0.01; done; cat more; exec sleep 100";
    describe = "[ ! -e more ] && sleep 100; cat";
    patience = milliseconds(200);
    Listener listener(runtime(), followed, now, patience);
    EXPECT_TRUE(comes(listener, [&] { return listener.fds().size() == 2; })); // the events, and that one
    EXPECT_LE(listener.next(), steady_clock::now() + patience);
    dir.write("a", "a\n");
    dir.write("more", "create a 1795359402\n");
    EXPECT_TRUE(comes(listener, [&] { return followed.knows("a"); }));
    EXPECT_FALSE(followed.knows("sick"));
}

} // namespace
} // namespace logbackup
