// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string_view>

namespace logbackup {

/// The parts of the name of a file that was set aside: "<of>~<stamp>" or "<of>~<stamp>.<number>".
struct AsideName {
    std::string_view of;
    std::string_view stamp; ///< as from compact_time(): its order is that of time
    unsigned number = 0;
};

/// Reads such a name, without directories. Returns nothing for any other name. The parts refer to `name`.
[[nodiscard]] std::optional<AsideName> read_aside_name(std::string_view name);

} // namespace logbackup
