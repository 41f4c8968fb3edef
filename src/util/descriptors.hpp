// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>

namespace logbackup {

/// Descriptors needed for short operations: one per directory level, pipes to a child, files that libraries
/// open. Longer-lived objects must leave this many free.
inline constexpr std::size_t descriptors_at_work = 150;

/// Raises this process's descriptor limit to its hard limit. Call before anything else. We never use
/// select(2), which cannot handle descriptors above 1,023. Children may use it, as rsync does, so they get
/// the former limit back.
void raise_descriptor_limit();
/// Restores the former limit in a child. Async-signal-safe.
void restore_descriptor_limit() noexcept;

/// Returns how many more descriptors this process may open: its limit minus all open descriptors, whoever
/// opened them. Reads a directory of /proc, so call it once for many descriptors, not for each.
[[nodiscard]] std::size_t descriptors_left();

/// Returns a limit of inotify(7) by its name in /proc/sys/fs/inotify; 0 if it cannot be read.
[[nodiscard]] std::size_t inotify_limit(const std::string& name);

/// Budgets the descriptors that may be held open. Always admits at least one object.
class DescriptorShare {
  public:
    /// Takes half of what is left besides `at_work`. The other half serves operations on the held objects.
    explicit DescriptorShare(std::size_t at_work);
    explicit DescriptorShare(std::size_t left, std::size_t at_work)
        : left_(left > at_work ? (left - at_work) / 2 : 0) {}

    /// Reserves this many descriptors for one object. Returns false if they do not fit.
    [[nodiscard]] bool take(std::size_t descriptors);
    /// Returns the descriptors of an object that was closed.
    void give_back(std::size_t descriptors) { left_ += descriptors; }

  private:
    std::size_t left_ = 0;
    bool holds_any_ = false;
};

} // namespace logbackup
