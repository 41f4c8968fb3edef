// SPDX-License-Identifier: MIT
#include "transfer/apply.hpp"

#include "plan/renames.hpp"
#include "transfer/hole.hpp"
#include "transfer/transfer.hpp"
#include "util/error.hpp"
#include "util/files.hpp"
#include "util/text.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

namespace logbackup {
namespace {

/// Renames without overwriting; tries "<to>.1", "<to>.2", … when the name is taken.
bool rename_to_free_name(int directory, const std::string& from, const std::string& to) {
    for (unsigned n = 0; n < 100'000; ++n) {
        const std::string name = n == 0 ? to : to + "." + std::to_string(n);
        if (rename_to_new(directory, from, directory, name))
            return true;
        if (errno != EEXIST)
            return false;
    }
    return false;
}

/// Makes a link, and replaces another link if necessary. A link holds no log, so nothing is lost between the
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
    const std::chrono::nanoseconds since_1970(nanoseconds);
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since_1970); // the time can be before 1970
    times[1] = {seconds.count(), (since_1970 - seconds).count()};
    return ::futimens(file, times.data()) == 0;
}

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
        transfer_bytes(transfers_, settings_, stop_, progress_, outcome_);
        return std::move(outcome_);
    }

  private:
    const std::string& directory_of(std::size_t i) const { return work_[i].tree->directory; }
    void fail(std::size_t i, const std::string& path, const std::string& what, int error) {
        outcome_.directories[i].failures.push_back({path, what + ": " + error_text(error)});
    }

    void count_aside(std::size_t i, const Action& action) {
        ++outcome_.directories[i].set_aside;
        outcome_.directories[i].displaced.push_back(action.path);
    }

    void prepare(std::size_t i) {
        for (const auto& action : work_[i].plan->actions) {
            if (action.transfers()) { // nothing is created before the bytes have arrived
                transfers_.push_back({i, work_[i].tree, &action, {}, {}, 0});
                continue;
            }
            const std::string path = joined(directory_of(i), action.path);
            const UniqueFd parent = directory_for(path);
            if (!parent)
                fail(i, action.path, "cannot make its directory", errno);
            else if (!prepare_file(i, action, parent.get(), base_name(path)))
                return; // name still taken: leave this directory's remaining actions to the next run
        }
    }

    UniqueFd directory_for(const std::string& path) const {
        return make_directories(settings_.root, parent_path(path), directory_mode, settings_.group);
    }

    /// Removes a file only after flushing the file that holds the same bytes to disk.
    bool drop(std::size_t i, const Action& action, int parent, const std::string& name) const {
        const UniqueFd instance = open_directory(settings_.root, directory_of(i));
        const UniqueFd other = open_regular(instance.get(), action.new_path);
        const auto saved = status_at(parent, name);
        const auto kept = other ? status_of(other.get()) : std::nullopt;
        errno = ESTALE;
        return saved && kept && saved->st_ino != kept->st_ino &&
               static_cast<std::uint64_t>(saved->st_size) == action.from && saved->st_size <= kept->st_size &&
               ::fsync(other.get()) == 0 && ::unlinkat(parent, name.c_str(), 0) == 0;
    }

    void retime(std::size_t i, const Action& action, const UniqueFd& saved) {
        const UniqueFd source =
            saved && action.ends_as_source ? open_in(*work_[i].tree, action.path) : UniqueFd();
        if (const int error = source ? end_as_source(saved.get(), source.get(), action) : 0)
            fail(i, action.path, "cannot give its backup the size of the log", error);
        if (!saved || !set_mtime(saved.get(), action.mtime))
            fail(i, action.path, "cannot set its modification time", errno);
    }

    bool prepare_file(std::size_t i, const Action& action, int parent, const std::string& name) {
        switch (action.kind) {
        case ActionKind::drop:
            if (drop(i, action, parent, name)) {
                ++outcome_.directories[i].dropped;
            } else if (rename_to_free_name(parent, name, // the name must become free in any case
                                           base_name(aside_name(name, std::chrono::system_clock::now())))) {
                count_aside(i, action);
            } else {
                fail(i, action.path, "cannot set its backup aside", errno);
                return false;
            }
            break;
        case ActionKind::set_aside:
            if (!rename_to_free_name(parent, name, base_name(action.new_path))) {
                fail(i, action.path, "cannot set its backup aside", errno);
                return false;
            }
            count_aside(i, action);
            break;
        case ActionKind::rename: {
            const UniqueFd to = directory_for(joined(directory_of(i), action.new_path));
            if (!to || !rename_to_new(parent, name, to.get(), base_name(action.new_path))) {
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
        case ActionKind::retime: retime(i, action, open_for_update(parent, name)); break;
        case ActionKind::create:
        case ActionKind::append: break;
        }
        return true;
    }

    const std::vector<DirectoryWork>& work_;
    const ApplySettings& settings_;
    StopSignal& stop_;
    const Progress& progress_;
    std::vector<Transfer> transfers_;
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
