// SPDX-License-Identifier: MIT
#include "fuse_server.hpp"

#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <vector>

namespace e2e {
namespace {

constexpr std::uint64_t file_node = 2;

class Server {
  public:
    explicit Server(int device) : device_(device) {}

    [[noreturn]] void run() {
        std::vector<char> request(1U << 20U);
        for (;;) {
            const auto got = ::read(device_, request.data(), request.size());
            if (got < 0 && errno == EINTR)
                continue;
            if (got < static_cast<ssize_t>(sizeof(fuse_in_header)))
                ::_exit(0);
            fuse_in_header header{};
            std::memcpy(&header, request.data(), sizeof header);
            answer(header, request.data() + sizeof header);
        }
    }

  private:
    void reply(const fuse_in_header& to, int error, const void* data = nullptr, std::size_t size = 0) const {
        std::vector<char> answer(sizeof(fuse_out_header) + size);
        const fuse_out_header header{static_cast<std::uint32_t>(answer.size()), -error, to.unique};
        std::memcpy(answer.data(), &header, sizeof header);
        if (size > 0)
            std::memcpy(answer.data() + sizeof header, data, size);
        [[maybe_unused]] const auto written = ::write(device_, answer.data(), answer.size());
    }

    static fuse_attr attributes(std::uint64_t node) {
        fuse_attr result{};
        result.ino = node;
        result.mode = node == file_node ? S_IFREG | 0644U : S_IFDIR | 0755U;
        result.size = node == file_node ? std::strlen(FuseServer::content) : 0;
        result.nlink = 1;
        return result;
    }

    void answer(const fuse_in_header& header, const char* body) const {
        switch (header.opcode) {
        case FUSE_INIT: {
            fuse_init_out out{};
            out.major = FUSE_KERNEL_VERSION;
            out.minor = 31;
            out.max_write = 4096;
            return reply(header, 0, &out, sizeof out);
        }
        case FUSE_GETATTR: {
            fuse_attr_out out{};
            out.attr = attributes(header.nodeid);
            return reply(header, 0, &out, sizeof out);
        }
        case FUSE_LOOKUP: {
            fuse_entry_out out{};
            out.nodeid = file_node;
            out.attr = attributes(file_node);
            return std::strcmp(body, "app.log") == 0 ? reply(header, 0, &out, sizeof out)
                                                     : reply(header, ENOENT);
        }
        case FUSE_OPEN:
        case FUSE_OPENDIR: {
            const fuse_open_out out{};
            return reply(header, 0, &out, sizeof out);
        }
        case FUSE_READDIR: return read_directory(header, body);
        case FUSE_READ: {
            fuse_read_in in{};
            std::memcpy(&in, body, sizeof in);
            return in.offset == 0 ? reply(header, 0, FuseServer::content, std::strlen(FuseServer::content))
                                  : reply(header, 0);
        }
        case FUSE_FORGET:
        case FUSE_BATCH_FORGET:
        case FUSE_INTERRUPT: return; // have no answer
        case FUSE_RELEASE:
        case FUSE_RELEASEDIR:
        case FUSE_FLUSH: return reply(header, 0);
        default: return reply(header, ENOSYS);
        }
    }

    void read_directory(const fuse_in_header& header, const char* body) const {
        fuse_read_in in{};
        std::memcpy(&in, body, sizeof in);
        if (in.offset > 0)
            return reply(header, 0);
        static constexpr std::string_view name = "app.log";
        std::vector<char> out(FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + name.size()));
        fuse_dirent entry{};
        entry.ino = file_node;
        entry.off = 1;
        entry.namelen = name.size();
        entry.type = S_IFREG >> 12U;
        std::memcpy(out.data(), &entry, FUSE_NAME_OFFSET);
        std::memcpy(out.data() + FUSE_NAME_OFFSET, name.data(), name.size());
        reply(header, 0, out.data(), out.size());
    }

    int device_;
};

} // namespace

FuseServer::FuseServer(std::filesystem::path place) : place_(std::move(place)) {
    std::filesystem::create_directories(place_);
    const int device = ::open("/dev/fuse", O_RDWR | O_CLOEXEC);
    const std::string options =
        "fd=" + std::to_string(device) + ",rootmode=40000,user_id=0,group_id=0,allow_other";
    if (device < 0 ||
        ::mount("test", place_.c_str(), "fuse.test", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
        ::close(device);
        throw std::runtime_error("cannot mount a user-space file system: " + std::string(::strerror(errno)));
    }
    server_ = ::fork();
    if (server_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        Server(device).run();
    }
    ::close(device); // from now on the file system ends with its server
}

FuseServer::~FuseServer() {
    ::kill(server_, SIGKILL);
    ::waitpid(server_, nullptr, 0);
    ::umount2(place_.c_str(), MNT_DETACH);
}

void FuseServer::stop() const {
    ::kill(server_, SIGSTOP);
    ::waitpid(server_, nullptr, WUNTRACED);
}

} // namespace e2e
