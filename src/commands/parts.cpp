// SPDX-License-Identifier: MIT
#include "commands/parts.hpp"

#include "config/selection.hpp"
#include "ledger/links.hpp"
#include "ledger/upkeep.hpp"
#include "locate/paths.hpp"
#include "util/files.hpp"
#include "util/glob.hpp"
#include "view/view.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace logbackup {
namespace {

using Holders = std::vector<Holder>;

/// Which containers have a directory, as their log directory or below it.
using Havers = std::map<Identity, std::set<std::string>>;

Havers havers_of(const Holders& holders) {
    Havers havers;
    for (const auto& holder : holders) {
        havers[holder.found.identity].insert(holder.wanted.container->id);
        for (const auto& part : holder.parts)
            havers[part.identity].insert(holder.wanted.container->id);
    }
    return havers;
}

/// Returns the path in the container.
std::string path_of(const Holder& holder, const Part& part) {
    return joined(holder.wanted.name.path, part.below);
}

const Mount* mount_at(const Container& container, const std::string& path) {
    const auto found =
        std::find_if(container.mounts.begin(), container.mounts.end(),
                     [&](const Mount& mount) { return components(mount.destination) == components(path); });
    return found == container.mounts.end() ? nullptr : &*found;
}

/// True for printable ASCII. Containers choose the paths of what is mounted in them; the names of directories
/// in the backup are made of them, and a name may be cut anywhere.
bool is_plain(const std::string& path) {
    return std::all_of(path.begin(), path.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

bool has_record(const Survey& survey, const Holder& holder, const Part& part) {
    const Mount* mount = mount_at(*holder.wanted.container, path_of(holder, part));
    const std::string volume = mount != nullptr ? mount->source : part.host_path;
    return survey.records
        .find([&](const Record& record) {
            return record.volume == volume && record.volume_inode == part.identity.inode;
        })
        .has_value();
}

bool lies_elsewhere(const Holder& holder, const std::string& below) {
    return std::any_of(holder.elsewhere.begin(), holder.elsewhere.end(),
                       [&](const Elsewhere& part) { return lies_in(below, part.below); });
}

/// True if the holder has something of its own mounted at this path, above or below it.
bool has_mount_near(const Holder& holder, const std::string& below) {
    return std::any_of(holder.found.sources.begin(), holder.found.sources.end(), [&](const Source& source) {
        return !source.below.empty() && (lies_in(source.below, below) || lies_in(below, source.below));
    });
}

/// Returns the holder that has a log directory of the container at this path; `holders.size()` if none has.
std::size_t holder_at(const Holders& holders, const Container* container, const std::string& path) {
    return static_cast<std::size_t>(std::find_if(holders.begin(), holders.end(),
                                                 [&](const Holder& holder) {
                                                     return holder.wanted.container == container &&
                                                            components(holder.wanted.name.path) ==
                                                                components(path);
                                                 }) -
                                    holders.begin());
}

bool only_reads(const Holder& holder) {
    return !holder.found.volume.empty() && holder.found.access == MountAccess::read_only;
}

/// Returns a directory's path below another one on the host; empty if it does not lie there.
std::string below_on_host(const std::string& path, const std::string& above) {
    const std::string below =
        path.empty() || above.empty() || !lies_in(path, above) ? std::string() : path.substr(above.size());
    return below.starts_with('/') ? below.substr(1) : below;
}

class Finder {
  public:
    Finder(const Session& session, const Survey& survey, Holders& holders,
           const std::function<Holders(const Wanted&)>& locate)
        : session_(session), survey_(survey), holders_(holders), locate_(locate),
          havers_(havers_of(holders)) {
        for (const auto& holder : holders)
            ++count_[holder.found.identity];
    }

    void run() {
        for (std::size_t i = 0; i < holders_.size(); ++i) { // new ones are added at the end
            const auto parts = holders_[i].parts;
            for (const auto& part : parts)
                if (!lies_elsewhere(holders_[i], part.below))
                    separate(i, part);
        }
        for (std::size_t i = 0; i < holders_.size(); ++i)
            if (only_reads(holders_[i]))
                for (std::size_t other = 0; other < holders_.size(); ++other)
                    leave_to(i, other);
    }

  private:
    /// True if another holder has the same directory: of these, only one is read.
    [[nodiscard]] bool has_twin(std::size_t index) const {
        return count_.at(holders_[index].found.identity) > 1;
    }

    void separate(std::size_t index, const Part& part) {
        const Container& container = *holders_[index].wanted.container;
        // A tmpfs on a volume is the container's own, and which container of a volume is read can change.
        const bool is_own = part.host_path.empty() && !holders_[index].found.volume.empty();
        const bool is_shared = havers_[part.identity].size() > 1;
        if (!is_plain(part.below) ||
            (!is_own && !is_shared && !has_twin(index) && !has_record(survey_, holders_[index], part)) ||
            is_excluded(exclude_of(session_.options, container.service), part.below))
            return;
        const std::string path = path_of(holders_[index], part);
        std::size_t there = holder_at(holders_, &container, path);
        if (there == holders_.size()) {
            auto located = locate_({&container, {path, suffix_of(path)}, holders_[index].wanted.selected});
            if (located.empty() || located.front().found.identity != part.identity)
                return;
            located.front().is_part_of = id_of(holders_[index].wanted);
            located.front().part_path = part.below;
            ++count_[part.identity];
            holders_.push_back(std::move(located.front()));
        }
        if (holders_[there].found.identity == part.identity)
            holders_[index].elsewhere.push_back({part.below, id_of(holders_[there].wanted), {}});
    }

    /// What a writer has below the directory that holder `index` only reads is saved under the writer.
    void leave_to(std::size_t index, std::size_t other) {
        Holder& reader = holders_[index];
        const Holder& writer = holders_[other];
        if (reader.wanted.container == writer.wanted.container)
            return;
        const auto leave = [&](const std::string& below, const std::string& inside) {
            if (is_plain(below) && is_plain(inside) && !lies_elsewhere(reader, below) &&
                !has_mount_near(reader, below))
                reader.elsewhere.push_back({below, id_of(writer.wanted), inside});
        };
        const std::string whole = below_on_host(writer.host_path, reader.host_path);
        if (!whole.empty() && !writer.found.volume.empty() && writer.found.direct && !only_reads(writer))
            leave(whole, {});
        if (has_twin(other))
            return; // perhaps that one is read, and it has not what is mounted below this one
        for (const auto& part : writer.parts) {
            const std::string below = below_on_host(part.host_path, reader.host_path);
            if (below.empty()) // nearly always
                continue;
            const Mount* mount = mount_at(*writer.wanted.container, path_of(writer, part));
            if (mount != nullptr && mount->access == MountAccess::read_write &&
                !lies_elsewhere(writer, part.below))
                leave(below, part.below);
        }
    }

    const Session& session_;
    const Survey& survey_;
    Holders& holders_;
    const std::function<Holders(const Wanted&)>& locate_;
    Havers havers_;
    std::map<Identity, std::size_t> count_; ///< of holders
};

/// True if this run could not look at the log directory of a record, for a reason that the container does not
/// bring about.
bool could_not_look(const Survey& survey, const Record& record) {
    const auto& unreachable = survey.runtime.unreachable;
    return std::any_of(unreachable.begin(), unreachable.end(),
                       [&](const auto& one) { return !is_unlisted(record, {one.id}); }) ||
           std::any_of(survey.unread.begin(), survey.unread.end(), [&](const Unread& one) {
               return !one.limit && !is_unlisted(record, {one.wanted.container->id}) &&
                      one.wanted.name.path == record.log_directory;
           });
}

/// True if a container of the record is listed, but this run could not look at its log directory.
bool is_out_of_sight(const Survey& survey, RecordId id) {
    const Record& record = survey.records[id];
    const auto is_its = [&](const Holder& holder) {
        return !is_unlisted(record, {holder.wanted.container->id}) &&
               holder.wanted.name.path == record.log_directory;
    };
    return could_not_look(survey, record) && !is_unlisted(record, survey.listed) &&
           !survey.host->leaves_out(record.volume) &&
           std::none_of(record.containers.begin(), record.containers.end(),
                        [&](const std::string& container) {
                            return survey.gone.contains({container, record.log_directory});
                        }) &&
           std::none_of(survey.jobs.begin(), survey.jobs.end(), [&](const Job& job) {
               return job.place.known == id || std::any_of(job.holders.begin(), job.holders.end(), is_its);
           });
}

/// True if the holder has nothing of its own mounted at this path, except the volume of the record itself.
bool has_nothing_else(const Holder& holder, const std::string& below, const Record& record) {
    return !has_mount_near(holder, below) ||
           std::any_of(holder.parts.begin(), holder.parts.end(), [&](const Part& part) {
               return part.below == below && part.identity.inode == record.volume_inode;
           });
}

bool overlaps(const std::map<std::string, std::string>& elsewhere, const std::string& below) {
    return elsewhere.contains(below) ||
           std::any_of(elsewhere.begin(), elsewhere.end(), [&](const auto& part) {
               return lies_in(part.first, below) || lies_in(below, part.first);
           });
}

} // namespace

std::vector<Part> parts_of(const LogDirectory& found) {
    std::vector<Part> parts;
    for (const auto& source : found.sources) {
        const auto status = source.below.empty() ? std::nullopt : status_of(source.held.get());
        if (status && S_ISDIR(status->st_mode) &&
            (!source.host_path.empty() || lies_in_memory(source.held.get())))
            parts.push_back({source.below, identity_of(*status), source.host_path});
    }
    return parts;
}

void find_parts_elsewhere(const Session& session, const Survey& survey, Holders& holders,
                          const std::function<Holders(const Wanted&)>& locate) {
    Finder(session, survey, holders, locate).run();
}

void note_elsewhere(const Survey& survey, Job& job, const JobOfHolder& jobs) {
    for (const auto& part : job.holders.front().elsewhere)
        if (const Job& other = *jobs.at(part.holder);
            other.place.problem.empty() && (other.place.known || other.wanted))
            job.elsewhere[part.below] = joined(other.place.directory, part.inside);
    if (!job.place.known || survey.records[*job.place.known].elsewhere.empty())
        return;
    const Record& known = survey.records[*job.place.known];
    Record moved = known; // the moves come later
    follow_moves(moved, survey.moves);
    for (const auto& [below, place] : known.elsewhere) {
        if (overlaps(job.elsewhere, below)) // mostly it was found again
            continue;
        const auto there = survey.records.find(
            [&, &at = place](const Record& record) { return lies_in(at, record.directory()); });
        if (there && is_out_of_sight(survey, *there) &&
            has_nothing_else(job.holders.front(), below, survey.records[*there]))
            job.elsewhere[below] = moved.elsewhere.at(below);
    }
}

void note_saved_before(const Survey& survey, Job& job, const JobOfHolder& jobs) {
    if (!job.place.present_as.empty())
        return;
    for (const auto& holder : job.holders) {
        if (!holder.is_part_of)
            continue;
        const Job& whole = *jobs.at(*holder.is_part_of);
        const Place& place = whole.place;
        if (id_of(whole.holders.front().wanted) == *holder.is_part_of && place.known &&
            parent_path(place.directory) == parent_path(job.place.directory) &&
            survey.records[*place.known].namespace_name == job.container().namespace_name) {
            job.saved_before = joined(place.directory, holder.part_path);
            return;
        }
    }
}

void make_room_for_parts(const Session& session, Survey& survey) {
    const int root = session.root.get();
    for (auto& job : survey.jobs) {
        if (!job.wanted || !job.failures.empty())
            continue;
        if (job.place.known) {
            Record record = survey.records[*job.place.known];
            const Record former = record;
            std::erase_if(record.elsewhere, [&](const auto& part) {
                const auto kept = job.elsewhere.find(part.first);
                return kept == job.elsewhere.end() || kept->second != part.second;
            });
            remove_stale_part_links(root, former, record);
        }
        const auto saved = job.saved_before.empty() ? std::nullopt : status_at(root, job.saved_before);
        const UniqueFd from = saved && S_ISDIR(saved->st_mode)
                                  ? open_directory(root, parent_path(job.saved_before))
                                  : UniqueFd();
        const UniqueFd to = from ? open_directory(root, parent_path(job.place.directory)) : UniqueFd();
        if (to &&
            rename_to_new(from.get(), base_name(job.saved_before), to.get(), base_name(job.place.directory)))
            job.place.present_as = job.place.directory;
    }
}

} // namespace logbackup
