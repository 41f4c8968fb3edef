// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace logbackup {

/// The version of the program, from CMakeLists.txt.
inline constexpr std::string_view version = LOGBACKUP_VERSION;

} // namespace logbackup
