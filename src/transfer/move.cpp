// SPDX-License-Identifier: MIT
#include "transfer/transferrer.hpp"

#include "content/content.hpp"
#include "transfer/rsync.hpp"

#include <fcntl.h>

#include <chrono>
#include <map>
#include <thread>
#include <utility>

namespace logbackup {
namespace {

using Clock = std::chrono::steady_clock;

/// The number of files per rsync, which inherits a descriptor of each.
constexpr std::size_t most_linked_files = 5000;
/// The bytes of a log directory that may arrive beyond the plan. rsync reads files up to the size that they
/// have when it opens them.
constexpr std::uint64_t most_surplus = 64U << 20U;

/// Between two looks at how much has arrived beyond the plan.
constexpr std::chrono::seconds longest_between_looks{2};

/// A quarter of a second's bytes, so that a run that has to stop need not wait.
std::uint64_t bytes_at_a_time(std::uint64_t bandwidth) {
    return std::clamp<std::uint64_t>(bandwidth / 4, 1024, 1U << 20U);
}

/// Returns the bytes that a file takes on the disk; 0 if that is not known.
std::uint64_t on_disk(int file) {
    const auto status = status_of(file);
    return status ? static_cast<std::uint64_t>(status->st_blocks) * 512 : 0;
}

/// Follows rsync, which works in the order of names. That is the order of the files: when one has begun to
/// arrive, all before it are done.
class Arrivals {
  public:
    explicit Arrivals(std::span<Transfer* const> files) : rest_(files) {}

    /// Looks at what has come since the last look. Returns true if another file has arrived.
    bool look() {
        const std::size_t before = rest_.size();
        if (last_ != nullptr) // it can have more bytes than were planned, and not be done
            count(*last_, size_of(last_->arrived.get()));
        current_ = 0;
        for (; !rest_.empty(); rest_ = rest_.subspan(1)) {
            const Transfer& transfer = *rest_.front();
            const std::uint64_t size = size_of(transfer.arrived.get());
            if (size < transfer.action->to) {
                current_ = size - std::min(size, transfer.action->data_from);
                break;
            }
            complete_ += transfer.action->bytes();
            last_ = &transfer;
            counted_ = transfer.action->to;
            count(transfer, size);
        }
        return rest_.size() < before;
    }
    /// The files that have not arrived.
    [[nodiscard]] std::span<Transfer* const> rest() const { return rest_; }
    [[nodiscard]] std::uint64_t bytes() const { return complete_ + current_; } ///< as planned
    [[nodiscard]] const Surplus& surplus() const { return surplus_; }

  private:
    void count(const Transfer& transfer, std::uint64_t size) {
        if (size > counted_)
            surplus_[transfer.work] += size - counted_;
        counted_ = std::max(size, counted_);
    }

