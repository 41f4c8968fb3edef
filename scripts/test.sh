#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Runs every check there is. On a bare Debian 12, as root: installs what is missing, checks format, scripts and
# code, builds with warnings as errors, and runs the unit tests and the end-to-end tests, twice: as users build it
# and with the address and undefined-behaviour sanitizers; and fuzzes for a minute. The end-to-end tests start Docker
# engines of their own and remove them again. Fails if anything fails, or could not run.
#
# BUILD_DIR  where to build: three directories with this name in front (default: build-test)
set -euo pipefail
cd "$(dirname "$0")/.."

build=${BUILD_DIR:-build-test}
packages=(
  g++ cmake ninja-build nlohmann-json3-dev libcli11-dev libspdlog-dev libgtest-dev # to build
  rsync docker.io busybox-static                                                   # to run
  bsdutils util-linux e2fsprogs btrfs-progs mount                                  # the tests use script, setpriv, mkfs
  gzip zstd xz-utils bzip2                                                         # and compress
  logrotate python3 liblogback-java librhino-java default-jre-headless strace      # what rotates logs in the tests
  clang-format clang-tidy shellcheck                                               # to check
  clang libclang-rt-dev                                                            # to fuzz
  prometheus                                                                       # and to check the metrics (promtool)
)

say() { printf '\n== %s ==\n' "$*"; }
fail() {
  printf 'test.sh: %s\n' "$*" >&2
  exit 1
}

((EUID == 0)) || fail "please run as root: the tests start Docker engines and mount file systems"

missing=()
for package in "${packages[@]}"; do
  [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
done
# An engine from elsewhere will do, and Debian's would replace it.
type -P dockerd >/dev/null && missing=("${missing[@]/#docker.io/}")
read -ra missing <<<"${missing[*]}"
if ((${#missing[@]} > 0)); then
  say "installing ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends "${missing[@]}" >/dev/null
fi

say "format and scripts"
find src include tests -name '*.[ch]pp' -print0 | xargs -0 clang-format --dry-run --Werror
shellcheck --external-sources scripts/*.sh .ci/run
echo fine

# check DIRECTORY LEFT_OUT OPTION…: configure, build, and run the tests in it, but those whose names match LEFT_OUT.
check() {
  local directory=$1 left_out=$2
  shift 2
  say "build in $directory: $*"
  cmake -S . -B "$directory" -G Ninja -DLOGBACKUP_TESTS=ON -DLOGBACKUP_WERROR=ON -DCMAKE_EXPORT_COMPILE_COMMANDS=ON "$@" >/dev/null
  cmake --build "$directory"
  say "test in $directory"
  # More at a time than there are cores: the end-to-end tests mostly wait for their engines.
  ctest --test-dir "$directory" --no-tests=error --output-on-failure --exclude-regex "$left_out" --parallel "$(($(nproc) + 2))" |
    tee "$directory/tests.log"
  ! grep -qF '***Skipped' "$directory/tests.log" || fail "a test could not run"
}

check "$build-release" "^$" -DCMAKE_BUILD_TYPE=Release

say "fuzz"
BUILD_DIR=$build scripts/fuzz.sh 60

say "clang-tidy"
find src -name '*.cpp' -print0 |
  xargs -0 -n 3 -P "$(nproc)" clang-tidy --quiet -p "$build-release" --extra-arg=-Wno-unknown-warning-option 2>/dev/null
echo fine

export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1
# The sanitizers need to see each piece of code once: without the second way, and without what takes a minute.
check "$build-sanitized" '/Direct|KillAt|Logrotate|PythonHandlers|Logback' -DCMAKE_BUILD_TYPE=Debug -DLOGBACKUP_SANITIZE=ON

say "all checks passed"
