// SPDX-License-Identifier: MIT
#include "util/error.hpp"
#include "util/process.hpp"

#include <cstring>
#include <sstream>

namespace logbackup {
namespace {
std::string seconds(std::chrono::milliseconds time) {
    std::ostringstream text;
    text << std::chrono::duration<double>(time).count() << " s";
    return text.str();
}

struct Describe {
    std::string operator()(const SpawnFailed& e) const {
        return "could not be started: " + error_text(e.error);
    }
    std::string operator()(const Exited& e) const { return "exited with code " + std::to_string(e.code); }
    std::string operator()(const Signaled& e) const {
        return "was ended by signal " + std::to_string(e.signal) + " (" + ::strsignal(e.signal) + ")";
    }
    std::string operator()(const TimedOut& e) const { return "did not finish within " + seconds(e.limit); }
    std::string operator()(const Cancelled&) const { return "was stopped"; }
    std::string operator()(const NotNeeded&) const { return "had done its work"; }
    std::string operator()(const Overflowed& e) const {
        return "printed more than " + std::to_string(e.limit >> 20U) + " MiB";
    }
};
} // namespace

std::string describe(const Ending& ending) {
    return std::visit(Describe{}, ending);
}

bool succeeded(const Ending& ending) {
    const auto* exited = std::get_if<Exited>(&ending);
    return exited != nullptr && exited->code == 0;
}

std::string last_lines(const std::string& text, std::size_t count) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);)
        if (!line.empty())
            lines.push_back(std::move(line));
    std::string joined;
    for (std::size_t i = lines.size() > count ? lines.size() - count : 0; i < lines.size(); ++i)
        joined += (joined.empty() ? "" : "; ") + lines[i];
    return joined;
}

} // namespace logbackup
