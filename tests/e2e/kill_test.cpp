// SPDX-License-Identifier: MIT
#include "support.hpp"

#include "util/process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <random>
#include <thread>

using namespace e2e;

/// kill -9 at any moment: what was saved stays, what is saved is true, and the next run goes on from it.
namespace {

/// The log directory of a container, written to from the host, which is what its own writes look like.
struct Source {
    std::string pod;
    std::string id;
    fs::path logs;
    std::map<std::string, std::size_t> files; ///< by name: which of the contents
};

class Kill : public e2e::Test {
  protected:
    std::size_t below(std::size_t n) { return random() % n; }

    Source start(const std::string& pod) {
        Source source{pod, engine.start({"web", pod}), {}, {}};
        auto merged = engine.docker({"inspect", "--format", "{{.GraphDriver.Data.MergedDir}}", source.id});
        merged.pop_back();
        source.logs = merged + "/opt/logs";
        return source;
    }

    std::string text(std::size_t bytes) { return log_text(bytes, static_cast<unsigned>(random())); }
    /// Writes a file anew, in its place. No two have the same size: with the same time too, which written
    /// within one tick of the kernel's clock they would have, they cannot be told apart by that.
    void write(Source& source, const std::string& name, std::size_t bytes) {
        contents.push_back("log " + std::to_string(contents.size()) + "\n" + text(bytes + contents.size()));
        source.files[name] = contents.size() - 1;
        write_file(source.logs / name, contents.back());
    }
    void append(Source& source, const std::string& name, std::size_t bytes) {
        const auto more = text(bytes);
        contents[source.files.at(name)] += more;
        append_file(source.logs / name, more);
    }
    void rotate(Source& source, const std::string& name) {
        for (int i = 4; i > 0; --i) {
            const auto from = i == 1 ? name : name + "." + std::to_string(i - 1);
            const auto to = name + "." + std::to_string(i);
            if (!source.files.contains(from))
                continue;
            fs::rename(source.logs / from, source.logs / to);
            source.files[to] = source.files.at(from);
            source.files.erase(from);
        }
        write(source, name, 200);
    }
    void copytruncate(Source& source, const std::string& name) {
        contents.push_back(contents[source.files.at(name)]);
        source.files[name + ".1"] = contents.size() - 1;
        write_file(source.logs / (name + ".1"), contents.back());
        write(source, name, 200);
    }
    /// Truncated under a writer that goes on at its old offset.
    void leave_hole(Source& source, const std::string& name) {
        const auto size = contents[source.files.at(name)].size();
        contents.emplace_back(size, '\0');
        source.files[name] = contents.size() - 1;
        fs::resize_file(source.logs / name, 0);
        fs::resize_file(source.logs / name, size);
        append(source, name, 500);
    }
    void remove(Source& source, const std::string& name) {
        fs::remove(source.logs / name);
        source.files.erase(name);
    }
    /// A container in the place of another: the directory of the other gets a number.
    void replace(Source& source) {
        engine.remove(source.id);
        source = start(source.pod);
    }

    void change_something() {
        static constexpr std::size_t sizes[] = {10, 3000, 40'000, 200'000};
        Source& source = sources[below(sources.size())];
        const auto bytes = sizes[below(4)];
        const std::string name = below(2) == 0 ? "app.log" : "other.log";
        if (!source.files.contains(name)) {
            write(source, name, bytes);
            return;
        }
        switch (below(12)) {
        case 0:
        case 1: rotate(source, name); break;
        case 2: write(source, name, bytes); break;
        case 3: copytruncate(source, name); break;
        case 4: leave_hole(source, name); break;
        case 5: write(source, "d" + std::to_string(below(3)) + "/some.log", bytes); break;
        case 6: remove(source, name); break;
        default: append(source, name, bytes);
        }
    }

    Tree saved() const {
        Tree tree = tree_of(backup);
        std::erase_if(tree, [](const auto& file) { return file.second == "dir"; });
        return tree;
    }

    /// Everything that was there before is there still, under some name; and nothing is that never was.
    void expect_valid(const Tree& before, const Tree& after) {
        for (const auto& [name, content] : before) {
            const auto same = after.find(name);
            const bool kept = (same != after.end() && same->second.starts_with(content)) ||
                              std::any_of(after.begin(), after.end(),
                                          [&](const auto& file) { return file.second.starts_with(content); });
            EXPECT_TRUE(kept) << name << " is lost, or shorter than its " << content.size() << " bytes";
        }
        for (const auto& [name, content] : after) {
            const bool existed = std::any_of(contents.begin(), contents.end(), [&](const std::string& whole) {
                return whole.starts_with(content);
            });
            EXPECT_TRUE(existed) << name << " with " << content.size() << " bytes is no beginning of a log";
        }
    }

