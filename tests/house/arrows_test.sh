#!/bin/bash
# SPDX-License-Identifier: MIT
#
# arrows_test.sh: fails when an #include goes up, or into another room of its own floor, when a room has no floor, and when
# a stage takes all options.
set -euo pipefail
cd "$(dirname "$0")/../.."

grep -rnE '^#include "' src include | awk '
  function room_of(path) {
    if (path ~ /^(include|logbackup)\//) return "words"
    sub(/^src\//, "", path)
    return path ~ /\// ? substr(path, 1, index(path, "/") - 1) : "main"
  }
  BEGIN {
    while ((getline line < "tests/house/floors") > 0) {
      if (line ~ /^#/) continue
      ++floors
      count = split(line, rooms, " ")
      for (i = 1; i <= count; ++i) floor[rooms[i]] = floors
    }
  }
  {
    split($0, place, ":")
    match($0, /"[^"]+"/)
    header = substr($0, RSTART + 1, RLENGTH - 2)
    from = room_of(place[1]); to = room_of(header)
    if (!(from in floor) || !(to in floor)) problem = "has a room without a floor"
    else if (header == "logbackup/options.hpp" && from !~ /^(config|check|commands)$/) problem = "is for config, check and commands only: a stage takes what it needs"
    else if (from != to && floor[to] >= floor[from]) problem = "goes from " from " to " to ", which does not lie below"
    else next
    print place[1] ":" place[2] ": #include \"" header "\" " problem
    ++bad
  }
  END {
    if (NR < 100) { print "found only " NR " includes"; exit 1 }
    exit bad > 0
  }'
