// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

namespace logbackup::test {

/// For what the test itself needs to work.
inline void must(bool worked, const std::string& what) {
    if (!worked)
        throw std::system_error(errno, std::generic_category(), what);
}

} // namespace logbackup::test
