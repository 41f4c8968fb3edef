// SPDX-License-Identifier: MIT
#include "content/redundant.hpp"

#include "content/decompress.hpp"
#include "content/extents.hpp"
#include "content/held_copy.hpp"
#include "plan/zeros.hpp"
#include "util/error.hpp"
#include "util/files.hpp"
#include "util/text.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <set>

namespace logbackup {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t head_size = 4096;
constexpr std::size_t most_copies_at_once = 256; // each copy holds a descriptor

/// The part of a compressed file's content that has been seen.
struct Stream {
    std::uint64_t bytes = 0;
    bool too_long = false;
};

class Search {
  public:
    Search(const CopySearch& search, const DecompressionLimits& limits, StopSignal& stop)
        : search_(search), limits_(limits), stop_(stop) {}

    CopiesDropped run() {
        for (std::size_t begin = 0; begin < search_.plain.size() && result_.complete;
             begin += most_copies_at_once) {
            if (begin > 0 && time_left() <= std::chrono::milliseconds(0))
                break;
            hold_copies(begin, std::min(begin + most_copies_at_once, search_.plain.size()));
            for (const auto& entry : search_.compressed) {
                search_in(entry, 0);
                if (const auto grown = search_.grown_from.find(entry.path); grown != search_.grown_from.end())
                    search_in(entry, grown->second);
            }
        }
        return std::move(result_);
    }

  private:
    void fail(const std::string& path, const std::string& what, int error) {
        result_.problems.push_back({path, what + ": " + error_text(error)});
    }
    void proves_nothing(const std::string& path, const std::string& why) {
        if (unproved_.insert(path).second)
            result_.unproved.push_back({path, why});
    }

    std::optional<Held> hold(const Entry& entry) {
        if (entry.type != FileType::regular || entry.size == 0)
            return std::nullopt;
        Held held{entry.path, open_regular(search_.instance, entry.path)};
        const auto status = held.file ? status_of(held.file.get()) : std::nullopt;
        if (status) {
            held.status = *status;
            return held;
        }
        if (!was_replaced(errno))
            fail(entry.path, "cannot open it", errno);
        return std::nullopt;
    }

    void hold_copies(std::size_t begin, std::size_t end) {
        copies_.clear();
        for (std::size_t i = begin; i < end; ++i) {
            const Entry& entry = search_.plain[i];
            auto held = hold(entry);
            if (!held || held->status.st_ino != entry.inode || held->size() != entry.size)
                continue;
            Copy copy;
            copy.held = std::move(*held);
            if (read_content(copy))
                copies_.push_back(std::move(copy));
        }
    }

    /// Returns the size of a copy without the hole that stands for zeros at the end of its log.
    static std::uint64_t size_of_data(const Held& copy) {
        if (static_cast<std::uint64_t>(copy.status.st_blocks) * 512 >= copy.size())
            return copy.size();
        std::uint64_t budget = UINT64_MAX; // the file system knows holes
        const std::uint64_t end = data_end(copy.file.get(), 0, copy.size(), budget);
        return are_set_aside(copy.size(), copy.size() - end) ? end : copy.size();
    }

    /// Reads the beginning of a copy. Returns false if it cannot be read, or not be unpacked.
    bool read_content(Copy& copy) {
        copy.size = size_of_data(copy.held);
        if (is_compressed(first_bytes_of(copy.held.file.get())) && !unpack(copy))
            return false;
        copy.head.resize(std::min<std::uint64_t>(head_size, copy.size));
        const auto got = ::pread(copy.content(), copy.head.data(), copy.head.size(), 0);
        if (got < 0)
            fail(copy.held.path, "cannot read it", errno);
        copy.head.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return got > 0;
    }

