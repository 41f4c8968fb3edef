// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/source.hpp"

#include <string>
#include <vector>

namespace logbackup {

enum class BackupRoot { exists, to_be_made };

/// Detects whether a source and the backup root lie in each other. Make one object per backup root.
class OverlapCheck {
  public:
    /// `directory` is the backup root or, if that does not exist yet, the nearest existing directory above
    /// it.
    OverlapCheck(int directory, BackupRoot state);
    /// Returns why the log directory cannot be backed up there; "" if it can.
    [[nodiscard]] std::string problem(const LogDirectory& found) const;

  private:
    std::vector<Identity> backup_root_and_above_;
    BackupRoot state_;
};

} // namespace logbackup
