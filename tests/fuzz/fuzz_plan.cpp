// SPDX-License-Identifier: MIT
//
// A log directory that a hostile container changes between runs, and its backup: plan() keeps the prefix
// rule.
#include "../unit/random_log_directory.hpp"
#include "../unit/simulated_backup.hpp"
#include "input.hpp"

#include <algorithm>
#include <limits>

namespace logbackup::test {
namespace {

constexpr std::int64_t second = 1'000'000'000;

/// Any names, times and links. Files are smaller than two windows, so that every comparison is a full one.
class HostileDirectory : public Directory {
  public:
    HostileDirectory(Random& random, Input& input) : Directory(random), input_(input) {}

    void change() {
        const std::string path = any_path();
        const std::size_t kind = input_.below(10);
        if (kind < 3)
            return append(path);
        Node* node = regular(path);
        switch (kind) {
        case 3: remove(path); break;
        case 4: change_type(path); break;
        case 5: move(path, any_path()); break;
        case 6: copy(path, any_path()); break;
        case 7:
            if (node != nullptr)
                node->mtime = any_time();
            break;
        case 8: rewrite(path); break;
        default: rotate(path);
        }
    }

  private:
    std::string any_name() {
        const std::string aside = "a~20231114T22132" + std::to_string(input_.below(4)) + "Z";
        switch (input_.below(12)) {
        case 0: return "b";
        case 1: return "a.1";
        case 2: return "a.2";
        case 3: return aside;
        case 4: return aside + ".swap";
        case 5: return std::string(255, 'a');
        case 6: return std::string(254, 'a') + "b";
        case 7: {
            std::string name(input_.take(1 + input_.below(12)));
            std::replace(name.begin(), name.end(), '/', '\n');
            std::replace(name.begin(), name.end(), '\0', '\x1b');
            return name.empty() || name == "." || name == ".." ? "..." : name;
        }
        default: return "a";
        }
    }

    std::string any_path() {
        std::string path = any_name();
        for (auto levels = input_.below(8); levels > 4; levels -= 2)
            path = joined(path, any_name());
        return path;
    }

    std::string any_bytes() {
        const auto length = input_.below(8);
        std::string bytes;
        for (auto piece = input_.below(3); piece > 0; --piece)
            bytes.append(1 + 40 * length, static_cast<char>(input_.below(3)));
        return bytes.append(input_.take(length));
    }

    std::int64_t any_time() {
        const auto any = files_.lower_bound(any_name());
        switch (input_.below(8)) {
        case 0: return 1'700'000'000 * second;
        case 1: return 0;
        case 2: return -1;
        case 3: return std::numeric_limits<std::int64_t>::max();
        case 4: return std::numeric_limits<std::int64_t>::min();
        case 5: return any == files_.end() ? 1 : any->second.mtime;
        case 6: return any == files_.end() ? second : any->second.mtime / second * second;
        default: return new_time();
        }
    }

    Node& make_regular(const std::string& path) {
        make_parent(path);
        if (regular(path) == nullptr)
            remove(path);
        return files_[path];
    }

    void append(const std::string& path) {
        Node& node = make_regular(path);
        keep(node);
        if (node.content.size() < window)
            node.content += any_bytes();
        node.has_holes = input_.one_in(4);
        node.mtime = any_time();
    }

    void rewrite(const std::string& path) {
        Node* node = regular(path);
        if (node == nullptr)
            return;
        keep(*node);
        node->content.resize(input_.below(node->content.size() + 1));
        node->content += any_bytes();
        if (input_.one_in(2))
            node->mtime = any_time();
    }

    void copy(const std::string& from, const std::string& to) {
        if (regular(from) == nullptr)
            return;
        const Node node = *regular(from);
        remove(to);
        make_regular(to) = node;
    }

    void move(const std::string& from, const std::string& to) {
        if (from == to)
            return;
        copy(from, to);
        if (regular(to) != nullptr && regular(from) != nullptr)
            remove(from);
    }

    /// Names change in a circle.
    void rotate(const std::string& path) {
        const std::string other = path + ".1";
        if (other.size() - parent_path(path).size() > 255)
            return;
        const std::string aside = "swap";
        move(path, aside);
        move(other, path);
        move(aside, other);
    }

    void change_type(const std::string& path) {
        make_parent(path);
        remove(path);
        Node& node = files_[path];
        node.type = input_.any_of({FileType::directory, FileType::link, FileType::link, FileType::fifo,
                                   FileType::socket, FileType::device});
        if (node.type != FileType::link)
            return;
        for (auto count = input_.below(5); count > 0; --count)
            node.target += input_.any_of({"../", "../", "..", "a/", "a/", "b/", "b", "a.1/", "./", "/"});
        node.target += input_.take(input_.below(3));
        std::replace(node.target.begin(), node.target.end(), '\0', '.');
    }

    Input& input_;
};

/// What an earlier program can have left: no links that lead out, no devices.
Files saved_before(Random& random, Input& input) {
    HostileDirectory earlier(random, input);
    for (auto changes = input.below(6); changes > 0; --changes)
        earlier.change();
    Files files = earlier.files();
    std::erase_if(files, [](const auto& file) {
        return file.second.type != FileType::regular && file.second.type != FileType::directory;
    });
    return files;
}

/// A rewrite that keeps size and time is not seen, unless every byte is looked at.
void expect_saved(const Files& source, const Files& saved, Thoroughness thoroughness) {
    for (const auto& [path, node] : source) {
        if (node.type != FileType::regular)
            continue;
        const auto found = saved.find(path);
        ASSERT_TRUE(found != saved.end() && found->second.type == FileType::regular) << path;
        if (found->second.content == node.content)
            continue;
        ASSERT_EQ(found->second.content.size(), node.content.size()) << path;
        ASSERT_EQ(found->second.mtime / second, node.mtime / second) << path;
        ASSERT_EQ(thoroughness, Thoroughness::changes) << path;
    }
}

void live_through(Input& input) {
    Random random([&input] { return input.number(2); });
    HostileDirectory source(random, input);
    SimulatedBackup backup(random, source, saved_before(random, input));
    Timestamp now{std::chrono::seconds(1'700'000'000)};
    for (int runs = 0; runs < 20 && !input.is_empty(); ++runs) {
        for (auto changes = 1 + input.below(6); changes > 0; --changes)
            source.change();
        const auto thoroughness = input.one_in(3) ? Thoroughness::everything : Thoroughness::changes;
        if (backup.run_once(now, thoroughness))
            expect_saved(source.files(), backup.files(), thoroughness);
        backup.expect_prefixes_only();
        backup.expect_links_stay_inside();
        now += std::chrono::seconds(input.below(3));
    }
}

} // namespace
} // namespace logbackup::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    logbackup::test::Input input(data, size);
    logbackup::test::live_through(input);
    logbackup::test::end_on_failure();
    return 0;
}
