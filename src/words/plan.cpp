// SPDX-License-Identifier: MIT
#include "logbackup/plan.hpp"

namespace logbackup {

std::string_view name_of(ActionKind kind) {
    switch (kind) {
    case ActionKind::drop: return "drop";
    case ActionKind::set_aside: return "set aside";
    case ActionKind::rename: return "rename";
    case ActionKind::create: return "create";
    case ActionKind::append: return "append";
    case ActionKind::retime: return "retime";
    case ActionKind::link: break;
    }
    return "link";
}

} // namespace logbackup
