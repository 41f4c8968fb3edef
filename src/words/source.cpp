// SPDX-License-Identifier: MIT
#include "logbackup/source.hpp"

namespace logbackup {

std::string_view name_of(SourceKind kind) {
    switch (kind) {
    case SourceKind::merged: return "merged";
    case SourceKind::layers: return "layers";
    case SourceKind::upper: return "upper layer";
    case SourceKind::volume: return "volume";
    case SourceKind::process: return "process";
    case SourceKind::held: break;
    }
    return "held";
}

} // namespace logbackup
