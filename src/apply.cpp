// SPDX-License-Identifier: MIT
#include "logbackup/apply.hpp"

#include "logbackup/content.hpp"
#include "logbackup/ledger.hpp"
#include "logbackup/plan.hpp"
#include "logbackup/rsync.hpp"
#include "logbackup/util/error.hpp"
#include "logbackup/util/files.hpp"
#include "logbackup/util/text.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <span>

namespace logbackup {
namespace {

constexpr mode_t directory_mode = 0750;
constexpr mode_t file_mode = 0640;
constexpr std::size_t most_held_files = 400; // below the usual limit of 1024 descriptors
constexpr const char* held_files_directory = ".logbackup/held-files";

bool hand_over(int fd, gid_t group) {
    return group == static_cast<gid_t>(-1) ||
           ::fchownat(fd, "", static_cast<uid_t>(-1), group, AT_EMPTY_PATH) == 0;
}

/// Renames without overwriting; tries "<to>.1", "<to>.2", … where the name is taken.
bool rename_to_free_name(int directory, const std::string& from, const std::string& to) {
    for (unsigned n = 0; n < 100'000; ++n) {
        const std::string name = n == 0 ? to : to + "." + std::to_string(n);
        if (::renameat2(directory, from.c_str(), directory, name.c_str(), RENAME_NOREPLACE) == 0)
            return true;
        if (errno != EEXIST)
            return false;
    }
    return false;
}

/// Makes a link, in the place of another one if need be. A link holds no log: nothing is lost between the
/// steps.
bool make_link(int directory, const std::string& name, const std::string& target) {
    if (::symlinkat(target.c_str(), directory, name.c_str()) == 0)
        return true;
    const int error = errno;
    const auto there = status_at(directory, name);
    if (error == EEXIST && there && S_ISLNK(there->st_mode))
        return ::unlinkat(directory, name.c_str(), 0) == 0 &&
               ::symlinkat(target.c_str(), directory, name.c_str()) == 0;
    errno = error;
    return false;
}

bool set_mtime(int file, std::int64_t nanoseconds) {
    std::array<timespec, 2> times{};
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_sec = nanoseconds / 1'000'000'000;
    times[1].tv_nsec = nanoseconds % 1'000'000'000;
    return ::futimens(file, times.data()) == 0;
}

std::uint64_t size_of(int file) {
    struct stat status {};
    return ::fstat(file, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

struct Transfer {
    std::size_t work = 0; ///< index
    const Action* action = nullptr;
};

class Applier {
  public:
    Applier(const std::vector<DirectoryWork>& work, const ApplySettings& settings, StopSignal& stop,
            const Progress& progress)
        : work_(work), settings_(settings), stop_(stop), progress_(progress) {
        outcome_.directories.resize(work.size());
    }

    ApplyOutcome run() {
        for (std::size_t i = 0; i < work_.size() && !stop_.requested(); ++i)
            prepare(i);
        transfer_all();
        for (const auto& transfer : transfers_)
            settle(transfer);
        // rsync also complains of a file that shrank or moved under it, which settle() has dealt with.
        const auto& directories = outcome_.directories;
        if (std::all_of(directories.begin(), directories.end(),
                        [](const DirectoryOutcome& directory) { return directory.failures.empty(); }))
            outcome_.problems.clear();
        return std::move(outcome_);
    }

  private:
    const std::string& directory_of(std::size_t i) const { return work_[i].tree->directory; }
    std::string backup_path(const Transfer& transfer) const {
        return joined(directory_of(transfer.work), transfer.action->path);
    }

    void fail(std::size_t i, const std::string& path, const std::string& what, int error) {
        outcome_.directories[i].failures.push_back({path, what + ": " + error_text(error)});
    }

    void prepare(std::size_t i) {
        for (const auto& action : work_[i].plan->actions) {
            const std::string path = joined(directory_of(i), action.path);
            const UniqueFd parent = directory_for(path);
            if (!parent)
                fail(i, action.path, "cannot make its directory", errno);
            else if (!prepare_file(i, action, parent.get(), base_name(path)))
                return; // a name that was to be free is not: what follows is not for this tick
        }
    }

    UniqueFd directory_for(const std::string& path) const {
        return make_directories(settings_.root, parent_path(path), directory_mode, settings_.group);
    }

    bool prepare_file(std::size_t i, const Action& action, int parent, const std::string& name) {
        switch (action.kind) {
        case ActionKind::set_aside:
            if (!rename_to_free_name(parent, name, base_name(action.new_path))) {
                fail(i, action.path, "cannot set its backup aside", errno);
                return false;
            }
            ++outcome_.directories[i].set_aside;
            break;
        case ActionKind::rename: {
            const UniqueFd to = directory_for(joined(directory_of(i), action.new_path));
            if (!to || ::renameat2(parent, name.c_str(), to.get(), base_name(action.new_path).c_str(),
                                   RENAME_NOREPLACE) != 0) {
                fail(i, action.path, "cannot rename its backup to " + in_quotes(action.new_path), errno);
                return false;
            }
            ++outcome_.directories[i].renamed;
            break;
        }
        case ActionKind::link:
            if (!make_link(parent, name, action.new_path))
                fail(i, action.path, "cannot make the link", errno);
            break;
        case ActionKind::retime:
            if (const UniqueFd file = open_for_update(parent, name);
                !file || !set_mtime(file.get(), action.mtime))
                fail(i, action.path, "cannot set its modification time", errno);
            break;
        case ActionKind::create:
        case ActionKind::append: begin_transfer(i, action, parent, name); break;
        }
        return true;
    }

    void begin_transfer(std::size_t i, const Action& action, int parent, const std::string& name) {
        UniqueFd file;
        if (action.kind == ActionKind::create) {
            file = UniqueFd(::openat(parent, name.c_str(),
                                     O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, file_mode));
            if (file && !hand_over(file.get(), settings_.group))
                fail(i, action.path, "cannot hand its backup to the group", errno);
        } else {
            file = open_for_update(parent, name);
        }
        // A hole at the end of what is saved: the source reads as zeros there, and so does a longer file.
        const bool ready = file && (action.data_from == action.from ||
                                    ::ftruncate(file.get(), static_cast<off_t>(action.data_from)) == 0);
        if (!ready)
            fail(i, action.path, "cannot write its backup", errno);
        else
            transfers_.push_back({i, &action});
    }

    void transfer_all() {
        std::vector<Transfer> with_bytes;
        std::copy_if(transfers_.begin(), transfers_.end(), std::back_inserter(with_bytes),
                     [](const Transfer& transfer) { return transfer.action->bytes() > 0; });
        if (settings_.view >= 0) {
            if (!with_bytes.empty())
                transfer(with_bytes, settings_.view, {});
            return;
        }
        const std::span<const Transfer> all(with_bytes);
        for (std::size_t done = 0; done < all.size() && !stop_.requested(); done += most_held_files)
            transfer_held(all.subspan(done, std::min(most_held_files, all.size() - done)));
    }

    /// The direct way. rsync would look names up again in trees that containers change, so it is given a
    /// directory of links to the files that are held open here: it can reach these and nothing else.
    void transfer_held(std::span<const Transfer> part) {
        const auto remove_links = [&] {
            std::error_code ignored;
            std::filesystem::remove_all(
                "/proc/self/fd/" + std::to_string(settings_.root) + "/" + held_files_directory, ignored);
        };
        remove_links(); // of a run that was killed
        std::vector<UniqueFd> files;
        std::vector<int> descriptors;
        std::vector<Transfer> held;
        for (const auto& transfer : part) {
            UniqueFd file = locate_in(*work_[transfer.work].tree, transfer.action->path);
            if (!file)
                continue; // it has vanished; settle() looks into it
            const std::string path = joined(held_files_directory, backup_path(transfer));
            const UniqueFd parent =
                make_directories(settings_.root, parent_path(path), 0700, static_cast<gid_t>(-1));
            const std::string target = "/proc/self/fd/" + std::to_string(file.get());
            if (!parent || ::symlinkat(target.c_str(), parent.get(), base_name(path).c_str()) != 0) {
                fail(transfer.work, transfer.action->path, "cannot make a link to it", errno);
                continue;
            }
            descriptors.push_back(file.get());
            files.push_back(std::move(file));
            held.push_back(transfer);
        }
        const UniqueFd links = open_directory(settings_.root, held_files_directory);
        if (!held.empty())
            transfer(held, links.get(), std::move(descriptors));
        remove_links();
    }

    void transfer(const std::vector<Transfer>& part, int source, std::vector<int> held_files) {
        RsyncRun run{settings_.rsync, source, settings_.root, {}, std::move(held_files), settings_.lock};
        for (const auto& transfer : part)
            run.paths.push_back(backup_path(transfer));
        std::size_t next = 0; // rsync works in the order of the list
        std::uint64_t complete = 0;
        const auto all_arrived = [&] {
            std::uint64_t current = 0;
            for (; next < part.size(); ++next) {
                const auto status = status_at(settings_.root, backup_path(part[next]));
                const auto size = status ? static_cast<std::uint64_t>(status->st_size) : 0;
                const Action& action = *part[next].action;
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
        const auto outcome = rsync_append(run, stop_, all_arrived);
        for (const auto& transfer : part)
            moved_ += transfer.action->bytes();
        if (!outcome.problem.empty())
            outcome_.problems.push_back(outcome.problem);
    }

    /// What arrived, and is the file still a prefix of its source? What is not goes again.
    void settle(const Transfer& transfer) {
        const Action& action = *transfer.action;
        const Tree& tree = *work_[transfer.work].tree;
        const UniqueFd instance = open_directory(settings_.root, directory_of(transfer.work));
        const UniqueFd saved = open_for_update(instance.get(), action.path);
        if (!saved) {
            fail(transfer.work, action.path, "cannot read its backup", errno);
            return;
        }
        const std::uint64_t size = size_of(saved.get());
        std::uint64_t kept = size;
        const UniqueFd source = open_in(tree, action.path);
        const int error = source ? 0 : errno;
        if (source && size > size_of(source.get())) {
            kept = without_zeros(saved.get(), action.from, size);
        } else if (source) {
            const auto prefix =
                compare_windows(content_of(tree, instance.get(), stop_), action.path, action.path, size);
            if (!prefix.same && prefix.error == 0)
                kept = action.from;
        }
        if (kept < size && ::ftruncate(saved.get(), static_cast<off_t>(kept)) != 0)
            fail(transfer.work, action.path, "cannot take back what does not belong to its backup", errno);
        struct stat now {};
        if (source && ::fstat(source.get(), &now) == 0 && kept == static_cast<std::uint64_t>(now.st_size))
            ::futimens(saved.get(), std::array<timespec, 2>{timespec{0, UTIME_OMIT}, now.st_mtim}.data());
        const bool source_moved =
            source ? kept < size || static_cast<std::uint64_t>(now.st_size) < action.to : error == ENOENT;
        account(transfer, kept, source_moved, error);
    }

    void account(const Transfer& transfer, std::uint64_t kept, bool source_moved, int error) {
        const Action& action = *transfer.action;
        auto& outcome = outcome_.directories[transfer.work];
        const std::uint64_t bytes = kept - std::min(kept, action.data_from);
        outcome.bytes += bytes;
        (action.kind == ActionKind::create ? outcome.created : outcome.changed) += 1;
        if (kept >= action.to)
            return;
        if (source_moved)
            outcome.unsettled.push_back({action.path, "it changed while it was read"});
        else if (error != 0)
            fail(transfer.work, action.path, "cannot read it", error);
        else
            outcome.failures.push_back({action.path, "only " + human_bytes(bytes) + " of " +
                                                         human_bytes(action.bytes()) + " were saved"});
    }

    /// A source that is truncated while rsync reads it goes on as zeros (rsync's map_ptr()). Without them it
    /// is a prefix of what the source was. Gives the size without the zeros at the end, not below `from`.
    static std::uint64_t without_zeros(int file, std::uint64_t from, std::uint64_t size) {
        std::array<char, 65536> buffer{};
        while (size > from) {
            const auto length = std::min<std::uint64_t>(buffer.size(), size - from);
            const auto got = ::pread(file, buffer.data(), length, static_cast<off_t>(size - length));
            if (got != static_cast<ssize_t>(length))
                return from;
            for (auto i = length; i > 0; --i)
                if (buffer[i - 1] != '\0')
                    return size - length + i;
            size -= length;
        }
        return from;
    }

    const std::vector<DirectoryWork>& work_;
    const ApplySettings& settings_;
    StopSignal& stop_;
    const Progress& progress_;
    std::vector<Transfer> transfers_;
    std::uint64_t moved_ = 0;
    ApplyOutcome outcome_;
};

} // namespace

ApplyOutcome apply(const std::vector<DirectoryWork>& work, const ApplySettings& settings, StopSignal& stop,
                   const Progress& progress) {
    return Applier(work, settings, stop, progress).run();
}

namespace {
int take_over_below(int directory, gid_t group) {
    const auto names = names_in(directory, "");
    if (!names)
        return errno;
    for (const auto& name : *names) {
        const auto status = status_at(directory, name);
        if (!status || !(S_ISDIR(status->st_mode) || S_ISREG(status->st_mode)))
            continue;
        const UniqueFd held(::openat(directory, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
        const std::string path = "/proc/self/fd/" + std::to_string(held.get());
        const mode_t mode = S_ISDIR(status->st_mode) ? directory_mode : file_mode;
        if (!held || ::fchownat(held.get(), "", ::geteuid(), group, AT_EMPTY_PATH) != 0 ||
            ::chmod(path.c_str(), mode) != 0)
            return errno;
        if (S_ISDIR(status->st_mode))
            if (const int error = take_over_below(held.get(), group); error != 0)
                return error;
    }
    return 0;
}
} // namespace

std::string take_over(int root, const std::string& directory, gid_t group) {
    const UniqueFd held = open_directory(root, directory);
    const gid_t owner_group = group == static_cast<gid_t>(-1) ? ::getegid() : group;
    int error = held ? 0 : errno;
    if (error == 0 && (::fchownat(held.get(), "", ::geteuid(), owner_group, AT_EMPTY_PATH) != 0 ||
                       ::fchmodat(held.get(), ".", directory_mode, 0) != 0))
        error = errno;
    if (error == 0)
        error = take_over_below(held.get(), owner_group);
    return error == 0 ? std::string() : "cannot take over " + in_quotes(directory) + ": " + error_text(error);
}

} // namespace logbackup
