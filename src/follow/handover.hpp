// SPDX-License-Identifier: MIT
#pragma once

#include "util/stop_signal.hpp"
#include "util/unique_fd.hpp"

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

/// How the next run gets the lock of the backup from a follower: by a socket beside it,
/// ".logbackup/follower". Who connects asks for the lock. The follower saves what would be lost without it,
/// gives the lock away, and says so by one byte. It takes the lock again when the connection ends, unless it
/// was told to end itself: then it hands over the deleted files that only it has.
///
/// `root` is a descriptor of the backup root. Only its owner and root can reach the socket.
namespace logbackup {

/// A file without a name of a log directory, which somebody still writes to, or which could not be saved.
struct HandedFile {
    std::string container; ///< id
    std::string directory; ///< path of the log directory in it
    std::string below;     ///< see Source
    std::string path;      ///< below that; the last one that it had
    UniqueFd file;
};

/// The asking process's end of the socket. The follower waits as long as this object lives.
class Request {
  public:
    explicit Request(int root);

    enum class State {
        waiting,
        given, ///< the lock is free
        ended, ///< nobody follows, the follower has ended, or did not answer or end for half a minute
    };
    /// Takes what happened.
    [[nodiscard]] State update();
    /// Becomes readable when something happened; -1 when nothing can.
    [[nodiscard]] int fd() const noexcept { return connection_.get(); }
    /// Tells the follower to end, because this process listens now in its place. The follower has ended when
    /// the state is `ended`.
    void relieve();
    /// Returns what the follower handed over; complete when it has ended.
    [[nodiscard]] std::vector<HandedFile>& files() noexcept { return files_; }

  private:
    [[nodiscard]] bool take_message();

    UniqueFd connection_;
    std::chrono::steady_clock::time_point until_;
    State state_ = State::waiting;
    bool is_relieved_ = false;
    std::vector<HandedFile> files_;
};

/// Asks a follower for the lock, and waits. Returns the request if it was given; the follower waits as long
/// as it lives.
[[nodiscard]] std::optional<Request> ask_follower(int root, StopSignal& stop);

/// The follower's end.
class Handover {
  public:
    /// Begins to listen. Throws Error when the file system of the backup knows no sockets.
    explicit Handover(int root);
    Handover(const Handover&) = delete;
    Handover& operator=(const Handover&) = delete;
    ~Handover(); ///< removes the socket

    /// Becomes readable when somebody asks, or, once somebody has the lock, when they are done.
    [[nodiscard]] int fd() const noexcept { return asker_ ? asker_.get() : socket_.get(); }
    /// Takes what happened.
    void update();
    /// True if somebody asks for the lock and waits.
    [[nodiscard]] bool is_asked() const noexcept { return asker_ && !is_given_; }
    /// Tells who asked that the lock is free.
    void give();
    /// True as long as who asked has the lock.
    [[nodiscard]] bool is_given() const noexcept { return is_given_; }
    /// True if another process listens in our place.
    [[nodiscard]] bool is_relieved() const noexcept { return is_relieved_; }
    /// Gives that process a file. Returns false if it does not take it within a second.
    [[nodiscard]] bool hand_over(const HandedFile& file);

  private:
    int root_;
    ino_t inode_ = 0; ///< of the socket's name
    UniqueFd socket_;
    UniqueFd asker_;
    bool is_given_ = false;
    bool is_relieved_ = false;
};

} // namespace logbackup
