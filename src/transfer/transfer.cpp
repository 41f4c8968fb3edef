// SPDX-License-Identifier: MIT
#include "transfer/transferrer.hpp"

#include "util/descriptors.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <map>
#include <utility>

namespace logbackup {
namespace {

constexpr const char* in_use = ".in-use";      // marks a working run; a killed run leaves it behind
constexpr std::size_t most_single_files = 100; // files that get an rsync each when one for all has failed
// A log directory with so many bytes, or so many files, comes after all smaller ones.
constexpr std::uint64_t large = 64U << 20U;
constexpr std::size_t many = 1000;
// Bytes that are moved before they are proved. Bytes proved soon are still in memory, and a run that has to
// stop has little left to prove.
constexpr std::uint64_t most_unproved = 1U << 30U;
// Descriptors needed beside the files of a batch and their directories: links, lists, the pipes to rsync.
constexpr std::size_t descriptors_beside = 50;
// Lower descriptors are left to rsync, which uses select(2) and so cannot use descriptors above 1,023.
constexpr int first_held = 64;

bool is_smaller(const Transfer* a, const Transfer* b) {
    return a->action->bytes() < b->action->bytes();
}

} // namespace

std::uint64_t size_of(int file) {
    struct stat status {};
    return ::fstat(file, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

std::int64_t mtime_of(const struct stat& status) {
    return nanoseconds_of(status.st_mtim);
}

void Transferrer::run() {
    remove_leftovers(settings_.root);
    if (transfers_.empty())
        return;
    std::stable_sort(transfers_.begin(), transfers_.end(), [](const Transfer& a, const Transfer& b) {
        return a.tree->directory < b.tree->directory;
    });
    open_incoming();
    refuse_what_has_no_room();
    for (const auto& group : small_and_large())
        for (std::span<Transfer* const> rest(group); !rest.empty() && !stop_.requested();) {
            const std::size_t files = size_of_batch(rest);
            save(rest.first(files));
            rest = rest.subspan(files);
        }
    ::unlinkat(incoming_.get(), in_use, 0);
    // rsync also complains about files that shrank or moved during the transfer; settle() has dealt with
    // them.
    const auto& directories = outcome_.directories;
    if (std::all_of(directories.begin(), directories.end(),
                    [](const DirectoryOutcome& directory) { return directory.failures.empty(); }))
        outcome_.problems.clear();
}

/// Separates large log directories, so that other directories neither wait for them nor fail with them.
std::vector<Transferrer::Group> Transferrer::small_and_large() {
    std::map<std::size_t, std::pair<std::uint64_t, std::size_t>> brought;
    for (const auto& transfer : transfers_) {
        auto& [bytes, files] = brought[transfer.work];
        bytes += transfer.action->bytes();
        ++files;
    }
    std::vector<Group> groups(2);
    for (auto& transfer : transfers_) {
        const auto& [bytes, files] = brought[transfer.work];
        groups[bytes < large && files < many ? 0 : 1].push_back(&transfer);
    }
    std::erase_if(groups, [](const Group& group) { return group.empty(); });
    return groups;
}

/// Returns the number of files to save together. Each file needs a descriptor for its source and one for the
/// saved file.
std::size_t Transferrer::size_of_batch(std::span<Transfer* const> rest) const {
    const std::size_t left = descriptors_left();
    const std::size_t most =
        std::clamp<std::size_t>((left - std::min(left, descriptors_beside)) / 2, 1, rest.size());
    std::size_t files = 0;
    for (std::uint64_t bytes = 0; files < most && (files == 0 || bytes < most_unproved); ++files)
        bytes += rest[files]->action->bytes();
    return files;
}

void Transferrer::save(std::span<Transfer* const> files) {
    Group batch(files.begin(), files.end());
    std::erase_if(batch, [this](Transfer* transfer) { return stop_.requested() || !begin(*transfer); });
    sources_.reset(); // hold no directory of a container longer than needed
    has_problem_ = false;
    move_bytes(batch);
    if (has_problem_ && !stop_.requested())
        try_one_by_one(batch);
    for (auto* transfer : batch)
        settle(*transfer);
    keep_for_good();
}

void Transferrer::remove_tree(int above, const std::string& directory) {
    std::error_code ignored;
    std::filesystem::remove_all("/proc/self/fd/" + std::to_string(above) + "/" + directory, ignored);
}

void Transferrer::open_incoming() {
    incoming_ = make_directories(settings_.root, incoming_directory, 0700, no_group);
    const UniqueFd mark(::openat(incoming_.get(), in_use, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
}

/// True if a directory must be made, and no other file has counted for it.
bool Transferrer::is_to_make(const std::string& path) {
    const auto [known, is_new] = to_make_.try_emplace(path, false);
    if (is_new)
        known->second = !status_at(settings_.root, path);
    return known->second;
}

/// Returns the directories that must be made for a file in the backup.
std::vector<std::string> Transferrer::directories_for(const Transfer& transfer) {
    std::vector<std::string> directories;
    for (auto path = parent_path(backup_path(transfer)); !path.empty() && is_to_make(path);
         path = parent_path(path))
        directories.push_back(path);
    return directories;
}

void Transferrer::refuse_what_has_no_room() {
    const auto space = free_space(settings_.root, settings_.min_free);
    if (!space)
        return;
    std::uint64_t room = space->bytes - std::min(space->bytes, space->reserved_bytes);
    std::uint64_t inodes = space->inodes - std::min(space->inodes, space->reserved_inodes);
    const std::uint64_t inodes_each = settings_.scratch >= 0 ? 1 : 2; // stand-in; without mounts also a link
    const auto refused = [&](const Transfer& transfer) {
        const Action& action = *transfer.action;
        const auto directories = directories_for(transfer);
        const std::uint64_t blocks =
            ((action.bytes() + space->block - 1) / space->block + directories.size()) * space->block;
        const std::uint64_t inodes_needed = inodes_each + directories.size();
        std::string reason;
        if (blocks > room)
            reason = "no room for its " + human_bytes(action.bytes()) + ": " + human_bytes(space->bytes) +
                     " are free, and --min-free keeps " + human_bytes(space->reserved_bytes);
        else if (inodes < inodes_needed)
            reason = "no room for another file: " + std::to_string(space->inodes) +
                     " inodes are free, and --min-free keeps " + std::to_string(space->reserved_inodes);
        if (!reason.empty()) {
            outcome_of(transfer).failures.push_back({action.path, reason});
            return true;
        }
        room -= blocks;
        inodes -= inodes_needed;
        for (const auto& directory : directories)
            to_make_[directory] = false;
        return false;
    };
    std::vector<Transfer*> by_size;
    for (auto& transfer : transfers_)
        by_size.push_back(&transfer);
    std::stable_sort(by_size.begin(), by_size.end(), is_smaller);
    std::set<const Action*> out;
    for (const auto* transfer : by_size)
        if (refused(*transfer))
            out.insert(transfer->action);
    std::erase_if(transfers_, [&](const Transfer& transfer) { return out.contains(transfer.action); });
}

/// Stand-ins and links are all in one directory each, by number: they need no directories of their own, and
/// rsync works in the order of their names.
std::string Transferrer::stand_in(const Transfer& transfer) const {
    static constexpr std::size_t digits = 7;
    std::string number = std::to_string(&transfer - transfers_.data());
    return number.insert(0, digits - std::min(digits, number.size()), '0');
}

/// Returns the path in the backup of the file whose stand-in has this name; the name itself if there is none.
std::string Transferrer::path_of(const std::string& name) const {
    std::size_t number = transfers_.size();
    std::from_chars(name.data(), name.data() + name.size(), number);
    if (number >= transfers_.size() || stand_in(transfers_[number]) != name)
        return name;
    return backup_path(transfers_[number]);
}

UniqueFd Transferrer::open_source(const Transfer& transfer, struct stat& status) {
    const Tree& tree = *transfer.tree;
    const std::string& path = transfer.action->path;
    if (!tree.mounted.empty() || tree.files.contains(path)) { // each path can lie in another tree
        UniqueFd source = open_in(tree, path);
        return source && ::fstat(source.get(), &status) == 0 ? std::move(source) : UniqueFd();
    }
    const std::string parent = parent_path(path);
    const int directory =
        sources_.at(joined(tree.directory, parent), [&] { return open_directory(tree.held.get(), parent); });
    return directory < 0 ? UniqueFd() : open_regular(directory, base_name(path), status);
}

UniqueFd Transferrer::make_stand_in(const Transfer& transfer) {
    const std::string name = stand_in(transfer);
    const auto make = [&] {
        return UniqueFd(::openat(incoming_.get(), name.c_str(),
                                 O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, file_mode));
    };
    UniqueFd file = make();
    if (!file && errno == EEXIST) { // a former run has left something here
        remove_tree(incoming_.get(), name);
        file = make();
    }
    const std::uint64_t size = transfer.action->data_from;
    const bool made =
        file && (size == 0 || ::ftruncate(file.get(), static_cast<off_t>(size)) == 0) &&
        (settings_.group == no_group || ::fchown(file.get(), static_cast<uid_t>(-1), settings_.group) == 0);
    return made ? std::move(file) : UniqueFd();
}

/// Opens the source and makes the stand-in.
bool Transferrer::begin(Transfer& transfer) {
    struct stat status {};
    UniqueFd source = open_source(transfer, status);
    if (!source && !was_replaced(errno)) {
        fail(transfer, "cannot read it", errno);
        return false;
    }
    if (!source || status.st_ino != transfer.action->inode) {
        leave_unsettled(transfer);
        return false;
    }
    transfer.mtime = mtime_of(status);
    transfer.source = source.get() >= first_held
                          ? std::move(source)
                          : UniqueFd(::fcntl(source.get(), F_DUPFD_CLOEXEC, first_held));
    if (!transfer.source) {
        fail(transfer, "cannot hold it open", errno);
        return false;
    }
    transfer.arrived = make_stand_in(transfer);
    if (!transfer.arrived) {
        fail(transfer, "cannot write its backup", errno);
        transfer.source.reset();
        return false;
    }
    return true;
}

// When a write fails, rsync can leave a file of the full size, but with zeros.
bool Transferrer::has_arrived(const Transfer& transfer) {
    const int arrived = transfer.arrived.get();
    const std::uint64_t to = transfer.action->to;
    return transfer.action->bytes() == 0 ||
           (size_of(arrived) >= to && proof_of(transfer, arrived, to).until >= to);
}

/// rsync stops at the first file that it cannot write, and goes in the order of names, so a file that crosses
/// a quota would keep all later files from being saved. Each remaining file gets its own attempt, the
/// smallest first.
void Transferrer::try_one_by_one(Group& begun) {
    const auto arrived = [this](const Transfer* transfer) { return has_arrived(*transfer); };
    if (std::count_if(begun.begin(), begun.end(), arrived) + 1 >= std::ssize(begun))
        return; // no other file is left
    Group left;
    for (auto* transfer : begun) {
        if (!has_arrived(*transfer) &&
            ::ftruncate(transfer->arrived.get(), static_cast<off_t>(transfer->action->data_from)) == 0)
            left.push_back(transfer);
        else
            settle(*transfer);
    }
    std::stable_sort(left.begin(), left.end(), is_smaller);
    const UniqueFd any(::openat(incoming_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ::syncfs(any.get()); // some file systems free space only after a sync
    std::size_t tried = 0;
    for (int in_vain = 0; tried < left.size() && tried < most_single_files && in_vain < 3; ++tried) {
        if (stop_.requested())
            break;
        move_bytes({left[tried]});
        in_vain = has_arrived(*left[tried]) ? 0 : in_vain + 1;
        settle(*left[tried]);
    }
    begun.assign(left.begin() + static_cast<std::ptrdiff_t>(tried), left.end());
}

void remove_leftovers(int root) {
    // Its mark could be removed before the rest, and a run that is killed then would leave that for ever.
    static constexpr const char* removed = ".logbackup/incoming.removed";
    const bool was_killed = status_at(root, joined(incoming_directory, in_use)).has_value();
    std::error_code ignored;
    const std::string here = "/proc/self/fd/" + std::to_string(root) + "/";
    if (was_killed || status_at(root, removed))
        std::filesystem::remove_all(here + removed, ignored);
    if (was_killed && ::renameat(root, incoming_directory, root, removed) == 0)
        std::filesystem::remove_all(here + removed, ignored);
}

void transfer_bytes(std::vector<Transfer>& transfers, const ApplySettings& settings, StopSignal& stop,
                    const Progress& progress, ApplyOutcome& outcome) {
    Transferrer(transfers, settings, stop, progress, outcome).run();
}

} // namespace logbackup
