// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/container.hpp"

#include <string_view>
#include <vector>

namespace logbackup {

/// Reads the JSON array that `docker inspect --type container` prints.
///
/// A field that is missing, null or of another type counts as empty; an element that is no object, or has no
/// Id, is left out. Throws Error when the text is not one whole JSON array.
[[nodiscard]] std::vector<Container> parse_inspect(std::string_view json);

} // namespace logbackup
