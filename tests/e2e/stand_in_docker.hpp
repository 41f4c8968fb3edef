// SPDX-License-Identifier: MIT
#pragma once

#include "support.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace e2e {

/// A docker client that tells of containers which are plain directories: for more of them than an engine
/// starts in reasonable time. It has no events.
class StandInDocker {
  public:
    explicit StandInDocker(fs::path directory) : directory_(std::move(directory)) {
        fs::create_directories(directory_);
        write_script(program(), "case \"$1\" in\n"
                                "ps) cat '" +
                                    (directory_ / "ids").string() +
                                    "';;\n"
                                    "inspect) cat '" +
                                    (directory_ / "inspect.json").string() +
                                    "';;\n"
                                    "esac");
    }
    [[nodiscard]] fs::path program() const { return directory_ / "docker"; }

    /// A running container with its log directory on the volume; gives that.
    fs::path add_with_volume(const std::string& service, const std::string& pod) {
        const fs::path logs = directory_ / "volumes" / pod;
        const fs::path root = directory_ / "roots" / pod;
        fs::create_directories(logs);
        fs::create_directories(root / "upper/opt/logs"); // the place of the mount
        fs::create_directories(root / "lower");
        add(service, pod, {{"UpperDir", root / "upper"}, {"LowerDir", root / "lower"}}, "running");
        containers_.back()["Mounts"].push_back(
            {{"Type", "bind"}, {"Source", logs}, {"Destination", "/opt/logs"}, {"RW", true}});
        return logs;
    }
    /// A container that has ended, all of whose layers have the log directory; gives that of the uppermost.
    fs::path add_ended(const std::string& service, const std::string& pod, std::size_t layers) {
        const fs::path root = directory_ / "layers" / pod;
        std::string lowers;
        for (std::size_t i = 0; i < layers; ++i) {
            const fs::path layer = root / std::to_string(i);
            fs::create_directories(layer / "opt/logs");
            if (i > 0)
                lowers += (lowers.empty() ? "" : ":") + layer.string();
        }
        add(service, pod, {{"UpperDir", root / "0"}, {"LowerDir", lowers}}, "exited");
        return root / "0/opt/logs";
    }
    /// To be called when all are added.
    void tell() const {
        std::string ids;
        for (const auto& container : containers_)
            ids += container["Id"].get<std::string>() + "\n";
        write_file(directory_ / "ids", ids);
        write_file(directory_ / "inspect.json", containers_.dump());
    }

  private:
    void add(const std::string& service, const std::string& pod, const nlohmann::json& layers,
             const std::string& state) {
        const bool running = state == "running";
        std::string id = std::to_string(containers_.size());
        id.insert(0, 64 - id.size(), 'a');
        containers_.push_back({{"Id", id},
                               {"Created", "2026-01-01T00:00:00Z"},
                               // No process has the highest of all numbers.
                               {"State",
                                {{"Status", state},
                                 {"Pid", running ? 4194303 : 0},
                                 {"StartedAt", "2026-01-01T00:00:01Z"},
                                 {"FinishedAt", running ? "0001-01-01T00:00:00Z" : "2026-01-01T00:01:00Z"}}},
                               {"GraphDriver", {{"Name", "overlay2"}, {"Data", layers}}},
                               {"Config",
                                {{"Image", "logs:1"},
                                 {"Labels",
                                  {{"io.kubernetes.container.name", service},
                                   {"io.kubernetes.pod.name", pod},
                                   {"io.kubernetes.pod.namespace", "default"},
                                   {"io.kubernetes.pod.uid", "uid-of-" + pod}}}}},
                               {"Mounts", nlohmann::json::array()}});
    }

    fs::path directory_;
    nlohmann::json containers_ = nlohmann::json::array();
};

} // namespace e2e
