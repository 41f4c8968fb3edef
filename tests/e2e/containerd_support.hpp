// SPDX-License-Identifier: MIT
#pragma once

#include "support.hpp"

#include <map>
#include <string>
#include <sys/types.h>
#include <vector>

namespace e2e {

/// A container of the kubelet, or of whoever makes pods through the Container Runtime Interface.
struct CriContainer {
    std::string service;
    std::string pod;
    std::string script = "exec sleep 1000000"; ///< what it runs
    std::vector<std::string> mounts{};         ///< "<host path>:<path in it>", and ":ro"
    int attempt = 0;
};

/// Debian's containerd with its CRI service, in a directory of its own, and the image
/// "docker.io/library/logs:1": busybox and an /opt/logs with the file "image.log".
class Containerd {
  public:
    static Containerd& get(); ///< started at first use, ended with the test program

    [[nodiscard]] std::string socket() const { return (directory_.path() / "containerd.sock").string(); }
    std::string ctr(const std::vector<std::string>& arguments); ///< throws when it fails

    std::string start(const CriContainer& container); ///< gives the id; makes its pod, if that is missing
    void stop(const std::string& id);
    void remove(const std::string& id);
    void remove_all();
    /// Runs a script in a running container of the kubelet's namespace, and returns what it prints.
    std::string exec(const std::string& id, const std::string& script);

    void end();   ///< as a crash would
    void begin(); ///< again

    Containerd(const Containerd&) = delete;
    Containerd& operator=(const Containerd&) = delete;
    ~Containerd();

  private:
    Containerd();
    std::string cri(const std::vector<std::string>& arguments);
    TempDir directory_;
    pid_t pid_ = -1;
    std::map<std::string, std::string> sandboxes_; ///< by pod
};

} // namespace e2e
