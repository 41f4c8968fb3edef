// SPDX-License-Identifier: MIT
#include "attack_support.hpp"

using namespace e2e;

/// Processes in containers that make two names change places as fast as can be, while the tree is read. How
/// often the plain way falls for it is measured in the same race, and the runs are as many as would let it
/// fall for it hundreds of times.
class AttackRaces : public Attack {
  protected:
    static constexpr std::size_t hundreds = 200;

    /// Runs while the race goes on. They may report what they saw, but must save the other container.
    void run_often(std::size_t times, const std::vector<std::string>& arguments = {}) {
        const auto good = engine.start({"good", "good-1"});
        for (std::size_t i = 0; i < times && !HasFailure(); ++i) {
            append_line(good, "line " + std::to_string(i) + "\n");
            const Result result = exposed_run(arguments);
            EXPECT_TRUE(result.code == 0 || result.code == 3) << result.err;
            EXPECT_EQ(result.err.find("stopped by --max-duration"), std::string::npos) << "it waits for ever";
            EXPECT_EQ((result.out + result.err).find(secret_text), std::string::npos) << result.err;
        }
        EXPECT_EQ(read_file(backup / "good/good-1/app.log"), read_file(merged(good) / "opt/logs/app.log"));
        expect_nothing_from_outside();
    }
    void append_line(const std::string& id, const std::string& text) {
        append_file(merged(id) / "opt/logs/app.log", text);
    }
    static std::size_t times_for(std::size_t chances, std::size_t successes) {
        return hundreds * chances / std::max<std::size_t>(successes, 1) + 1;
    }
};
IN_BOTH_WAYS(AttackRaces);

TEST_P(AttackRaces, DirectoriesAndFilesBelowAreExchangedForLinks) {
    const std::string script =
        "cd /opt/logs; pairs=; for i in $(seq 50); do mkdir d$i; echo own > d$i/app.log; ln -s " +
        secret.string() + " l$i; echo own > f$i; ln -s " + secret.string() +
        "/app.log s$i; pairs=\"$pairs d$i l$i f$i s$i\"; done; " + exchange("$pairs");
    const auto id = engine.start({"evil", "below", exchanger(), script});
    wait_until("the race is on",
               [&] { return fs::is_symlink(fs::symlink_status(merged(id) / "opt/logs/f1")); });
    std::size_t stolen = 0;
    std::size_t runs = 0;
    for (; runs < 20 && stolen < hundreds; ++runs) {
        plain_loop(id, "below");
        stolen += secrets_in(plain / "below");
        fs::remove_all(plain / "below");
    }
    std::cout << "the plain way: " << stolen << " files in " << runs << " runs\n";
    EXPECT_GT(stolen, 10U);
    const auto times = std::max(times_for(runs, stolen), std::size_t{20});
    std::cout << times << " runs\n";
    run_often(times);
    EXPECT_GT(tree_of(backup / "evil/below").size(), 50U) << "its own files are saved";
}

// A FIFO keeps the plain way waiting for a writer.
TEST_P(AttackRaces, FilesAreExchangedForFifosAndDirectories) {
    const auto id = engine.start({"evil", "types", exchanger(),
                                  "cd /opt/logs; pairs=; for i in $(seq 20); do echo own > a$i; mkfifo b$i; "
                                  "mkdir c$i; echo own > c$i/app.log; echo own > e$i; "
                                  "pairs=\"$pairs a$i b$i c$i e$i\"; done; " +
                                      exchange("$pairs")});
    const fs::path logs = merged(id) / "opt/logs";
    wait_until("the race is on", [&] { return fs::is_fifo(fs::symlink_status(logs / "a1")); });
    run_often(10, {"--max-duration", "15s"});
    for (const auto& [name, content] : tree_of(backup / "evil/types"))
        EXPECT_TRUE(content == "own\n" || content == "dir") << name << ": " << content;
}

TEST_P(AttackRaces, TheLogDirectoryAndTheOneAboveAreExchangedForLinks) {
    std::vector<std::string> ids;
    for (int i = 0; i < 3; ++i) {
        const std::string n = std::to_string(i);
        ids.push_back(
            engine.start({"evil", "at" + n, exchanger(),
                          "rm -r /opt; mkdir -p /opt/logs; cd /opt; echo own > logs/app.log; ln -s " +
                              secret.string() + " l; " + exchange("logs l")}));
        ids.push_back(
            engine.start({"evil", "above" + n, exchanger(),
                          "rm -r /opt; mkdir -p /opt/logs; cd /; echo own > opt/logs/app.log; ln -s " +
                              secret.string() + " l; " + exchange("opt l")}));
    }
    std::size_t stolen = 0;
    std::size_t runs = 0;
    for (; runs < 10; ++runs)
        for (const auto& id : ids) {
            plain_loop(id, "at");
            stolen += secrets_in(plain / "at") > 0 ? 1U : 0U;
            fs::remove_all(plain / "at");
        }
    std::cout << "the plain way: " << stolen << " of " << runs * ids.size() << "\n";
    EXPECT_GT(stolen, 5U);
    std::cout << times_for(runs, stolen) << " runs\n";
    run_often(times_for(runs, stolen));
    EXPECT_EQ(tree_of(backup / "evil/at0").at("app.log"), "own\n");
    EXPECT_EQ(tree_of(backup / "evil/above0").at("app.log"), "own\n");
}

// A container that can write to the directory in which another of its volumes begins.
TEST_P(AttackRaces, AVolumesDirectoryIsExchangedForALink) {
    std::vector<fs::path> sources;
    for (int i = 0; i < 6; ++i) {
        const std::string n = std::to_string(i);
        const fs::path shared = scratch.path() / ("shared" + n);
        write_file(shared / "logs/app.log", "own\n");
        fs::create_directory_symlink(secret, shared / "l");
        sources.push_back(shared / "logs");
        const bool below = i % 2 != 0;
        Pod pod{"evil",
                (below ? "below" : "at") + n,
                {"--volume", shared.string() + ":/shared", "--volume",
                 (shared / "logs").string() + (below ? ":/opt/logs/below" : ":/opt/logs")},
                "cd /shared; " + exchange("logs l")};
        for (const auto& argument : exchanger())
            pod.arguments.push_back(argument);
        engine.start(pod);
    }
    std::size_t stolen = 0;
    std::size_t runs = 0;
    for (; runs < 10; ++runs)
        for (const auto& source : sources) {
            plain_copy(source, "volume");
            stolen += secrets_in(plain / "volume") > 0 ? 1U : 0U;
            fs::remove_all(plain / "volume");
        }
    std::cout << "the plain way: " << stolen << " of " << runs * sources.size() << "\n";
    EXPECT_GT(stolen, 5U);
    std::cout << times_for(runs, stolen) << " runs\n";
    run_often(times_for(runs, stolen));
}
