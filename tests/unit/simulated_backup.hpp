// SPDX-License-Identifier: MIT
#pragma once

#include "plan/plan.hpp"
#include "plan/zeros.hpp"
#include "random_log_directory.hpp"
#include "util/files.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace logbackup::test {

/// Carries plans out as apply() does: first all names, then all bytes; and stops anywhere when it is killed.
class SimulatedBackup {
  public:
    /// `files` are there before the first run.
    SimulatedBackup(Random& random, Directory& source, Files files = {})
        : random_(random), source_(source), files_(std::move(files)) {
        for (auto& [path, node] : files_) {
            source_.keep(node);
            node.id = ++last_id_;
        }
    }

    [[nodiscard]] const Files& files() const { return files_; }

    /// Returns whether the run came to its end.
    bool run_once(Timestamp now, Thoroughness thoroughness = Thoroughness::changes) {
        const auto plan = make_plan(now, thoroughness);
        EXPECT_TRUE(plan.failures.empty());
        expect_own_names_only(plan);
        left_ = random_.one_in(3) ? random_.below(2 * plan.actions.size() + 1) : 1'000'000;
        const Files before = files_;
        const bool complete = carry_out(plan.actions);
        expect_nothing_lost(before);
        return complete;
    }

    [[nodiscard]] DirectoryPlan make_plan(Timestamp now,
                                          Thoroughness thoroughness = Thoroughness::changes) const {
        Listing source;
        Listing backup;
        for (const auto& [path, node] : source_.files()) {
            source.entries.push_back(entry_of(path, node));
            if (const auto found = files_.find(path); found != files_.end())
                backup.entries.push_back(saved_entry_of(path, found->second));
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
                    all.entries.push_back(saved_entry_of(path, node));
                return all;
            },
            [this](const std::string& saved, const std::string& other, std::uint64_t length) {
                const auto& ours = files_.at(saved).content;
                return Comparison{ours.compare(0, length, files_.at(other).content, 0, length) == 0, 0};
            },
            {},
            [this](const std::string& path, std::uint64_t begin, std::uint64_t end, std::uint64_t&) {
                const auto range = source_.files().at(path).content.substr(begin, end - begin);
                const auto last = range.find_last_not_of('\0');
                return last == std::string::npos ? begin : begin + last + 1;
            },
            [this](const std::string& path, std::uint64_t) {
                return std::uint64_t{data_end_of(files_.at(path).content)};
            }};
        return plan(source, backup, content, now, thoroughness);
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

    /// As the kernel would follow them.
    void expect_links_stay_inside() const {
        for (const auto& [path, node] : files_)
            ASSERT_FALSE(node.type == FileType::link && leads_out(path)) << path << " -> " << node.target;
    }

    void expect_prefixes_only() const {
        for (const auto& [path, node] : files_)
            ASSERT_TRUE(source_.is_prefix_of_some(node.content)) << path;
    }

  private:
    [[nodiscard]] static std::size_t data_end_of(const std::string& content) {
        return content.find_last_not_of('\0') + 1;
    }
    /// Zeros at its end are a hole.
    [[nodiscard]] static Entry saved_entry_of(const std::string& path, const Node& node) {
        Entry entry = entry_of(path, node);
        entry.allocated = data_end_of(node.content);
        return entry;
    }
    /// What may not be lost: zeros that were set aside at the end may be filled, or cut off with those of the
    /// source.
    [[nodiscard]] static std::string data_of(const std::string& content) {
        const auto end = data_end_of(content);
        return are_set_aside(content.size(), content.size() - end) ? content.substr(0, end) : content;
    }

    [[nodiscard]] bool is_killed() { return left_-- == 0; }

    static void expect_own_name(const std::string& path) {
        ASSERT_FALSE(path.empty());
        ASSERT_EQ(path.find('\0'), std::string::npos) << path;
        std::string clean;
        for (const auto& part : components(path)) {
            ASSERT_TRUE(part != "." && part != ".." && part.size() <= 255) << path;
            clean = joined(clean, part);
        }
        ASSERT_EQ(path, clean);
    }

