// SPDX-License-Identifier: MIT
#pragma once

#include "../tree_of.hpp"
#include "util/process.hpp"
#include "util/unique_fd.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

/// What the end-to-end tests stand on: a Docker engine of their own, pods on it, and the real program.
namespace e2e {

namespace fs = std::filesystem;

struct Result {
    int code = -1; ///< as a shell gives it: 128 + n for signal n
    std::string out;
    std::string err;
};

/// Runs a program to its end, with the variables added to the test's own environment. At most two minutes.
Result run(const std::vector<std::string>& argv, const std::vector<std::string>& variables = {});
/// `sh -c`, for set-up. Throws with the output when it fails.
std::string sh(const std::string& script);
/// The inode's number; fails the test when there is nothing.
ino_t inode_of(const fs::path& path);
/// Names, types, modes, sizes, times and inodes of everything below a directory: what a program that changes
/// nothing leaves alike.
std::string state_of(const fs::path& directory);
/// Polls until the condition holds; throws after ten seconds.
void wait_until(const std::string& what, const std::function<bool()>& condition);
/// Whether a stand-in, in which rsync brings a file, has at least so many bytes.
bool has_arrived(const std::filesystem::path& backup, std::uintmax_t bytes);

/// Started, not waited for. The destructor kills and reaps it.
class Background {
  public:
    explicit Background(const std::vector<std::string>& argv, const std::vector<std::string>& variables = {});
    Background(const Background&) = delete;
    Background& operator=(const Background&) = delete;
    ~Background();
    [[nodiscard]] pid_t pid() const { return pid_; }
    int wait(); ///< exit code as in Result

  private:
    pid_t pid_ = -1;
};

/// Starts a daemon whose output goes to a file; it is asked to end when this process dies.
pid_t start_daemon(const std::vector<std::string>& argv, const fs::path& log);

class TempDir {
  public:
    TempDir();
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    ~TempDir(); ///< unmounts what was mounted below it, then removes it
    [[nodiscard]] const fs::path& path() const { return path_; }

  private:
    fs::path path_;
};

void write_file(const fs::path& path, std::string_view content);
void append_file(const fs::path& path, std::string_view content);
std::string read_file(const fs::path& path);
/// Writes an executable shell script.
fs::path write_script(const fs::path& path, const std::string& body);
/// `bytes` bytes of text that is different everywhere.
std::string log_text(std::size_t bytes, unsigned seed = 1);

using Tree = logbackup::test::Contents;
using logbackup::test::tree_of;

struct Pod {
    std::string service;
    std::string pod;
    std::vector<std::string> arguments{};      ///< further arguments of docker run
    std::string script = "exec sleep 1000000"; ///< what the container runs
    std::string image = "logs:1";
    std::string namespace_name = "default";
};

/// A Docker engine in a directory of its own, with an image "logs:1": busybox and an empty /opt/logs.
class Engine {
  public:
    static Engine& get(); ///< started at first use, ended with the test program

    [[nodiscard]] std::string host() const {
        return "unix://" + (directory_.path() / "docker.sock").string();
    }
    [[nodiscard]] fs::path socket() const { return directory_.path() / "docker.sock"; }
    std::string docker(const std::vector<std::string>& arguments); ///< throws when it fails
    /// Makes an image "name" on top of logs:1 by running a script in it; a layer each.
    void build(const std::string& name, const std::vector<std::string>& scripts);

    std::string start(const Pod& pod); ///< gives the id
    /// Runs a script in a running container, as root, and returns what it prints.
    std::string exec(const std::string& id, const std::string& script);
    std::string cat(const std::string& id, const std::string& path);
    void kill(const std::string& id); ///< and waits until it has exited
    void wait(const std::string& id); ///< until it has exited by itself
    void remove(const std::string& id);
    void remove_all(); ///< but those that tests share and that run
    struct Shared {
        std::string id;
        bool is_new = false;
    };
    /// The same container for all tests of a suite, with what the last one left in it; a new one when a test
    /// has ended it.
    Shared share(const Pod& pod);
    /// Such a one with an empty log directory.
    std::string share_empty(const Pod& pod);
    void remove_shared();
    enum class Daemon { containerd, dockerd };
    /// Ends a part of the engine as a crash would, and starts it again.
    void crash(Daemon daemon);

    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    ~Engine();

  private:
    Engine();
    void start_containerd();
    void start_dockerd();
    /// What the engine answers to a request, as the client makes it; a start of the client takes longer than
    /// most of them. Throws when the engine refuses, unless what is named is not there.
    std::string request(const std::string& method, const std::string& path);
    TempDir directory_;
    std::map<std::string, std::string> shared_; ///< id by "<service>/<pod>"
    pid_t containerd_ = -1;
    pid_t dockerd_ = -1;
    std::size_t started_ = 0;
};

/// With and without the right to mount.
enum class Way { mounted, direct };
std::string name_of(const testing::TestParamInfo<Way>& info);
void PrintTo(Way way, std::ostream* stream); // for GoogleTest

class Test : public testing::Test {
  protected:
    static void TearDownTestSuite() { Engine::get().remove_shared(); }
    void TearDown() override { engine.remove_all(); }

    /// logbackup --dest <backup> with further arguments.
    Result run_once(const std::vector<std::string>& arguments = {},
                    const std::vector<std::string>& variables = {});
    /// The command line of such a run.
    std::vector<std::string> command(const std::vector<std::string>& arguments = {});
    /// From now on a run gets the answers that docker gives now, in a fiftieth of the time: for tests with
    /// hundreds of runs in which no container changes.
    void record_answers();

    Engine& engine = Engine::get();
    TempDir scratch;
    fs::path backup = scratch.path() / "backup";
    Way way = Way::mounted;

  private:
    std::string recorded_docker_; ///< empty: the real one
};

/// A test that is told its way: IN_BOTH_WAYS where the way matters (paths, links, mounts, rights, faults
/// while reading), MOUNTED_ONLY where it does not (names, records, reports, retention).
class BothWays : public Test, public testing::WithParamInterface<Way> {
  protected:
    void SetUp() override { way = GetParam(); }
};
#define IN_BOTH_WAYS(suite)                                                                                  \
    INSTANTIATE_TEST_SUITE_P(, suite, testing::Values(e2e::Way::mounted, e2e::Way::direct), e2e::name_of)
#define MOUNTED_ONLY(suite)                                                                                  \
    INSTANTIATE_TEST_SUITE_P(, suite, testing::Values(e2e::Way::mounted), e2e::name_of)

/// Succeeded and said nothing on standard error but that the backup is new, or that it may not mount.
/// `besides`: a part of one more line that may be there.
void expect_clean(const Result& result, int code = 0, const std::string& besides = {});

} // namespace e2e
