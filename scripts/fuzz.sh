#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Runs the fuzz targets of tests/fuzz, all at the same time, each for SECONDS (60 unless told). Fails if one finds
# something, and says where the input is that shows it. Needs clang, and libclang-rt-dev for libFuzzer.
#
# usage: fuzz.sh [SECONDS]
#
# BUILD_DIR  where to build: a directory with this name in front (default: build-fuzz); findings are left in it
# FUZZ_SEED  what the random choices begin with (default: 1, so that a check can be repeated; 0: another each time)
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
build=${BUILD_DIR:-build}-fuzz
targets=(fuzz_inspect fuzz_assign fuzz_plan)

[[ $seconds =~ ^[1-9][0-9]*$ ]] || {
  printf 'fuzz.sh: how many seconds? Not %q\n' "$seconds" >&2
  exit 2
}

cmake -S . -B "$build" -G Ninja -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_BUILD_TYPE=Debug \
  -DCMAKE_CXX_FLAGS_DEBUG="-O1 -gline-tables-only" -DLOGBACKUP_FUZZ=ON -DLOGBACKUP_TESTS=ON -DLOGBACKUP_WERROR=ON >/dev/null
cmake --build "$build" --target "${targets[@]}"

# Freed memory that is kept to find its later use; without that a target comes close to its limit.
export ASAN_OPTIONS=quarantine_size_mb=64
# What a target adds to its corpus stays out of the tree.
work=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT
for target in "${targets[@]}"; do
  cp -r "tests/fuzz/corpus/$target" "$work/$target"
  mkdir -p "$build/found"
  options=(-max_total_time="$seconds" -seed="${FUZZ_SEED:-1}" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1)
  options+=(-artifact_prefix="$build/found/$target-")
  [[ $target != fuzz_inspect ]] || options+=(-dict=tests/fuzz/inspect.dict)
  "$build/tests/fuzz/$target" "${options[@]}" "$work/$target" >"$work/$target.log" 2>&1 &
  pids+=($!)
done

failed=0
for i in "${!targets[@]}"; do
  log=$work/${targets[i]}.log
  if wait "${pids[i]}"; then
    printf '%-12s  %s executions, coverage %s\n' "${targets[i]}" \
      "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
      "$(sed -n 's/^#[0-9]*\tDONE *cov: \([0-9]*\) ft: \([0-9]*\).*/\1 edges, \2 features/p' "$log")"
  else
    failed=1
    printf '%s has found something:\n' "${targets[i]}"
    grep -v '^#[0-9]*' "$log" | tail -n 60
    artifact=$(sed -n 's/.*Test unit written to //p' "$log")
    printf 'to see it again: %s %s\n' "$build/tests/fuzz/${targets[i]}" "$artifact"
    [[ -z $artifact ]] || printf 'or: base64 --decode >FILE <<<%s\n' "$(base64 --wrap=0 "$artifact")"
  fi
done
exit "$failed"
