// SPDX-License-Identifier: MIT
#include "logbackup/plan.hpp"

#include "logbackup/util/files.hpp"
#include "random_log_directory.hpp"

#include <gtest/gtest.h>

#include <map>

namespace logbackup {
namespace {

using test::entry_of;
using test::Files;
using test::LogDirectory;
using test::Node;
using test::Random;
using test::subtree;

/// Carries plans out as apply() does: first all names, then all bytes; and stops anywhere when it is killed.
class Backup {
  public:
    Backup(Random& random, LogDirectory& source) : random_(random), source_(source) {}

    /// Returns whether the tick came to its end.
    bool tick(Timestamp now) {
        const auto plan = make_plan(now);
        EXPECT_TRUE(plan.failures.empty());
        left_ = random_.one_in(3) ? random_.below(2 * plan.actions.size() + 1) : 1'000'000;
        const Files before = files_;
        const bool complete = carry_out(plan.actions);
        expect_nothing_lost(before);
        if (complete)
            expect_complete();
        return complete;
    }

    [[nodiscard]] DirectoryPlan make_plan(Timestamp now) const {
        Listing source;
        Listing backup;
        for (const auto& [path, node] : source_.files()) {
            source.entries.push_back(entry_of(path, node));
            if (const auto found = files_.find(path); found != files_.end())
                backup.entries.push_back(entry_of(path, found->second));
        }
        const Content content{
            [this](const std::string& path, const std::string& saved, std::uint64_t offset,
                   std::uint64_t length) {
                const auto& theirs = source_.files().at(path).content;
                const auto& ours = files_.at(saved).content;
                return Comparison{theirs.compare(offset, length, ours, offset, length) == 0, 0};
            },
            [this](const std::string& path, std::uint64_t offset) {
                const auto& bytes = source_.files().at(path).content;
                const auto found = bytes.find_first_not_of('\0', offset);
                return std::uint64_t{found == std::string::npos ? bytes.size() : found};
            },
            [this] {
                Listing all;
                for (const auto& [path, node] : files_)
                    all.entries.push_back(entry_of(path, node));
                return all;
            },
            [this](const std::string& saved, const std::string& other, std::uint64_t length) {
                const auto& ours = files_.at(saved).content;
                return Comparison{ours.compare(0, length, files_.at(other).content, 0, length) == 0, 0};
            }};
        return plan(source, backup, content, now);
    }

    void expect_complete() const {
        for (const auto& [path, node] : source_.files()) {
            if (node.type != FileType::regular)
                continue;
            const auto saved = files_.find(path);
            ASSERT_NE(saved, files_.end()) << path;
            ASSERT_EQ(saved->second.type, FileType::regular) << path;
            ASSERT_TRUE(saved->second.content == node.content) << path;
            ASSERT_EQ(saved->second.mtime, node.mtime) << path;
        }
    }

    void expect_prefixes_only() const {
        for (const auto& [path, node] : files_)
            ASSERT_TRUE(source_.is_prefix_of_some(node.content)) << path;
    }

  private:
    [[nodiscard]] bool is_killed() { return left_-- == 0; }

    bool carry_out(const std::vector<Action>& actions) {
        for (const auto& action : actions) {
            if (is_killed() || ::testing::Test::HasFatalFailure())
                return false;
            prepare(action);
        }
        for (const auto& action : actions) {
            if (!action.transfers())
                continue;
            Node& node = files_.at(action.path);
            const auto& bytes = source_.files().at(action.path).content;
            const bool killed = is_killed();
            const auto length = killed ? random_.below(action.bytes() + 1) : action.bytes();
            node.content.append(bytes, action.data_from, length);
            node.mtime = killed ? source_.new_time() : action.mtime;
            expect_prefix(action.path);
            if (killed || ::testing::Test::HasFatalFailure())
                return false;
        }
        return true;
    }

