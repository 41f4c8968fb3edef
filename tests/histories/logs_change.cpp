// SPDX-License-Identifier: MIT
#include "logs.hpp"

#include "gzip.hpp"
#include "plan/plan.hpp"
#include "plan/zeros.hpp"

#include <algorithm>
#include <array>

namespace logbackup::test {
namespace {

constexpr int highest_index = 3;

std::string with_index(const std::string& path, std::size_t index) {
    return path + "." + std::to_string(index);
}

} // namespace

std::string Logs::any_path() {
    static const std::array<std::string, 5> paths{"app.log", "app.log", "err.log", "sub/app.log",
                                                  "sub/x.log"};
    const std::string& path = paths[random_.below(paths.size())];
    if (random_.one_in(3))
        return any_regular(path);
    return random_.one_in(8) ? with_index(path, 1 + random_.below(highest_index)) : path;
}

std::string Logs::any_regular(const std::string& otherwise) {
    std::vector<std::string> paths;
    for (const auto& [path, node] : nodes_)
        if (node.file)
            paths.push_back(path);
    return paths.empty() ? otherwise : paths[random_.below(paths.size())];
}

/// Mostly small, sometimes about the borders of the windows, rarely more than anything reads at once.
std::size_t Logs::size() {
    switch (random_.below(14)) {
    case 0: return window - 1 + random_.below(3);
    case 1: return 2 * window - 1 + random_.below(3);
    case 2: return random_.below(3 * window);
    case 3: return random_.below(window);
    case 4: return 0;
    case 5: return 1;
    case 6: return random_.one_in(3) ? 100'000 + random_.below(100'000) : random_.below(window);
    default: return random_.below(300);
    }
}

void Logs::change(Changes which) {
    if (!unfinished_.empty() && random_.one_in(2)) {
        const auto finish = std::move(unfinished_.back());
        unfinished_.pop_back();
        finish();
        return;
    }
    const std::string path = any_path();
    if (random_.one_in(2))
        change_content(path);
    else
        change_names(path, which);
}

void Logs::change_content(const std::string& path) {
    const LogFile* const file = regular(path);
    const std::size_t before = file != nullptr ? file->content.size() : 0;
    switch (random_.below(17)) {
    case 12: set_zeros_aside(path); break;
    case 13:
    case 14: fill_zeros(path); break;
    case 15:
        if (random_.one_in(4))
            leave_a_hole(path);
        break;
    case 16: tell("trim the head of " + path), trim(path); break;
    case 0: tell("truncate " + path), cut(path, 0); break;
    case 1: tell("truncate in part " + path), cut(path, random_.below(before + 1)); break;
    case 3: tell("cut under its writer " + path), cut_under_writer(path); break;
    case 5: tell("extend by a hole " + path), extend(path); break;
    case 6:
        if (file != nullptr)
            tell("touch " + path), set_time(path, new_time());
        break;
    case 7: tell("remove " + path), remove(path); break;
    case 2: tell("cut and grow " + path), cut_and_grow(path); break;
    case 4: tell("rewrite " + path), rewrite(path); break;
    default: append(path); break;
    }
}

void Logs::change_names(const std::string& path, Changes which) {
    switch (random_.below(16)) {
    case 0: tell("date " + path), rotate_by_date(path); break;
    case 1:
    case 2: tell("move " + path), move_to_or_from_subdirectory(path); break;
    case 3: tell("permute " + path), permute(path); break;
    case 4:
    case 5: tell("copytruncate " + path), copy_and_truncate(path); break;
    case 6:
    case 7:
    case 8: compress(any_regular(path)); break;
    case 12: compress_again(any_regular(path)); break;
    case 9:
        if (which == Changes::all)
            tell("hard link " + path), link_to(path);
        break;
    case 10:
        if (which == Changes::all)
            tell("change type of " + path), change_type(path);
        break;
    case 11:
        if (random_.one_in(4))
            tell("restart"), restart();
        break;
    default:
        for (auto times = 1 + random_.below(3); times > 0; --times)
            tell("rotate " + path), rotate(path);
        break;
    }
}

void Logs::append(const std::string& path) {
    const LogFile* const file = regular(path);
    const auto offset = file != nullptr ? file->content.size() : 0;
    const auto bytes = bytes_for(file, size());
    tell("append " + std::to_string(bytes.size()) + " at " + std::to_string(offset) + " to " + path);
    write(path, offset, bytes);
}

/// What stays is in the backup twice from then on: with what followed it, and without.
void Logs::cut(const std::string& path, std::size_t size) {
    const LogFile* const file = regular(path);
    if (file == nullptr || file->content.size() <= size)
        return;
    for_each_line(file->content.substr(0, size), [&](unsigned line) { repeatable_.insert(line); });
    resize(path, size);
}

