// SPDX-License-Identifier: MIT
#pragma once

#include "util/stop_signal.hpp"
#include "util/unique_fd.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace logbackup::test {

/// A directory of its own for one test, with all in it removed at the end.
class TempDir {
  public:
    TempDir() {
        std::string name = (std::filesystem::temp_directory_path() / "logbackup-unit-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr)
            throw std::runtime_error("cannot make a temporary directory");
        path_ = std::filesystem::canonical(name).string();
        fd_ = UniqueFd(::open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    ~TempDir() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] int fd() const { return fd_.get(); }
    /// The absolute path of `below`.
    [[nodiscard]] std::string at(const std::string& below) const { return path_ + "/" + below; }

    std::string make_directory(const std::string& below) const {
        std::filesystem::create_directories(at(below));
        return at(below);
    }
    /// Writes a file, with the directories above it.
    std::string write(const std::string& below, const std::string& content) const {
        std::filesystem::create_directories(std::filesystem::path(at(below)).parent_path());
        std::ofstream(at(below), std::ios::binary) << content;
        return at(below);
    }
    std::string write_program(const std::string& below, const std::string& content) const {
        write(below, content);
        ::chmod(at(below).c_str(), 0755);
        return at(below);
    }
    std::string link(const std::string& below, const std::string& target) const {
        std::filesystem::create_directories(std::filesystem::path(at(below)).parent_path());
        std::filesystem::create_symlink(target, at(below));
        return at(below);
    }
    std::string fifo(const std::string& below) const {
        if (::mkfifo(at(below).c_str(), 0600) != 0)
            throw std::runtime_error("cannot make a FIFO");
        return at(below);
    }
    [[nodiscard]] std::string read(const std::string& below) const {
        std::ifstream file(at(below), std::ios::binary);
        std::ostringstream content;
        content << file.rdbuf();
        return content.str();
    }
    /// Whether the name is there, be it a link that leads nowhere.
    [[nodiscard]] bool has(const std::string& below) const {
        return std::filesystem::symlink_status(at(below)).type() != std::filesystem::file_type::not_found;
    }

  private:
    std::string path_;
    UniqueFd fd_;
};

inline UniqueFd open_path(const std::string& path) {
    return UniqueFd(::open(path.c_str(), O_PATH | O_CLOEXEC));
}

/// Sets, or with nullptr removes, a variable of the environment for one test.
class Variable {
  public:
    Variable(const char* name, const char* value) : name_(name) {
        if (const char* before = std::getenv(name); before != nullptr)
            before_ = before;
        set(value);
    }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;
    ~Variable() { set(before_ ? before_->c_str() : nullptr); }

  private:
    void set(const char* value) const {
        if (value != nullptr)
            ::setenv(name_, value, 1);
        else
            ::unsetenv(name_);
    }
    const char* name_;
    std::optional<std::string> before_;
};

/// A StopSignal for one test: what it does to the signals of this process is undone at the end.
class Stop {
  public:
    explicit Stop(std::optional<std::chrono::milliseconds> limit = std::nullopt)
        : before_(current()), chld_(::signal(SIGCHLD, SIG_DFL)), pipe_(::signal(SIGPIPE, SIG_DFL)),
          stop_(limit) {}
    Stop(const Stop&) = delete;
    Stop& operator=(const Stop&) = delete;
    ~Stop() {
        (void)stop_.requested();
        sigprocmask(SIG_SETMASK, &before_, nullptr);
        ::signal(SIGCHLD, chld_);
        ::signal(SIGPIPE, pipe_);
    }
    [[nodiscard]] StopSignal& get() { return stop_; }

  private:
    static sigset_t current() {
        sigset_t set;
        sigprocmask(SIG_BLOCK, nullptr, &set);
        return set;
    }
    sigset_t before_;
    void (*chld_)(int);
    void (*pipe_)(int);
    StopSignal stop_;
};

/// Runs `work` in a forked child and gives its exit code, -1 when a signal ended it.
inline int in_child(const std::function<int()>& work) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        int code = 99; // by an exception
        try {
            code = work();
        } catch (...) {
        }
        ::_exit(code);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

struct Pipe {
    UniqueFd read_end;
    UniqueFd write_end;
};

inline Pipe make_pipe() {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        throw std::runtime_error("cannot make a pipe");
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

/// Whether every writer of a pipe is gone, which is waited for up to ten seconds.
inline bool all_writers_end(int read_end) {
    pollfd waited{read_end, 0, 0};
    return ::poll(&waited, 1, 10'000) == 1 && (waited.revents & POLLHUP) != 0;
}

inline bool is_root() {
    return ::geteuid() == 0;
}

} // namespace logbackup::test
