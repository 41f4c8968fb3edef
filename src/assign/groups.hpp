// SPDX-License-Identifier: MIT
#pragma once

#include "assign/assign.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace logbackup {

using Group = std::vector<std::size_t>; ///< indices of claims of one log directory

/// Returns whether a record, which has the claim's volume or container, describes the claim's log directory.
[[nodiscard]] bool is_of(const Record& record, const Claim& claim);

/// Returns whether the container has the directory itself mounted for writing. Other containers may have
/// reached it through a link of their own.
[[nodiscard]] bool is_writer(const Claim& claim);

/// Decides for the claims of one log directory which record it has and which claim stands for it.
class Groups {
  public:
    Groups(const std::vector<Claim>& claims, const Records& live, const std::set<std::string>& running);

    [[nodiscard]] bool has_writer(const Group& group) const;
    /// Returns whether a live record names the container.
    [[nodiscard]] bool is_known(const std::string& container_id) const {
        return by_container_.contains(container_id);
    }
    /// Returns the record under which a claim of a group continues: a writer's record comes first.
    [[nodiscard]] std::optional<RecordId> record_of(std::size_t claim, const Group& group) const;
    /// Returns a group's records whose directories its writers do not continue; empty if it has no writer.
    [[nodiscard]] std::set<RecordId> superseded_in(const Group& group) const;
    /// Returns the claim that stands for a group.
    [[nodiscard]] std::size_t leader_of(const Group& group) const;
    /// Returns the claim whose names the record's directory should get: that of a running writer of the
    /// record's own pod whose service began after all that had the record's names were over, as the
    /// containers of a pod begin after its init containers. None while a container of the record runs.
    [[nodiscard]] std::optional<std::size_t> successor_in(const Group& group, const Record& record) const;

  private:
    [[nodiscard]] std::vector<RecordId> records_of(const Claim& claim) const;
    [[nodiscard]] bool is_for_writers(const Record& record, const Group& group) const;
    [[nodiscard]] bool runs(std::size_t claim) const;
    [[nodiscard]] bool begins_after(const Group& group, const Record& record,
                                    const std::string& service) const;

    const std::vector<Claim>& claims_;
    const Records& live_;
    const std::set<std::string>& running_;
    std::multimap<std::string, RecordId> by_volume_;
    std::multimap<std::string, RecordId> by_container_;
};

} // namespace logbackup
