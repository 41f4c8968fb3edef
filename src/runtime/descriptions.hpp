// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/container.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

/// Descriptions of containers as text: what is kept from one run to the next, and what one process of ours
/// tells another.
namespace logbackup {

struct Description {
    Container container;
    /// Identifies the container's state when it was described. Only its runtime's room can read it.
    std::string state;
    bool operator==(const Description&) const = default;
};
using Descriptions = std::map<std::string, Description>; ///< by container id

/// Returns one JSON object, a line for each container.
[[nodiscard]] std::string descriptions_text(const Descriptions& descriptions);
/// Reverses it. Returns no descriptions when the text is damaged, or of another version.
[[nodiscard]] Descriptions parse_descriptions(std::string_view text);

} // namespace logbackup
