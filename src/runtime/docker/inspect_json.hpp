// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/container.hpp"

#include <string_view>
#include <vector>

namespace logbackup {

/// Parses the JSON array that `docker inspect --type container` prints.
///
/// A field that is missing, null or of another type counts as empty. An element that is not an object, or has
/// no Id, is omitted. Throws Error when the text is not one whole JSON array.
[[nodiscard]] std::vector<Container> parse_inspect(std::string_view json);

} // namespace logbackup
