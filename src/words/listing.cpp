// SPDX-License-Identifier: MIT
#include "logbackup/listing.hpp"

namespace logbackup {

std::string_view name_of(Limit limit) {
    switch (limit) {
    case Limit::depth: return "depth";
    case Limit::path: return "path";
    case Limit::files: return "files";
    case Limit::file_size: return "file_size";
    case Limit::bytes: return "bytes";
    case Limit::comparison: return "comparison";
    case Limit::labels: return "labels";
    case Limit::location: break;
    }
    return "location";
}

} // namespace logbackup
