// SPDX-License-Identifier: MIT
#pragma once

#include "content/proof.hpp"
#include "transfer/transfer.hpp"
#include "util/error.hpp"
#include "util/files.hpp"
#include "util/last_directory.hpp"
#include "util/text.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace logbackup {

inline constexpr const char* incoming_directory = ".logbackup/incoming";
/// Where the links for rsync are, if there are no private mounts.
inline constexpr const char* links_directory = ".logbackup/held-files";
inline constexpr gid_t no_group = static_cast<gid_t>(-1);

/// Returns 0 when the size is not known.
[[nodiscard]] std::uint64_t size_of(int file);
/// Returns nanoseconds since 1970.
[[nodiscard]] std::int64_t mtime_of(const struct stat& status);

/// Bytes that arrived beyond the plan, by their directory's outcome.
using Surplus = std::map<std::size_t, std::uint64_t>;

/// The transfer of one run. Its parts are in the files beside this one.
class Transferrer {
  public:
    Transferrer(std::vector<Transfer>& transfers, const ApplySettings& settings, StopSignal& stop,
                const Progress& progress, ApplyOutcome& outcome)
        : transfers_(transfers), settings_(settings), stop_(stop), progress_(progress), outcome_(outcome) {}

    void run();

  private:
    struct Finished {
        Transfer* transfer = nullptr;
        UniqueFd saved;
        std::uint64_t size = 0;
    };
    using Group = std::vector<Transfer*>;

    static std::string backup_path(const Transfer& transfer) {
        return joined(transfer.tree->directory, transfer.action->path);
    }
    [[nodiscard]] std::string stand_in(const Transfer& transfer) const;
    [[nodiscard]] std::string path_of(const std::string& name) const;
    DirectoryOutcome& outcome_of(const Transfer& transfer) { return outcome_.directories[transfer.work]; }
    void fail(const Transfer& transfer, const std::string& what, int error) {
        outcome_of(transfer).failures.push_back({transfer.action->path, what + ": " + error_text(error)});
    }
    void leave_unsettled(const Transfer& transfer) {
        outcome_of(transfer).unsettled.push_back({transfer.action->path, "it changed while it was read"});
    }
    static void remove_tree(int above, const std::string& directory);

    // transfer.cpp: decides what to move
    void open_incoming();
    [[nodiscard]] bool is_to_make(const std::string& path);
    [[nodiscard]] std::vector<std::string> directories_for(const Transfer& transfer);
    void refuse_what_has_no_room();
    [[nodiscard]] UniqueFd open_source(const Transfer& transfer, struct stat& status);
    [[nodiscard]] UniqueFd make_stand_in(const Transfer& transfer);
    [[nodiscard]] bool begin(Transfer& transfer);
    [[nodiscard]] std::vector<Group> small_and_large();
    [[nodiscard]] std::size_t size_of_batch(std::span<Transfer* const> rest) const;
    void save(std::span<Transfer* const> files);
    [[nodiscard]] bool has_arrived(const Transfer& transfer);
    void try_one_by_one(Group& begun);

    // move.cpp: moves the bytes to the stand-ins
    void move_bytes(const Group& begun);
    void rsync_linked(std::span<Transfer* const> part);
    void rsync(Group part, int source, const std::vector<int>& held_files);
    void rsync_once(const Group& part, int source, const std::vector<int>& held_files);
    [[nodiscard]] bool note_runaways(Surplus surplus, std::span<Transfer* const> others);
    void take_from_rsync(Transfer& transfer);
    void copy(Transfer& transfer);

    // settle.cpp: takes the stand-ins over into the backup
    [[nodiscard]] bool is_over(std::chrono::milliseconds grace);
    [[nodiscard]] Proof proof_of(const Transfer& transfer, int arrived, std::uint64_t size);
    void settle(Transfer& transfer);
    [[nodiscard]] bool take_over(Transfer& transfer);
    [[nodiscard]] static std::uint64_t without_surplus_zeros(const Transfer& transfer, int arrived,
                                                             std::uint64_t size);
    [[nodiscard]] int directory_of(const Transfer& transfer);
    [[nodiscard]] bool take_over_file(Transfer& transfer, std::uint64_t size);
    void take_over_bytes(Transfer& transfer, std::uint64_t size);
    [[nodiscard]] int copy_data(int from, int to, std::uint64_t begin, std::uint64_t end, int source,
                                std::chrono::milliseconds grace);
    void finish(Transfer& transfer, UniqueFd saved, std::uint64_t size);
    void cut_unwritten(const Transfer& transfer, int saved);
    void keep_for_good();
    void account(const Transfer& transfer, std::uint64_t size);
    [[nodiscard]] static bool has_moved_on(const Transfer& transfer);

    std::vector<Transfer>& transfers_;
    const ApplySettings& settings_;
    StopSignal& stop_;
    const Progress& progress_;
    ApplyOutcome& outcome_;
    UniqueFd incoming_;
    LastDirectory sources_; ///< of the source opened last
    LastDirectory targets_; ///< of the saved file opened last
    std::uint64_t moved_ = 0;
    bool has_problem_ = false; ///< true if rsync had a problem with the current batch
    std::optional<std::chrono::steady_clock::time_point> stopped_; ///< when the stop was noticed
    std::set<std::size_t> runaways_;      ///< directories from which more arrived than was planned
    std::map<std::string, bool> to_make_; ///< directories; false: they exist, or are counted
    std::vector<Finished> finished_;      ///< files that may not be on the disk yet
};

} // namespace logbackup