    std::span<Transfer* const> rest_;
    const Transfer* last_ = nullptr; ///< the last file that has arrived
    std::uint64_t counted_ = 0;      ///< the size up to which it is counted
    std::uint64_t complete_ = 0;
    std::uint64_t current_ = 0;
    Surplus surplus_;
};

} // namespace

void Transferrer::move_bytes(const Group& begun) {
    Group for_rsync;
    for (auto* transfer : begun) {
        if (transfer->action->bytes() == 0)
            continue;
        const Action& action = *transfer->action;
        if (!action.in_part && action.holes == 0 && !runaways_.contains(transfer->work))
            for_rsync.push_back(transfer);
        else if (!stop_.requested())
            copy(*transfer);
    }
    const std::span<Transfer* const> all(for_rsync);
    for (std::size_t done = 0; done < all.size() && !stop_.requested(); done += most_linked_files)
        rsync_linked(all.subspan(done, std::min(most_linked_files, all.size() - done)));
}

/// rsync would look up names again in trees that containers change, and wait for ever at a FIFO that has
/// replaced a file. So it gets a directory of links to the files that are held open here, and can reach only
/// these.
void Transferrer::rsync_linked(std::span<Transfer* const> part) {
    const int above = settings_.scratch >= 0 ? settings_.scratch : settings_.root;
    const std::string directory = settings_.scratch >= 0 ? "held-files" : links_directory;
    remove_tree(above, directory);
    const UniqueFd links = make_directories(above, directory, 0700, no_group);
    std::vector<int> descriptors;
    Group linked;
    for (auto* transfer : part) {
        const int file = transfer->source.get();
        const std::string target = "/proc/self/fd/" + std::to_string(file);
        if (!links || ::symlinkat(target.c_str(), links.get(), stand_in(*transfer).c_str()) != 0)
            continue;
        descriptors.push_back(file);
        linked.push_back(transfer);
    }
    rsync(std::move(linked), links.get(), descriptors);
    remove_tree(above, directory);
}

/// Starts one rsync, and another one for the rest each time that a log directory brings more than was
/// planned. The files of that directory are copied here, up to the planned size.
void Transferrer::rsync(Group part, int source, const std::vector<int>& held_files) {
    while (!part.empty()) {
        const std::size_t known = runaways_.size();
        rsync_once(part, source, held_files);
        if (runaways_.size() == known || stop_.requested())
            return;
        for (auto* transfer : part)
            if (runaways_.contains(transfer->work))
                take_from_rsync(*transfer);
        std::erase_if(part, [&](const Transfer* transfer) {
            const bool is_done = runaways_.contains(transfer->work) ||
                                 size_of(transfer->arrived.get()) >= transfer->action->to;
            if (is_done)
                ::unlinkat(source, stand_in(*transfer).c_str(), 0);
            return is_done;
        });
    }
}

void Transferrer::rsync_once(const Group& part, int source, const std::vector<int>& held_files) {
    const RsyncRun run{settings_.rsync,
                       source,
                       incoming_.get(),
                       held_files,
                       settings_.lock,
                       settings_.bandwidth,
                       [this](const std::string& name) { return path_of(name); }};
    Arrivals arrivals(part);
    auto next_look = Clock::now();
    const auto all_arrived = [&] {
        const bool goes_on = arrivals.look();
        if (progress_)
            progress_(moved_ + arrivals.bytes());
        if (arrivals.rest().empty())
            return true;
        const auto begin = Clock::now();
        if (goes_on || begin < next_look)
            return note_runaways(arrivals.surplus(), {});
        // One that does not arrive at all, because rsync cannot read it, hides those after it.
        const bool any = note_runaways(arrivals.surplus(), arrivals.rest());
        const auto took = Clock::now() - begin; // looking at many files takes time
        next_look = Clock::now() + std::min<Clock::duration>(30 * took, longest_between_looks);
        return any;
    };
    const auto problem = rsync_append(run, stop_, all_arrived);
    for (const auto* transfer : part)
        moved_ += transfer->action->bytes();
    has_problem_ = has_problem_ || !problem.empty();
    auto& problems = outcome_.problems;
    if (!problem.empty() && std::find(problems.begin(), problems.end(), problem) == problems.end())
        problems.push_back(problem);
}

/// Notes the log directories from which more arrives than was planned: a file was extended since, or grows
/// faster than it is read. Returns true when there are new ones.
bool Transferrer::note_runaways(Surplus surplus, std::span<Transfer* const> others) {
    for (const auto* transfer : others) {
        const std::uint64_t size = size_of(transfer->arrived.get());
        if (size > transfer->action->to)
            surplus[transfer->work] += size - transfer->action->to;
    }
    bool any = false;
    for (const auto& [work, bytes] : surplus)
        if (bytes > most_surplus)
            any = runaways_.insert(work).second || any;
    return any;
}

/// Saves only the planned part of a file whose log directory brings too much.
void Transferrer::take_from_rsync(Transfer& transfer) {
    const std::uint64_t to = transfer.action->to;
    if (size_of(transfer.arrived.get()) > to) {
        if (::ftruncate(transfer.arrived.get(), static_cast<off_t>(to)) != 0)
            fail(transfer, "cannot write its backup", errno);
        leave_unsettled(transfer); // plan again, for what came meanwhile
    } else {
        copy(transfer);
    }
}

/// Copies a part of a file, or a file with holes, which rsync cannot do: it would write the holes out as
/// zeros. Keeps to the bandwidth as rsync does.
void Transferrer::copy(Transfer& transfer) {
    const int source = transfer.source.get();
    const int arrived = transfer.arrived.get();
    const std::uint64_t begin = std::max(size_of(arrived), transfer.action->data_from);
    const std::uint64_t end = std::min(transfer.action->to, size_of(source));
    const bool is_limited = settings_.bandwidth != UINT64_MAX;
    const std::uint64_t step = is_limited ? bytes_at_a_time(settings_.bandwidth) : most_surplus;
    const std::uint64_t most = transfer.action->bytes() + most_surplus; // a hole can be filled meanwhile
    const std::uint64_t before = on_disk(arrived);
    int error = 0;
    for (std::uint64_t at = begin; at < end && error == 0;) {
        if (on_disk(arrived) > before + most) {
            leave_unsettled(transfer); // plan again
            return;
        }
        const std::uint64_t data = std::min(end, std::max(at, next_data(source, at)));
        const std::uint64_t to = data + std::min(step, end - data);
        error = copy_data(source, arrived, at, to, source, {}); // no grace after a stop
        if (is_limited && to < end)
            std::this_thread::sleep_for(std::chrono::duration<double>(
                static_cast<double>(to - data) / static_cast<double>(settings_.bandwidth)));
        at = to;
    }
    if (error != 0 && error != ECANCELED && error != EIO)
        fail(transfer, "cannot write its backup", error);
    moved_ += transfer.action->bytes();
    if (progress_)
        progress_(moved_);
}

} // namespace logbackup
