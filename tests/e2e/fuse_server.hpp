// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>
#include <sys/types.h>

namespace e2e {

/// A user-space file system with one file, app.log. Its server is a process that can be stopped, after which
/// every system call on the file system waits. The destructor ends it, and with that all who wait.
class FuseServer {
  public:
    explicit FuseServer(std::filesystem::path place);
    FuseServer(const FuseServer&) = delete;
    FuseServer& operator=(const FuseServer&) = delete;
    ~FuseServer();
    void stop() const; ///< it answers nothing any longer

    static constexpr const char* content = "from user space\n";

  private:
    std::filesystem::path place_;
    pid_t server_ = -1;
};

} // namespace e2e
