// SPDX-License-Identifier: MIT
#pragma once

#include "plan/plan.hpp"
#include "util/files.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace logbackup::test {

/// A file as far as a backup is concerned.
struct Node {
    FileType type = FileType::regular;
    std::string content; ///< of a regular file
    std::int64_t mtime = 0;
    std::string target; ///< of a link
    bool has_holes = false;
    unsigned id = 0; ///< in the backup: stays with the file through renames
};
using Files = std::map<std::string, Node>; ///< by path; directories are in it too

inline Entry entry_of(const std::string& path, const Node& node) {
    return {path,       node.type,  node.content.size(), node.has_holes ? 0 : node.content.size(),
            node.mtime, node.target};
}

/// Everything at or below `path`.
inline std::vector<std::string> subtree(const Files& files, const std::string& path) {
    std::vector<std::string> result;
    for (const auto& [name, node] : files)
        if (name == path || name.starts_with(path + "/"))
            result.push_back(name);
    return result;
}

class Random {
  public:
    explicit Random(unsigned seed) : next_(std::mt19937_64(seed)) {}
    /// Takes its numbers from elsewhere.
    explicit Random(std::function<std::uint64_t()> next) : next_(std::move(next)) {}
    std::size_t below(std::size_t end) { return next_() % end; }
    bool one_in(std::size_t n) { return below(n) == 0; }
    std::string bytes(std::size_t length) {
        std::string text;
        while (text.size() < length) {
            const auto word = next_();
            text.append(reinterpret_cast<const char*>(&word), sizeof word);
        }
        text.resize(length);
        return text;
    }
    /// Mostly small, sometimes about the borders of the windows.
    std::size_t size() {
        switch (below(12)) {
        case 0: return window - 1 + below(3);
        case 1: return 2 * window - 1 + below(3);
        case 2: return below(3 * window);
        case 3: return below(window);
        case 4: return 0;
        case 5: return 1;
        default: return below(300);
        }
    }

  private:
    std::function<std::uint64_t()> next_;
};

/// Files, and every content that one of them had.
class Directory {
  public:
    explicit Directory(Random& random) : random_(random) {}

    [[nodiscard]] const Files& files() const { return files_; }

    /// A new time for each change: a rewrite that keeps size and time cannot be seen.
    std::int64_t new_time() {
        clock_ += 1 + static_cast<std::int64_t>(random_.below(900'000'000));
        if (clock_ % 1'000'000'000 == 0)
            ++clock_;
        return clock_;
    }

    /// Whether some file has or had a content that begins so.
    [[nodiscard]] bool is_prefix_of_some(const std::string& bytes) const {
        const auto begins_so = [&](const std::string& content) { return content.starts_with(bytes); };
        return bytes.empty() || std::any_of(past_.begin(), past_.end(), begins_so) ||
               std::any_of(files_.begin(), files_.end(),
                           [&](const auto& file) { return begins_so(file.second.content); });
    }

    void keep(const Node& node) {
        if (!node.content.empty())
            past_.push_back(node.content);
    }

  protected:
    Node* regular(const std::string& path) {
        const auto found = files_.find(path);
        return found == files_.end() || found->second.type != FileType::regular ? nullptr : &found->second;
    }

    void remove(const std::string& path) {
        for (const auto& name : subtree(files_, path)) {
            keep(files_[name]);
            files_.erase(name);
        }
    }

    /// Makes all directories on the way, in place of whatever stands there.
    void make_parent(const std::string& path) {
        const std::string parent = parent_path(path);
        if (parent.empty())
            return;
        make_parent(parent);
        if (const auto found = files_.find(parent);
            found != files_.end() && found->second.type != FileType::directory)
            remove(parent);
        files_[parent].type = FileType::directory;
    }

    Random& random_;
    Files files_;

  private:
    std::vector<std::string> past_;
    std::int64_t clock_ = 1'700'000'000'000'000'001;
};

/// A log directory that an application writes, rotates, truncates, …; and every content that a file had.
class LogDirectory : public Directory {
  public:
    using Directory::Directory;

    void change() {
        const std::string path = any_path();
        switch (random_.below(22)) {
        case 18: set_zeros_aside(path); break;
        case 19:
        case 20:
        case 21: fill_zeros(path); break;
        case 0: truncate(path, 0); break;
        case 1: truncate(path, random_.size()); break;
        case 2: copy_and_truncate(path); break;
        case 3:
        case 4:
        case 5: rotate(path); break;
        case 6: remove(path); break;
        case 7: rewrite(path); break;
        case 8: // replaced by a new file
            remove(path);
            append(path);
            break;
        case 9: extend(path); break;
        case 10: change_type(path); break;
        case 11: touch(path); break;
        case 12:
        case 13: cut_and_grow(path); break;
        default: append(path); break;
        }
    }