    /// No action names anything outside, and no two write the same file.
    static void expect_own_names_only(const DirectoryPlan& plan) {
        std::set<std::string> written;
        std::set<std::string> renamed_to;
        for (const auto& action : plan.actions) {
            expect_own_name(action.path);
            const bool has_other_name = action.kind == ActionKind::drop ||
                                        action.kind == ActionKind::set_aside ||
                                        action.kind == ActionKind::rename;
            if (has_other_name) {
                expect_own_name(action.new_path);
            } else {
                ASSERT_TRUE(written.insert(action.path).second) << action.path << " is written twice";
            }
            if (action.kind == ActionKind::rename) {
                ASSERT_TRUE(renamed_to.insert(action.new_path).second) << action.new_path;
            }
        }
    }

    [[nodiscard]] bool leads_out(const std::string& link) const {
        std::vector<std::string> here;
        auto left = components(link);
        for (int links = 0; !left.empty() && links <= 40;) {
            const std::string part = left.front();
            left.erase(left.begin());
            if (part == "..") {
                if (here.empty())
                    return true;
                here.pop_back();
            } else if (part != ".") {
                here.push_back(part);
            }
            std::string path;
            for (const auto& above : here)
                path = joined(path, above);
            const auto found = files_.find(path);
            if (here.empty())
                continue;
            if (found == files_.end() || (found->second.type == FileType::regular && !left.empty()))
                return false; // nothing there, or nothing below it
            if (found->second.type != FileType::link)
                continue;
            ++links;
            if (found->second.target.starts_with('/'))
                return true;
            here.pop_back();
            const auto target = components(found->second.target);
            left.insert(left.begin(), target.begin(), target.end());
        }
        return false;
    }

    /// A hostile log can be called as what is set aside will be: apply() leaves it to the next run.
    [[nodiscard]] bool is_in_the_way(const Action& action) const {
        const auto is_taken = [this](const std::string& path) {
            return path.find('~') != std::string::npos && files_.contains(path);
        };
        if (action.kind == ActionKind::create && is_taken(action.path))
            return true;
        if (action.kind == ActionKind::rename && is_taken(action.new_path))
            return true;
        if (action.kind == ActionKind::link && is_taken(action.path))
            return files_.at(action.path).type != FileType::link;
        const auto& made = action.kind == ActionKind::rename ? action.new_path : action.path;
        for (auto above = parent_path(made); !above.empty(); above = parent_path(above))
            if (is_taken(above) && files_.at(above).type != FileType::directory)
                return true;
        return false;
    }

    bool carry_out(const std::vector<Action>& actions) {
        for (const auto& action : actions) {
            if (is_killed() || is_in_the_way(action) || ::testing::Test::HasFatalFailure())
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
            if (!killed)
                end_as_source(action);
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
            ASSERT_GE(found->second.content.size(), action.from);
            ASSERT_EQ(found->second.content.find_first_not_of('\0', action.from), std::string::npos);
            found->second.content.resize(action.from);
            break;
        case ActionKind::retime:
            ASSERT_TRUE(exists && found->second.type == FileType::regular) << action.path;
            found->second.mtime = action.mtime;
            end_as_source(action);
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

    void end_as_source(const Action& action) {
        if (!action.ends_as_source)
            return;
        auto& content = files_.at(action.path).content;
        ASSERT_GE(content.size(), action.to);
        ASSERT_EQ(content.find_first_not_of('\0', action.to + action.zeros), std::string::npos);
        content.resize(action.to + action.zeros);
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
                return file.second.content.starts_with(data_of(content));
            };
            if (by_id.contains(node.id))
                ASSERT_TRUE(by_id[node.id]->content.starts_with(data_of(node.content)))
                    << path << " has changed";
            else // dropped: another one begins with it
                ASSERT_TRUE(std::any_of(files_.begin(), files_.end(), holds_it)) << path << " has vanished";
        }
    }

    Random& random_;
    Directory& source_;
    Files files_;
    unsigned last_id_ = 0;
    std::size_t left_ = 0; ///< steps until the run is killed
};

} // namespace logbackup::test
