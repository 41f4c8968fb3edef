// SPDX-License-Identifier: MIT
#include "ledger/descriptions.hpp"

#include "util/files.hpp"

#include <cstddef>

namespace logbackup {
namespace {

constexpr const char* descriptions_file = ".logbackup/containers";
constexpr std::size_t largest_descriptions = 64U << 20U;

} // namespace

Descriptions load_descriptions(int root) {
    const auto text = read_small_file(root, descriptions_file, largest_descriptions);
    return text ? parse_descriptions(*text) : Descriptions();
}

void save_descriptions(int root, const Descriptions& descriptions) {
    const std::string text = descriptions_text(descriptions);
    if (text.size() <= largest_descriptions)
        (void)write_atomically(root, descriptions_file, text);
}

} // namespace logbackup
