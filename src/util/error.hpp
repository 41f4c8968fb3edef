// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

namespace logbackup {

/// The whole run is impossible. Thrown anywhere, caught once, in app. `what()` reads "cannot <verb> '<path>':
/// <cause>"; `hint` is empty unless the user can act.
class Error : public std::runtime_error {
  public:
    explicit Error(const std::string& message, std::string hint = {})
        : std::runtime_error(message), hint_(std::move(hint)) {}
    [[nodiscard]] const std::string& hint() const noexcept { return hint_; }
    /// Returns the message, and a line "hint: …" after it if there is a hint.
    [[nodiscard]] std::string with_hint() const {
        return what() + (hint_.empty() ? std::string() : "\nhint: " + hint_);
    }

  private:
    std::string hint_;
};

/// The text of an errno value, e.g. "Permission denied".
[[nodiscard]] inline std::string error_text(int error) {
    return std::generic_category().message(error);
}

} // namespace logbackup
