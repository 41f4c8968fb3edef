// SPDX-License-Identifier: MIT
#include "follow/listener.hpp"

#include "util/error.hpp"

#include <algorithm>
#include <utility>

namespace logbackup {
namespace {

constexpr std::chrono::milliseconds before_next_try{1000};
constexpr std::chrono::milliseconds longest_pause{30'000};
/// Delay of a description that can wait, so that one call covers several.
constexpr std::chrono::milliseconds a_while{1000};
/// Calls for descriptions at the same time: a container can live for half a second.
constexpr std::size_t most_descriptions = 4;
/// The client has started to print events by then, however slowly it started.
constexpr std::chrono::milliseconds until_it_listens{1000};
/// After a reconnect, events are asked for from this much earlier.
constexpr std::chrono::seconds overlap_of_events{2};

} // namespace

Listener::Listener(Listening runtime, Followed& followed, Timestamp since, std::chrono::milliseconds patience)
    : runtime_(std::move(runtime)), followed_(followed), patience_(patience), since_(since),
      pause_(before_next_try) {
    listen(Clock::now());
}

std::vector<int> Listener::fds() const {
    std::vector<int> fds;
    if (events_)
        fds.push_back(events_->fd());
    if (list_.command)
        fds.push_back(list_.command->fd());
    for (const auto& answer : descriptions_)
        fds.push_back(answer.command->fd());
    return fds;
}

Listener::Clock::time_point Listener::next() const {
    auto next = Clock::time_point::max();
    if (!events_)
        next = std::min(next, listen_again_);
    if (list_.command)
        next = std::min(next, list_.until);
    else if (list_at_)
        next = std::min(next, *list_at_);
    for (const auto& answer : descriptions_)
        next = std::min(next, answer.until);
    if (descriptions_.size() >= most_descriptions)
        return next;
    if (!to_describe_.empty() || (!alone_.empty() && descriptions_.size() + 1 < most_descriptions))
        next = std::min(next, describe_again_);
    if (!can_wait_.empty())
        next = std::min(next, std::max(describe_waiting_, describe_again_));
    return next;
}

void Listener::disown() {
    if (events_)
        events_->disown();
    if (list_.command)
        list_.command->disown();
    for (const auto& answer : descriptions_)
        answer.command->disown();
}

bool Listener::update() {
    if (const auto now = Clock::now(); !events_ && now >= listen_again_)
        listen(now);
    const bool has_ended = take_events();
    if (list_at_ && Clock::now() >= *list_at_ && !list_.command) {
        list_at_.reset();
        list_ = ask(runtime_.list());
    }
    take_list();
    take_descriptions();
    describe();
    return has_ended;
}

/// Begins to listen, or begins again: the runtime was restarted, or is away. What happened meanwhile it may
/// have forgotten.
void Listener::listen(Clock::time_point now) {
    events_ = runtime_.events(since_);
    rest_.clear();
    listen_again_ = now + pause_;
    pause_ = std::min(2 * pause_, longest_pause);
    if (runtime_.has_no_past)
        list_at_ = now + until_it_listens;
    else if (std::exchange(was_away_, true))
        list_at_ = now;
}

bool Listener::take_events() {
    if (!events_)
        return false;
    const auto text = events_->read();
    if (!text) {
        events_.reset();
        return false;
    }
    rest_ += *text;
    const auto end = rest_.rfind('\n');
    if (end == std::string::npos)
        return false;
    pause_ = before_next_try;
    const History history = runtime_.read_events(std::string_view(rest_).substr(0, end));
    rest_.erase(0, end + 1);
    return take(history);
}

bool Listener::take(const History& history) {
    bool has_ended = false;
    for (const auto& [id, life] : history.lives) {
        const Container& container = life.container;
        const bool is_removed = life.removed != Timestamp{};
        const bool is_over = container.finished >= container.started;
        const auto last = std::max({container.created, container.started, container.finished, life.removed});
        since_ = std::max(since_, last - overlap_of_events);
        if (!followed_.knows(id)) {
            if (!is_removed)
                to_describe_.push_back(id);
            continue;
        }
        if (container.started != Timestamp{})
            followed_.note_start(id, container.started);
        if (!is_over && !is_removed) { // it has a process now, and all its mounts
            if (can_wait_.empty())
                describe_waiting_ = Clock::now() + a_while;
            (followed_.is_watched(id) ? can_wait_ : to_describe_).push_back(id);
        }
        if (container.finished != Timestamp{} && is_over) {
            followed_.note_end(id, container.finished);
            has_ended = true;
        }
        if (is_removed)
            followed_.note_removal(id, life.removed);
    }
    return has_ended;
}

void Listener::take_list() {
    if (const auto text = whole(list_))
        for (auto& id : runtime_.read_list(*text))
            to_describe_.push_back(std::move(id));
}

void Listener::take_descriptions() {
    for (auto& answer : descriptions_)
        if (const auto text = whole(answer))
            try {
                followed_.add(runtime_.read_descriptions(*text));
            } catch (const Error&) { // it has gone by now, or the runtime is away
            }
        else if (!answer.command && answer.ids.size() > 1) // one that is sick made it hang
            alone_.insert(alone_.end(), answer.ids.begin(), answer.ids.end());
    std::erase_if(descriptions_, [](const Answer& answer) { return !answer.command; });
}

void Listener::describe() {
    const auto now = Clock::now();
    const auto can_ask = [&] { return descriptions_.size() < most_descriptions && now >= describe_again_; };
    if (!to_describe_.empty() && can_ask() && describe(to_describe_))
        to_describe_.clear();
    if (!can_wait_.empty() && now >= describe_waiting_ && can_ask() && describe(can_wait_))
        can_wait_.clear();
    // One place stays free for what is new.
    if (!alone_.empty() && descriptions_.size() + 1 < most_descriptions && can_ask() &&
        describe({alone_.back()}))
        alone_.pop_back();
}

/// Returns false if the command could not be started.
bool Listener::describe(std::vector<std::string> ids) {
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    Answer answer = ask(runtime_.describe(ids));
    if (!answer.command) {
        describe_again_ = Clock::now() + before_next_try;
        return false;
    }
    answer.ids = std::move(ids);
    descriptions_.push_back(std::move(answer));
    return true;
}

Listener::Answer Listener::ask(std::unique_ptr<SideCommand> command) const {
    return {std::move(command), {}, Clock::now() + patience_, {}};
}

/// Takes what there is of an answer. Returns it once it is whole.
std::optional<std::string> Listener::whole(Answer& answer) {
    if (!answer.command)
        return std::nullopt;
    if (const auto text = answer.command->read()) {
        answer.text += *text;
        if (Clock::now() >= answer.until)
            answer.command.reset();
        return std::nullopt;
    }
    answer.command.reset();
    return std::exchange(answer.text, {});
}

} // namespace logbackup
