#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Runs the checks that each change needs: on a bare Debian 12, as root, it installs what is missing, checks format,
# scripts and the floors of the code, builds once with the address and undefined-behaviour sanitizers and warnings as
# errors, and runs the unit tests, the random histories and the end-to-end tests that are a thread through the program.
# Fails if anything fails, or could not run. The end-to-end tests start Docker engines of their own and remove them.
#
# usage: test.sh [--all]
#
# --all            also what takes longer: the program as users build it with all end-to-end tests, in both ways, kills,
#                  real rotators, a minute of fuzzing, clang-tidy, and the package: built, installed, run, removed
# BUILD_DIR        where to build: directories with this name in front (default: build-test)
# NEWEST_PACKAGES  not empty: also upgrade the packages that it needs, and all that those need (default: empty)
set -euo pipefail
cd "$(dirname "$0")/.."

build=${BUILD_DIR:-build-test}
packages=(
  g++ cmake ninja-build nlohmann-json3-dev libcli11-dev libspdlog-dev libgtest-dev # to build
  rsync docker.io busybox-static                                                   # to run; it brings containerd
  python3-grpcio python3-protobuf protobuf-compiler                                # the tests make pods on containerd
  bsdutils util-linux e2fsprogs btrfs-progs mount                                  # the tests use script, setpriv, mkfs
  gzip zstd xz-utils bzip2 zip ripgrep strace                                      # and compress, search, trace
  python3-jsonschema                                                               # and check JSON
  clang-format shellcheck mandoc                                                   # to check code and documents
)
more_packages=(
  logrotate python3 liblogback-java librhino-java default-jre-headless # what rotates logs in the tests
  clang-tidy clang libclang-rt-dev                                     # to check code, and to fuzz
  prometheus                                                           # to check metrics
  lintian cron dpkg-dev file binutils systemd                          # to build and try the package
  podman                                                               # the other way to run containers
)

say() { printf '\n== %s ==\n' "$*"; }
fail() {
  printf 'test.sh: %s\n' "$*" >&2
  exit 1
}

all=
case ${1-} in
  --all) all=yes packages+=("${more_packages[@]}") ;;
  '') ;;
  *)
    printf 'usage: test.sh [--all]\n' >&2
    exit 2
    ;;
esac
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
  mapfile -t newer < <(outdated "${packages[@]}")
  say "upgrading ${newer[*]:-nothing: all packages are the newest}"
  ((${#newer[@]} == 0)) || install --only-upgrade "${newer[@]}"
fi

say "format, scripts and floors"
find src include tests -name '*.[ch]pp' -print0 | xargs -0 clang-format --dry-run --Werror
shellcheck --external-sources scripts/*.sh scripts/package/logbackup.bash tests/package/*.sh tests/house/*.sh .ci/run
tests/house/arrows_test.sh
echo fine

# test_in DIRECTORY OPTION…: runs the tests there that the options choose.
test_in() {
  local directory=$1
  shift
  say "test in $directory"
  # More at a time than there are cores: the end-to-end tests mostly wait for their engines.
  ctest --test-dir "$directory" --no-tests=error --output-on-failure --parallel "$(($(nproc) + 2))" "$@" |
    tee "$directory/tests.log"
  ! grep -qF '***Skipped' "$directory/tests.log" || fail "a test could not run"
}

# The build for users is made beside the first tests, which wait most of the time.
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

release_tests="logbackup_e2e logbackup_histories" # the unit tests have run with the sanitizers
build_release() { TESTS=$release_tests BUILD_DIR=$build-release scripts/package.sh; } # what is tested is what is packaged
tidy() {
  # A room at a time, as the program is built: what takes the time is the headers of the libraries.
  cmake -S . -B "$build-tidy" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_EXPORT_COMPILE_COMMANDS=ON \
    -DLOGBACKUP_TESTS=OFF >/dev/null
  { find "$build-tidy" -name 'unity_*.cxx' -print0 && printf 'src/main.cpp\0'; } |
    xargs -0 -n 1 -P "$(nproc)" clang-tidy --quiet -p "$build-tidy" --config-file=.clang-tidy \
      --checks=-bugprone-suspicious-include --extra-arg=-Wno-unknown-warning-option 2>/dev/null
  echo fine
}

say "build in $build-sanitized"
# Line numbers are all that a sanitizer's report needs; full debugging information makes the build longer.
cmake -S . -B "$build-sanitized" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-g1 -DLOGBACKUP_SANITIZE=ON \
  -DLOGBACKUP_TESTS=ON -DLOGBACKUP_WERROR=ON >/dev/null
cmake --build "$build-sanitized"
[[ -z $all ]] || begin release 10 build_release
sanitizers=(ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1)
export "${sanitizers[@]}" LOGBACKUP_HISTORIES=$((${#all} > 0 ? 80 : 40))
test_in "$build-sanitized" --label-regex 'unit|house|histories|fuzz|thread|documents'
unset "${sanitizers[@]%%=*}" LOGBACKUP_HISTORIES
if [[ -z $all ]]; then
  say "all checks passed; scripts/test.sh --all runs those that take longer"
  exit
fi

finish release
# First what is done in minutes. The package's test waits for cron most of the time.
try_package() { TESTS=$release_tests BUILD_DIR=$build-release scripts/package-test.sh; }
begin package 0 try_package # installed, run by cron, upgraded and removed
say "clang-tidy"
tidy
say "fuzzing"
BUILD_DIR="$build" scripts/fuzz.sh 60
finish package
# Nothing beside these: they kill, race and fill disks, and each has its own engine.
test_in "$build-release" --label-regex 'e2e|histories'

say "all checks passed"
