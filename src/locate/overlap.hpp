// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/source.hpp"

#include <string>
#include <vector>

namespace logbackup {

enum class BackupRoot { exists, to_be_made };

/// Tells whether a source and the backup root lie one in the other. Made once for a backup root.
class OverlapCheck {
  public:
    /// `directory` is the backup root or, where it does not exist yet, the nearest existing one above it.
    OverlapCheck(int directory, BackupRoot state);
    /// Why the log directory cannot be backed up there; empty when it can.
    [[nodiscard]] std::string problem(const LogDirectory& found) const;

  private:
    std::vector<Identity> backup_root_and_above_;
    BackupRoot state_;
};

} // namespace logbackup
