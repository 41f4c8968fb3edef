#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Runs every check there is. On a bare Debian 12, as root: installs what is missing, checks format, scripts and
# code, builds with warnings as errors, and runs the unit tests and the end-to-end tests, twice: as users build it
# and with the address and undefined-behaviour sanitizers; fuzzes for a minute; and installs, runs and removes the
# package. The end-to-end tests start Docker engines of their own and remove them again. Fails if anything fails, or
# could not run.
#
# BUILD_DIR        where to build: three directories with this name in front (default: build-test)
# NEWEST_PACKAGES  not empty: also upgrade the packages that it needs, and all that those need (default: empty)
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
  prometheus python3-jsonschema                                                   # and to check metrics and JSON
  lintian cron mandoc dpkg-dev file binutils systemd                               # and to build and try the package
)

say() { printf '\n== %s ==\n' "$*"; }
fail() {
  printf 'test.sh: %s\n' "$*" >&2
  exit 1
}

((EUID == 0)) || fail "please run as root: the tests start Docker engines and mount file systems"

# install PACKAGE…: services among them are not started.
install() {
  local policy=/usr/sbin/policy-rc.d
  [[ -e $policy ]] || {
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  }
  DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends "$@" >/dev/null
  [[ $(trap -p EXIT) != *policy* ]] || rm -f "$policy"
  trap - EXIT
}

# outdated PACKAGE…: those of them, and of all that they depend on, of which there is a newer version.
outdated() {
  apt-cache depends --recurse --installed --important "$@" | grep '^[a-z0-9]' |
    xargs apt-get --just-print install --only-upgrade | sed -n 's/^Inst \([^ ]*\) \[.*/\1/p'
}

missing=()
for package in "${packages[@]}"; do
  [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
done
# An engine from elsewhere will do, and Debian's would replace it.
type -P dockerd >/dev/null && missing=("${missing[@]/#docker.io/}")
read -ra missing <<<"${missing[*]}"
if ((${#missing[@]} > 0)) || [[ ${NEWEST_PACKAGES-} ]]; then apt-get update -qq; fi
if ((${#missing[@]} > 0)); then
  say "installing ${missing[*]}"
  install "${missing[@]}"
fi
if [[ ${NEWEST_PACKAGES-} ]]; then
  read -ra newer < <(outdated "${packages[@]}" | tr '\n' ' ')
  say "upgrading ${newer[*]:-nothing: all packages are the newest}"
  ((${#newer[@]} == 0)) || install --only-upgrade "${newer[@]}"
fi

say "format and scripts"
find src include tests -name '*.[ch]pp' -print0 | xargs -0 clang-format --dry-run --Werror
shellcheck --external-sources scripts/*.sh scripts/package/logbackup.bash tests/package/*.sh .ci/run
echo fine

# test_in DIRECTORY LEFT_OUT: run the tests there, but those whose names match LEFT_OUT.
test_in() {
  local directory=$1 left_out=$2
  say "test in $directory"
  # More at a time than there are cores: the end-to-end tests mostly wait for their engines.
  ctest --test-dir "$directory" --no-tests=error --output-on-failure --exclude-regex "$left_out" --parallel "$(($(nproc) + 2))" |
    tee "$directory/tests.log"
  ! grep -qF '***Skipped' "$directory/tests.log" || fail "a test could not run"
}

# What needs the processor is done beside the tests, which wait most of the time.
declare -A beside=() # process ids by name
# begin NAME NICE COMMAND…
begin() {
  local name=$1 priority=$2
  shift 2
  set -m # a process group of its own
  (
    set -e
    renice --priority "$priority" "$BASHPID" >/dev/null
    "$@"
  ) >"$build-$name.log" 2>&1 &
  set +m
  beside[$name]=$!
}
finish() {
  local name=$1
  say "$name (beside the tests)"
  wait "${beside[$name]}" || {
    cat "$build-$name.log"
    fail "$name failed"
  }
  unset "beside[$name]"
  tail -n 4 "$build-$name.log"
}
end_beside() {
  local pid
  for pid in "${beside[@]}"; do kill -- "-$pid" 2>/dev/null || true; done
}
trap end_beside EXIT

build_sanitized() {
  cmake -S . -B "$build-sanitized" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DLOGBACKUP_SANITIZE=ON -DLOGBACKUP_TESTS=ON \
    -DLOGBACKUP_WERROR=ON >/dev/null
  cmake --build "$build-sanitized"
}
tidy() {
  find src -name '*.cpp' -print0 |
    xargs -0 -n 3 -P "$(nproc)" clang-tidy --quiet -p "$build-release" --extra-arg=-Wno-unknown-warning-option 2>/dev/null
  echo fine
}

say "build in $build-release"
TESTS=ON BUILD_DIR=$build-release scripts/package.sh # what is tested is what is packaged
begin sanitized 10 build_sanitized
begin clang-tidy 19 tidy # the next tests wait for the build
test_in "$build-release" "^$"
finish sanitized

begin fuzz 10 env BUILD_DIR="$build" scripts/fuzz.sh 60
export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1
# The sanitizers need to see each piece of code once: without the second way, and without what takes a minute.
test_in "$build-sanitized" '/Direct|KillAt|Logrotate|PythonHandlers|Logback|AttackRaces'
finish clang-tidy
finish fuzz

say "the package, installed, run by cron, upgraded and removed"
TESTS=ON BUILD_DIR=$build-release scripts/package-test.sh

say "all checks passed"
