// SPDX-License-Identifier: MIT
#include "logbackup/model/record.hpp"

namespace logbackup {

std::string_view name_of(Coverage coverage) {
    switch (coverage) {
    case Coverage::live: return "live";
    case Coverage::complete: return "complete";
    case Coverage::cut: return "cut";
    case Coverage::missed: break;
    }
    return "missed";
}

} // namespace logbackup
