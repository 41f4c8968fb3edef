// SPDX-License-Identifier: MIT
#include "ledger/ledger.hpp"

#include "ledger/links.hpp"
#include "util/error.hpp"
#include "util/files.hpp"

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <optional>
#include <string>

namespace logbackup {
namespace {

constexpr std::size_t largest_journal = 65536;
constexpr const char* move_journal = ".logbackup/move";

[[noreturn]] void fail_to(const char* verb) {
    throw Error(std::string("cannot ") + verb + " " + in_quotes(move_journal) + ": " + error_text(errno));
}

/// Renames if the old name exists: after a crash the step may already be done. Returns 0 or an errno value.
int rename_if_there(int root, const std::string& from, const std::string& to) {
    if (rename_to_new(root, from, root, to) || errno == ENOENT)
        return 0;
    return errno;
}

/// Does what the journal says. If that is impossible, leaves the record and the directory as they were.
/// Returns 0 or an errno value.
int carry_out(int root, const Move& move) {
    const auto path = move.live ? live_path : ended_path;
    const std::string from = path(move.service, move.from);
    const std::string to = path(move.new_service(), move.to);
    if (const auto record = find_record(root, move.service, move.from))
        remove_links(root, *record);
    remove_link_at(root, move.new_directory());
    int error = 0;
    if (move.new_service() != move.service) // what is renamed into a missing directory would seem to be done
        if (!make_directories(root, parent_path(to), 0700, static_cast<gid_t>(-1)) ||
            !make_directories(root, move.new_service(), 0750, static_cast<gid_t>(-1)))
            error = errno;
    if (error == 0)
        error = rename_if_there(root, from, to);
    if (error == 0) {
        error = rename_if_there(root, move.old_directory(), move.new_directory());
        if (error != 0)
            rename_if_there(root, to, from);
    }
    if (error == 0 && move.new_service() != move.service)
        ::unlinkat(root, parent_path(from).c_str(), AT_REMOVEDIR);
    if (!move.live) // a run makes those of the live ones
        if (const auto record = error == 0 ? find_record(root, move.new_service(), move.to)
                                           : find_record(root, move.service, move.from))
            update_links(root, {}, *record, static_cast<gid_t>(-1));
    ::unlinkat(root, move_journal, 0);
    return error;
}

} // namespace

void move_instance(int root, const Move& move) {
    const nlohmann::ordered_json json{{"service", move.service},
                                      {"from", move.from},
                                      {"to_service", move.to_service},
                                      {"to", move.to},
                                      {"live", move.live.has_value()}};
    if (!write_atomically(root, move_journal, json.dump() + "\n"))
        fail_to("write");
    if (const int error = carry_out(root, move); error != 0)
        throw Error("cannot rename " + in_quotes(move.old_directory()) + " to " +
                    in_quotes(move.new_directory()) + ": " + error_text(error));
}

std::string finish_move(int root) {
    const auto text = read_small_file(root, move_journal, largest_journal);
    if (!text && errno == ENOENT)
        return {};
    const auto json = nlohmann::json::parse(text.value_or(""), nullptr, false);
    auto name = [&](const char* key) {
        const auto found = json.find(key);
        return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    Move move{name("service"), name("from"), name("to"), std::nullopt, name("to_service")};
    if (move.service.empty() || move.from.empty() || move.to.empty()) {
        const std::string aside = std::string(move_journal) + ".damaged";
        if (::renameat(root, move_journal, root, aside.c_str()) != 0)
            fail_to("set aside");
        return "cannot read " + in_quotes(move_journal) +
               ", which tells of an interrupted move: it is set aside as " + in_quotes(aside) +
               "; see that each instance directory has the name of its record";
    }
    if (json.contains("live") && json["live"] == true)
        move.live = RecordId{};
    if (carry_out(root, move) == 0) // if it is impossible, this run finds another name
        follow_moves(root, {move});
    return {};
}

} // namespace logbackup
