// SPDX-License-Identifier: MIT
#include "ledger/while_following.hpp"

#include "util/files.hpp"
#include "util/json_text.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <vector>

namespace logbackup {
namespace {

constexpr const char* followed_file = ".logbackup/followed";
constexpr std::size_t largest_notes = 4U << 20U;
constexpr std::size_t most_noted = 1000;

struct Notes {
    WhileFollowing done;
    std::set<std::string> gone;
};

std::vector<std::string> texts_in(const nlohmann::json& array) {
    std::vector<std::string> texts;
    if (array.is_array())
        for (const auto& text : array)
            if (text.is_string())
                texts.push_back(text.get<std::string>());
    return texts;
}

Notes load_notes(int root) {
    Notes notes;
    const auto text = read_small_file(root, followed_file, largest_notes);
    const auto json = nlohmann::json::parse(text.value_or(""), nullptr, false);
    if (!json.is_object())
        return notes;
    const auto number = [&](const char* name) {
        const auto found = json.find(name);
        return found != json.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
    };
    notes.done = {number("runs"),  number("new"),      number("changed"),
                  number("bytes"), number("complete"), texts_in(json.value("cut", nlohmann::json()))};
    const auto gone = texts_in(json.value("gone", nlohmann::json()));
    notes.gone = {gone.begin(), gone.end()};
    return notes;
}

void save_notes(int root, const Notes& notes) {
    const nlohmann::ordered_json json{
        {"runs", notes.done.runs},   {"new", notes.done.created},       {"changed", notes.done.changed},
        {"bytes", notes.done.bytes}, {"complete", notes.done.complete}, {"cut", notes.done.cut},
        {"gone", notes.gone}};
    (void)write_atomically(root, followed_file, printable_json(json) + "\n");
}

} // namespace

void note_followed(int root, const WhileFollowing& more) {
    Notes notes = load_notes(root);
    notes.done.runs += more.runs;
    notes.done.created += more.created;
    notes.done.changed += more.changed;
    notes.done.bytes += more.bytes;
    notes.done.complete += more.complete;
    for (const auto& directory : more.cut)
        if (notes.done.cut.size() < most_noted)
            notes.done.cut.push_back(directory);
    save_notes(root, notes);
}

void note_gone(int root, const std::set<std::string>& ids) {
    if (ids.empty())
        return;
    Notes notes = load_notes(root);
    for (const auto& id : ids)
        if (notes.gone.size() < most_noted)
            notes.gone.insert(id);
    save_notes(root, notes);
}

std::set<std::string> load_gone(int root) {
    return load_notes(root).gone;
}

WhileFollowing take_followed(int root) {
    WhileFollowing done = load_notes(root).done;
    const UniqueFd state = open_directory(root, parent_path(followed_file));
    ::unlinkat(state.get(), base_name(followed_file).c_str(), 0);
    return done;
}

} // namespace logbackup
