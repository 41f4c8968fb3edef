// SPDX-License-Identifier: MIT
#pragma once

#include "support.hpp"

#include <nlohmann/json.hpp>

namespace e2e {

/// What the tests of attacks from containers stand on: secrets that no container was given, the plain way
/// that shows that an attack is real, and what must hold of a backup whatever containers do.
class Attack : public BothWays {
  protected:
    void SetUp() override;

    /// A run that could be led astray more easily: its rsync knows no protection against links that others
    /// made, it works in the directory of the secrets, and that is open as descriptor 9.
    Result exposed_run(const std::vector<std::string>& arguments = {});
    /// The shell loop for one container: rsync -a "$merged/opt/logs/" "$plain/<name>/". It has ten seconds.
    Result plain_loop(const std::string& id, const std::string& name);
    /// rsync -a from a directory of the host in the same manner.
    Result plain_copy(const fs::path& from, const std::string& name);

    /// Files of a directory with the secret in name, content or link target.
    [[nodiscard]] static std::size_t secrets_in(const fs::path& root);
    /// No secret anywhere in the backup, its records included; nothing but plain files and directories with
    /// the usual modes, and links that stay in their instance directory.
    void expect_nothing_from_outside(const Result& result = {});

    /// Where a container's file system is mounted.
    fs::path merged(const std::string& id);
    /// What docker inspect says of all containers.
    nlohmann::json inspect();
    /// A docker client that knows these containers, by id, and describes each in these bytes.
    std::string docker_describing(const std::map<std::string, std::string>& containers);
    std::string docker_with(const nlohmann::json& containers);
    /// What a container needs to run exchange(), and how to run it: two names each, which change places as
    /// fast as can be, for ever.
    static std::vector<std::string> exchanger();
    static std::string exchange(const std::string& pairs) { return "exec /attack/exchange " + pairs; }

    fs::path secret; ///< directory on the host with a file "app.log" that only the host may see
    fs::path plain;  ///< what the plain way made

  private:
    std::map<std::string, std::string> merged_;
};

inline constexpr const char* secret_text = "secret-of-the-host";

} // namespace e2e
