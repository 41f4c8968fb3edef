// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <string>
#include <string_view>

namespace logbackup::test {

/// Takes decisions and bytes from a fuzzer's input, from its beginning; zeros when nothing is left. (Clang's
/// FuzzedDataProvider does the same, but g++, which replays the corpus, has none.)
class Input {
  public:
    Input(const std::uint8_t* data, std::size_t size) : bytes_(reinterpret_cast<const char*>(data), size) {}

    [[nodiscard]] bool is_empty() const { return bytes_.empty(); }

    /// Below `end`, which is at most 65536.
    std::size_t below(std::size_t end) { return number(end <= 256 ? 1 : 2) % end; }
    bool one_in(std::size_t n) { return below(n) == 0; }

    std::uint64_t number(std::size_t bytes) {
        std::uint64_t value = 0;
        for (const char c : take(bytes))
            value = (value << 8U) | static_cast<unsigned char>(c);
        return value;
    }

    std::string_view take(std::size_t most) {
        const auto taken = bytes_.substr(0, most);
        bytes_.remove_prefix(taken.size());
        return taken;
    }

    template <class T> T any_of(std::initializer_list<T> values) {
        return values.begin()[below(values.size())];
    }

  private:
    std::string_view bytes_;
};

/// What gtest found wrong is a crash to a fuzzer.
inline void end_on_failure() {
    if (::testing::Test::HasFailure())
        std::abort();
}

} // namespace logbackup::test
