// SPDX-License-Identifier: MIT
#include "transfer/transferrer.hpp"

#include "content/content.hpp"
#include "content/extents.hpp"
#include "plan/zeros.hpp"
#include "transfer/hole.hpp"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <string_view>

namespace logbackup {
namespace {

/// A run that has to stop has this much time to prove what arrived, and then to copy what is proved. With the
/// end of rsync, that is less than the minute that StopSignal grants.
constexpr std::chrono::seconds time_to_prove{4};
constexpr std::chrono::seconds time_to_copy{8};

bool is_zero(std::string_view bytes) {
    return bytes.front() == '\0' && bytes.substr(1) == bytes.substr(0, bytes.size() - 1);
}

bool write_all(int file, std::string_view bytes, std::uint64_t offset) {
    while (!bytes.empty()) {
        const auto put = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (put < 0)
            return false;
        bytes.remove_prefix(static_cast<std::size_t>(put));
        offset += static_cast<std::uint64_t>(put);
    }
    return true;
}

/// True if all of the source is saved but for zeros that are not to be saved.
bool has_end_of_source(std::uint64_t size, const Action& action, const struct stat& source) {
    return size + (action.ends_as_source ? 0 : action.zeros) == static_cast<std::uint64_t>(source.st_size);
}

} // namespace

/// True if the run was told to stop at least `grace` ago.
bool Transferrer::is_over(std::chrono::milliseconds grace) {
    if (!stop_.requested())
        return false;
    const auto now = std::chrono::steady_clock::now();
    if (!stopped_)
        stopped_ = now;
    return now - *stopped_ >= grace;
}

Proof Transferrer::proof_of(const Transfer& transfer, int arrived, std::uint64_t size) {
    const Action& action = *transfer.action;
    return prove({transfer.source.get(), arrived, action.from, action.data_from, size}, stop_,
                 [this] { return is_over(time_to_prove); });
}

/// Takes over what arrived, if it is proved, and removes the stand-in.
void Transferrer::settle(Transfer& transfer) {
    if (!take_over(transfer))
        ::unlinkat(incoming_.get(), stand_in(transfer).c_str(), 0);
    transfer.arrived.reset();
    if (finished_.empty() || finished_.back().transfer != &transfer)
        transfer.source.reset();
}

/// Returns true if the stand-in has become the saved file.
bool Transferrer::take_over(Transfer& transfer) {
    const Action& action = *transfer.action;
    const int arrived = transfer.arrived.get();
    const std::uint64_t brought = size_of(arrived);
    const std::uint64_t size = without_surplus_zeros(transfer, arrived, brought);
    if (size <= action.data_from && action.bytes() > 0) {
        account(transfer, action.from);
        return false;
    }
    const Proof proof = proof_of(transfer, arrived, size);
    const auto now = status_of(transfer.source.get());
    // A changed file is planned again, unless the run has to stop: then its proved part is taken over.
    const auto is_worth = [&] {
        const bool unchanged = now && mtime_of(*now) == transfer.mtime;
        return stop_.requested() ? proof.until > action.data_from
                                 : proof.error != ECANCELED && (proof.error != 0 || unchanged);
    };
    if (proof.until < size && !is_worth()) {
        leave_unsettled(transfer);
        return false;
    }
    if (proof.until < brought) { // unreadable source, failed write, no time left, or surplus zeros
        if (proof.error != 0 && proof.error != ECANCELED)
            fail(transfer, "cannot read all of it", proof.error);
        if (::ftruncate(arrived, static_cast<off_t>(proof.until)) != 0)
            return false;
    }
    if (action.kind == ActionKind::create)
        return take_over_file(transfer, proof.until);
    take_over_bytes(transfer, proof.until);
    return false;
}

/// Returns the size of what arrived without zeros that a writer has set aside since the plan.
std::uint64_t Transferrer::without_surplus_zeros(const Transfer& transfer, int arrived, std::uint64_t size) {
    const std::uint64_t planned = transfer.action->to;
    if (size <= planned)
        return size;
    std::uint64_t budget = size - planned;
    const std::uint64_t end = data_end(arrived, planned, size, budget);
    return are_set_aside(size_of(transfer.source.get()), size - end) ? end : size;
}

/// Returns the directory of the saved file, which is made if necessary; -1 with errno if that fails.
int Transferrer::directory_of(const Transfer& transfer) {
    const std::string parent = parent_path(backup_path(transfer));
    return targets_.at(
        parent, [&] { return make_directories(settings_.root, parent, directory_mode, settings_.group); });
}

bool Transferrer::take_over_file(Transfer& transfer, std::uint64_t size) {
    const int to = directory_of(transfer);
    if (to < 0 || !rename_to_new(incoming_.get(), stand_in(transfer), to, base_name(transfer.action->path))) {
        fail(transfer, "cannot put its backup in place", errno);
        return false;
    }
    finish(transfer, std::move(transfer.arrived), size);
    return true;
}

void Transferrer::take_over_bytes(Transfer& transfer, std::uint64_t size) {
    const Action& action = *transfer.action;
    const int directory = directory_of(transfer);
    UniqueFd saved = directory < 0 ? UniqueFd() : open_for_update(directory, base_name(action.path));
    if (!saved) {
        fail(transfer, "cannot write its backup", errno);
        return;
    }
    int error = same_at_ends(transfer.source.get(), saved.get(), action.from, stop_)
                    ? cut_hole(saved.get(), action.from)
                    : ESTALE;
    if (error == ESTALE) {
        leave_unsettled(transfer);
        return;
    }
    // Extends the saved file over a hole: the source reads as zeros there, and so does a longer file.
    if (error == 0 && action.data_from > action.from &&
        ::ftruncate(saved.get(), static_cast<off_t>(action.data_from)) != 0)
        error = errno;
    if (error == 0)
        error = copy_data(transfer.arrived.get(), saved.get(), action.data_from, size, transfer.source.get(),
                          time_to_copy);
    if (error != 0 && error != ECANCELED)
        fail(transfer, "cannot write its backup", error);
    const std::uint64_t saved_size = size_of(saved.get());
    finish(transfer, std::move(saved), saved_size);
}

/// Copies a range to the same place of another file, which must not reach beyond the start of the range.
/// Zeros become holes; holes that the file and `source` share are not read. Returns 0 or an errno value, and
/// ECANCELED when the run has to stop and `grace` is over.
int Transferrer::copy_data(int from, int to, std::uint64_t begin, std::uint64_t end, int source,
                           std::chrono::milliseconds grace) {
    const auto size = std::min<std::uint64_t>(1U << 20U, end - std::min(begin, end));
    const auto buffer = std::make_unique_for_overwrite<char[]>(size);
    while (begin < end) {
        if (const auto data = std::min(next_data(from, begin), next_data(source, begin)); data > begin) {
            begin = std::min(data, end);
            if (::ftruncate(to, static_cast<off_t>(begin)) != 0)
                return errno;
            continue;
        }
        if (is_over(grace))
            return ECANCELED;
        const auto want = std::min(size, next_hole(from, begin, end) - begin);
        const auto got = ::pread(from, buffer.get(), want, static_cast<off_t>(begin));
        if (got <= 0)
            return got < 0 ? errno : EIO;
        const auto count = static_cast<std::size_t>(got);
        if (is_zero({buffer.get(), count}) ? ::ftruncate(to, static_cast<off_t>(begin + count)) != 0
                                           : !write_all(to, {buffer.get(), count}, begin))
            return errno;
        begin += count;
    }
    return 0;
}

void Transferrer::finish(Transfer& transfer, UniqueFd saved, std::uint64_t size) {
    account(transfer, size);
    finished_.push_back({&transfer, std::move(saved), size});
}

/// Cuts a saved file after the bytes that the disk has, if a write failed. The kernel has the others in
/// memory as if they were on the disk: the next run would find nothing to do, and they would be lost with the
/// memory. Cuts nothing that its source may no longer have.
void Transferrer::cut_unwritten(const Transfer& transfer, int saved) {
    const Action& action = *transfer.action;
    const int source = transfer.source.get();
    const std::uint64_t size = size_of(saved);
    if (drop_cache(saved) || size <= action.from)
        return;
    const Proof proof = prove({source, saved, action.from, action.data_from, size}, stop_,
                              [this] { return is_over(time_to_prove); });
    if (proof.until == size || proof.error != 0)
        return;
    const auto now = status_of(source);
    const bool is_unchanged = now && mtime_of(*now) == transfer.mtime;
    const bool has_grown =
        proof.until > 0 && size_of(source) >= size && same_at_ends(source, saved, proof.until, stop_);
    if ((is_unchanged || has_grown) && ::ftruncate(saved, static_cast<off_t>(proof.until)) != 0)
        fail(transfer, "cannot cut its backup", errno);
}

/// Waits until all saved bytes are on the disk. Only then a saved file is made longer by a hole: after a
/// power cut a file system may know the new size, but not the bytes before the hole. Then the saved file gets
/// the mtime of its source as a sign that all of it is saved, unless the source has changed. The next run
/// compares a file with another mtime in full.
void Transferrer::keep_for_good() {
    if (finished_.empty())
        return;
    const UniqueFd any(::openat(incoming_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const bool kept = any && ::syncfs(any.get()) == 0;
    const int error = errno;
    const bool is_stopped = stop_.requested();
    for (auto& [transfer, saved, size] : finished_) {
        const auto now = status_of(transfer->source.get());
        if (!kept)
            cut_unwritten(*transfer, saved.get());
        int not_extended = 0;
        if (kept && transfer->action->ends_as_source) {
            not_extended = end_as_source(saved.get(), transfer->source.get(), *transfer->action);
            size = size_of(saved.get());
        }
        transfer->source.reset();
        if (!kept)
            fail(*transfer, "cannot bring its backup to the disk", error);
        else if (not_extended != 0)
            fail(*transfer, "cannot extend its backup", not_extended);
        else if (!is_stopped && now && has_end_of_source(size, *transfer->action, *now) &&
                 mtime_of(*now) == transfer->mtime)
            ::futimens(saved.get(), std::array<timespec, 2>{timespec{0, UTIME_OMIT}, now->st_mtim}.data());
    }
    finished_.clear();
}

void Transferrer::account(const Transfer& transfer, std::uint64_t size) {
    const Action& action = *transfer.action;
    const std::uint64_t brought = size - std::min(size, action.data_from);
    const std::uint64_t bytes = brought - std::min(brought, action.holes);
    auto& outcome = outcome_of(transfer);
    outcome.bytes += bytes;
    if (size > action.from || action.to == 0)
        (action.kind == ActionKind::create ? outcome.created : outcome.changed) += 1;
    if (size < action.to && has_moved_on(transfer))
        leave_unsettled(transfer);
    else if (size < action.to)
        outcome.failures.push_back({action.path, "only " + human_bytes(bytes) + " of " +
                                                     human_bytes(action.bytes()) + " were saved"});
}

/// True if the source was truncated, or its name refers to another file by now.
bool Transferrer::has_moved_on(const Transfer& transfer) {
    const UniqueFd there = locate_in(*transfer.tree, transfer.action->path);
    struct stat status {};
    return size_of(transfer.source.get()) < transfer.action->to || !there ||
           ::fstat(there.get(), &status) != 0 || status.st_ino != transfer.action->inode;
}

} // namespace logbackup
