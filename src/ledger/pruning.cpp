// SPDX-License-Identifier: MIT
#include "ledger/pruning.hpp"

#include "ledger/ledger.hpp"
#include "util/files.hpp"

#include <sys/stat.h>

namespace logbackup {

std::string pruned_path(const Record& record) {
    return joined(joined(pruning_directory, record.service), record.instance);
}

bool is_half_pruned(int root, const Record& record) {
    return status_at(root, joined(pruned_path(record), doomed_files)) &&
           !status_at(root, joined(pruned_path(record), doomed_record));
}

} // namespace logbackup
