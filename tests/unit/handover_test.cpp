// SPDX-License-Identifier: MIT
#include "follow/handover.hpp"

#include "ledger/ledger.hpp"
#include "support.hpp"
#include "util/error.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>

namespace logbackup {
namespace {

class Child {
  public:
    explicit Child(const std::function<int()>& work) : pid_(::fork()) {
        if (pid_ == 0)
            ::_exit(work());
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        if (pid_ > 0)
            (void)wait();
    }
    int wait() {
        int status = 0;
        ::waitpid(std::exchange(pid_, 0), &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

  private:
    pid_t pid_;
};

/// A follower, and one who asks it in a child.
class HandedOver : public testing::Test {
  protected:
    test::TempDir dir;
    UniqueFd root;

    HandedOver() {
        dir.make_directory(std::string("backup/") + state_directory);
        root = test::open_path(dir.at("backup"));
    }

    /// Does what comes until the condition holds, for five seconds at most.
    template <class Condition> static bool update_until(Handover& handover, const Condition& condition) {
        for (int i = 0; i < 500 && !condition(); ++i) {
            pollfd change{handover.fd(), POLLIN, 0};
            if (::poll(&change, 1, 10) == 1)
                handover.update();
        }
        return condition();
    }
};

TEST_F(HandedOver, NobodyAnswersWithoutAFollower) {
    test::Stop stop;
    EXPECT_FALSE(ask_follower(root.get(), stop.get()));
    { const Handover follower(root.get()); }
    EXPECT_FALSE(ask_follower(root.get(), stop.get()));
    EXPECT_FALSE(dir.has(std::string("backup/") + state_directory + "/follower"));
}

TEST_F(HandedOver, GivesTheLockUntilWhoAskedIsDone) {
    Handover follower(root.get());
    Child asker([&] {
        test::Stop stop;
        return ask_follower(root.get(), stop.get()) ? 0 : 1;
    });
    ASSERT_TRUE(update_until(follower, [&] { return follower.is_asked(); }));
    EXPECT_FALSE(follower.is_given());
    follower.give();
    EXPECT_TRUE(follower.is_given());
    EXPECT_FALSE(follower.is_asked());
    EXPECT_EQ(asker.wait(), 0);
    EXPECT_TRUE(update_until(follower, [&] { return !follower.is_given(); }));
    EXPECT_FALSE(follower.is_relieved());
}

TEST_F(HandedOver, EndsWhenAnotherListens) {
    std::optional<Handover> follower(std::in_place, root.get());
    Child asker([&] {
        test::Stop stop;
        auto request = ask_follower(root.get(), stop.get());
        if (!request)
            return 1;
        request->relieve();
        while (request->update() != Request::State::ended) {
            pollfd change{request->fd(), POLLIN, 0};
            ::poll(&change, 1, 100);
        }
        const Handover next(root.get());
        return 0;
    });
    ASSERT_TRUE(update_until(*follower, [&] { return follower->is_asked(); }));
    follower->give();
    EXPECT_TRUE(update_until(*follower, [&] { return follower->is_relieved(); }));
    follower.reset();
    EXPECT_EQ(asker.wait(), 0);
}

TEST_F(HandedOver, FilesGoToTheNextOne) {
    std::optional<Handover> follower(std::in_place, root.get());
    Child asker([&] {
        test::Stop stop;
        auto request = ask_follower(root.get(), stop.get());
        if (!request)
            return 1;
        request->relieve();
        while (request->update() != Request::State::ended) {
            pollfd change{request->fd(), POLLIN, 0};
            ::poll(&change, 1, 5000);
        }
        const auto& files = request->files();
        if (files.size() != 2)
            return 2;
        std::string text(100, '\0');
        const auto got = ::pread(files[1].file.get(), text.data(), text.size(), 0);
        text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        const bool is_right = files[1].container == "c" && files[1].directory == "/opt/logs" &&
                              files[1].below.empty() && files[1].path == "a b/app\n.log" && text == "two";
        return is_right ? 0 : 3;
    });
    ASSERT_TRUE(update_until(*follower, [&] { return follower->is_asked(); }));
    follower->give();
    ASSERT_TRUE(update_until(*follower, [&] { return follower->is_relieved(); }));
    for (const auto* text : {"one", "two"})
        EXPECT_TRUE(
            follower->hand_over({"c", "/opt/logs", "", "a b/app\n.log",
                                 UniqueFd(::open(dir.write(text, text).c_str(), O_RDONLY | O_CLOEXEC))}));
    follower.reset();
    EXPECT_EQ(asker.wait(), 0);
}

TEST_F(HandedOver, AKilledFollowerIsNoFollower) {
    Child killed([&] {
        const Handover follower(root.get());
        ::_exit(0); // its socket stays
        return 0;
    });
    EXPECT_EQ(killed.wait(), 0);
    EXPECT_TRUE(dir.has(std::string("backup/") + state_directory + "/follower"));
    test::Stop stop;
    EXPECT_FALSE(ask_follower(root.get(), stop.get()));
    EXPECT_NO_THROW(Handover(root.get()));
}

} // namespace
} // namespace logbackup
