// SPDX-License-Identifier: MIT
#include "ledger/descriptions.hpp"

#include "util/files.hpp"

#include <cstddef>

namespace logbackup {
namespace {

constexpr const char* descriptions_file = ".logbackup/containers";
constexpr std::size_t largest_descriptions = 64U << 20U;

} // namespace

std::string load_descriptions(int root) {
    return read_small_file(root, descriptions_file, largest_descriptions).value_or("");
}

void save_descriptions(int root, const std::string& text) {
    if (text.size() <= largest_descriptions)
        (void)write_atomically(root, descriptions_file, text);
}

} // namespace logbackup