    /// A run that nobody kills saves all. One that transfers something removes what killed ones left behind.
    void expect_complete_run() {
        write(sources[0], "something.log", 10);
        const auto before = saved();
        expect_clean(run_once(), 0, "replaced or truncated in nearly every run");
        const auto after = saved();
        expect_valid(before, after);
        for (const auto& source : sources)
            for (const auto& [name, content] : source.files) {
                const auto found = after.find("web/" + source.pod + "/" + name);
                EXPECT_TRUE(found != after.end() && found->second == contents[content])
                    << source.pod << " " << name;
            }
        for (const auto& entry : fs::recursive_directory_iterator(backup / ".logbackup/incoming"))
            EXPECT_TRUE(entry.is_directory()) << entry.path();
    }

    /// What a killed run started dies with it, or soon after: until then it keeps the lock.
    void wait_until_unlocked() {
        const logbackup::UniqueFd lock(::open((backup / ".logbackup/lock").c_str(), O_RDWR | O_CLOEXEC));
        if (lock)
            wait_until("the lock is free", [&] { return ::flock(lock.get(), LOCK_EX | LOCK_NB) == 0; });
    }

    std::mt19937 random;
    std::vector<Source> sources;
    std::vector<std::string> contents; ///< every content that a file had; files that grow, grow here
};

class KillAtEachChange : public Kill, public testing::WithParamInterface<Way> {
  protected:
    void SetUp() override {
        if (logbackup::find_program("strace").empty())
            GTEST_SKIP() << "strace is not there";
        way = GetParam();
        for (const auto* pod : {"web-1", "web-2", "web-3"})
            sources.push_back(start(pod));
    }

