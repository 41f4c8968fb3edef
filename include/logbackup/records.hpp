// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/record.hpp"

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace logbackup {

/// The records of live log directories in one run. Records change, move and are added, but none is taken
/// away: each keeps its handle.
class Records {
  public:
    Records() = default;
    explicit Records(std::vector<Record> records) : all_(std::move(records)) {}

    RecordId add(Record record) {
        all_.push_back(std::move(record));
        return RecordId{all_.size() - 1};
    }
    [[nodiscard]] Record& operator[](RecordId id) { return all_[static_cast<std::size_t>(id)]; }
    [[nodiscard]] const Record& operator[](RecordId id) const { return all_[static_cast<std::size_t>(id)]; }

    [[nodiscard]] std::vector<RecordId> ids() const {
        std::vector<RecordId> ids;
        ids.reserve(all_.size());
        for (std::size_t i = 0; i < all_.size(); ++i)
            ids.push_back(RecordId{i});
        return ids;
    }
    /// Returns the first record for which the condition holds.
    template <class Condition> [[nodiscard]] std::optional<RecordId> find(const Condition& condition) const {
        for (std::size_t i = 0; i < all_.size(); ++i)
            if (condition(all_[i]))
                return RecordId{i};
        return std::nullopt;
    }

    [[nodiscard]] std::size_t size() const { return all_.size(); }
    [[nodiscard]] bool empty() const { return all_.empty(); }
    [[nodiscard]] auto begin() const { return all_.begin(); }
    [[nodiscard]] auto end() const { return all_.end(); }
    bool operator==(const Records&) const = default;

  private:
    std::vector<Record> all_;
};

} // namespace logbackup
