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
constexpr std::size_t longest_of_engine = 4096; // length of an id or a directory
constexpr int format = 1; // a format that older versions cannot read gets a higher number
constexpr const char* adopt_hint = "run 'logbackup --adopt' once";

std::string trimmed(std::string_view text) {
    const auto begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
    const auto end = text.find_last_not_of(" \t\r\n");
    return std::string(text.substr(begin, end == std::string_view::npos ? 0 : end + 1 - begin));
}

std::string read_absolute(const std::string& path) {
    const UniqueFd directory(::open(("/" + parent_path(path)).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    return directory ? trimmed(read_small_file(directory.get(), base_name(path), 4096).value_or(""))
                     : std::string();
}

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

void refuse_engine(Claimed& claim, const EngineIdentity& known, const EngineIdentity& seen) {
    claim.refusal =
        "it belongs to another Docker engine, that " + text_of(known) + "; this is that " + text_of(seen);
    claim.hint = "is Docker's disk mounted, and DOCKER_HOST right? Give each engine a backup of its own with "
                 "--dest; if this one takes that one over, or was set up anew, " +
                 std::string(adopt_hint);
}

bool same(const BackupIdentity& a, const BackupIdentity& b) {
    return a.backup == b.backup && a.host.id == b.host.id && a.host.name == b.host.name &&
           a.engine.id == b.engine.id && a.engine.root == b.engine.root;
}

} // namespace

std::string identity_text(const BackupIdentity& identity) {
    const nlohmann::ordered_json json{{"format", format},
                                      {"backup", identity.backup},
                                      {"host", identity.host.id},
                                      {"host_name", identity.host.name},
                                      {"engine", identity.engine.id},
                                      {"engine_root", identity.engine.root}};
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
    const auto member = [&](const char* key) {
        const auto found = json.find(key);
        return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    return BackupIdentity{
        member("backup"), {member("host"), member("host_name")}, {member("engine"), member("engine_root")}};
}

Claimed claim(const std::optional<BackupIdentity>& found, const Host& host, const EngineIdentity& engine,
              Adopt adopt) {
    Claimed result{found.value_or(BackupIdentity{}), false, {}, {}};
    BackupIdentity& identity = result.identity;
    if (adopt == Adopt::no && is_other(identity.host.id, host.id))
        refuse_host(result, identity.host, host);
    else if (adopt == Adopt::no && is_other(identity.engine, engine))
        refuse_engine(result, identity.engine, engine);
    if (!result.refusal.empty())
        return result;
    if (!host.id.empty())
        identity.host = host;
    if (adopt == Adopt::yes)
        identity.engine = {};
    if (!engine.id.empty())
        identity.engine.id = engine.id;
    if (!engine.root.empty())
        identity.engine.root = engine.root;
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
    std::string id = read_absolute("etc/machine-id");
    if (id.empty())
        id = read_absolute("var/lib/dbus/machine-id");
    return host_of(id, name);
}

EngineIdentity engine_of(const std::vector<Container>& containers) {
    const auto telling = std::find_if(containers.begin(), containers.end(), [](const Container& container) {
        return !container.data_root.empty();
    });
    if (telling == containers.end())
        return {};
    std::string id = read_absolute(telling->data_root.substr(1) + "/engine-id");
    return {id.size() > longest_of_engine ? std::string() : std::move(id), telling->data_root};
}

EngineIdentity parse_engine(std::string_view printed) {
    if (printed.size() > 2 * longest_of_engine)
        return {};
    const auto end = std::min(printed.find('\n'), printed.size());
    const std::string root = trimmed(printed.substr(end));
    return {trimmed(printed.substr(0, end)), root.starts_with('/') ? root : std::string()};
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
