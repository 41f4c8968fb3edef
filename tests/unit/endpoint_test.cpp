// SPDX-License-Identifier: MIT
#include "runtime/docker/endpoint.hpp"

#include "runtime/docker/docker_cli.hpp"
#include "support.hpp"
#include "util/error.hpp"

#include <gtest/gtest.h>

namespace logbackup {
namespace {

using test::TempDir;
using test::Variable;

TEST(LocalSocket, IsAUnixSocketAndNothingElse) {
    for (const auto* local : {"unix:///var/run/docker.sock", "unix://", " unix:///x\n"})
        EXPECT_TRUE(is_local_socket(local)) << local;
    for (const auto* other :
         {"ssh://other.example", "ssh://root@127.0.0.1", "tcp://other.example:2375", "tcp://127.0.0.1:2375",
          "tcp://[::1]:2375", "localhost:2375", "http://other.example", "https://other.example", "fd://",
          "npipe:////./pipe/docker_engine", "/var/run/docker.sock", "unix:/var/run/docker.sock",
          "tcp://unix://", "", " "})
        EXPECT_FALSE(is_local_socket(other)) << other;
}

TEST(RequireLocal, NamesWhatLeadsElsewhereAndWhatToDo) {
    EXPECT_NO_THROW(require_local({}));
    EXPECT_NO_THROW(require_local({"unix:///run/docker.sock", "DOCKER_HOST"}));
    try {
        require_local({"ssh://other\x1b.example", "DOCKER_HOST"});
        ADD_FAILURE() << "it is not refused";
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find(R"('ssh://other\x1b.example' (DOCKER_HOST))"),
                  std::string::npos)
            << error.what();
        EXPECT_NE(error.hint().find("engine's own machine"), std::string::npos);
    }
}

/// The files that `docker context create` and `docker context use` write.
class FindEndpoint : public ::testing::Test {
  protected:
    TempDir dir;
    Variable host{"DOCKER_HOST", nullptr};
    Variable context{"DOCKER_CONTEXT", nullptr};
    Variable config{"DOCKER_CONFIG", dir.path().c_str()};

    void make_context(const std::string& name, const std::string& address) const {
        dir.write("contexts/meta/" + std::to_string(std::hash<std::string>()(name)) + "/meta.json",
                  R"({"Name":")" + name + R"(","Metadata":{},"Endpoints":{"docker":{"Host":")" + address +
                      R"(","SkipTLSVerify":false}}})");
    }
    void use(const std::string& name) const {
        dir.write("config.json", R"({"auths":{},"currentContext":")" + name + R"("})");
    }
    static std::string address() { return find_endpoint().address; }
};

TEST_F(FindEndpoint, IsTheClientsDefaultWhereNothingNamesOne) {
    EXPECT_EQ(address(), "");
    EXPECT_EQ(find_endpoint().named_by, "");
    use("default");
    EXPECT_EQ(address(), "");
    for (const auto* nonsense : {"", "{", "[]", R"({"currentContext":5})", R"({"currentContext":"re)"}) {
        dir.write("config.json", nonsense);
        EXPECT_EQ(address(), "") << nonsense;
    }
}

TEST_F(FindEndpoint, IsThatOfTheCurrentContext) {
    make_context("near", "unix:///somewhere");
    make_context("far", "ssh://other.example");
    use("far");
    EXPECT_EQ(address(), "ssh://other.example");
    EXPECT_EQ(find_endpoint().named_by, "the docker context 'far' of '" + dir.at("config.json") + "'");
    use("near");
    EXPECT_EQ(address(), "unix:///somewhere");
    dir.write("config.json", R"({"currentContext":"far"} and more, which the client does not read)");
    EXPECT_EQ(address(), "ssh://other.example");
}

TEST_F(FindEndpoint, AVariableIsStrongerThanTheConfigurationAndTheHostThanTheContext) {
    make_context("near", "unix:///somewhere");
    make_context("far", "ssh://other.example");
    use("far");
    const Variable chosen("DOCKER_CONTEXT", "near");
    EXPECT_EQ(address(), "unix:///somewhere");
    EXPECT_EQ(find_endpoint().named_by, "the docker context 'near' of DOCKER_CONTEXT");
    {
        const Variable none("DOCKER_CONTEXT", "default");
        EXPECT_EQ(address(), "");
    }
    const Variable named("DOCKER_HOST", "tcp://third.example:2375");
    EXPECT_EQ(address(), "tcp://third.example:2375");
    EXPECT_EQ(find_endpoint().named_by, "DOCKER_HOST");
}

TEST_F(FindEndpoint, AnEmptyVariableCountsAsNone) {
    make_context("far", "ssh://other.example");
    use("far");
    const Variable no_host("DOCKER_HOST", "");
    const Variable no_context("DOCKER_CONTEXT", "");
    EXPECT_EQ(address(), "ssh://other.example");
}

TEST_F(FindEndpoint, LooksIntoTheHomeDirectory) {
    make_context("far", "ssh://other.example");
    use("far");
    std::filesystem::rename(dir.path(), dir.path() + ".home");
    std::filesystem::create_directory(dir.path());
    std::filesystem::rename(dir.path() + ".home", dir.at(".docker"));
    const Variable unset("DOCKER_CONFIG", nullptr);
    const Variable home("HOME", dir.path().c_str());
    EXPECT_EQ(address(), "ssh://other.example");
}

TEST_F(FindEndpoint, FailsWhereAContextDoesNotTellWhereItLeads) {
    use("missing");
    EXPECT_THROW((void)address(), Error);
    make_context("other", "unix:///somewhere");
    EXPECT_THROW((void)address(), Error);
    dir.write("contexts/meta/0/meta.json", R"({"Name":"missing","Endpoints":{"kubernetes":{}}})");
    EXPECT_THROW((void)address(), Error);
    dir.write("contexts/meta/0/meta.json", R"({"Name":"missing","Endpoints":{"docker":{}}})");
    EXPECT_EQ(address(), "") << "the client takes its default then";
}

TEST_F(FindEndpoint, AnEngineElsewhereIsNotEvenAsked) {
    const auto program = dir.write_program("docker", "#!/bin/sh\necho asked >> " + dir.at("calls") + "\n");
    test::Stop stop;
    const Variable far("DOCKER_HOST", "ssh://other.example");
    Descriptions none;
    EXPECT_THROW((void)discover({program, std::chrono::seconds(20)}, none, stop.get()), Error);
    EXPECT_FALSE(dir.has("calls"));
}

} // namespace
} // namespace logbackup
