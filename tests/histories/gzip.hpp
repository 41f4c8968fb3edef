// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace logbackup::test {

enum class Level { fast, best };

/// What gzip(1) makes of `bytes`.
[[nodiscard]] std::string gzip(const std::string& bytes, Level level = Level::fast);

} // namespace logbackup::test
