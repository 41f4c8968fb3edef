// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/listing.hpp"
#include "util/text.hpp"

#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace logbackup {

/// Finds free names for saved files that are set aside.
class NamesAside {
  public:
    /// A container can guess a name and use it for a log, so the names of the source count as taken, too.
    NamesAside(const Listing& source, const Listing& backup, Timestamp now);
    /// Returns a free name for the saved file `path`, and takes it.
    [[nodiscard]] std::string take(const std::string& path);

  private:
    Timestamp now_;
    std::unordered_set<std::string> taken_; ///< includes all existing names that look like one
    std::unordered_map<std::string, int> last_number_;
};

/// The entries of a source whose saved namesakes must give way.
class Displaced {
  public:
    /// The entry must outlive this object.
    void add(const Entry& entry);
    [[nodiscard]] bool contains(std::string_view path) const { return paths_.contains(path); }
    /// Returns whether a path lies below a displaced directory: setting a directory aside also moves its
    /// contents. `path` must outlive this object.
    [[nodiscard]] bool is_above(std::string_view path);
    [[nodiscard]] const std::vector<const Entry*>& entries() const { return entries_; }
    /// Returns the displaced path that equals `path`, as it stands in its entry; "" if there is none.
    [[nodiscard]] std::string_view find(std::string_view path) const;

  private:
    std::vector<const Entry*> entries_; ///< in the order in which they were added
    std::unordered_set<std::string_view> paths_;
    std::unordered_map<std::string_view, bool> below_; ///< directories
};

} // namespace logbackup
