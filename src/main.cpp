// SPDX-License-Identifier: MIT
//
// clang-format off
//
// The house, from the door down. Each room is a folder; an #include may only go down (tests/house/arrows_test.sh).
//
//   main.cpp
//   commands/     what a user can ask for, one file a command: save, dry_run, verify, prune, list, grep, check,
//                 config; follow (stays after the run), session (root, lock, clock, recovery), and the stages: discover,
//                 survey, planning, batches, records, retain, rows
//   check/        is this machine ready for runs?
//   config/       command line, environment and file -> Options, and what they say of one service
//   report/       tables, JSON, metrics and the progress line
//   search/       records and files of a time window -> lines that match
//   follow/       from one run to the next: watches log directories, holds their files open, hands over to the next run
//   transfer/     carries out plans: renames, rsync into stand-ins, proof, taking over
//   content/      bytes: comparing, proving, decompressing; copies and versions that others make redundant
//   retention/    what may be deleted, and deleting it so that it can be killed at any moment
//   ledger/       records and their upkeep, the inventory, the backup root and its identity, the clock
//   assign/       log directory -> name in the backup
//   plan/         listing x listing -> actions
//   view/         the sources of a log directory -> one private, read-only tree, and its listing
//   locate/       container -> directories on the host
//   runtime/      what the container runtimes say: which there are, docker/ (also podman), containerd/, names of
//                 containers, missed and vanished ones
//   words/        the few functions of the words: plain structs that rooms hand each other, in include/logbackup/
//   util/         knows nothing of containers
//
// A run: discover (runtime) -> locate -> view -> assign -> plan -> transfer -> ledger -> retention -> report.
//
// clang-format on
#include "commands/app.hpp"

int main(int argc, char** argv) {
    return logbackup::run_app(argc, argv);
}
