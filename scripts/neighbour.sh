#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Measures what a first backup of many GiB does to others on the same machine: how fast a program computes, and how
# long another waits until 4 KiB of it are on the disk, while nothing else runs, while logbackup makes a first backup,
# and while `rsync -a` makes one. Run it as root; it starts a Docker engine of its own and removes it again.
#
# NEIGHBOUR_GIB      size of the backup (default: 16); twice that must be free      BUILD_DIR  where to build
# NEIGHBOUR_SECONDS  length of each measurement (default: 20)                       DOCKER     the docker client
set -euo pipefail
# shellcheck source=scripts/engine.sh
source "$(dirname "$0")/engine.sh"

gib=${NEIGHBOUR_GIB:-16}
seconds=${NEIGHBOUR_SECONDS:-20}
backup_pid=

end_backup() {
  # rsync ends with its parent.
  [[ ! $backup_pid ]] || end_process "$backup_pid" || true
  backup_pid=
}
end_neighbour() {
  end_backup
  clean_up
}

# The logs are not in the page cache, as they are not when there are more of them than memory.
make_cold() {
  local file
  sync
  for file in "$logs"/*; do dd of="$file" oflag=nocache conv=notrunc,fdatasync count=0 status=none; done
}

# probe NAME: notes computations a second, and the 50th and 99th percentile of the wait for the disk in milliseconds.
probe() {
  local name=$1 computing
  sysbench cpu --threads="$(nproc)" --time="$seconds" run >"$work/sysbench" &
  computing=$!
  quietly fio --name=probe --directory="$work" --size=16M --rw=randwrite --bs=4k --fdatasync=1 --thinktime=20ms \
    --time_based --runtime="$seconds" --output-format=json --output="$work/fio"
  wait "$computing"
  jq -r --arg name "$name" --arg events "$(awk '/events per second/ { print $4 }' "$work/sysbench")" \
    '.jobs[0].sync.lat_ns.percentile | [$name, $events, ."50.000000" / 1e6, ."99.000000" / 1e6] | @tsv' \
    "$work/fio" >>"$work/results"
  rm -f "$work"/probe.*
}

# while_backing_up NAME COMMAND…
while_backing_up() {
  local name=$1
  shift
  echo "While $name makes a first backup …"
  make_cold
  mkdir "$work/backup"
  "$@" >"$work/backup.log" 2>&1 &
  backup_pid=$!
  sleep 2
  probe "$name"
  kill -0 "$backup_pid" 2>/dev/null || die "$name ended before the measurement did: set NEIGHBOUR_GIB higher"
  du --block-size=1M --summarize "$work/backup" | awk -v seconds=$((seconds + 2)) '{ print int($1 / seconds) }' >>"$work/speeds"
  end_backup
  rm -r "$work/backup"
}

begin neighbour
trap end_neighbour EXIT
install_missing fio:fio sysbench:sysbench jq:jq
build_logbackup
start_engine

echo "Writing $gib GiB of logs …"
pod big big-0 0 'exec sleep 1000000'
logs=$(docker inspect --format '{{.GraphDriver.Data.MergedDir}}' k8s_big_big-0_0)/opt/logs
head -c 64M /dev/urandom >"$work/chunk"
for ((i = 0; i < gib; i++)); do
  for ((j = 0; j < 16; j++)); do cat "$work/chunk"; done >"$logs/app-$i.log"
done
echo 0 >"$work/speeds"

echo "While nothing else runs …"
probe nothing
while_backing_up logbackup logbackup --dest "$work/backup" --max-bytes 0 --min-free 0
while_backing_up 'logbackup --bwlimit 50M' logbackup --dest "$work/backup" --max-bytes 0 --min-free 0 --bwlimit 50M
while_backing_up 'rsync -a' rsync -a "$logs/" "$work/backup/"

printf '\n%s GiB, %s cores, %s, load %s\n\n' "$gib" "$(nproc)" "$(df --output=fstype "$work" | tail -n 1)" "$(cut -d ' ' -f 1-3 /proc/loadavg)"
printf '%-26s %14s %12s %12s %8s\n' 'beside' 'computing' 'disk, p50' 'disk, p99' 'MiB/s'
paste "$work/results" "$work/speeds" | while IFS=$'\t' read -r name events p50 p99 speed; do
  awk -v name="$name" -v events="$events" -v p50="$p50" -v p99="$p99" -v speed="$speed" \
    -v base="$(head -n 1 "$work/results")" 'BEGIN { split(base, b, "\t")
      printf "%-26s %12.0f %% %9.1f ms %9.1f ms %8d\n", name, 100 * events / b[2], p50, p99, speed }'
done
