// SPDX-License-Identifier: MIT
#include "commands/parts.hpp"

#include "ledger/backup_root.hpp"
#include "runtime/docker/docker_cli.hpp"
#include "util/error.hpp"
#include "util/process.hpp"

namespace logbackup::app {
namespace {

Adopt adopt_of(const Options& options) {
    return options.adopt ? Adopt::yes : Adopt::no;
}

BackupIdentity take(const Claimed& claim, int root, const Options& options) {
    if (!claim.refusal.empty())
        throw Error("cannot use the backup " + in_quotes(options.backup_root) + ": " + claim.refusal,
                    claim.hint);
    return claim.changed && options.kind == RunKind::tick ? save_identity(root, claim.identity)
                                                          : claim.identity;
}

/// Asks docker for the engine's identity. The call costs a run more than all its work, so it is made only
/// when no container tells the engine.
EngineIdentity ask_engine(const TickContext& context) {
    Command command;
    command.argv = {context.docker, "info", "--format", engine_format};
    command.environment = docker_environment();
    Limits limits;
    limits.time = context.options.docker_timeout;
    const auto said = run(command, limits, context.stop);
    return succeeded(said.ending) ? parse_engine(said.out) : EngineIdentity{};
}

} // namespace

void examine_place(const Options& options) {
    if (options.require_mount)
        require_mounted(options.backup_root);
}

BackupIdentity claim_backup(int root, const Options& options, spdlog::logger& log) {
    const FoundIdentity found = load_identity(root);
    if (!found.problem.empty() && !options.adopt)
        throw Error(found.problem + ", which says whose the backup is",
                    "restore it from a copy, or run 'logbackup --adopt' once if it is this host's");
    const Claimed claimed = claim(found.identity, this_host(), {}, adopt_of(options));
    // A backup is new as long as it has no records, not only when it is created: if this run is killed here,
    // the next one reports it.
    const bool is_new = !found.identity && found.problem.empty() && !has_records(root);
    if (is_new && options.kind == RunKind::tick)
        log.warn("a new backup begins at {}; if there was one before, its disk is not mounted",
                 in_quotes(options.backup_root));
    return take(claimed, root, options);
}

void claim_engine(const BackupIdentity& identity, const TickContext& context,
                  const std::vector<Container>& containers) {
    EngineIdentity engine = engine_of(containers);
    if (engine.root.empty())
        engine = ask_engine(context);
    (void)take(claim(identity, this_host(), engine, adopt_of(context.options)), context.root,
               context.options);
}

} // namespace logbackup::app
