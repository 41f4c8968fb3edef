// SPDX-License-Identifier: MIT
#pragma once

#include "locate/locate.hpp"
#include "locate/process_root.hpp"
#include "locate/root.hpp"
#include "locate/to_watch.hpp"
#include "locate/volumes.hpp"

#include <optional>
#include <string>
#include <vector>

namespace logbackup {

/// Looks into one container, see locate() and link_follower(). What was opened once is used again.
class Locator {
  public:
    Locator(const Container& container, PrivateMounts* mounts, HostPaths& host)
        : container_(container), mounts_(mounts), host_(host),
          volumes_(container, host, [this] { return process(); }) {}

    [[nodiscard]] Located locate(const std::string& log_directory);
    /// Follows a link of a log directory, see link_follower().
    [[nodiscard]] LinkEnd follow(const std::string& log_directory, const std::string& link);
    /// See places_to_watch().
    [[nodiscard]] std::vector<ToWatch> to_watch(const std::vector<std::string>& log_directories);

  private:
    void open_process();
    [[nodiscard]] ProcessRoot* process();
    [[nodiscard]] std::string why_no_process() const;
    [[nodiscard]] bool is_left_out(const std::string& log_directory) const;
    [[nodiscard]] bool is_on_volume(const std::string& log_directory);
    [[nodiscard]] std::optional<Root> merged() const;
    [[nodiscard]] std::optional<Root> layers();
    [[nodiscard]] std::optional<Root> bare_layers() const;
    [[nodiscard]] ToWatch watch_in(const Root& root, const std::string& log_directory);
    [[nodiscard]] ToWatch watch_in_process(const std::string& log_directory);
    [[nodiscard]] Located locate_in(Root root, const std::string& log_directory);
    [[nodiscard]] bool needs_process(const Root& root, Root::Walk ended, const std::string& path);
    [[nodiscard]] std::string add_volumes_below(const Root& root, const std::string& path,
                                                LogDirectory& found);
    [[nodiscard]] Located locate_in_process(const std::string& log_directory);
    [[nodiscard]] LinkEnd follow_in(const Root& root, const std::string& log_directory,
                                    const std::string& link);
    [[nodiscard]] std::string volume_path_of(const std::string& path, int held);
    [[nodiscard]] LinkEnd follow_in_process(const std::string& log_directory, const std::string& link);
    [[nodiscard]] LinkEnd taken(UniqueFd held, const std::string& path, const std::string& log_directory,
                                const std::string& host_path, int process) const;
    void add_mounts_below(const std::string& path, LogDirectory& found);
    void name_volume(const std::string& path, const std::string& log_directory, LogDirectory& found);
    [[nodiscard]] std::string on_host(const std::string& path, int held);
    [[nodiscard]] std::string problem_below(const std::string& host_path) const;

    const Container& container_;
    PrivateMounts* mounts_;
    HostPaths& host_;
    std::optional<std::optional<ProcessRoot>> process_; ///< opened on first use
    std::string process_problem_;
    UniqueFd rebuilt_; ///< the rebuilt file system of a stopped container
    Volumes volumes_;
    std::optional<std::optional<Root>> links_root_; ///< in which links are followed; opened on first use
    std::string reason_;
};

} // namespace logbackup