/// Truncated somewhere, and soon longer than ever.
void Logs::cut_and_grow(const std::string& path) {
    const LogFile* const file = regular(path);
    if (file == nullptr || file->content.empty())
        return;
    const auto before = file->content.size();
    cut(path, random_.below(before));
    const auto now = file->content.size();
    write(path, now, bytes_for(file, before - now + size()));
}

/// By something that does not know it was truncated: before its next line there is a hole.
void Logs::cut_under_writer(const std::string& path) {
    const LogFile* const file = regular(path);
    if (file == nullptr || file->content.empty())
        return;
    const auto before = file->content.size();
    cut(path, 0);
    write(path, before, bytes_for(file, 1 + random_.below(300)));
}

/// Within what the windows of any backup of this file cover.
void Logs::rewrite(const std::string& path) {
    const LogFile* const file = regular(path);
    if (file == nullptr || file->content.empty())
        return;
    for_each_line(file->content, [&](unsigned line) { repeatable_.insert(line); });
    const auto size = file->content.size();
    const auto from = random_.below(size <= 2 * window ? size : window);
    write(path, from, bytes_for(file, std::min<std::size_t>(16, size - from)));
}

/// As "tail -n 100 >tmp; mv tmp log" does it. What stays is in the backup twice from then on.
void Logs::trim(const std::string& path) {
    const LogFile* const file = regular(path);
    if (file == nullptr || file->content.size() < 2)
        return;
    const std::string left = file->content.substr(1 + random_.below(file->content.size() - 1));
    for_each_line(left, [&](unsigned line) { repeatable_.insert(line); });
    write(path + ".tmp", 0, left);
    rename(path + ".tmp", path);
}

/// A hole at the end, shorter than a window and not behind another one.
void Logs::extend(const std::string& path) {
    const LogFile* const file = regular(path);
    if (file == nullptr || file->content.ends_with('\0'))
        return;
    resize(path, file->content.size() + 1 + random_.below(window / 2));
    if (random_.one_in(2))
        write(path, file->content.size(), bytes_for(file, 16));
}

/// As a writer that maps its file makes room.
void Logs::set_zeros_aside(const std::string& path) {
    const LogFile* const file = regular(path);
    // Nobody maps a compressed log; and it ends in zeros of its own.
    if (file == nullptr || file->content.starts_with("\x1f\x8b"))
        return;
    const auto size = file->content.size();
    const auto zeros = random_.one_in(3) ? 1 + random_.below(window) : 8192 - size % 4096;
    tell("set " + std::to_string(zeros) + " zeros aside in " + path);
    if (random_.one_in(2))
        resize(path, size + zeros);
    else // not every file system can leave a hole
        write(path, size, std::string(zeros, '\0'));
}

/// As a mapped file is written to: its size stays, and its time may stay.
void Logs::fill_zeros(const std::string& path) {
    const LogFile* const file = regular(path);
    if (file == nullptr || !file->content.ends_with('\0'))
        return;
    const auto before = file->content.size();
    const auto begin = file->content.find_last_not_of('\0') + 1; // 0 if there is none
    const auto length = std::min(1 + size(), before - begin);
    tell("fill " + std::to_string(length) + " zeros at " + std::to_string(begin) + " in " + path);
    // Zeros can be saved where they are few, or have been followed by others: then it is set aside.
    for_each_line(file->content, [&](unsigned line) { repeatable_.insert(line); });
    const std::int64_t time = file->mtime;
    write(path, begin, bytes_for(file, length));
    if (random_.one_in(2))
        set_time(path, time);
}

/// As a writer that seeks: a core dump, a database.
void Logs::leave_a_hole(const std::string& path) {
    const LogFile* const file = regular(path);
    if (file == nullptr || file->content.size() > window)
        return;
    tell("leave a hole in " + path);
    write(path, file->content.size() + (1U << 20U) + random_.below(window), bytes_for(file, 300));
}

void Logs::shift(const std::string& path) {
    remove(with_index(path, highest_index));
    for (std::size_t i = highest_index; i > 1; --i) {
        rename(with_index(path, i - 1), with_index(path, i));
        rename(with_index(path, i - 1) + ".gz", with_index(path, i) + ".gz");
    }
}

void Logs::rotate(const std::string& path) {
    if (regular(path) == nullptr)
        return;
    shift(path);
    rename(path, with_index(path, 1));
    if (random_.one_in(2))
        append(path);
}

