// SPDX-License-Identifier: MIT
#include "logs.hpp"

#include "must.hpp"
#include "util/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>

namespace logbackup::test {
namespace {

constexpr std::size_t digits = 8; // of a line's number

std::vector<std::string> subtree(const std::map<std::string, LogNode>& nodes, const std::string& path) {
    std::vector<std::string> result;
    for (const auto& [name, node] : nodes)
        if (name == path || name.starts_with(path + "/"))
            result.push_back(name);
    return result;
}

} // namespace

void for_each_line(std::string_view bytes, const std::function<void(unsigned)>& use) {
    // "<00000001> aaa": it can be cut anywhere, and the next one then follows on the same line.
    for (auto at = bytes.find('<'); at != std::string::npos; at = bytes.find('<', at + 1)) {
        if (at + digits + 1 >= bytes.size() || bytes[at + digits + 1] != '>')
            continue;
        const auto number = bytes.substr(at + 1, digits);
        if (number.find_first_not_of("0123456789") == std::string::npos)
            use(static_cast<unsigned>(std::stoul(std::string(number))));
    }
}

bool Logs::is_prefix_of_some(const std::string& bytes) const {
    const auto begins_so = [&](const std::string& content) { return content.starts_with(bytes); };
    return bytes.empty() || std::any_of(past_.begin(), past_.end(), begins_so) ||
           std::any_of(nodes_.begin(), nodes_.end(), [&](const auto& node) {
               return node.second.file && begins_so(node.second.file->content);
           });
}

std::optional<Unpacked> Logs::unpacked(const std::string& bytes) const {
    std::optional<Unpacked> longest;
    for (const auto& [packed, plain] : unpacked_) // what begins another one comes first
        if (bytes.starts_with(packed))
            longest = Unpacked{plain, std::string_view(bytes).substr(packed.size())};
    return longest;
}

bool Logs::is_touched(const std::string& path) const {
    const auto node = nodes_.find(path);
    return touched_paths_.contains(path) ||
           (node != nodes_.end() && touched_files_.contains(node->second.file));
}

LogFile* Logs::regular(const std::string& path) {
    const auto found = nodes_.find(path);
    return found == nodes_.end() ? nullptr : found->second.file.get();
}

std::string Logs::text(std::size_t length) {
    std::string result;
    while (result.size() < length) {
        const unsigned line = ++lines_;
        std::array<char, 16> head{};
        std::snprintf(head.data(), head.size(), "<%08u> ", line);
        result += head.data() + std::string(random_.below(120), static_cast<char>('a' + line % 26)) + '\n';
    }
    result.resize(length);
    return result;
}

std::string Logs::bytes_for(const LogFile* file, std::size_t length) {
    if (file == nullptr || !file->binary)
        return text(length);
    std::string result(length, '\0');
    for (char& byte : result)
        byte = static_cast<char>(random_.below(256));
    return result;
}

std::int64_t Logs::new_time() {
    clock_ += 1 + static_cast<std::int64_t>(random_.below(900'000'000));
    if (clock_ % 1'000'000'000 == 0)
        ++clock_;
    return clock_;
}

void Logs::keep(const LogFile& file) {
    if (!file.content.empty())
        past_.push_back(file.content);
}

void Logs::touch(const std::string& path) {
    touched_paths_.insert(path);
    if (const auto found = nodes_.find(path); found != nodes_.end() && found->second.file) {
        touched_files_.insert(found->second.file);
        // A compressed log that is handled like a plain one: under another name, or damaged, it proves
        // nothing.
        if (const auto packed = unpacked(found->second.file->content))
            for_each_line(packed->plain, [&](unsigned line) { repeatable_.insert(line); });
    }
}

void Logs::make_parent(const std::string& path) {
    const std::string parent = parent_path(path);
    if (parent.empty())
        return;
    const auto found = nodes_.find(parent);
    if (found != nodes_.end() && found->second.type == FileType::directory)
        return;
    remove(parent);
    must(::mkdir(real(parent).c_str(), 0755) == 0, "mkdir " + parent);
    nodes_[parent].type = FileType::directory;
    touch(parent);
}

void Logs::write(const std::string& path, std::size_t offset, const std::string& bytes) {
    if (regular(path) == nullptr) {
        make_parent(path);
        remove(path);
        auto file = std::make_shared<LogFile>();
        file->binary = random_.one_in(10);
        nodes_[path] = {FileType::regular, file, {}};
    }
    touch(path);
    LogFile& file = *regular(path);
    if (offset < file.content.size())
        keep(file);
    const int fd = ::open(real(path).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    const auto put = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    ::close(fd);
    must(put == static_cast<ssize_t>(bytes.size()), "write " + path);
    if (file.content.size() < offset + bytes.size() && !bytes.empty())
        file.content.resize(offset + bytes.size());
    file.content.replace(offset, bytes.size(), bytes);
    // A directory that gives way to a file is set aside as a whole.
    if (file.linked || path.ends_with("/inner.log"))
        for_each_line(bytes, [&](unsigned line) { repeatable_.insert(line); });
    set_time(path, new_time());
}

void Logs::resize(const std::string& path, std::size_t size) {
    touch(path);
    LogFile& file = *regular(path);
    if (size < file.content.size())
        keep(file);
    must(::truncate(real(path).c_str(), static_cast<off_t>(size)) == 0, "truncate " + path);
    file.content.resize(size);
    set_time(path, new_time());
}

void Logs::rename(const std::string& from, const std::string& to) {
    LogFile* const file = regular(from);
    // rename(2) leaves two names of one file alone.
    if (file == nullptr || file == regular(to) || from.starts_with(to + "/"))
        return;
    make_parent(to);
    if (regular(from) == nullptr) // it was in the way of a directory
        return;
    if (regular(to) == nullptr)
        remove(to);
    else
        keep(*regular(to));
    touch(from);
    touch(to);
    must(::rename(real(from).c_str(), real(to).c_str()) == 0, "rename " + from);
    nodes_[to] = nodes_[from];
    nodes_.erase(from);
}

void Logs::exchange(const std::string& one, const std::string& other) {
    touch(one);
    touch(other);
    must(::renameat2(AT_FDCWD, real(one).c_str(), AT_FDCWD, real(other).c_str(), RENAME_EXCHANGE) == 0,
         "exchange " + one);
    std::swap(nodes_[one], nodes_[other]);
}

void Logs::remove(const std::string& path) {
    if (!nodes_.contains(path))
        return;
    for (const auto& name : subtree(nodes_, path)) {
        touch(name);
        if (const LogFile* file = regular(name)) {
            keep(*file);
            for_each_line(file->content, [&](unsigned line) {
                if (ever_copied_.contains(line))
                    repeatable_.insert(line);
            });
        }
        nodes_.erase(name);
    }
    std::filesystem::remove_all(real(path));
}

void Logs::copy(const std::string& from, const std::string& to) {
    const LogFile original = *regular(from);
    make_parent(to);
    remove(to);
    write(to, 0, original.content);
    regular(to)->binary = original.binary;
    if (random_.one_in(2))
        set_time(to, original.mtime);
}

void Logs::link(const std::string& from, const std::string& to) {
    if (from == to)
        return;
    make_parent(to);
    remove(to);
    if (regular(from) == nullptr)
        return;
    touch(from);
    must(::link(real(from).c_str(), real(to).c_str()) == 0, "link " + from);
    nodes_[to] = nodes_[from];
    touch(to);
}

void Logs::make_link(const std::string& path, const std::string& target) {
    must(::symlink(target.c_str(), real(path).c_str()) == 0, "symlink " + path);
    nodes_[path] = {FileType::link, nullptr, target};
    touch(path);
}

void Logs::make_fifo(const std::string& path) {
    must(::mkfifo(real(path).c_str(), 0600) == 0, "mkfifo " + path);
    nodes_[path] = {FileType::fifo, nullptr, {}};
    touch(path);
}

void Logs::set_time(const std::string& path, std::int64_t time) {
    touch(path);
    const timespec moment{time / 1'000'000'000, time % 1'000'000'000};
    const std::array<timespec, 2> times{moment, moment};
    must(::utimensat(AT_FDCWD, real(path).c_str(), times.data(), 0) == 0, "utimensat " + path);
    regular(path)->mtime = time;
}

} // namespace logbackup::test
