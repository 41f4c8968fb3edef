// SPDX-License-Identifier: MIT
#include "content/content.hpp"

#include "content/extents.hpp"
#include "util/files.hpp"
#include "view/listing.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

namespace logbackup {
namespace {

constexpr std::size_t block = 65536;

/// Reads up to `length` bytes, fewer only at the end of the file. A negative result is a negated errno value.
ssize_t read_at(int fd, char* buffer, std::size_t length, std::uint64_t offset) {
    std::size_t done = 0;
    while (done < length) {
        const auto got = ::pread(fd, buffer + done, length - done, static_cast<off_t>(offset + done));
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        done += static_cast<std::size_t>(got);
    }
    return static_cast<ssize_t>(done);
}

std::uint64_t size_of(int file) {
    const auto status = status_of(file);
    return status ? static_cast<std::uint64_t>(status->st_size) : 0;
}

} // namespace

std::uint64_t next_data(int file, std::uint64_t offset) {
    const auto found = ::lseek(file, static_cast<off_t>(offset), SEEK_DATA);
    if (found < 0) // ENXIO: only a hole follows. Any other error: the file system does not know
        return errno == ENXIO ? std::max(offset, size_of(file)) : offset;
    return static_cast<std::uint64_t>(found);
}

bool drop_cache(int file) {
    const bool is_written = ::fdatasync(file) == 0;
    ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    return is_written;
}

Comparison compare_range(int source, int saved, std::uint64_t offset, std::uint64_t length,
                         StopSignal& stop) {
    const auto buffers = std::make_unique_for_overwrite<char[]>(2 * block);
    char* ours = buffers.get();
    char* theirs = buffers.get() + block;
    std::uint64_t bytes = 0;
    for (std::uint64_t end = offset + length; offset < end;) {
        const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(block, end - offset));
        const auto from_source = read_at(source, theirs, want, offset);
        const auto from_backup = read_at(saved, ours, want, offset);
        bytes += want;
        if (from_source < 0 || from_backup < 0)
            return {false, static_cast<int>(from_source < 0 ? -from_source : -from_backup), bytes};
        if (from_source != from_backup || static_cast<std::size_t>(from_source) < want ||
            std::memcmp(ours, theirs, want) != 0)
            return {false, 0, bytes};
        offset += want;
        if (ours[0] == '\0' && std::memcmp(ours, ours + 1, want - 1) == 0) {
            offset = std::min(
                end, std::max(offset, std::min(next_data(source, offset), next_data(saved, offset))));
            if (offset == end && (size_of(source) < end || size_of(saved) < end))
                return {false, 0, bytes};
        }
        if (offset < end && stop.requested())
            return {false, ECANCELED, bytes};
    }
    return {true, 0, bytes};
}

namespace {

class Pair {
  public:
    Pair(const Tree& tree, int instance, StopSignal& stop) : tree_(tree), instance_(instance), stop_(stop) {}

    Comparison compare(const std::string& source, const std::string& saved, std::uint64_t offset,
                       std::uint64_t length) {
        if (const int error = open(source, saved); error != 0)
            return {false, error};
        return compare_range(source_.get(), saved_.get(), offset, length, stop_);
    }

    std::uint64_t next_data(const std::string& path, std::uint64_t offset) {
        const UniqueFd source = open_in(tree_, path);
        if (!source)
            return offset;
        return logbackup::next_data(source.get(), offset);
    }

    std::uint64_t data_end(const std::string& path, std::uint64_t begin, std::uint64_t end,
                           std::uint64_t& budget) {
        const auto is_stopped = [this] { return stop_.requested(); };
        return open_source(path) == 0 ? logbackup::data_end(source_.get(), begin, end, budget, is_stopped)
                                      : end;
    }

    std::uint64_t holes(const std::string& path, std::uint64_t begin, std::uint64_t end) {
        return open_source(path) == 0 ? holes_in(source_.get(), begin, end) : 0;
    }

    void drop_cache(const std::string& saved) {
        const UniqueFd file = open_regular(instance_, saved);
        if (file)
            logbackup::drop_cache(file.get());
    }

    [[nodiscard]] bool has_gone(const std::string& path) const {
        return !locate_in(tree_, path) && was_replaced(errno);
    }

  private:
    // The planner compares head and tail of one file in a row, and one file with several others, so both stay
    // open.
    int open_source(const std::string& path) {
        if (path != source_path_ || !source_) {
            source_ = open_in(tree_, path);
            source_path_ = path;
        }
        return source_ ? 0 : errno;
    }

    int open(const std::string& source, const std::string& saved) {
        if (const int error = open_source(source); error != 0)
            return error;
        if (saved != saved_path_ || !saved_) {
            saved_ = open_regular(instance_, saved);
            saved_path_ = saved;
        }
        return saved_ ? 0 : errno;
    }

    const Tree& tree_;
    int instance_;
    StopSignal& stop_;
    std::string source_path_; ///< paths of the open files
    std::string saved_path_;
    UniqueFd source_;
    UniqueFd saved_;
};

} // namespace

Content content_of(const Tree& tree, int instance, StopSignal& stop, const ListingLimits& limits) {
    const auto pair = std::make_shared<Pair>(tree, instance, stop);
    return {
        [pair](const std::string& source, const std::string& saved, std::uint64_t offset,
               std::uint64_t length) { return pair->compare(source, saved, offset, length); },
        [pair](const std::string& source, std::uint64_t offset) { return pair->next_data(source, offset); },
        [&tree, instance, &stop, limits] {
            Tree all;
            all.held = open_directory(instance, "");
            all.excluded = tree.excluded; // their sources may still exist
            return list_tree(all, limits_of_saved(limits), stop);
        },
        [instance, &stop](const std::string& saved, const std::string& other, std::uint64_t length) {
            const UniqueFd first = open_regular(instance, saved);
            const UniqueFd second = first ? open_regular(instance, other) : UniqueFd();
            return second ? compare_range(first.get(), second.get(), 0, length, stop)
                          : Comparison{false, errno};
        },
        [pair](const std::string& source) { return pair->has_gone(source); },
        [pair](const std::string& source, std::uint64_t begin, std::uint64_t end, std::uint64_t& budget) {
            return pair->data_end(source, begin, end, budget);
        },
        [instance](const std::string& saved, std::uint64_t size) {
            std::uint64_t budget = UINT64_MAX; // they are holes, if the file system knows any
            const UniqueFd file = open_regular(instance, saved);
            return file ? data_end(file.get(), 0, size, budget) : size;
        },
        [pair](const std::string& source, std::uint64_t begin, std::uint64_t end) {
            return pair->holes(source, begin, end);
        },
        [pair](const std::string& saved) { pair->drop_cache(saved); }};
}

} // namespace logbackup
