// SPDX-License-Identifier: MIT
#include "runtime/runtime.hpp"
#include "util/error.hpp"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <iterator>
#include <map>
#include <set>
#include <utility>

namespace logbackup {

void add(Discovery& all, Discovery more) {
    const std::set<std::string> known(all.ids.begin(), all.ids.end());
    const auto is_known = [&](const auto& one) { return known.contains(one.id); };
    for (const auto& id : more.ids)
        if (known.contains(id))
            all.failures.emplace_back("the container " + in_quotes(id.substr(0, 12)) +
                                      " is left out: another runtime has one of its id");
        else
            all.ids.push_back(id);
    std::erase_if(more.containers, is_known);
    std::erase_if(more.unreachable, is_known);
    std::move(more.containers.begin(), more.containers.end(), std::back_inserter(all.containers));
    std::move(more.unreachable.begin(), more.unreachable.end(), std::back_inserter(all.unreachable));
    std::move(more.notices.begin(), more.notices.end(), std::back_inserter(all.notices));
    std::move(more.failures.begin(), more.failures.end(), std::back_inserter(all.failures));
    all.engines.merge(more.engines);
}

void keep_one_of_each_id(Discovery& discovery) {
    std::set<std::string> listed;
    std::erase_if(discovery.ids, [&](const std::string& id) { return !listed.insert(id).second; });
    std::map<std::string, std::size_t> indices;
    std::vector<Container> containers;
    for (auto& container : discovery.containers) {
        const auto [known, is_new] = indices.emplace(container.id, containers.size());
        if (is_new)
            containers.push_back(std::move(container));
        else if (containers[known->second] != container)
            discovery.failures.emplace_back("the container " + in_quotes(container.id.substr(0, 12)) +
                                            " is described twice: only the first description is used");
    }
    discovery.containers = std::move(containers);
}

namespace {

Discovery discover_all_of(const std::vector<Runtime>& runtimes, StopSignal& stop) {
    Discovery all;
    std::exception_ptr first;
    for (const auto& runtime : runtimes) {
        try {
            add(all, runtime.discover(stop));
        } catch (const Error& error) {
            all.failures.push_back(left_out(runtime.name, error));
            if (!first)
                first = std::current_exception();
        }
    }
    if (first && all.engines.empty())
        std::rethrow_exception(first);
    return all;
}

Discovery ask_all_of(const std::vector<Runtime>& runtimes, std::vector<std::string> ids, StopSignal& stop) {
    Discovery all;
    all.ids = ids;
    std::vector<Unreachable> unreachable;
    for (const auto& runtime : runtimes) {
        if (ids.empty())
            break;
        Discovery answer = runtime.ask_again(ids, stop);
        for (auto& container : answer.containers) {
            std::erase(ids, container.id);
            std::erase_if(unreachable, [&](const Unreachable& one) { return one.id == container.id; });
            all.containers.push_back(std::move(container));
        }
        for (auto& one : answer.unreachable)
            unreachable.push_back(std::move(one));
    }
    for (auto& one : unreachable)
        if (std::none_of(all.unreachable.begin(), all.unreachable.end(),
                         [&](const Unreachable& other) { return other.id == one.id; }))
            all.unreachable.push_back(std::move(one));
    return all;
}

} // namespace

Runtime together(std::vector<Runtime> runtimes) {
    if (runtimes.size() == 1)
        return std::move(runtimes.front());
    Runtime all;
    for (const auto& runtime : runtimes)
        all.listening.insert(all.listening.end(), runtime.listening.begin(), runtime.listening.end());
    all.discover = [runtimes](StopSignal& stop) { return discover_all_of(runtimes, stop); };
    all.ask_again = [runtimes](const std::vector<std::string>& ids, StopSignal& stop) {
        return ask_all_of(runtimes, ids, stop);
    };
    all.history = [runtimes](Timestamp since, StopSignal& stop, std::string& problem) {
        std::vector<History> histories;
        for (const auto& runtime : runtimes)
            for (auto& history : runtime.history(since, stop, problem))
                histories.push_back(std::move(history));
        return histories;
    };
    return all;
}

} // namespace logbackup