  private:
    std::string any_path() {
        static const std::vector<std::string> paths{"app.log", "app.log", "err.log", "sub/app.log",
                                                    "sub/x.log"};
        std::string path = paths[random_.below(paths.size())];
        return random_.one_in(8) ? path + "." + std::to_string(1 + random_.below(3)) : path;
    }

    void append(const std::string& path) {
        make_parent(path);
        if (const auto found = files_.find(path);
            found != files_.end() && found->second.type != FileType::regular)
            remove(path);
        Node& node = files_[path];
        node.content += random_.bytes(random_.size());
        node.mtime = new_time();
    }

    void truncate(const std::string& path, std::size_t size) {
        if (Node* node = regular(path); node != nullptr && node->content.size() > size) {
            keep(*node);
            node->content.resize(size);
            node->mtime = new_time();
        }
    }

    /// As a writer that maps its file makes room.
    void set_zeros_aside(const std::string& path) {
        if (Node* node = regular(path); node != nullptr) {
            node->content.append(
                random_.one_in(3) ? random_.below(window) : 8192 - node->content.size() % 4096, '\0');
            node->mtime = new_time();
        }
    }

    /// As a mapped file is written to: its size stays, and its time may stay.
    void fill_zeros(const std::string& path) {
        Node* node = regular(path);
        if (node == nullptr || !node->content.ends_with('\0'))
            return;
        keep(*node);
        const auto last = node->content.find_last_not_of('\0');
        const auto begin = last == std::string::npos ? 0 : last + 1;
        const auto length = std::min(1 + random_.size(), node->content.size() - begin);
        node->content.replace(begin, length, random_.bytes(length));
        if (random_.one_in(2))
            node->mtime = new_time();
    }

    /// A hole at the end, shorter than a window and not behind another one.
    void extend(const std::string& path) {
        Node* node = regular(path);
        if (node == nullptr || node->content.ends_with('\0'))
            return;
        node->content.append(1 + random_.below(window / 2), '\0');
        node->has_holes = true;
        node->mtime = new_time();
        if (random_.one_in(2))
            node->content += random_.bytes(16);
    }

    void touch(const std::string& path) {
        if (Node* node = regular(path))
            node->mtime = new_time();
    }

    /// Within what the windows of any backup of this file cover.
    void rewrite(const std::string& path) {
        Node* node = regular(path);
        if (node == nullptr || node->content.empty())
            return;
        keep(*node);
        const auto size = node->content.size();
        const auto from = random_.below(size <= 2 * window ? size : window);
        const auto changed = random_.bytes(std::min<std::size_t>(16, size - from));
        node->content.replace(from, changed.size(), changed);
        node->mtime = new_time();
    }

    void shift(const std::string& path) {
        remove(path + ".3");
        for (int i = 2; i >= 1; --i)
            rename(path + "." + std::to_string(i), path + "." + std::to_string(i + 1));
    }

    void rename(const std::string& from, const std::string& to) {
        if (regular(from) == nullptr)
            return;
        remove(to);
        files_[to] = files_[from]; // with its time
        files_.erase(from);
    }

    void rotate(const std::string& path) {
        if (regular(path) == nullptr)
            return;
        shift(path);
        rename(path, path + ".1");
        if (random_.one_in(2))
            append(path);
    }

    /// Truncated somewhere, and soon longer than ever.
    void cut_and_grow(const std::string& path) {
        Node* node = regular(path);
        if (node == nullptr || node->content.empty())
            return;
        const auto size = node->content.size();
        truncate(path, random_.below(size));
        node->content += random_.bytes(size - node->content.size() + random_.size());
        node->mtime = new_time();
    }

    void copy_and_truncate(const std::string& path) {
        if (regular(path) == nullptr)
            return;
        shift(path);
        remove(path + ".1");
        files_[path + ".1"] = files_[path];
        if (random_.one_in(2))
            files_[path + ".1"].mtime = new_time();
        truncate(path, 0);
    }

    void change_type(const std::string& path) {
        const std::string changed = random_.one_in(3) ? "sub" : path;
        make_parent(changed);
        remove(changed);
        Node& node = files_[changed];
        node.mtime = new_time();
        switch (random_.below(4)) {
        case 0: node.content = random_.bytes(random_.size()); break;
        case 1: node.type = FileType::fifo; break;
        case 2:
            node.type = FileType::link;
            node.target = random_.one_in(2) ? "err.log" : "/etc";
            break;
        default:
            node.type = FileType::directory;
            files_[changed + "/inner.log"] = {
                FileType::regular, random_.bytes(random_.size()), new_time(), {}, false, 0};
        }
    }
};

} // namespace logbackup::test
