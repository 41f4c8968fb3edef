// SPDX-License-Identifier: MIT
#include "ledger/identity.hpp"

#include "ledger/ledger.hpp"
#include "util/error.hpp"
#include "util/files.hpp"
#include "util/text.hpp"

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/random.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>

namespace logbackup {
namespace {

constexpr const char* identity_file = ".logbackup/identity";
constexpr std::size_t largest_identity = 65536;
constexpr int format = 1; // a format that older versions cannot read gets a higher number
constexpr const char* adopt_hint = "run 'logbackup --adopt' once";

std::string random_id() {
    std::array<std::uint64_t, 2> bits{};
    if (::getrandom(bits.data(), sizeof bits, 0) != static_cast<ssize_t>(sizeof bits))
        throw Error("cannot get random bytes: " + error_text(errno));
    std::array<char, 33> digits{};
    std::snprintf(digits.data(), digits.size(), "%016llx%016llx", static_cast<unsigned long long>(bits[0]),
                  static_cast<unsigned long long>(bits[1]));
    return digits.data();
}

bool is_other(const std::string& known, const std::string& seen) {
    return !known.empty() && !seen.empty() && known != seen;
}

/// Compares the ids first, because the id stays when docker's directory is moved. An engine before version 24
/// has no id.
bool is_other(const EngineIdentity& known, const EngineIdentity& seen) {
    return !known.id.empty() && !seen.id.empty() ? known.id != seen.id : is_other(known.root, seen.root);
}

std::string text_of(const EngineIdentity& engine) {
    std::string text =
        "of " + (engine.root.empty() ? std::string("an unknown directory") : in_quotes(engine.root));
    if (!engine.id.empty())
        text += ", id " + escaped(engine.id);
    return text;
}

void refuse_host(Claimed& claim, const Host& known, const Host& seen) {
    claim.refusal =
        "it belongs to another host, " + in_quotes(known.name) +
        (known.name == seen.name ? " with another machine id" : "; this is " + in_quotes(seen.name));
    claim.hint = "give each host a backup of its own with --dest; if this host takes that one over, or was "
                 "installed anew, " +
                 std::string(adopt_hint);
}

void refuse_engine(Claimed& claim, const std::string& runtime, const EngineIdentity& known,
                   const EngineIdentity& seen) {
    const bool is_docker = runtime == "docker";
    claim.refusal = "it belongs to another " + (is_docker ? std::string("Docker") : escaped(runtime)) +
                    " engine, that " + text_of(known) + "; this is that " + text_of(seen);
    claim.hint =
        (is_docker ? "is Docker's disk mounted, and --docker-host or DOCKER_HOST right?"
         : runtime == "podman"
             ? "is the disk of its store mounted, and graphroot in /etc/containers/storage.conf right?"
             : "is its disk mounted, and --containerd-socket right?") +
        std::string(" Give each engine a backup of its own with --dest; if this one takes that one "
                    "over, or was set up anew, ") +
        adopt_hint;
}

bool same(const BackupIdentity& a, const BackupIdentity& b) {
    return a.backup == b.backup && a.host.id == b.host.id && a.host.name == b.host.name &&
           std::equal(a.engines.begin(), a.engines.end(), b.engines.begin(), b.engines.end(),
                      [](const auto& one, const auto& other) {
                          return one.first == other.first && one.second.id == other.second.id &&
                                 one.second.root == other.second.root;
                      });
}

std::string text_in(const nlohmann::json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

} // namespace

std::string identity_text(const BackupIdentity& identity) {
    nlohmann::ordered_json json{{"format", format},
                                {"backup", identity.backup},
                                {"host", identity.host.id},
                                {"host_name", identity.host.name}};
    for (const auto& [runtime, engine] : identity.engines)
        json["engines"][runtime] = {{"id", engine.id}, {"root", engine.root}};
    return json.dump(2, ' ', true, nlohmann::json::error_handler_t::replace) + "\n";
}

std::optional<BackupIdentity> parse_identity(std::string_view text) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    const auto version = json.is_object() ? json.find("format") : json.end();
    if (!json.is_object() || version == json.end() || !version->is_number_integer())
        return std::nullopt;
    if (version->get<std::int64_t>() > format)
        throw Error("the backup was made by a newer logbackup (format " +
                        std::to_string(version->get<std::int64_t>()) + ")",
                    "install that version here, or choose another directory with --dest");
    BackupIdentity identity{text_in(json, "backup"), {text_in(json, "host"), text_in(json, "host_name")}, {}};
    // Before there were other runtimes, Docker's engine stood here.
    if (const EngineIdentity docker{text_in(json, "engine"), text_in(json, "engine_root")};
        !docker.id.empty() || !docker.root.empty())
        identity.engines["docker"] = docker;
    if (const auto engines = json.find("engines"); engines != json.end() && engines->is_object())
        for (const auto& [runtime, engine] : engines->items())
            if (engine.is_object())
                identity.engines[runtime] = {text_in(engine, "id"), text_in(engine, "root")};
    return identity;
}

Claimed claim(const std::optional<BackupIdentity>& found, const Host& host,
              const std::map<std::string, EngineIdentity>& engines, Adopt adopt) {
    Claimed result{found.value_or(BackupIdentity{}), false, {}, {}};
    BackupIdentity& identity = result.identity;
    if (adopt == Adopt::no && is_other(identity.host.id, host.id)) {
        refuse_host(result, identity.host, host);
        return result;
    }
    if (adopt == Adopt::yes)
        identity.engines.clear();
    for (const auto& [runtime, engine] : engines) {
        const auto known = identity.engines.find(runtime);
        if (known != identity.engines.end() && is_other(known->second, engine)) {
            refuse_engine(result, runtime, known->second, engine);
            return result;
        }
    }
    if (!host.id.empty())
        identity.host = host;
    for (const auto& [runtime, engine] : engines) {
        if (!engine.id.empty())
            identity.engines[runtime].id = engine.id;
        if (!engine.root.empty())
            identity.engines[runtime].root = engine.root;
    }
    result.changed = !found || !same(*found, identity);
    return result;
}

Host host_of(std::string_view machine_id, const std::string& name) {
    const std::string id = trimmed(machine_id);
    // machine-id(5): the id is "uninitialized" until the first boot is over, and it must not be revealed.
    const bool known = !id.empty() && id != "uninitialized";
    return {hash_text("logbackup " + (known ? id : "host name " + name)), name};
}

Host this_host() {
    utsname names{};
    const std::string name = ::uname(&names) == 0 ? names.nodename : "";
    std::string id = text_of_file("/etc/machine-id");
    if (id.empty())
        id = text_of_file("/var/lib/dbus/machine-id");
    return host_of(id, name);
}

FoundIdentity load_identity(int root) {
    const auto text = read_small_file(root, identity_file, largest_identity);
    if (!text && (errno == ENOENT || errno == ENOTDIR))
        return {};
    if (!text)
        return {std::nullopt, "cannot read " + in_quotes(identity_file) + ": " + error_text(errno)};
    auto identity = parse_identity(*text);
    return identity ? FoundIdentity{std::move(identity), {}}
                    : FoundIdentity{std::nullopt, "cannot understand " + in_quotes(identity_file)};
}

BackupIdentity save_identity(int root, BackupIdentity identity) {
    if (identity.backup.empty())
        identity.backup = random_id();
    if (!write_atomically(root, identity_file, identity_text(identity)))
        throw Error("cannot write " + in_quotes(identity_file) + ": " + error_text(errno));
    return identity;
}

bool has_records(int root) {
    return status_at(root, live_records) || status_at(root, ended_records) ||
           status_at(root, missed_records) || last_complete_run(root) != Timestamp{};
}

} // namespace logbackup