    /// Decompresses a copy that is compressed itself into a file without a name. Returns false if that is not
    /// possible: then it stays.
    bool unpack(Copy& copy) {
        const auto first_bytes = first_bytes_of(copy.held.file.get());
        const Decompressor program = decompressor_for(first_bytes);
        // gzip ignores everything after a zip archive's first member.
        if (first_bytes.starts_with("PK") || program.argv.empty() ||
            time_left() <= std::chrono::milliseconds(0) || !has_its_end(copy.held.file.get(), first_bytes))
            return false;
        copy.unpacked = UniqueFd(::openat(search_.instance, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
        copy.size = 0;
        const auto take = [&](std::string_view bytes) {
            const bool fits = bytes.size() <= limits_.unpacked - unpacked_;
            if (!fits || ::write(copy.unpacked.get(), bytes.data(), bytes.size()) != std::ssize(bytes))
                return Watch::end_it;
            copy.size += bytes.size();
            unpacked_ += bytes.size();
            return Watch::go_on;
        };
        if (!copy.unpacked)
            return false;
        const auto done =
            decompress(copy.held.file.get(), program, std::min(limits_.time, time_left()), take, stop_);
        // A message on stderr means that bytes were skipped.
        return succeeded(done.ending) && done.err.empty();
    }

    /// Searches in what is compressed from an offset of the file on.
    void search_in(const Entry& entry, std::uint64_t from) {
        if (!result_.complete || copies_.empty())
            return;
        if (stop_.requested()) {
            result_.complete = false;
            return;
        }
        if (limits_.bytes <= bytes_ || time_left() <= std::chrono::milliseconds(0))
            return proves_nothing(entry.path, "others used up what may be decompressed in one run");
        const auto held = hold(entry);
        if (!held)
            return;
        const auto first_bytes = first_bytes_of(held->file.get(), from);
        const Decompressor program = decompressor_for(first_bytes);
        if (program.name.empty())
            return;
        if (program.argv.empty())
            return proves_nothing(entry.path, program.name + " is not installed");
        if (!has_its_end(held->file.get(), first_bytes))
            return proves_nothing(entry.path, "its end is missing");
        if (::lseek(held->file.get(), static_cast<off_t>(from), SEEK_SET) < 0)
            return;
        for (auto& copy : copies_)
            copy.possible = copy.held.status.st_ino != held->status.st_ino;
        Stream stream;
        const auto ended = decompress(
            held->file.get(), program, std::min(limits_.time, time_left()),
            [&](std::string_view bytes) { return take(stream, bytes); }, stop_);
        if (from > 0 && succeeded(ended.ending) && !is_intact(*held, program))
            return;
        judge(*held, program.name, stream, ended);
        std::erase_if(copies_, [](const Copy& copy) { return copy.dropped || copy.error != 0; });
    }

    /// True if all of a compressed file can be decompressed: what is behind damage is hard to find.
    bool is_intact(const Held& compressed, const Decompressor& program) {
        ::lseek(compressed.file.get(), 0, SEEK_SET);
        const auto count = [&](std::string_view bytes) {
            bytes_ += bytes.size();
            return bytes_ > limits_.bytes ? Watch::end_it : Watch::go_on;
        };
        return succeeded(
            decompress(compressed.file.get(), program, std::min(limits_.time, time_left()), count, stop_)
                .ending);
    }

    Watch take(Stream& stream, std::string_view bytes) {
        bool any = false;
        for (auto& copy : copies_) {
            copy.possible = copy.possible && copy.agrees(stream.bytes, bytes);
            any = any || copy.possible;
        }
        stream.bytes += bytes.size();
        bytes_ += bytes.size();
        stream.too_long = any && bytes_ > limits_.bytes;
        return any && !stream.too_long ? Watch::go_on : Watch::end_it;
    }

    void judge(const Held& compressed, const std::string& program, const Stream& stream,
               const ProcessResult& ended) {
        for (const auto& copy : copies_)
            if (copy.error != 0)
                fail(copy.held.path, "cannot read it", copy.error);
        if (std::holds_alternative<Cancelled>(ended.ending))
            result_.complete = false;
        else if (const auto* failed = std::get_if<SpawnFailed>(&ended.ending))
            fail(compressed.path, "cannot run " + program, failed->error);
        else if (stream.too_long)
            proves_nothing(compressed.path,
                           "more than " + human_bytes(limits_.bytes) + " to decompress in one run");
        else if (succeeded(ended.ending))
            drop_proved(compressed, stream);
        else if (!std::holds_alternative<NotNeeded>(ended.ending)) {
            const auto said = last_lines(ended.err, 1);
            proves_nothing(compressed.path, program + " " + describe(ended.ending) +
                                                (said.empty() ? "" : ": " + escaped(said)));
        }
    }

    void drop_proved(const Held& compressed, const Stream& stream) {
        bool flushed = false;
        for (auto& copy : copies_) {
            if (!copy.possible || copy.size > stream.bytes)
                continue;
            if (!flushed) {
                const int error = flush(search_.instance, compressed);
                if (error != 0)
                    return fail(compressed.path, "cannot flush it to disk", error);
                flushed = true;
            }
            drop(copy, compressed);
        }
    }

    void drop(Copy& copy, const Held& proof) {
        const auto directory_of = [&](const Held& held) {
            return open_directory(search_.instance, parent_path(held.path));
        };
        const UniqueFd parent = directory_of(copy.held);
        if (!proof.is_still_in(directory_of(proof).get()) || !copy.held.is_still_in(parent.get()))
            return;
        if (::unlinkat(parent.get(), base_name(copy.held.path).c_str(), 0) != 0)
            return fail(copy.held.path, "cannot remove it", errno);
        copy.dropped = true;
        result_.dropped.push_back({copy.held.path, proof.path, copy.held.size()});
    }

    [[nodiscard]] std::chrono::milliseconds time_left() const {
        return std::chrono::ceil<std::chrono::milliseconds>(begin_ + limits_.total_time - Clock::now());
    }

    const CopySearch& search_;
    const DecompressionLimits& limits_;
    StopSignal& stop_;
    const Clock::time_point begin_ = Clock::now();
    std::uint64_t bytes_ = 0;    ///< decompressed so far
    std::uint64_t unpacked_ = 0; ///< on the disk
    std::vector<Copy> copies_;
    std::set<std::string> unproved_; ///< paths
    CopiesDropped result_;
};

} // namespace

CopiesDropped drop_redundant_copies(const CopySearch& search, const DecompressionLimits& limits,
                                    StopSignal& stop) {
    return Search(search, limits, stop).run();
}

} // namespace logbackup
