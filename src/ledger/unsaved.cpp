// SPDX-License-Identifier: MIT
#include "ledger/unsaved.hpp"

#include "ledger/ledger.hpp"
#include "util/error.hpp"
#include "util/files.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <cerrno>

namespace logbackup {
namespace {

constexpr const char* unsaved_file = ".logbackup/unsaved"; ///< an array: service, and the record as a text
constexpr std::size_t most_unsaved = 1000;
constexpr std::size_t largest_list = 16U << 20U;

} // namespace

std::vector<Record> load_unsaved(int root) {
    std::vector<Record> containers;
    const auto text = read_small_file(root, unsaved_file, largest_list);
    const auto json = nlohmann::json::parse(text.value_or(""), nullptr, false);
    if (!json.is_array())
        return containers;
    for (const auto& one : json) {
        if (!one.is_object() || !one.value("service", nlohmann::json()).is_string() ||
            !one.value("record", nlohmann::json()).is_string())
            continue;
        try {
            containers.push_back(parse_record(one["service"], "", one["record"]));
        } catch (const Error&) { // nobody needs to mend it: the next run writes the list anew
        }
    }
    return containers;
}

bool save_unsaved(int root, const std::vector<Record>& containers) {
    if (containers.empty())
        return ::unlinkat(root, unsaved_file, 0) == 0 || errno == ENOENT;
    auto json = nlohmann::json::array();
    for (const auto& container : containers)
        if (json.size() < most_unsaved)
            json.push_back({{"service", container.service}, {"record", record_text(container)}});
    return write_atomically(root, unsaved_file,
                            json.dump(1, ' ', true, nlohmann::json::error_handler_t::replace));
}

} // namespace logbackup
