// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/container.hpp"
#include "logbackup/record.hpp"

#include <string>
#include <vector>

namespace logbackup {

/// The containers that a command is limited to. An empty list selects all.
struct Filter {
    std::vector<std::string> services; ///< globs
    std::vector<std::string> pods;
    std::vector<std::string> namespaces;
    std::vector<std::string> containers;  ///< prefixes of ids
    std::vector<Coverage> coverages;      ///< of instances in an inventory; nothing else looks at it
    std::vector<std::string> instances{}; ///< globs of names in the backup, "<pod>@1"
};

[[nodiscard]] bool has_filter(const Filter& filter);

/// True if the filter selects the container.
[[nodiscard]] bool selects(const Filter& filter, const Container& container);
/// True if the filter selects the record, or one of its sharers. One matching container of the record is
/// enough.
[[nodiscard]] bool selects(const Filter& filter, const Record& record);
/// True if the filter selects the record and all of its sharers: what is deleted is deleted for all of them.
[[nodiscard]] bool selects_all_of(const Filter& filter, const Record& record);

} // namespace logbackup
