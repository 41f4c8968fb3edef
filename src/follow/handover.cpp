// SPDX-License-Identifier: MIT
#include "follow/handover.hpp"

#include "ledger/ledger.hpp"
#include "util/error.hpp"
#include "util/files.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <sstream>
#include <string>
#include <utility>

namespace logbackup {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* socket_name = "follower";
constexpr char lock_is_free = 'f';
constexpr char end_yourself = 'e';
constexpr char with_file = 'h'; // its names follow
constexpr std::chrono::seconds patience_for_lock{30};
constexpr int patience_for_file = 1000; // milliseconds
constexpr std::size_t longest_message = 16384;

/// Returns the address of the socket. A path to the backup can be longer than an address; this one is not.
sockaddr_un address_in(int state) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = "/proc/self/fd/" + std::to_string(state) + "/" + socket_name;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return address;
}

const sockaddr* as_address(const sockaddr_un& address) {
    return reinterpret_cast<const sockaddr*>(&address); // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast)
}

/// A text with room for one descriptor.
struct Message {
    explicit Message(std::string& text) : place{text.data(), text.size()} {
        header.msg_iov = &place;
        header.msg_iovlen = 1;
        header.msg_control = attached.data();
        header.msg_controllen = attached.size();
    }
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> attached{};
    iovec place;
    msghdr header{};
};

UniqueFd new_socket() {
    return UniqueFd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

} // namespace

Request::Request(int root) : connection_(new_socket()), until_(Clock::now() + patience_for_lock) {
    const UniqueFd state = open_directory(root, state_directory);
    const sockaddr_un address = address_in(state.get());
    if (::connect(connection_.get(), as_address(address), sizeof address) != 0) {
        connection_.reset();
        state_ = State::ended;
    }
}

Request::State Request::update() {
    while (state_ != State::ended && take_message()) {
    }
    if ((state_ == State::waiting || is_relieved_) && Clock::now() >= until_)
        state_ = State::ended;
    return state_;
}

/// Takes one message. Returns false if there is none.
bool Request::take_message() {
    std::string text(longest_message, '\0');
    Message message(text);
    const auto got = ::recvmsg(connection_.get(), &message.header, MSG_CMSG_CLOEXEC);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (got <= 0) {
        state_ = State::ended;
        return false;
    }
    text.resize(static_cast<std::size_t>(got));
    const cmsghdr* control = CMSG_FIRSTHDR(&message.header);
    if (text.front() == with_file && control != nullptr && control->cmsg_type == SCM_RIGHTS) {
        int file = -1;
        std::memcpy(&file, CMSG_DATA(control), sizeof file);
        HandedFile handed{{}, {}, {}, {}, UniqueFd(file)};
        std::istringstream fields(text.substr(1));
        for (auto* field : {&handed.container, &handed.directory, &handed.below, &handed.path})
            std::getline(fields, *field, '\0');
        files_.push_back(std::move(handed));
    } else if (text.front() == lock_is_free) {
        state_ = State::given;
    }
    return true;
}

void Request::relieve() {
    if (std::exchange(is_relieved_, true))
        return;
    until_ = Clock::now() + patience_for_lock;
    (void)::send(connection_.get(), &end_yourself, 1, MSG_NOSIGNAL);
}

std::optional<Request> ask_follower(int root, StopSignal& stop) {
    static constexpr int a_while = 500; // milliseconds
    std::optional<Request> request(std::in_place, root);
    while (request->update() == Request::State::waiting && !stop.requested()) {
        std::array<pollfd, 2> fds{{{request->fd(), POLLIN, 0}, {stop.fd(), POLLIN, 0}}};
        ::poll(fds.data(), fds.size(), a_while);
    }
    if (request->update() != Request::State::given)
        request.reset();
    return request;
}

Handover::Handover(int root) : root_(root), socket_(new_socket()) {
    const UniqueFd state = open_directory(root, state_directory);
    const sockaddr_un address = address_in(state.get());
    ::unlinkat(state.get(), socket_name, 0); // a killed follower left it
    if (::bind(socket_.get(), as_address(address), sizeof address) != 0 || ::listen(socket_.get(), 8) != 0)
        throw Error("cannot make a socket in the backup's " + in_quotes(state_directory) + ": " +
                        error_text(errno),
                    "its file system must know sockets, else run without --follow");
    if (const auto status = status_at(state.get(), socket_name))
        inode_ = status->st_ino;
}

Handover::~Handover() {
    const UniqueFd state = open_directory(root_, state_directory);
    const auto status = status_at(state.get(), socket_name);
    if (!is_relieved_ && status && status->st_ino == inode_) // else it is another's by now
        ::unlinkat(state.get(), socket_name, 0);
}

void Handover::update() {
    if (!asker_) {
        asker_ = UniqueFd(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        return;
    }
    char byte = 0;
    const auto got = ::recv(asker_.get(), &byte, 1, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    is_relieved_ = is_given_ && got == 1 && byte == end_yourself;
    if (is_relieved_)
        return; // the connection ends with this process
    asker_.reset();
    is_given_ = false;
}

bool Handover::hand_over(const HandedFile& file) {
    std::string text(1, with_file);
    for (const auto* field : {&file.container, &file.directory, &file.below, &file.path})
        text.append(*field).push_back('\0');
    Message message(text);
    cmsghdr* control = CMSG_FIRSTHDR(&message.header);
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = CMSG_LEN(sizeof(int));
    const int fd = file.file.get();
    std::memcpy(CMSG_DATA(control), &fd, sizeof fd);
    pollfd taken{asker_.get(), POLLOUT, 0};
    return text.size() <= longest_message && ::poll(&taken, 1, patience_for_file) == 1 &&
           ::sendmsg(asker_.get(), &message.header, MSG_NOSIGNAL) >= 0;
}

void Handover::give() {
    is_given_ = ::send(asker_.get(), &lock_is_free, 1, MSG_NOSIGNAL) == 1;
    if (!is_given_)
        asker_.reset();
}

} // namespace logbackup
