// SPDX-License-Identifier: MIT
#include "stand_in_docker.hpp"

using namespace e2e;

/// With fewer descriptors than there are log directories and files.
namespace {

class Descriptors : public testing::TestWithParam<Way> {
  protected:
    TempDir scratch;
    StandInDocker docker{scratch.path() / "docker"};
    fs::path backup = scratch.path() / "backup";
    Tree sources; ///< by the names that they have in the backup

    void write(const fs::path& logs, const std::string& instance, const std::string& name) {
        const std::string text = instance + " wrote " + name + "\n";
        fs::create_directories((logs / name).parent_path());
        write_file(logs / name, text);
        sources[instance + "/" + name] = text;
    }
    std::vector<fs::path> add(std::size_t directories, std::size_t files) {
        std::vector<fs::path> all;
        for (std::size_t i = 0; i < directories; ++i) {
            const std::string pod = "web-" + std::to_string(i);
            all.push_back(docker.add_with_volume("web", pod));
            for (std::size_t n = 0; n < files; ++n)
                write(all.back(), "web/" + pod, std::to_string(n) + ".log");
        }
        return all;
    }
    /// With a soft and a hard limit.
    Result run_with(const std::string& limits, const std::vector<std::string>& arguments = {}) {
        docker.tell();
        std::vector<std::string> argv{"prlimit", "--nofile=" + limits, "--"};
        if (GetParam() == Way::direct)
            argv.insert(argv.end(), {"setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", "--"});
        argv.push_back(LOGBACKUP_BINARY);
        argv.insert(argv.end(), arguments.begin(), arguments.end());
        argv.insert(argv.end(), {"--dest", backup, "--docker", docker.program()});
        return run(argv);
    }
    void expect_all_saved() const {
        Tree saved = tree_of(backup);
        std::erase_if(saved, [](const auto& file) { return file.second == "dir"; });
        EXPECT_EQ(saved.size(), sources.size());
        for (const auto& [name, content] : sources)
            EXPECT_EQ(saved[name], content) << name;
    }
};

} // namespace

TEST_P(Descriptors, ManyLogDirectoriesWaitForTheirTurnInTheSameRun) {
    const auto logs = add(300, 5);
    expect_clean(run_with("256:256"));
    expect_all_saved();
    expect_clean(run_with("256:256", {"--dry-run"}));
    for (std::size_t i = 0; i < logs.size(); i += 3) {
        append_file(logs[i] / "0.log", "more\n");
        sources["web/web-" + std::to_string(i) + "/0.log"] += "more\n";
        write(logs[i], "web/web-" + std::to_string(i), "new.log");
    }
    expect_clean(run_with("256:256"));
    expect_all_saved();
    const auto verified = run_with("256:256", {"verify"});
    expect_clean(verified);
    EXPECT_NE(verified.out.find("300 containers, 1600 files"), std::string::npos) << verified.out;
}

TEST_P(Descriptors, OneLogDirectoryHasManyFiles) {
    const auto logs = docker.add_with_volume("web", "web-1");
    for (std::size_t i = 0; i < 3000; ++i)
        write(logs, "web/web-1", "d" + std::to_string(i % 5) + "/" + std::to_string(i) + ".log");
    expect_clean(run_with("256:256"));
    expect_all_saved();
}

TEST_P(Descriptors, AContainerHasManyLayers) {
    add(150, 1);
    for (const auto* pod : {"job-1", "job-2"})
        write(docker.add_ended("job", pod, 128), std::string("job/") + pod, "job.log");
    expect_clean(run_with("256:256"));
    expect_all_saved();
}

TEST_P(Descriptors, TheSoftLimitIsNone) {
    add(300, 1);
    expect_clean(run_with("256:4096"));
    expect_all_saved();
}
IN_BOTH_WAYS(Descriptors);
