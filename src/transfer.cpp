// SPDX-License-Identifier: MIT
#include "logbackup/transfer.hpp"

#include "logbackup/proof.hpp"
#include "logbackup/rsync.hpp"
#include "logbackup/util/error.hpp"
#include "logbackup/util/files.hpp"
#include "logbackup/util/text.hpp"

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>

namespace logbackup {
namespace {

constexpr mode_t directory_mode = 0750;
constexpr mode_t file_mode = 0640;
constexpr const char* incoming_directory = ".logbackup/incoming";
constexpr const char* in_use = ".in-use"; // in it while a run works: left behind by one that was killed
constexpr const char* held_files_directory = ".logbackup/held-files";
constexpr std::size_t spare_descriptors = 500; // for everything else, links to held files included
constexpr std::size_t most_linked_files = 400; // at a time, in the direct way
constexpr std::size_t most_single_files = 100; // with an rsync each, where one for all of them has failed

std::uint64_t size_of(int file) {
    struct stat status {};
    return ::fstat(file, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

/// As many descriptors as the system lets us have; how many of them may be held at once.
std::size_t raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
        ::getrlimit(RLIMIT_NOFILE, &limit);
    // Half of them for sources, half for what is saved of these.
    return limit.rlim_cur > spare_descriptors ? (limit.rlim_cur - spare_descriptors) / 2 : 0;
}

/// Copies a range to the same place of another file. 0 or an errno value.
int copy_range(int from, int to, std::uint64_t begin, std::uint64_t end) {
    const auto size = std::min<std::uint64_t>(1U << 20U, end - begin);
    const auto buffer = std::make_unique_for_overwrite<char[]>(size);
    while (begin < end) {
        const auto want = std::min(size, end - begin);
        const auto got = ::pread(from, buffer.get(), want, static_cast<off_t>(begin));
        if (got <= 0)
            return got < 0 ? errno : EIO;
        const auto put = ::pwrite(to, buffer.get(), static_cast<std::size_t>(got), static_cast<off_t>(begin));
        if (put < 0)
            return errno;
        begin += static_cast<std::uint64_t>(put);
    }
    return 0;
}

std::int64_t mtime_of(const struct stat& status) {
    return std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
}

class Transferrer {
  public:
    Transferrer(std::vector<Transfer>& transfers, const ApplySettings& settings, StopSignal& stop,
                const Progress& progress, ApplyOutcome& outcome)
        : transfers_(transfers), settings_(settings), stop_(stop), progress_(progress), outcome_(outcome) {}

    void run() {
        remove_leftovers(settings_.root);
        if (transfers_.empty())
            return;
        open_incoming();
        refuse_what_has_no_room();
        most_held_ = raise_descriptor_limit();
        std::vector<Transfer*> begun;
        for (auto& transfer : transfers_)
            if (!stop_.requested() && begin(transfer))
                begun.push_back(&transfer);
        move_bytes(begun);
        if (!outcome_.problems.empty())
            try_one_by_one(begun);
        for (auto* transfer : begun)
            settle(*transfer);
        ::unlinkat(incoming_.get(), in_use, 0);
        keep_for_good();
        // rsync also complains of a file that shrank or moved under it, which settle() has dealt with.
        const auto& directories = outcome_.directories;
        if (std::all_of(directories.begin(), directories.end(),
                        [](const DirectoryOutcome& directory) { return directory.failures.empty(); }))
            outcome_.problems.clear();
    }

  private:
    struct Finished {
        Transfer* transfer = nullptr;
        UniqueFd saved;
    };

    static std::string backup_path(const Transfer& transfer) {
        return joined(transfer.tree->directory, transfer.action->path);
    }
    DirectoryOutcome& outcome_of(const Transfer& transfer) { return outcome_.directories[transfer.work]; }
    void fail(const Transfer& transfer, const std::string& what, int error) {
        outcome_of(transfer).failures.push_back({transfer.action->path, what + ": " + error_text(error)});
    }
    void leave_unsettled(const Transfer& transfer) {
        outcome_of(transfer).unsettled.push_back({transfer.action->path, "it changed while it was read"});
    }

    void remove_tree(const std::string& directory) const {
        std::error_code ignored;
        std::filesystem::remove_all("/proc/self/fd/" + std::to_string(settings_.root) + "/" + directory,
                                    ignored);
    }

    /// Its directories stay from one run to the next: making and removing hundreds of them each minute is not
    /// free.
    void open_incoming() {
        incoming_ = make_directories(settings_.root, incoming_directory, 0700, static_cast<gid_t>(-1));
        const UniqueFd mark(
            ::openat(incoming_.get(), in_use, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    }

    void refuse_what_has_no_room() {
        const auto space = free_space(settings_.root, settings_.min_free);
        if (!space)
            return;
        std::stable_sort(transfers_.begin(), transfers_.end(), [](const Transfer& a, const Transfer& b) {
            return a.action->bytes() < b.action->bytes();
        });
        std::uint64_t room = space->bytes - std::min(space->bytes, space->reserved_bytes);
        std::uint64_t inodes = space->inodes - std::min(space->inodes, space->reserved_inodes);
        const std::uint64_t inodes_each = settings_.view >= 0 ? 1 : 2; // a stand-in; in the direct way a link
        const auto refused = [&](const Transfer& transfer) {
            const Action& action = *transfer.action;
            const std::uint64_t blocks = (action.bytes() + space->block - 1) / space->block * space->block;
            std::string reason;
            if (blocks > room)
                reason = "no room for its " + human_bytes(action.bytes()) + ": " + human_bytes(space->bytes) +
                         " are free, of which " + human_bytes(space->reserved_bytes) +
                         " are kept free (--min-free)";
            else if (inodes < inodes_each)
                reason = "no room for another file: " + std::to_string(space->inodes) +
                         " inodes are free, of which " + std::to_string(space->reserved_inodes) +
                         " are kept free";
            if (!reason.empty()) {
                outcome_of(transfer).failures.push_back({action.path, reason});
                return true;
            }
            room -= blocks;
            inodes -= inodes_each;
            return false;
        };
        std::erase_if(transfers_, refused);
    }

    /// Makes the stand-in.
    bool begin(Transfer& transfer) {
        const Action& action = *transfer.action;
        UniqueFd source = open_in(*transfer.tree, action.path);
        struct stat status {};
        if (!source && errno != ENOENT && errno != ENXIO) {
            fail(transfer, "cannot read it", errno);
            return false;
        }
        if (!source || ::fstat(source.get(), &status) != 0 || status.st_ino != action.inode) {
            leave_unsettled(transfer);
            return false;
        }
        transfer.mtime = mtime_of(status);
        if (held_ < most_held_) {
            transfer.source = std::move(source);
            ++held_;
        }
        const std::string path = backup_path(transfer);
        const UniqueFd parent =
            make_directories(incoming_.get(), parent_path(path), 0700, static_cast<gid_t>(-1));
        auto make = [&] {
            return UniqueFd(parent ? ::openat(parent.get(), base_name(path).c_str(),
                                              O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, file_mode)
                                   : -1);
        };
        UniqueFd file = make();
        if (!file && errno == EEXIST) { // a directory of a former run, of the time when this was one
            remove_tree(joined(incoming_directory, path));
            file = make();
        }
        const bool made = file && ::ftruncate(file.get(), static_cast<off_t>(action.data_from)) == 0 &&
                          (settings_.group == static_cast<gid_t>(-1) ||
                           ::fchown(file.get(), static_cast<uid_t>(-1), settings_.group) == 0);
        if (!made)
            fail(transfer, "cannot write its backup", errno);
        return made;
    }

    /// rsync gives up at the first file that it cannot write, and goes by name: one that crosses a quota
    /// would keep all that follow from being saved. What is left over is tried by itself, the smallest first.
    void try_one_by_one(std::vector<Transfer*>& begun) {
        // Where a write fails rsync can leave a file of the full size, but with zeros.
        const auto has_arrived = [&](const Transfer* transfer) {
            const UniqueFd file = open_regular(incoming_.get(), backup_path(*transfer));
            const std::uint64_t to = transfer->action->to;
            return transfer->action->bytes() == 0 || !transfer->source ||
                   (file && size_of(file.get()) >= to && proof_of(*transfer, file.get(), to).until >= to);
        };
        if (std::count_if(begun.begin(), begun.end(), has_arrived) + 1 >= std::ssize(begun))
            return; // it was the only one
        std::vector<Transfer*> left;
        for (auto* transfer : begun) {
            const UniqueFd file =
                has_arrived(transfer) ? UniqueFd() : open_for_update(incoming_.get(), backup_path(*transfer));
            if (file && ::ftruncate(file.get(), static_cast<off_t>(transfer->action->data_from)) == 0)
                left.push_back(transfer);
            else
                settle(*transfer);
        }
        const UniqueFd any(::openat(incoming_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        ::syncfs(any.get()); // some file systems give room back no sooner
        std::size_t tried = 0;
        for (int in_vain = 0; tried < left.size() && tried < most_single_files && in_vain < 3; ++tried) {
            if (stop_.requested())
                break;
            move_bytes({left[tried]});
            in_vain = has_arrived(left[tried]) ? 0 : in_vain + 1;
            settle(*left[tried]);
        }
        begun.assign(left.begin() + static_cast<std::ptrdiff_t>(tried), left.end());
    }

    void move_bytes(const std::vector<Transfer*>& begun) {
        std::vector<Transfer*> with_bytes;
        std::copy_if(begun.begin(), begun.end(), std::back_inserter(with_bytes),
                     [](const Transfer* transfer) { return transfer->action->bytes() > 0; });
        if (settings_.view >= 0) {
            if (!with_bytes.empty())
                rsync(with_bytes, settings_.view, {});
            return;
        }
        const std::span<Transfer* const> all(with_bytes);
        for (std::size_t done = 0; done < all.size() && !stop_.requested(); done += most_linked_files)
            rsync_linked(all.subspan(done, std::min(most_linked_files, all.size() - done)));
    }

    /// The direct way. rsync would look names up again in trees that containers change, so it is given a
    /// directory of links to the files that are held open here: it can reach these and nothing else.
    void rsync_linked(std::span<Transfer* const> part) {
        remove_tree(held_files_directory);
        std::vector<UniqueFd> opened;
        std::vector<int> descriptors;
        std::vector<Transfer*> linked;
        for (auto* transfer : part) {
            int file = transfer->source.get();
            if (file < 0) {
                opened.push_back(locate_in(*transfer->tree, transfer->action->path));
                file = opened.back().get();
            }
            if (file < 0)
                continue; // it has vanished; settle() looks into it
            const std::string path = joined(held_files_directory, backup_path(*transfer));
            const UniqueFd parent =
                make_directories(settings_.root, parent_path(path), 0700, static_cast<gid_t>(-1));
            const std::string target = "/proc/self/fd/" + std::to_string(file);
            if (!parent || ::symlinkat(target.c_str(), parent.get(), base_name(path).c_str()) != 0)
                continue;
            descriptors.push_back(file);
            linked.push_back(transfer);
        }
        const UniqueFd links = open_directory(settings_.root, held_files_directory);
        if (!linked.empty())
            rsync(linked, links.get(), std::move(descriptors));
        remove_tree(held_files_directory);
    }

    void rsync(const std::vector<Transfer*>& part, int source, std::vector<int> held_files) {
        RsyncRun run{settings_.rsync, source, incoming_.get(), {}, std::move(held_files), settings_.lock};
        for (const auto* transfer : part)
            run.paths.push_back(backup_path(*transfer));
        std::size_t next = 0; // rsync works in the order of the list
        std::uint64_t complete = 0;
        const auto all_arrived = [&] {
            std::uint64_t current = 0;
            for (; next < part.size(); ++next) {
                const auto status = status_at(incoming_.get(), run.paths[next]);
                const auto size = status ? static_cast<std::uint64_t>(status->st_size) : 0;
                const Action& action = *part[next]->action;
                if (size < action.to) {
                    current = size - std::min(size, action.data_from);
                    break;
                }
                complete += action.bytes();
            }
            if (progress_)
                progress_(moved_ + complete + current);
            return next == part.size();
        };
        const auto problem = rsync_append(run, stop_, all_arrived);
        for (const auto* transfer : part)
            moved_ += transfer->action->bytes();
        auto& problems = outcome_.problems;
        if (!problem.empty() && std::find(problems.begin(), problems.end(), problem) == problems.end())
            problems.push_back(problem);
    }

    [[nodiscard]] Proof proof_of(const Transfer& transfer, int arrived, std::uint64_t size) const {
        const Action& action = *transfer.action;
        return prove({transfer.source.get(), arrived, action.from, action.data_from, size}, stop_);
    }

    /// Takes over what arrived, if it is proved; then there is no stand-in any longer.
    void settle(Transfer& transfer) {
        take_over(transfer);
        if (finished_.empty() || finished_.back().transfer != &transfer)
            transfer.source.reset();
        const std::string path = backup_path(transfer);
        ::unlinkat(open_directory(incoming_.get(), parent_path(path)).get(), base_name(path).c_str(), 0);
    }

    void take_over(Transfer& transfer) {
        const Action& action = *transfer.action;
        if (!transfer.source) {
            transfer.source = open_in(*transfer.tree, action.path);
            struct stat status {};
            if (!transfer.source || ::fstat(transfer.source.get(), &status) != 0 ||
                status.st_ino != action.inode) {
                leave_unsettled(transfer);
                return;
            }
        }
        const int source = transfer.source.get();
        const UniqueFd arrived = open_regular(incoming_.get(), backup_path(transfer));
        const std::uint64_t size = arrived ? size_of(arrived.get()) : 0;
        if (arrived && size <= action.data_from && action.bytes() > 0) {
            account(transfer, action.from);
            return;
        }
        if (!arrived || size > size_of(source)) {
            leave_unsettled(transfer);
            return;
        }
        const Proof proof = proof_of(transfer, arrived.get(), size);
        const auto now = status_of(source);
        const bool unchanged = now && mtime_of(*now) == transfer.mtime;
        if (proof.until < size && (proof.error == ECANCELED || (proof.error == 0 && !unchanged))) {
            leave_unsettled(transfer);
            return;
        }
        if (proof.until < size) { // it cannot be read, or what was written did not get there
            if (proof.error != 0)
                fail(transfer, "cannot read all of it", proof.error);
            const UniqueFd shorter = open_for_update(incoming_.get(), backup_path(transfer));
            if (!shorter || ::ftruncate(shorter.get(), static_cast<off_t>(proof.until)) != 0)
                return;
        }
        if (action.kind == ActionKind::create) {
            take_over_file(transfer);
            return;
        }
        const UniqueFd instance = open_directory(settings_.root, transfer.tree->directory);
        take_over_bytes(transfer, instance.get(), arrived.get(), proof.until);
    }

    void take_over_file(Transfer& transfer) {
        const std::string& path = transfer.action->path;
        const UniqueFd from = open_directory(incoming_.get(), parent_path(backup_path(transfer)));
        const UniqueFd to = make_directories(settings_.root, parent_path(backup_path(transfer)),
                                             directory_mode, settings_.group);
        if (!from || !to ||
            ::renameat2(from.get(), base_name(path).c_str(), to.get(), base_name(path).c_str(),
                        RENAME_NOREPLACE) != 0) {
            fail(transfer, "cannot put its backup in place", errno);
            return;
        }
        finish(transfer, to.get(), base_name(path));
    }

    void take_over_bytes(Transfer& transfer, int instance, int arrived, std::uint64_t size) {
        const Action& action = *transfer.action;
        const UniqueFd saved = open_for_update(instance, action.path);
        if (!saved) {
            fail(transfer, "cannot write its backup", errno);
            return;
        }
        if (size_of(saved.get()) != action.from ||
            !same_at_ends(transfer.source.get(), saved.get(), action.from, stop_)) {
            leave_unsettled(transfer);
            return;
        }
        int error = 0;
        // A hole at the end of what is saved: the source reads as zeros there, and so does a longer file.
        if (action.data_from > action.from &&
            ::ftruncate(saved.get(), static_cast<off_t>(action.data_from)) != 0)
            error = errno;
        if (error == 0)
            error = copy_range(arrived, saved.get(), action.data_from, size);
        if (error != 0)
            fail(transfer, "cannot write its backup", error);
        finish(transfer, instance, action.path);
    }

    void finish(Transfer& transfer, int directory, const std::string& path) {
        UniqueFd saved = open_for_update(directory, path);
        account(transfer, saved ? size_of(saved.get()) : 0);
        if (finished_.size() >= most_held_) // each holds a descriptor
            keep_for_good();
        finished_.push_back({&transfer, std::move(saved)});
    }

    /// Waits until all that was saved is on the disk. The time of a source then says that all of it is saved,
    /// as it was all the while; a file that has another time is compared in full at the next tick.
    void keep_for_good() {
        if (finished_.empty())
            return;
        const UniqueFd any(::openat(incoming_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        const bool kept = any && ::syncfs(any.get()) == 0;
        const int error = errno;
        for (auto& [transfer, saved] : finished_) {
            const auto now = status_of(transfer->source.get());
            transfer->source.reset();
            if (!kept)
                fail(*transfer, "cannot bring its backup to the disk", error);
            else if (!stop_.requested() && now && saved &&
                     size_of(saved.get()) == static_cast<std::uint64_t>(now->st_size) &&
                     mtime_of(*now) == transfer->mtime)
                ::futimens(saved.get(),
                           std::array<timespec, 2>{timespec{0, UTIME_OMIT}, now->st_mtim}.data());
        }
        finished_.clear();
    }

    void account(const Transfer& transfer, std::uint64_t size) {
        const Action& action = *transfer.action;
        const std::uint64_t bytes = size - std::min(size, action.data_from);
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

    /// Whether it was truncated, or its name stands for another file by now.
    [[nodiscard]] static bool has_moved_on(const Transfer& transfer) {
        const UniqueFd there = locate_in(*transfer.tree, transfer.action->path);
        struct stat status {};
        return size_of(transfer.source.get()) < transfer.action->to || !there ||
               ::fstat(there.get(), &status) != 0 || status.st_ino != transfer.action->inode;
    }

    std::vector<Transfer>& transfers_;
    const ApplySettings& settings_;
    StopSignal& stop_;
    const Progress& progress_;
    ApplyOutcome& outcome_;
    UniqueFd incoming_;
    std::size_t most_held_ = 0;
    std::size_t held_ = 0;
    std::uint64_t moved_ = 0;
    std::vector<Finished> finished_; ///< what is not known to be on the disk yet
};

} // namespace

void remove_leftovers(int root) {
    std::error_code ignored;
    if (status_at(root, joined(incoming_directory, in_use)))
        std::filesystem::remove_all("/proc/self/fd/" + std::to_string(root) + "/" + incoming_directory,
                                    ignored);
}

void transfer_bytes(std::vector<Transfer>& transfers, const ApplySettings& settings, StopSignal& stop,
                    const Progress& progress, ApplyOutcome& outcome) {
    Transferrer(transfers, settings, stop, progress, outcome).run();
}

} // namespace logbackup
