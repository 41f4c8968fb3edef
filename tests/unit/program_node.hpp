// SPDX-License-Identifier: MIT
#pragma once

#include "../tree_of.hpp"
#include "logbackup/container.hpp"
#include "support.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace logbackup::test {

/// What a run of the whole program left.
struct ProgramEnd {
    int code = -1; ///< -1 when a signal ended it
    std::string out;
    std::string err;
};

/// Succeeded and said nothing on standard error but that the backup is new.
void expect_clean(const ProgramEnd& run, int code = 0);

/// True if the program said this on standard error.
inline bool says(const ProgramEnd& run, const std::string& text) {
    return run.err.find(text) != std::string::npos;
}

/// A node of plain directories for the whole program, from its command line to its exit code: each run is one
/// of run_app() in a process of its own. The docker client is a script that prints what an engine would; what
/// the engine does to directories is done here.
class ProgramNode : public testing::Test {
  protected:
    using Arguments = std::vector<std::string>;
    using Names = std::set<std::string>;
    using Tree = Contents;

    ProgramNode();
    void SetUp() override {
        if (!is_root())
            GTEST_SKIP() << "needs root, to mount layers";
    }

    /// Starts a container with an empty log directory; gives its id. The mounts are made in their order.
    std::string start(const std::string& service, const std::string& pod,
                      const std::vector<Mount>& mounts = {}, const std::string& namespace_name = "default");
    void kill(const std::string& id);
    void remove(const std::string& id);
    void remove_all();
    /// Where a path of the container's own file system is, relative to `dir`.
    [[nodiscard]] std::string below(const std::string& id, const std::string& path) const;
    /// Writes into the container's own file system.
    void write(const std::string& id, const std::string& path, const std::string& content) const {
        dir.write(below(id, path), content);
    }
    void append(const std::string& id, const std::string& path, const std::string& content) const {
        dir.write(below(id, path), dir.read(below(id, path)) + content);
    }
    /// Runs a shell script in a directory of the container's own file system.
    void in(const std::string& id, const std::string& directory, const std::string& script) const;
    static void sh(const std::string& script);

    /// logbackup --dest <backup> with further arguments and variables of the environment ("NAME=value").
    ProgramEnd run_once(const Arguments& arguments = {}, const Arguments& variables = {});
    ProgramEnd prune(Arguments arguments) {
        arguments.insert(arguments.begin(), "prune");
        return run_once(arguments);
    }
    nlohmann::json prune_json(Arguments arguments);

    [[nodiscard]] Tree tree() const { return tree_of(backup); }
    [[nodiscard]] Tree files() const { return files_of(backup); }
    /// The names of files below a directory of the backup.
    [[nodiscard]] Names saved(const std::string& directory = "") const;
    [[nodiscard]] bool has(const std::string& name) const {
        return std::filesystem::exists(std::filesystem::symlink_status(backup + "/" + name));
    }
    /// A file of the backup; empty if there is none.
    [[nodiscard]] std::string content(const std::string& name) const;
    void write_saved(const std::string& name, const std::string& content) const {
        std::ofstream(backup + "/" + name, std::ios::binary) << content;
    }
    /// A record, such as "live/web/web-1".
    [[nodiscard]] nlohmann::json record(const std::string& name) const {
        return nlohmann::json::parse(content(".logbackup/" + name));
    }
    [[nodiscard]] bool has_record(const std::string& name) const { return has(".logbackup/" + name); }
    /// Makes the record of an ended log directory as old as it is to be.
    void age(const std::string& directory, std::chrono::nanoseconds by) const;
    /// Makes the last run so long ago, and none look for something to delete.
    void set_clock(std::chrono::nanoseconds ago = {}) const;

    TempDir dir;
    std::string backup = dir.at("backup");
    std::string docker = dir.at("engine/docker"); ///< the client
    std::string no_engine;                        ///< a client that reaches none
    std::function<bool()> before_run;             ///< in the process of the run; false: it did not succeed

  private:
    void tell() const;
    void happens(const Container& container, const char* action);
    std::vector<Container> containers_;
    std::string events_; ///< as docker prints them
    unsigned started_ = 0;
};

/// Names, types, modes, sizes, times and inodes of everything below a directory: what a program that changes
/// nothing leaves alike.
std::string state_of(const std::string& directory);

} // namespace logbackup::test
