// SPDX-License-Identifier: MIT
#pragma once

#include "plan/plan.hpp"

#include <functional>
#include <optional>

namespace logbackup {

/// Returns whether `zeros` zeros at the end of a file of `size` bytes were probably set aside by a writer
/// that maps the file: at least one page, or a few of them in a file of whole pages. Compressed files and
/// others can end in a few zeros of their own.
[[nodiscard]] bool are_set_aside(std::uint64_t size, std::uint64_t zeros);

/// Finds files that may have changed although their size and time have not. The kernel notes the time of a
/// mapped file when a clean page is first written to, and not again until it is written back, which takes up
/// to 35 seconds; on a tmpfs it notes nothing. A run that looks at a file after that time sees all of it. A
/// file is looked at for three minutes, and until a run has begun a minute after its last change: usually by
/// two runs, since one of them may fail to look.
class SilentChanges {
  public:
    /// `last_run` is when the last complete run began; the zero time if that is not known.
    SilentChanges(Timestamp now, Timestamp last_run, bool in_memory);
    [[nodiscard]] bool may_have(const Entry& entry) const;

  private:
    std::int64_t since_; ///< earlier changes were seen
    bool in_memory_;
};

/// A log directory and what is saved of it, without the zeros at the ends of the files.
struct Written {
    std::optional<Listing> source; ///< nothing if no file ends in zeros that were set aside
    std::optional<Listing> backup; ///< nothing if no saved file ends in such zeros
    std::uint64_t budget = 0;      ///< bytes that may still be read
    bool reached_limits = false;   ///< some zeros were not read; what follows them waits
};

/// Moves the zeros that a writer has set aside at the end of a file from `Entry::size` to `Entry::zeros`, in
/// the source and in the backup. Of a file that looks unchanged nothing is read, unless what is saved of it
/// may end in a hole: lines can fill the zeros without a trace. Thoroughness::everything reads all, whatever
/// the budget. Ends early when the run has to stop.
[[nodiscard]] Written without_zeros(const Listing& source, const Listing& backup, const Content& content,
                                    const SilentChanges& silent, std::uint64_t budget,
                                    Thoroughness thoroughness = Thoroughness::changes,
                                    const std::function<bool()>& is_stopped = {});

/// Does the same with a listing of saved files.
void leave_out_saved_zeros(Listing& saved, const Content& content);

} // namespace logbackup
