#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Measures logbackup against Docker itself and against a plain shell loop, all within one run on one machine:
# what counts are the ratios. Run it as root; it starts a Docker engine of its own and removes it again.
# It exits 0 when it could measure, also when a target is missed.
#
# usage: bench.sh [--json FILE]
#
# BENCH_CONTAINERS  how many containers (default: 110)   BENCH_ROUNDS  rounds of measurements (default: 5)
# BUILD_DIR         where to build (default: build)      DOCKER        the docker client (default: the one on PATH)
set -euo pipefail
# shellcheck source=scripts/engine.sh
source "$(dirname "$0")/engine.sh"

count=${BENCH_CONTAINERS:-110}
rounds=${BENCH_ROUNDS:-5}
json_file=
case "${1-}:$#" in
  :0) ;;
  --json:2) json_file=$(realpath "$2") ;;
  *) sed -n 's/^# \(usage: .*\)/\1/p' "$0" >&2 && exit 2 ;;
esac

files_each=10
chunk_bytes=10240
max_idle_to_floor=1.3
min_loop_to_idle=40
max_append_to_floor=2
max_peak_mib=25

# The commands that are measured. hyperfine starts them without a shell (-N); those that are scripts bring the start
# of an sh with them, so that is measured, too.
write_scripts() {
  mkdir "$work/scripts" "$work/results"
  cat >"$work/scripts/sh" <<'END'
#!/bin/sh
:
END
  cat >"$work/scripts/floor" <<'END'
#!/bin/sh
exec docker inspect --type container $(docker ps --all --quiet --no-trunc)
END
  cat >"$work/scripts/loop" <<'END'
#!/bin/sh
for c in $(docker ps -a --quiet --no-trunc); do
  merged=$(docker inspect --format '{{.GraphDriver.Data.MergedDir}}' "$c")
  service=$(docker inspect --format '{{index .Config.Labels "io.kubernetes.container.name"}}' "$c")
  pod=$(docker inspect --format '{{index .Config.Labels "io.kubernetes.pod.name"}}' "$c")
  [ -d "$merged/opt/logs" ] || continue
  mkdir -p "$LOOP_DEST/$service/$pod"
  rsync -a "$merged/opt/logs/" "$LOOP_DEST/$service/$pod/"
done
END
  chmod +x "$work"/scripts/*
}

start_one() { pod "service-$1" "pod-$1" 0 'exec sleep 1000000'; }

start_pods() {
  local i
  export image
  export -f pod start_one
  seq -w "$count" | xargs -P 4 -I{} bash -c "start_one {}"
  docker ps --quiet --no-trunc >"$work/ids"
  [[ $(wc -l <"$work/ids") == "$count" ]] || die "not all of the $count containers run"
  # Written from the host, through the mounted file system of each container: that is quick.
  xargs docker inspect --format '{{index .Config.Labels "io.kubernetes.container.name"}} {{.GraphDriver.Data.MergedDir}}' \
    <"$work/ids" | sort >"$work/pods"
  services=()
  sources=()
  local service merged
  while read -r service merged; do
    services+=("$service")
    sources+=("$merged/opt/logs")
    for ((i = 0; i < files_each; i++)); do
      awk -v name="$service file $i" 'BEGIN { for (l = 100; l < 500; ++l) print "2024-05-17T10:00:00Z INFO " name " line " l }' \
        >"$merged/opt/logs/app-$i.log"
    done
  done <"$work/pods"

  awk -v bytes=$chunk_bytes 'BEGIN { for (i = 0; i < bytes / 64; ++i) printf "%063d\n", i }' >"$work/chunk"
  {
    echo '#!/bin/sh'
    printf 'exec tee -a'
    printf " '%s/app-0.log'" "${sources[@]}"
    printf " <'%s' >/dev/null\n" "$work/chunk"
  } >"$work/scripts/append"
  chmod +x "$work/scripts/append"
}

# equal_trees DEST: each log directory is there, byte for byte.
equal_trees() {
  local i
  for i in "${!sources[@]}"; do
    diff -r "${sources[i]}" "$1/${services[i]}/pod-${services[i]#service-}" >&2 ||
      die "$1 differs from what ${services[i]} has"
  done
}

# measure NAME WARMUPS RUNS [HYPERFINE-OPTION…] COMMAND
measure() {
  local name=$1 warmups=$2 runs=$3
  shift 3
  quietly hyperfine -N --style basic --warmup "$warmups" --runs "$runs" --export-json "$work/results/$name-$round.json" "$@"
}

# The kernel keeps a process's own peak only until it exits (the peak that wait4 reports includes its children's:
# docker's). So its standard output is a full pipe here: when the work is done it stops at printing the report.
own_peak_kib() {
  local pipe pid reader
  mkfifo "$work/full"
  exec {pipe}<>"$work/full"
  dd if=/dev/zero of="$work/full" oflag=nonblock bs=4096 2>/dev/null || true # until it is full
  logbackup --dest "$work/backup" >"$work/full" &
  pid=$!
  wait_for 60 grep -q pipe_write "/proc/$pid/wchan" || die "cannot tell when logbackup prints its report"
  awk '$1 == "VmHWM:" { print $2 }' "/proc/$pid/status"
  cat "$work/full" {pipe}>&- >/dev/null &
  reader=$!
  wait "$pid" || die "logbackup failed"
  exec {pipe}>&-
  wait "$reader"
  rm "$work/full"
}

# The largest process of the tree, logbackup's children included.
tree_peak_kib() {
  /usr/bin/time --format %M --output "$work/peak" logbackup --quiet --dest "$work/backup"
  cat "$work/peak"
}

largest() { sort -n | tail -n 1; }

# statistics NAME: one object out of all rounds.
statistics() {
  jq -s --arg name "$1" '
    map(.results[0]) | (map(.times) | add | sort) as $t | ($t | length) as $n | ($t | add / $n) as $mean |
    { name: $name, runs: $n, mean: $mean, median: (($t[($n - 1) / 2 | floor] + $t[$n / 2 | floor]) / 2),
      sd: (if $n < 2 then 0 else ($t | map((. - $mean) * (. - $mean)) | add / ($n - 1) | sqrt) end),
      min: $t[0], max: $t[-1], cpu: (map((.user + .system) * (.times | length)) | add / $n) }' \
    "$work/results/$1"-*.json
}

begin bench
install_missing hyperfine:hyperfine jq:jq time:time diff:diffutils
build_logbackup
start_engine
write_scripts

echo "Starting $count containers with $files_each log files each …"
start_pods
export LOOP_DEST=$work/loop-backup

echo "First tick, first loop, and whether a tick really appends …"
logbackup --quiet --dest "$work/backup"
"$work/scripts/loop"
equal_trees "$work/backup"
equal_trees "$LOOP_DEST"
"$work/scripts/append"
appended=$(logbackup --json --dest "$work/backup" | jq '[.containers[].bytes] | add')
[[ $appended == $((count * chunk_bytes)) ]] || die "a tick appended $appended bytes instead of $((count * chunk_bytes))"

# In turn, few runs at a time: what else the machine does hits all of them alike.
for ((round = 1; round <= rounds; round++)); do
  echo "Round $round of $rounds …"
  measure sh 1 5 "$work/scripts/sh"
  measure floor 1 10 "$work/scripts/floor"
  measure idle 1 10 "logbackup --quiet --dest $work/backup"
  measure append 1 5 --prepare "$work/scripts/append" "logbackup --quiet --dest $work/backup"
  measure loop 0 1 "$work/scripts/loop"
done
equal_trees "$work/backup"
grown=$(($(stat --format %s "${sources[0]}/app-0.log") - $(stat --format %s "${sources[0]}/app-1.log")))
((grown == (1 + rounds * 6) * chunk_bytes)) || die "the log files grew by $grown bytes, not as planned"

echo "Memory …"
for _ in 1 2 3; do
  own_peak_kib >>"$work/own-peaks"
  tree_peak_kib >>"$work/tree-peaks"
  "$work/scripts/append"
  own_peak_kib >>"$work/own-peaks"
  "$work/scripts/append"
  tree_peak_kib >>"$work/tree-peaks"
done

for name in sh floor idle append loop; do statistics "$name"; done | jq -s \
  --argjson own "$(largest <"$work/own-peaks")" --argjson tree "$(largest <"$work/tree-peaks")" \
  --argjson containers "$count" --argjson files "$files_each" \
  --argjson idle "$max_idle_to_floor" --argjson loop "$min_loop_to_idle" \
  --argjson append "$max_append_to_floor" --argjson peak "$max_peak_mib" \
  --arg kernel "$(uname -sr)" --arg cores "$(nproc)" --arg load "$(cut -d ' ' -f 1-3 /proc/loadavg)" \
  --arg client "$(docker version --format '{{.Client.Version}}')" \
  --arg engine "$(docker version --format '{{.Server.Version}}')" \
  --arg rsync "$(rsync --version | awk 'NR == 1 { print $3 }')" \
  --arg disk "$(df --output=fstype "$work" | tail -n 1)" '
  (map({ (.name): . }) | add) as $m |
  def ratio($name; $a; $b; $sign; $target): ($m[$a].median / $m[$b].median) as $value |
    { name: $name, value: $value, sign: $sign, target: $target,
      ok: (if $sign == "<=" then $value <= $target else $value >= $target end) };
  { containers: $containers, files_each: $files, kernel: $kernel, cores: ($cores | tonumber), load: $load, file_system: $disk,
    docker_client: $client, docker_engine: $engine, rsync: $rsync,
    measured: $m,
    peak_kib: { logbackup: $own, largest_process: $tree },
    results: [
      ratio("idle tick / floor"; "idle"; "floor"; "<="; $idle),
      ratio("shell loop / idle tick"; "loop"; "idle"; ">="; $loop),
      ratio("appending tick / floor"; "append"; "floor"; "<="; $append),
      { name: "peak memory of logbackup, MiB", value: ($own / 1024), sign: "<=", target: $peak, ok: ($own / 1024 <= $peak) } ] }' \
  >"$work/result.json"

print_table() {
  local name text
  printf '\n%s\n\n' "$(jq -r '"\(.containers) running containers with \(.files_each) log files each; \(.kernel), \(.cores) cores, load \(.load), \(.file_system);
docker client \(.docker_client), engine \(.docker_engine), rsync \(.rsync)"' "$work/result.json")"
  printf '%-34s %20s %9s %9s %5s\n' '' 'wall, mean ± sd' median CPU runs
  while IFS=: read -r name text; do
    jq -r --arg name "$name" '.measured[$name] | [.mean, .sd, .median, .cpu, .runs] | @tsv' "$work/result.json" |
      { read -r mean sd median cpu runs && LC_ALL=C printf '%-34s %9.4f ± %6.4f s %7.4f s %7.4f s %5d\n' "$text" "$mean" "$sd" "$median" "$cpu" "$runs"; }
  done <<'END'
floor:floor: docker ps, docker inspect
sh:  of which an sh that does nothing
idle:idle tick
append:appending tick, 10 KB each
loop:shell loop
END
  echo
  echo 'ratios of the medians (one disturbed run does not move them)'
  jq -r '.results[] | [.name, .value, .sign, .target, if .ok then "ok" else "MISSED" end] | @tsv' "$work/result.json" |
    while IFS=$'\t' read -r name value sign target verdict; do
      LC_ALL=C printf '  %-32s %9.2f   target %s %-5s %s\n' "$name" "$value" "$sign" "$target" "$verdict"
    done
  jq -r '"  (the largest process of a tick, docker'"'"'s client and rsync included: \(.peak_kib.largest_process / 1024 | floor) MiB)"' "$work/result.json"
}
print_table
[[ -z $json_file ]] || cp "$work/result.json" "$json_file"
