// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace logbackup::test {

enum class Level { fast, best };

/// What gzip(1) makes of `bytes`.
[[nodiscard]] std::string gzip(const std::string& bytes, Level level = Level::fast);

/// A zip archive with `bytes` as its only member, as logback and log4j2 make it.
[[nodiscard]] std::string zip(const std::string& bytes, Level level = Level::fast);
/// The number of bytes at the end of such an archive that gzip(1) passes over.
inline constexpr std::size_t zip_tail = 75;

} // namespace logbackup::test