    void prepare(const Action& action) {
        ASSERT_NO_FATAL_FAILURE(make_directories(parent_path(action.path)));
        const auto found = files_.find(action.path);
        const bool exists = found != files_.end();
        switch (action.kind) {
        case ActionKind::drop:
            ASSERT_TRUE(exists && files_.contains(action.new_path)) << action.path;
            ASSERT_TRUE(files_.at(action.new_path).content.starts_with(found->second.content));
            files_.erase(found);
            return;
        case ActionKind::set_aside:
            ASSERT_TRUE(exists) << action.path;
            rename(action.path, free_name(action.new_path));
            return;
        case ActionKind::rename:
            ASSERT_TRUE(exists) << action.path;
            ASSERT_NO_FATAL_FAILURE(make_directories(parent_path(action.new_path)));
            ASSERT_FALSE(files_.contains(action.new_path)) << action.new_path << " would be overwritten";
            rename(action.path, action.new_path);
            return;
        case ActionKind::create:
            ASSERT_FALSE(exists) << action.path << " would be overwritten";
            ASSERT_EQ(action.from, 0U);
            files_[action.path].id = ++last_id_;
            break;
        case ActionKind::append:
            ASSERT_TRUE(exists && found->second.type == FileType::regular) << action.path;
            ASSERT_EQ(found->second.content.size(), action.from);
            break;
        case ActionKind::retime:
            ASSERT_TRUE(exists && found->second.type == FileType::regular) << action.path;
            found->second.mtime = action.mtime;
            return;
        case ActionKind::link:
            ASSERT_TRUE(!exists || found->second.type == FileType::link)
                << action.path << " would be overwritten";
            files_[action.path] = {FileType::link, {}, 0, action.new_path, false, ++last_id_};
            return;
        }
        ASSERT_GE(action.data_from, action.from);
        ASSERT_GE(action.to, action.data_from);
        Node& node = files_[action.path];
        node.content.resize(action.data_from, '\0');
        node.mtime = source_.new_time();
        expect_prefix(action.path);
    }

    void make_directories(const std::string& path) {
        std::string above;
        for (const auto& part : components(path)) {
            above = joined(above, part);
            const auto [found, made] = files_.try_emplace(above);
            if (made) {
                found->second.type = FileType::directory;
                found->second.id = ++last_id_;
            }
            ASSERT_EQ(found->second.type, FileType::directory) << above << " is in the way";
        }
    }

    [[nodiscard]] std::string free_name(const std::string& name) const {
        std::string result = name;
        for (int n = 1; files_.contains(result); ++n)
            result = name + "." + std::to_string(n);
        return result;
    }

    void rename(const std::string& from, const std::string& to) {
        for (const auto& name : subtree(files_, from)) {
            auto node = files_.extract(name);
            node.key() = to + name.substr(from.size());
            ASSERT_TRUE(files_.insert(std::move(node)).inserted);
        }
    }

    void expect_prefix(const std::string& path) const {
        ASSERT_TRUE(source_.is_prefix_of_some(files_.at(path).content))
            << path << " is no prefix of anything that was a log";
    }

    void expect_nothing_lost(const Files& before) const {
        std::map<unsigned, const Node*> by_id;
        for (const auto& [path, node] : files_)
            by_id[node.id] = &node;
        for (const auto& [path, node] : before) {
            if (node.type == FileType::link)
                continue;
            const auto holds_it = [&, &content = node.content](const auto& file) {
                return file.second.content.starts_with(content);
            };
            if (by_id.contains(node.id))
                ASSERT_TRUE(by_id[node.id]->content.starts_with(node.content)) << path << " has changed";
            else // dropped: another one begins with it
                ASSERT_TRUE(std::any_of(files_.begin(), files_.end(), holds_it)) << path << " has vanished";
        }
    }

    Random& random_;
    LogDirectory& source_;
    Files files_;
    unsigned last_id_ = 0;
    std::size_t left_ = 0; ///< steps until the tick is killed
};

void live_through(unsigned seed) {
    Random random(seed);
    LogDirectory source(random);
    Backup backup(random, source);
    Timestamp now{std::chrono::seconds(1'700'000'000)};
    const auto tick = [&] {
        now += std::chrono::seconds(random.below(3)); // several set-asides can fall into one second
        return backup.tick(now);
    };
    for (int step = 0; step < 30 && !::testing::Test::HasFailure(); ++step) {
        for (auto changes = random.below(4); changes > 0; --changes)
            source.change();
        tick();
    }
    while (!::testing::Test::HasFailure() && !tick()) {
    }
    if (::testing::Test::HasFailure())
        return;
    backup.expect_prefixes_only();
    const auto again = backup.make_plan(now);
    EXPECT_TRUE(again.actions.empty())
        << "an unchanged log directory needs nothing, but " << name_of(again.actions.front().kind) << " "
        << again.actions.front().path;
}

TEST(PlanHistories, KeepThePrefixRule) {
    for (unsigned seed = 1; seed <= 3000; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        live_through(seed);
        if (HasFailure())
            return;
    }
}

} // namespace
} // namespace logbackup
