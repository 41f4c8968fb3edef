// SPDX-License-Identifier: MIT
#include "attack_support.hpp"

#include <sys/stat.h>
#include <sys/xattr.h>

namespace e2e {
namespace {

/// Makes two names change places for ever.
constexpr const char* exchange_source = R"c(
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char** argv) {
    for (;; usleep(20)) /* so that there is time for whoever is to be caught, too */
        for (int i = 1; i + 1 < argc; i += 2)
            syscall(SYS_renameat2, AT_FDCWD, argv[i], AT_FDCWD, argv[i + 1], 2 /* RENAME_EXCHANGE */);
}
)c";

/// Whether a link, resolved one component after the other, stays in the instance directory that it is in.
bool stays_in_instance(const fs::path& root, const fs::path& link) {
    const fs::path relative = link.lexically_relative(root);
    auto part = relative.begin();
    fs::path instance = root;
    for (int i = 0; i < 2 && part != relative.end(); ++i)
        instance /= *part++;
    std::vector<fs::path> here; // below the instance directory
    std::vector<fs::path> pending(part, relative.end());
    for (int steps = 0; !pending.empty() && steps < 1000; ++steps) {
        const fs::path name = pending.front();
        pending.erase(pending.begin());
        if (name.empty() || name == ".")
            continue;
        if (name == "..") {
            if (here.empty())
                return false;
            here.pop_back();
            continue;
        }
        fs::path there = instance;
        for (const auto& above : here)
            there /= above;
        there /= name;
        if (!fs::is_symlink(fs::symlink_status(there))) {
            here.push_back(name);
            continue;
        }
        const fs::path target = fs::read_symlink(there);
        if (target.is_absolute())
            return false;
        pending.insert(pending.begin(), target.begin(), target.end());
    }
    return true;
}

bool has_secret(const fs::path& path) {
    const auto has = [](const std::string& text) { return text.find(secret_text) != std::string::npos; };
    const auto type = fs::symlink_status(path).type();
    return has(path.filename().string()) ||
           (type == fs::file_type::symlink && has(fs::read_symlink(path).string())) ||
           (type == fs::file_type::regular && has(read_file(path)));
}

/// True for a link of the program's own: beside an instance directory, to another one.
bool stands_for_instance(const fs::path& root, const fs::path& path) {
    const fs::path to = path.parent_path() / fs::read_symlink(path);
    return path.parent_path().parent_path() == root && !to.filename().string().starts_with('.') &&
           to.lexically_normal().parent_path().parent_path() == root.lexically_normal() &&
           fs::is_directory(fs::symlink_status(to));
}

void expect_harmless(const fs::path& root, const fs::path& path) {
    struct stat status {};
    ASSERT_EQ(::lstat(path.c_str(), &status), 0) << path;
    EXPECT_EQ(status.st_uid, 0U) << path;
    EXPECT_EQ(status.st_gid, 0U) << path;
    EXPECT_EQ(::llistxattr(path.c_str(), nullptr, 0), 0) << path << " has attributes";
    if (S_ISLNK(status.st_mode))
        EXPECT_TRUE(stands_for_instance(root, path) || stays_in_instance(root, path))
            << path << " -> " << fs::read_symlink(path);
    else
        EXPECT_EQ(status.st_mode, S_ISDIR(status.st_mode) ? S_IFDIR | 0750U : S_IFREG | 0640U) << path;
}

/// rsync with what makes it follow links that others made, where it has learned not to.
std::string insecure_rsync() {
    static const bool knows = run({"rsync", "--help"}).out.find("--insecure-links") != std::string::npos;
    return knows ? "rsync --insecure-links" : "rsync";
}

} // namespace

void Attack::SetUp() {
    BothWays::SetUp();
    secret = scratch.path() / "host";
    plain = scratch.path() / "plain";
    write_file(secret / "app.log", std::string(secret_text) + "\n");
    write_file(secret / "logs/app.log", std::string(secret_text) + "\n");
    write_file(secret / secret_text, "its name tells\n");
    fs::create_directory(plain);
    write_script(scratch.path() / "insecure-rsync", "exec " + insecure_rsync() + " \"$@\"");
}

Result Attack::exposed_run(const std::vector<std::string>& arguments) {
    auto argv = command({"--rsync", (scratch.path() / "insecure-rsync").string()});
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    argv.insert(argv.begin(), {"sh", "-c", "cd \"$0\" && exec 9< . && exec \"$@\"", secret.string()});
    return run(argv);
}

Result Attack::plain_loop(const std::string& id, const std::string& name) {
    return plain_copy(merged(id) / "opt/logs", name);
}

Result Attack::plain_copy(const fs::path& from, const std::string& name) {
    fs::create_directories(plain / name);
    return run({"sh", "-c",
                "cd \"$0\" && exec 9< . && exec timeout 10 " + insecure_rsync() + " -a \"$1/\" \"$2/\"",
                secret.string(), from.string(), (plain / name).string()});
}

std::size_t Attack::secrets_in(const fs::path& root) {
    std::size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(root))
        count += has_secret(entry.path()) ? 1U : 0U;
    return count;
}

void Attack::expect_nothing_from_outside(const Result& result) {
    EXPECT_EQ((result.out + result.err).find("secret-of-the-host"), std::string::npos)
        << result.out << result.err;
    if (!fs::exists(backup))
        return;
    for (const auto& entry : fs::recursive_directory_iterator(backup)) {
        const fs::path relative = entry.path().lexically_relative(backup);
        EXPECT_FALSE(has_secret(entry.path())) << relative;
        if (*relative.begin() != ".logbackup")
            expect_harmless(backup, entry.path());
    }
}

fs::path Attack::merged(const std::string& id) {
    auto& path = merged_[id];
    if (path.empty()) {
        path = engine.docker({"inspect", "--format", "{{.GraphDriver.Data.MergedDir}}", id});
        path.pop_back();
    }
    return path;
}

nlohmann::json Attack::inspect() {
    return nlohmann::json::parse(sh("docker inspect $(docker ps --all --quiet --no-trunc)"));
}

std::string Attack::docker_describing(const std::map<std::string, std::string>& containers) {
    const fs::path answers = scratch.path() / "answers";
    fs::remove_all(answers);
    write_file(answers / "separator", ",");
    std::string ids;
    for (const auto& [id, description] : containers) {
        write_file(answers / id, description);
        ids += id + "\n";
    }
    write_file(scratch.path() / "ids", ids);
    return write_script(scratch.path() / "docker", "cd '" + answers.string() + R"sh('
case $1 in
  ps) exec cat ../ids ;;
  inspect) ;;
  *) exec "$(PATH=$PATH:/usr/local/bin command -v docker)" "$@" ;;
esac
shift 3
files=$1
shift
for id do files="$files separator $id"; done
echo '['
cat $files
echo ']')sh")
        .string();
}

std::string Attack::docker_with(const nlohmann::json& containers) {
    std::map<std::string, std::string> described;
    for (const auto& container : containers)
        described[container["Id"]] = container.dump();
    return docker_describing(described);
}

std::vector<std::string> Attack::exchanger() {
    static const TempDir directory;
    static const bool made = [] {
        write_file(directory.path() / "exchange.c", exchange_source);
        sh("cd '" + directory.path().string() + "' && gcc -static -O1 -o exchange exchange.c");
        return true;
    }();
    return {"--volume", (made ? directory.path() : fs::path()).string() + ":/attack:ro"};
}

} // namespace e2e
