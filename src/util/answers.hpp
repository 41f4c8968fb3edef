// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>

namespace logbackup {

/// Does `touch` in a child process, which is killed when it lasts longer than `limit`. Whether it came to its
/// end: a file system that does not answer stops the child and not us. What the child finds is lost.
[[nodiscard]] bool answers(const std::function<void()>& touch, std::chrono::milliseconds limit);

} // namespace logbackup
