// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/listing.hpp"
#include "random.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace logbackup::test {

/// An inode of the log directory: several names can stand for it.
struct LogFile {
    std::string content;
    std::int64_t mtime = 0;
    bool binary = false;
    bool linked = false; ///< it has, or had, several names
};

struct LogNode {
    FileType type = FileType::regular;
    std::shared_ptr<LogFile> file; ///< of a regular file
    std::string target;            ///< of a link
};

struct Unpacked {
    std::string_view plain;
    std::string_view rest;
};

enum class Changes {
    all,
    orderly, ///< what writers and rotators do: no name gets another type, or a second file
};

/// A real log directory that an application writes, rotates, truncates, …; and every content that a file in
/// it had. Text is made of lines with a number that no other has.
class Logs {
  public:
    /// `directory` exists and is empty.
    Logs(Random& random, std::string directory) : random_(random), directory_(std::move(directory)) {}

    /// One operation.
    void change(Changes which = Changes::all);

    [[nodiscard]] const std::map<std::string, LogNode>& nodes() const { return nodes_; }
    /// Whether some file has or had a content that begins so.
    [[nodiscard]] bool is_prefix_of_some(const std::string& bytes) const;
    /// What gzip(1) gives for these bytes, and the rest behind it, if they begin with a whole compressed
    /// file, or a zip archive.
    [[nodiscard]] std::optional<Unpacked> unpacked(const std::string& bytes) const;
    /// Whether a backup by the prefix rule may hold a line more than once: it was in what a file kept when
    /// the rest of it was cut off or written over, in a file with two names, or in a copy whose original was
    /// not truncated as it was copied, or was removed before a run saw that.
    [[nodiscard]] bool may_repeat(unsigned line) const {
        return repeatable_.contains(line) || copied_.contains(line);
    }

    /// What was done, for people.
    [[nodiscard]] const std::vector<std::string>& story() const { return story_; }
    void tell(std::string what) { story_.push_back(std::move(what)); }

    void forget_touched() { touched_paths_.clear(), touched_files_.clear(); }
    /// Whether an operation since forget_touched() concerned this file or its name.
    [[nodiscard]] bool is_touched(const std::string& path) const;

  private:
    // Each changes the real file and what is known of it.
    void make_parent(const std::string& path);
    void write(const std::string& path, std::size_t offset, const std::string& bytes);
    void resize(const std::string& path, std::size_t size);
    void rename(const std::string& from, const std::string& to);
    void exchange(const std::string& one, const std::string& other);
    void remove(const std::string& path);
    void copy(const std::string& from, const std::string& to);
    void link(const std::string& from, const std::string& to);
    void make_link(const std::string& path, const std::string& target);
    void make_fifo(const std::string& path);
    void set_time(const std::string& path, std::int64_t time);

    // What applications and rotators do.
    void change_content(const std::string& path);
    void change_names(const std::string& path, Changes which);
    void append(const std::string& path);
    void cut(const std::string& path, std::size_t size);
    void cut_and_grow(const std::string& path);
    void cut_under_writer(const std::string& path);
    void rewrite(const std::string& path);
    void trim(const std::string& path);
    void extend(const std::string& path);
    void set_zeros_aside(const std::string& path);
    void fill_zeros(const std::string& path);
    void leave_a_hole(const std::string& path);
    void shift(const std::string& path);
    void rotate(const std::string& path);
    void rotate_by_date(const std::string& path);
    void move_to_or_from_subdirectory(const std::string& path);
    void permute(const std::string& path);
    void copy_and_truncate(const std::string& path);
    void note_packed(const std::string& packed, const std::string& plain);
    void compress(const std::string& path);
    void compress_again(const std::string& path);
    void link_to(const std::string& path);
    void change_type(const std::string& path);
    void restart();

    [[nodiscard]] std::string real(const std::string& path) const { return directory_ + "/" + path; }
    LogFile* regular(const std::string& path);
    std::string any_path();
    std::string any_regular(const std::string& otherwise);
    std::string text(std::size_t length);
    std::string bytes_for(const LogFile* file, std::size_t length);
    std::size_t size();
    std::int64_t new_time();
    void keep(const LogFile& file);
    void touch(const std::string& path);

    Random& random_;
    std::string directory_;
    std::map<std::string, LogNode> nodes_; ///< by path; directories are in it too
    std::vector<std::string> past_;
    std::map<std::string, std::string> unpacked_; ///< by the compressed bytes
    std::set<unsigned> repeatable_;
    std::multiset<unsigned> copied_; ///< by what is unfinished
    std::set<unsigned> ever_copied_;
    std::set<std::string> touched_paths_;
    std::set<std::shared_ptr<LogFile>> touched_files_;
    std::vector<std::function<void()>> unfinished_; ///< second halves of operations
    std::vector<std::string> story_;
    unsigned lines_ = 0;
    unsigned dates_ = 0;
    std::int64_t clock_ = 1'700'000'000'000'000'001;
};

/// Calls `use` with the number of each line that begins in `bytes`.
void for_each_line(std::string_view bytes, const std::function<void(unsigned)>& use);

} // namespace logbackup::test
