// SPDX-License-Identifier: MIT
#include "commands/tick/tick_class.hpp"

#include "commands/gone.hpp"
#include "config/selection.hpp"
#include "content/content.hpp"
#include "ledger/ledger.hpp"
#include "plan/limits.hpp"
#include "util/descriptors.hpp"
#include "util/error.hpp"
#include "util/files.hpp"
#include "util/glob.hpp"
#include "view/listing.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

namespace logbackup {
namespace {

/// After that a pin that cannot be saved is given up: it holds the disk's space.
constexpr std::chrono::hours longest_failure{24};
/// So many are saved with one rsync before more are planned; those of one container are never divided.
constexpr std::size_t most_planned_files = 5000;

Container container_of(const Record& record) {
    Container container;
    container.id = record.containers.back();
    container.service = record.service;
    container.pod = record.pod;
    container.namespace_name = record.namespace_name;
    container.state = ContainerState::gone;
    return container;
}

} // namespace

/// What is pinned and has vanished from its container, if anything has.
std::optional<PinnedWork> Tick::plan_pins(std::size_t index) {
    const Record& record = records_[index];
    PinnedWork work;
    work.record = index;
    work.key = pin_key(record);
    work.gone = is_gone(record);
    LogDirectory found;
    found.sources.push_back({SourceKind::pins, "", open_pins(pins_root_.get(), work.key), ""});
    if (!found.sources.front().held)
        return std::nullopt;
    Tree bare;
    bare.held = open_directory(found.sources.front().held.get(), "");
    const auto& excluded = exclude_of(options_, record.service);
    Listing pins = list_tree(bare, listing_limits(), context_.stop);
    std::erase_if(pins.entries, [&](const Entry& pin) { // made before these were to be left out
        const bool leave = is_excluded(excluded, pin.path);
        if (leave && !is_dry() && pin.type == FileType::regular)
            if (auto problem = unpin(pins_root_.get(), work.key, {pin.path}); !problem.empty())
                report_.problems.push_back(std::move(problem));
        return leave;
    });
    // Of a directory that was moved away by its container nothing but its pins is saved from now on.
    const bool all = work.gone || (!record.volume.empty() && !volume_exists(record, *host_));
    const Listing files = files_to_finish(pins, all ? PinnedContainer::gone : PinnedContainer::exists);
    if (files.entries.empty())
        return std::nullopt;
    std::string problem;
    work.tree = show(std::move(found), record.directory(), mounts_ ? &*mounts_ : nullptr, problem);
    work.tree.excluded = excluded;
    // There is none when nothing could be saved before.
    const UniqueFd instance = open_directory(context_.root, record.directory());
    if (!problem.empty()) {
        report_.problems.push_back("cannot read the pins of " + in_quotes(record.directory()) + ": " +
                                   problem);
        unfinished_.insert(work.key);
        return std::nullopt;
    }
    work.plan = plan(files, list_counterparts(instance.get(), files),
                     content_of(work.tree, instance.get(), context_.stop, listing_limits()), now_,
                     work.gone ? Thoroughness::everything : Thoroughness::changes,
                     {options_.max_file_size, {}, {}, [this] { return context_.stop.requested(); }});
    limit_bytes(work.plan, options_.max_bytes);
    for (const auto& entry : files.entries)
        work.files.push_back(entry.path);
    return work;
}

/// Whether docker lists none of a record's containers.
bool Tick::is_unlisted(const Record& record) const {
    return std::none_of(record.containers.begin(), record.containers.end(), [&](const std::string& id) {
        return std::find(discovery_.ids.begin(), discovery_.ids.end(), id) != discovery_.ids.end();
    });
}

bool Tick::is_gone(const Record& record) {
    return is_unlisted(record) && !may_exist(record, *host_);
}

/// Whether several log directories have the same key, by whatever chance: then nobody can tell whose its pins
/// are.
bool Tick::is_shared(const std::string& key) const {
    std::size_t holders = 0;
    for (std::size_t i = 0; i < records_.size(); ++i)
        holders += pin_key(records_[i]) == key && !ended_.contains(i) ? 1U : 0U;
    return holders > 1;
}

/// Saves what containers wrote after the last tick into files that are gone by now, from their pins. This
/// comes before anything gets another name: a pin has the name that its file had at the last tick.
void Tick::finish_pins() {
    if (context_.root < 0)
        return;
    // Again, by its path: a mount of another namespace can neither be cloned nor linked into.
    pins_root_ = UniqueFd(::open(options_.backup_root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const auto keys = pinned_keys(pins_root_.get());
    std::vector<PinnedWork> works;
    std::size_t files = 0; // of those
    const std::size_t most_held = DescriptorShare().left();
    for (std::size_t i = 0; i < records_.size(); ++i) {
        const std::string key = pin_key(records_[i]);
        if (std::find(keys.begin(), keys.end(), key) == keys.end())
            continue;
        if (context_.stop.requested() || records_[i].containers.empty() || is_shared(key) ||
            !selects(options_, container_of(records_[i]))) {
            unfinished_.insert(key);
        } else if (auto work = plan_pins(i)) {
            files += work->files.size();
            works.push_back(std::move(*work));
        }
        if (files >= most_planned_files || works.size() >= most_held) {
            save_pinned(works);
            works.clear();
            files = 0;
        }
    }
    save_pinned(works);
}

void Tick::save_pinned(std::vector<PinnedWork>& works) {
    for (auto& work : works) {
        work.row = add_row(container_of(records_[work.record]));
        Row& row = report_.rows[work.row];
        for (const auto& container : discovery_.containers)
            if (container.id == row.container_id)
                row.state = container.state;
        row.target = records_[work.record].directory();
        row.log_directory = records_[work.record].log_directory;
        row.below = below_of(records_[work.record].instance);
        row.source = name_of(SourceKind::pins);
        row.files = work.files.size();
        if (options_.verbose || options_.json)
            row.actions = work.plan.actions;
    }
    if (is_dry() || works.empty() || context_.stop.requested())
        return;
    std::vector<DirectoryWork> work_list;
    work_list.reserve(works.size());
    for (const auto& work : works)
        work_list.push_back({&work.tree, &work.plan});
    auto outcome = apply(work_list, apply_settings(), context_.stop, {});
    for (auto& problem : outcome.problems)
        report_.problems.push_back(std::move(problem));
    for (std::size_t i = 0; i < works.size() && !context_.stop.requested(); ++i)
        take_pins_outcome(works[i], outcome.directories[i]);
}

void Tick::take_pins_outcome(PinnedWork& work, DirectoryOutcome& outcome) {
    Record& record = records_[work.record];
    Row& row = report_.rows[work.row];
    count(row, outcome);
    std::set<std::string> failed;
    for (const auto& problems : {work.plan.failures, outcome.failures, outcome.unsettled})
        for (const auto& [path, reason] : problems) {
            failed.insert(path);
            row.failures.push_back({path, reason});
        }
    const UniqueFd instance = open_directory(context_.root, record.directory());
    const UniqueFd pins = open_pins(pins_root_.get(), work.key);
    for (const auto& path : work.files) {
        const auto pin = status_at(pins.get(), path);
        const auto saved = status_at(instance.get(), path);
        if (!failed.contains(path) && (!saved || !pin || saved->st_size < pin->st_size)) {
            failed.insert(path);
            row.failures.push_back({path, "it could not be saved from its pin"});
        }
    }
    if (!failed.empty()) {
        row.status = RowStatus::failed;
        failed_.insert({record.containers.back(), below_of(record.instance)});
        unfinished_.insert(work.key);
    }
    if (mounts_)
        mounts_->release(work.tree.directory);
    std::erase_if(work.files, [&](const std::string& path) { return failed.contains(path); });
    const auto remove_pins = [&](const std::vector<std::string>& files) {
        if (auto problem = unpin(pins_root_.get(), work.key, files); !problem.empty()) {
            row.status = RowStatus::failed;
            row.failures.push_back({"", std::move(problem)});
        }
    };
    const auto kept = status_of(pins.get());
    remove_pins(work.files);
    if (failed.empty())
        return;
    if (work.gone) {
        note_failure(record, context_.previous);
        write(record);
    }
    const auto space = free_space(context_.root, options_.min_free);
    // Pins are not made anew while one of them waits: that is as old as they all are.
    bool too_old = false;
    if (kept) {
        const std::array<timespec, 2> times{timespec{0, UTIME_OMIT}, kept->st_mtim};
        ::utimensat(pins.get(), ".", times.data(), 0);
        too_old = Timestamp(std::chrono::seconds(kept->st_mtim.tv_sec)) + longest_failure < now_;
    }
    if ((space && space->bytes < space->reserved_bytes / 2) || too_old) {
        row.failures.push_back({"", "its pins are given up, and with them what was not saved"});
        unfinished_.erase(work.key);
        remove_pins({failed.begin(), failed.end()});
    }
}

/// Links the files of all containers that still run, and removes the pins that are not needed any longer.
void Tick::refresh_all_pins() {
    if (context_.stop.requested())
        return;
    std::set<std::string> kept = unfinished_;
    std::size_t refused = 0;
    std::string why;
    for (const auto& record : records_)
        if (record.coverage == Coverage::live && options_.pin && !is_gone(record))
            kept.insert(pin_key(record)); // those that this tick did not look at keep what they have
    for (auto& candidate : candidates_) {
        if (!options_.pin || !candidate.record || !candidate.tree ||
            records_[*candidate.record].coverage != Coverage::live || candidate.pin_sources.empty() ||
            unfinished_.contains(pin_key(records_[*candidate.record])) ||
            is_shared(pin_key(records_[*candidate.record])))
            continue;
        const auto files = files_of(candidate);
        if (!files)
            continue;
        const auto problem = refresh_pins(pins_root_.get(), pin_key(records_[*candidate.record]),
                                          candidate.pin_sources, *files);
        refused += problem.empty() ? 0U : 1U;
        if (why.empty() && !problem.empty())
            why = in_quotes(records_[*candidate.record].directory()) + ": " + problem;
    }
    // After a problem, say a record that cannot be read, nobody knows whose pins they are.
    const bool may_unpin = !has_filter(options_) && report_.problems.empty();
    for (const auto& key : pinned_keys(pins_root_.get()))
        if (may_unpin && !kept.contains(key))
            if (auto problem = unpin_all(pins_root_.get(), key); !problem.empty())
                report_.problems.push_back(std::move(problem));
    if (refused > 0)
        report_.notices.push_back("files of " + counted(refused, "log directory", "log directories") +
                                  " cannot be pinned; the first is " + why);
}

/// Where on the host the inodes are that a container writes to. Those that only its process shows have no
/// place there.
std::vector<PinSource> Tick::pin_sources_of(const Container& container, const LogDirectory& found) {
    std::vector<PinSource> sources;
    const auto add = [&](const Source& source, const std::string& shown, const std::string& path) {
        if (!shown.empty() && source.host_path.starts_with(shown) &&
            (source.host_path.size() == shown.size() || source.host_path[shown.size()] == '/'))
            sources.push_back({source.below, path,
                               source.host_path.substr(std::min(source.host_path.size(), shown.size() + 1))});
    };
    for (const auto& source : found.sources) {
        if (source.kind == SourceKind::merged)
            add(source, container.merged, container.upper);
        else if (source.kind == SourceKind::layers || source.kind == SourceKind::upper)
            add(source, container.upper, container.upper);
        else if (source.kind == SourceKind::volume) // no link in it is followed, as when it was found
            sources.push_back({source.below, "/", source.host_path.substr(1)});
    }
    return sources;
}

} // namespace logbackup