void Logs::rotate_by_date(const std::string& path) {
    rename(path, path + "-2026010" + std::to_string(random_.one_in(3) ? dates_ : ++dates_));
    if (random_.one_in(2))
        append(path);
}

void Logs::move_to_or_from_subdirectory(const std::string& path) {
    static const std::array<std::string, 3> places{"old/", "sub/", ""};
    const std::string from = random_.one_in(2) ? path : any_regular(path);
    rename(from, places[random_.below(places.size())] + with_index("app.log", random_.below(3)));
}

void Logs::permute(const std::string& path) {
    const std::string second = any_regular(path);
    const std::string third = any_regular(path);
    if (regular(path) == nullptr || second == path)
        return;
    exchange(path, second);
    if (third != path && third != second)
        exchange(second, third);
}

void Logs::copy_and_truncate(const std::string& path) {
    if (regular(path) == nullptr)
        return;
    shift(path);
    copy(path, with_index(path, 1));
    const std::string copied = regular(path)->content;
    for_each_line(copied, [&](unsigned line) {
        if (copied_.contains(line)) // a copy of a copy
            repeatable_.insert(line);
        copied_.insert(line);
        ever_copied_.insert(line);
    });
    const auto finish = [this, path, copied] {
        tell("truncate its original " + path);
        const LogFile* const file = regular(path);
        if (file != nullptr && file->content == copied)
            for_each_line(copied, [&](unsigned line) { copied_.erase(copied_.find(line)); });
        cut(path, 0);
    };
    if (random_.one_in(2))
        finish();
    else
        unfinished_.emplace_back(finish);
}

void Logs::note_packed(const std::string& packed, const std::string& plain) {
    unpacked_[packed] = plain;
    if (packed.starts_with("PK")) // gzip(1) does not look at the rest
        unpacked_[packed.substr(0, packed.size() - zip_tail)] = plain;
}

/// As gzip(1) or logback does it, which takes its time: the plain file goes when the other is complete.
void Logs::compress(const std::string& path) {
    const LogFile* const file = regular(path);
    if (file == nullptr || path.ends_with(".gz") || path.ends_with(".zip") || file->content.empty())
        return;
    tell("compress " + path);
    const bool zipped = random_.one_in(3);
    const auto to = path + (zipped ? ".zip" : ".gz");
    const auto packed = zipped ? zip(file->content) : gzip(file->content);
    note_packed(packed, file->content);
    const auto part = random_.one_in(2) ? packed.size() : random_.below(packed.size());
    remove(to);
    write(to, 0, packed.substr(0, part));
    const auto finish = [this, path, to, packed, part] {
        const LogFile* const begun = regular(to);
        const LogFile* const plain = regular(path);
        if (begun == nullptr || begun->content != packed.substr(0, part) || plain == nullptr)
            return;
        tell("finish " + to);
        write(to, part, packed.substr(part));
        if (plain->content == unpacked_.at(packed))
            remove(path);
    };
    if (random_.one_in(2))
        finish();
    else
        unfinished_.emplace_back(finish);
}

/// With other bytes, and at once.
void Logs::compress_again(const std::string& path) {
    const LogFile* const file = regular(path);
    const auto known = file == nullptr ? unpacked_.end() : unpacked_.find(file->content);
    if (known == unpacked_.end() || file->linked)
        return;
    const std::string plain = known->second;
    const auto packed = path.ends_with(".zip") ? zip(plain, Level::best) : gzip(plain, Level::best);
    if (packed == file->content)
        return;
    tell("compress again " + path);
    note_packed(packed, plain);
    for_each_line(plain, [&](unsigned line) { repeatable_.insert(line); });
    write(path + ".tmp", 0, packed);
    rename(path + ".tmp", path);
}

void Logs::link_to(const std::string& path) {
    LogFile* const file = regular(path);
    if (file == nullptr)
        return;
    file->linked = true;
    for_each_line(file->content, [&](unsigned line) { repeatable_.insert(line); });
    link(path, with_index(path, 1 + random_.below(highest_index)));
}

void Logs::change_type(const std::string& path) {
    const std::string changed = random_.one_in(3) ? "sub" : path;
    make_parent(changed);
    remove(changed);
    switch (random_.below(5)) {
    case 0: append(changed); break;
    case 1: make_fifo(changed); break;
    case 2: make_link(changed, "err.log"); break;
    case 3: make_link(changed, "/etc"); break;
    default: append(changed + "/inner.log"); break;
    }
}

void Logs::restart() {
    while (!nodes_.empty())
        remove(std::string(nodes_.begin()->first));
    append("app.log");
}

} // namespace logbackup::test
