// SPDX-License-Identifier: MIT
#pragma once

#include "commands/commands.hpp"
#include "config/options.hpp"
#include "ledger/ledger.hpp"
#include "support.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace logbackup::test {

namespace fs = std::filesystem;
using std::chrono::seconds;

/// A node of plain directories: the runtime is a function, the rest is the program's own.
class FakeNode {
  public:
    TempDir dir;
    Options options;
    std::vector<Container> containers;
    History history;
    std::function<void()> before_asking_again = [] {};
    std::vector<std::string> also_listed;          ///< ids that inspect cannot describe
    std::map<std::string, EngineIdentity> engines; ///< of the runtimes that answer
    std::vector<Error> failures;                   ///< of those that do not
    const HeldLogs* held = nullptr;                ///< what a follower hands to a run
    Timestamp now{seconds(1'795'359'400)};
    Timestamp asked_since{};           ///< of the last run's question to the runtime
    std::vector<std::string> warnings; ///< of the last run, as it opened the backup

    FakeNode() {
        const std::string root = dir.at("backup");
        const std::array argv{"logbackup",      "--dest",     root.c_str(), "--rsync",
                              "/usr/bin/rsync", "--min-free", "0"};
        ParseEnded ended;
        options = parse_options(argv.size(), argv.data(), ended).value();
    }

    /// Adds a container whose file system is a directory; returns its log directory.
    std::string add(const std::string& name, const std::string& service, const std::string& pod) {
        Container container;
        container.id = id_of(name);
        container.has_service = container.has_pod = true;
        container.kind = "container";
        container.service = service;
        container.pod = pod;
        container.namespace_name = "default";
        container.state = ContainerState::running;
        container.created = now - seconds(100) + seconds(containers.size());
        container.started = container.created;
        container.upper = dir.make_directory("layers/" + name);
        container.lowers = {dir.make_directory("layers/image")};
        containers.push_back(container);
        return dir.make_directory("layers/" + name + "/opt/logs");
    }
    static std::string id_of(const std::string& name) { return name + std::string(64 - name.size(), '0'); }
    Container& operator[](const std::string& name) {
        return *std::find_if(containers.begin(), containers.end(),
                             [&](const Container& one) { return one.id == id_of(name); });
    }
    void end(const std::string& name) {
        (*this)[name].state = ContainerState::exited;
        (*this)[name].finished = now;
    }
    void remove(const std::string& name) {
        fs::remove_all((*this)[name].upper);
        std::erase_if(containers, [&](const Container& one) { return one.id == id_of(name); });
    }

    /// One run, a minute after the last.
    Report run(Report (*command)(const Session&) = save) {
        now += seconds(60);
        Stop stop;
        Session session{options, stop.get(), now};
        session.runtime.discover = [this](StopSignal&) { return describe(); };
        session.runtime.ask_again = [this](const std::vector<std::string>&, StopSignal&) {
            before_asking_again();
            return describe();
        };
        session.runtime.history = [this](Timestamp since, StopSignal&, std::string&) {
            asked_since = since;
            return std::vector{history};
        };
        session.rsync = options.rsync;
        session.held = held;
        Report (*const writing)(const Session&) = save; // and no other function of this name
        const bool writes = command == writing;
        warnings.clear();
        EXPECT_EQ(open_backup(session, writes ? Access::write : Access::read,
                              [this](const std::string& text) { warnings.push_back(text); }),
                  Opened::yes);
        Report report = command(session);
        if (writes)
            note_complete_run(session.root.get(), now);
        return report;
    }

    [[nodiscard]] std::string saved(const std::string& path) const { return dir.read("backup/" + path); }
    [[nodiscard]] Record record(const std::string& service, const std::string& instance) const {
        const auto root = open_path(options.backup_root);
        std::vector<std::string> problems;
        for (const auto& records :
             {load_live_records(root.get(), problems), load_ended_records(root.get(), problems)})
            for (const auto& record : records)
                if (record.service == service && record.instance == instance)
                    return record;
        ADD_FAILURE() << "no record of " << service << "/" << instance;
        return {};
    }

  private:
    [[nodiscard]] Discovery describe() const {
        Discovery discovery;
        for (const auto& container : containers)
            discovery.ids.push_back(container.id);
        discovery.ids.insert(discovery.ids.end(), also_listed.begin(), also_listed.end());
        discovery.containers = containers;
        discovery.engines = engines;
        discovery.failures = failures;
        for (const auto& id : also_listed)
            discovery.unreachable.push_back({id, "inspect failed"});
        return discovery;
    }
};

/// Returns the row of a pod, which must be in the report.
inline const Row& row_of(const Report& report, const std::string& pod) {
    static const Row none;
    const auto found =
        std::find_if(report.rows.begin(), report.rows.end(), [&](const Row& row) { return row.pod == pod; });
    EXPECT_NE(found, report.rows.end()) << pod;
    return found == report.rows.end() ? none : *found;
}

} // namespace logbackup::test
