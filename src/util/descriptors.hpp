// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

namespace logbackup {

/// What is opened and closed again while something is done: a level of directories each, pipes to a child,
/// files of libraries. So many are never held for anything that lasts.
inline constexpr std::size_t descriptors_at_work = 150;

/// Raises this process's limit of open descriptors to what it may have at most. To be called first of all. No
/// select(2) is used here, which knows no descriptor above 1,023. Our children may use it, as rsync does:
/// they get the former limit back.
void raise_descriptor_limit();
/// In a child: the limit as it was before. Async-signal-safe.
void restore_descriptor_limit() noexcept;

/// How many more descriptors this process may open: its limit less those that are open, whoever opened them.
/// It reads a directory of /proc: to be called for many descriptors, not for each.
[[nodiscard]] std::size_t descriptors_left();

/// Counts what is held of the descriptors that there are. At least one thing can always be held.
class DescriptorShare {
  public:
    /// Half of what is left beside `at_work`: the other half is for what is done with what is held.
    explicit DescriptorShare(std::size_t at_work);
    explicit DescriptorShare(std::size_t left, std::size_t at_work)
        : left_(left > at_work ? (left - at_work) / 2 : 0) {}

    /// Whether there is room for a thing with so many descriptors; then it is counted.
    [[nodiscard]] bool take(std::size_t descriptors);
    /// It is not held any longer.
    void give_back(std::size_t descriptors) { left_ += descriptors; }

  private:
    std::size_t left_ = 0;
    bool holds_any_ = false;
};

} // namespace logbackup
