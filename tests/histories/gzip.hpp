// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace logbackup::test {

/// What gzip(1) makes of `bytes`.
[[nodiscard]] std::string gzip(const std::string& bytes);

} // namespace logbackup::test
