// SPDX-License-Identifier: MIT
#include "commands/news.hpp"

#include "config/selection.hpp"
#include "ledger/causes.hpp"
#include "util/process.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <map>

namespace logbackup {
namespace {

constexpr std::chrono::seconds patience{60}; ///< with the command

bool knows_causes(const Session& session) {
    return session.options.kind == RunKind::save && session.writes() && !has_filter(session.options) &&
           !session.stop.requested();
}

std::string on_one_line(std::string text) {
    for (auto at = text.find('\n'); at != std::string::npos; at = text.find('\n'))
        text.replace(at, 1, "; ");
    return text;
}

void run_command(const Session& session, const std::string& text, spdlog::logger& log) {
    Command command;
    command.argv = {"/bin/sh", "-c", session.options.on_failure};
    for (char** entry = environ; *entry != nullptr; ++entry)
        command.environment.emplace_back(*entry);
    const UniqueFd input(::memfd_create("news", MFD_CLOEXEC));
    if (::write(input.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        ::lseek(input.get(), 0, SEEK_SET) != 0) {
        log.error("cannot run the command of --on-failure");
        return;
    }
    command.input = input.get();
    Limits limits;
    limits.time = patience;
    const auto result = run(command, limits, session.stop);
    if (!succeeded(result.ending))
        log.error("the command of --on-failure {}{}", describe(result.ending),
                  result.err.empty() ? "" : ": " + escaped(last_lines(result.err, 1)));
}

} // namespace

News note_causes(const Session& session, const std::vector<CauseLine>& causes, bool whole) {
    if (!knows_causes(session))
        return {};
    std::map<std::string, MetCause> met;
    for (const auto& cause : causes)
        met.emplace(cause.key, MetCause{cause.line, cause.count});
    const Causes before = load_causes(session.root.get());
    CauseNews found =
        causes_after(before, met, session.now, session.options.repeat, session.options.quiet, whole);
    News news;
    news.silent = std::move(found.silent);
    if (session.is_between) // the next one that is reported notes what it finds
        return news;
    if (found.causes != before)
        save_causes(session.root.get(), found.causes);
    for (const auto& key : found.fresh)
        news.fresh.push_back(met[key].line);
    for (const auto& cause : found.over) {
        news.over.push_back(over_line(cause));
        if (cause.told != Timestamp{})
            news.told_over.push_back(news.over.back());
    }
    return news;
}

void tell_over(const News& news, spdlog::logger& log) {
    for (const auto& line : news.told_over)
        log.warn(line);
}

void pass_on(const Session& session, const News& news, spdlog::logger& log) {
    if (session.options.on_failure.empty() || (news.fresh.empty() && news.over.empty()))
        return;
    std::string text;
    for (const auto& line : news.fresh)
        text += "failure: " + on_one_line(line) + "\n";
    for (const auto& line : news.over)
        text += "over: " + line + "\n";
    run_command(session, text, log);
}

} // namespace logbackup