    /// Saves something, then changes it in every way that makes a run do something of its own.
    void make_work() {
        for (const auto* name : {"app.log", "hole.log", "copied.log", "rewritten.log", "touched.log"})
            write(sources[0], name, 40'000);
        rotate(sources[0], "app.log");
        write(sources[1], "app.log", 500);
        expect_complete_run();
        append(sources[0], "app.log", 60'000);
        rotate(sources[0], "app.log");
        leave_hole(sources[0], "hole.log");
        append(sources[0], "hole.log", 70'000);
        copytruncate(sources[0], "copied.log");
        write(sources[0], "rewritten.log", 30'000);
        write(sources[0], "d/new.log", 50'000);
        fs::last_write_time(sources[0].logs / "touched.log", fs::file_time_type::clock::now());
        replace(sources[1]);
        write(sources[1], "app.log", 600);
        write(sources[2], "d/d/app.log", 700);
    }

    bool can_rename_to_new = true; ///< as NFS, FUSE and others cannot

    /// A run that is killed as it enters a system call for the n-th time.
    Result run_and_kill_at(const std::string& call, int n) {
        std::vector<std::string> argv{"strace", "-qq",
                                      "-o",     "/dev/null",
                                      "-e",     "inject=" + call + ":signal=KILL:when=" + std::to_string(n)};
        if (!can_rename_to_new)
            argv.insert(argv.end(), {"-e", "inject=renameat2:error=EINVAL"});
        const auto plain = command();
        argv.insert(argv.end(), plain.begin(), plain.end());
        return run(argv, {"ASAN_OPTIONS=detect_leaks=0"}); // which cannot be done while it is traced
    }
};

using Microseconds = std::chrono::microseconds;

class KillAtRandom : public Kill, public testing::WithParamInterface<unsigned> {
  protected:
    static constexpr int rounds = 50;
    fs::path slow_rsync = write_script(scratch.path() / "rsync", "exec /usr/bin/rsync --bwlimit=2m \"$@\"");
    fs::path mark = backup / ".logbackup/incoming/.in-use"; ///< there while a run transfers

    void SetUp() override {
        const char* base = std::getenv("LOGBACKUP_TEST_SEED");
        const unsigned seed =
            base == nullptr ? std::random_device()() : static_cast<unsigned>(std::stoul(base));
        std::cout << "seed " << seed << "\n";
        random.seed(seed);
        for (const auto* pod : {"web-1", "web-2", "web-3"})
            sources.push_back(start(pod));
        way = GetParam() % 2 == 0 ? Way::mounted : Way::direct;
    }

    Microseconds duration_of_run(const std::vector<std::string>& arguments) {
        for (auto& source : sources)
            write(source, "app.log", 100'000);
        const auto begin = std::chrono::steady_clock::now();
        expect_clean(run_once(arguments));
        return std::chrono::duration_cast<Microseconds>(std::chrono::steady_clock::now() - begin);
    }
    fs::file_time_type marked() const {
        std::error_code none;
        return fs::last_write_time(mark, none);
    }

    /// Anywhere in a run, in every other round with a slow transfer; or, in every fourth, from the moment on
    /// when the transfer begins.
    void run_and_kill(Microseconds usual, Microseconds slow) {
        const auto mode = below(4);
        const auto former_mark = marked();
        const auto longest = mode == 0 ? Microseconds(40'000) : (mode == 1 ? usual : slow) * 12 / 10;
        const Microseconds delay(below(static_cast<std::size_t>(longest.count())));
        const std::vector<std::string> arguments{"--rsync", mode > 1 ? slow_rsync.string() : "rsync"};
        siginfo_t ended{};
        {
            const Background running(command(arguments));
            const auto has_ended = [&] {
                return ::waitid(P_PID, static_cast<id_t>(running.pid()), &ended,
                                WEXITED | WNOHANG | WNOWAIT) == 0 &&
                       ended.si_pid != 0;
            };
            while (mode == 0 && marked() == former_mark && !has_ended()) {
            }
            std::this_thread::sleep_for(delay);
            if (has_ended()) {
                ++too_late;
                EXPECT_EQ(ended.si_status, 0);
            } else if (fs::exists(mark) && marked() != former_mark) {
                ++in_transfer;
            } else {
                ++elsewhere;
            }
        } // SIGKILL; docker and rsync are not of its group, but get the same when it dies
        wait_until_unlocked();
    }

    int too_late = 0;
    int in_transfer = 0;
    int elsewhere = 0;
};

} // namespace

TEST_P(KillAtRandom, LosesNothing) {
    const auto usual = duration_of_run({});
    const auto slow = duration_of_run({"--rsync", slow_rsync.string()});
    auto before = saved();
    for (int round = 1; round <= rounds && !HasFailure(); ++round) {
        SCOPED_TRACE("round " + std::to_string(round));
        for (auto changes = 1 + below(6); changes > 0; --changes)
            change_something();
        if (round % 12 == 0)
            replace(sources[below(sources.size())]);
        run_and_kill(usual, slow);
        auto after = saved();
        expect_valid(before, after);
        before = std::move(after);
        if (round % 10 == 0) {
            expect_complete_run();
            before = saved();
        }
    }
    std::cout << "a run takes " << usual.count() / 1000 << " ms, a slow one " << slow.count() / 1000
              << " ms; killed in its transfer " << in_transfer << " times, elsewhere " << elsewhere
              << " times, too late " << too_late << " times\n";
    EXPECT_GT(in_transfer, 0);
}
INSTANTIATE_TEST_SUITE_P(, KillAtRandom, testing::Range(0U, 4U));

TEST_P(KillAtEachChange, LosesNothing) {
    make_work();
    record_answers();
    const auto original = scratch.path() / "original";
    fs::rename(backup, original);
    int kills = 0;
    for (const std::string call : {"renameat", "renameat2", "unlinkat", "mkdirat", "pwrite64", "write",
                                   "ftruncate", "utimensat", "renameat where renameat2 cannot"}) {
        bool killed = true;
        can_rename_to_new = !call.ends_with("cannot");
        for (int n = 1; killed && !HasFailure(); ++n) {
            SCOPED_TRACE(call + " " + std::to_string(n));
            sh("rm -rf '" + backup.string() + "'; cp -a '" + original.string() + "' '" + backup.string() +
               "'");
            const auto before = saved();
            const auto result = run_and_kill_at(call.substr(0, call.find(' ')), n);
            killed = result.code == 128 + SIGKILL;
            if (killed)
                ++kills;
            else
                expect_clean(result);
            wait_until_unlocked();
            expect_valid(before, saved());
            expect_complete_run();
        }
    }
    std::cout << "killed " << kills << " times\n";
    EXPECT_GT(kills, 50);
}
IN_BOTH_WAYS(KillAtEachChange);
