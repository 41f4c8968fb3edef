#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Measures logbackup against Docker itself and against a plain shell loop, all within one run on one machine:
# what counts are the ratios, and the bytes that reach the disk. Run it as root; it starts a Docker engine of its own
# and removes it again. It exits 0 when it could measure, also when a target is missed.
#
# With --follow it measures what a follower costs, instead: how much of a core it takes while nothing happens and at
# 1,000 file events a second, its memory, how long a hand-over takes beside a run without a follower, and whether
# anything grows with the hand-overs.
#
# With --search it measures "logbackup grep" against ripgrep and zgrep on the same files: 200 log directories with ten
# files each, eight of them compressed.
#
# usage: bench.sh [--follow | --search] [--json FILE]
#
# BENCH_CONTAINERS  how many containers (default: 110)   BENCH_ROUNDS  rounds of measurements (default: 5)
# BENCH_HANDOVERS   how many of them (default: 50)       BENCH_SEARCHED  bytes of a file before it is compressed
# BUILD_DIR         where to build (default: build)      DOCKER        the docker client (default: the one on PATH)
set -euo pipefail
# shellcheck source=scripts/engine.sh
source "$(dirname "$0")/engine.sh"

count=${BENCH_CONTAINERS:-110}
rounds=${BENCH_ROUNDS:-5}
handovers=${BENCH_HANDOVERS:-50}
searched_bytes=${BENCH_SEARCHED:-4000000}
follow=
search=
json_file=
while (($# > 0)); do
  case "$1:$#" in
    --follow:*) follow=yes ;;
    --search:*) search=yes ;;
    --json:1) set -- --usage ;;&
    --json:*) shift && json_file=$(realpath "$1") ;;
    *) sed -n 's/^# \(usage: .*\)/\1/p' "$0" >&2 && exit 2 ;;
  esac
  shift
done

files_each=10
chunk_bytes=10240
big_file=$((64 << 20))
max_idle_to_floor=0.6
min_loop_to_idle=40
max_append_to_floor=1.7
max_appended_mib=2.3
small_files=25000
max_small_to_rsync=1.5
max_idle_us_a_file=10
max_peak_mib=25
max_growing_mib=1.1
max_rotated_mib=1
max_follower_idle_percent=0.2
max_follower_busy_percent=10
max_follower_mib=20
max_search_to_ripgrep=1.3
idle_seconds=60
busy_seconds=20
events_per_second=1000

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

# grow_old FILE…: what has just changed is looked at once more. No two get the same time: then size and time would not
# tell them apart.
grow_old() { perl -e 'utime time, time - 3600 - $_, $ARGV[$_] for 0 .. $#ARGV' "$@"; }

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
    grow_old "$merged/opt/logs"/app-*.log
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

# The backups of what follows have a file system of their own: what is written to its disk was written by them.
make_disk() {
  truncate --size 6G "$work/disk.ext4"
  quietly mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "$work/disk.ext4"
  mkdir "$work/disk"
  mount -o loop "$work/disk.ext4" "$work/disk"
  disk_stat=/sys/block/$(basename "$(findmnt --noheadings --output SOURCE "$work/disk")")/stat
}

sectors_written() {
  sync --file-system "$work/disk"
  awk '{ print $7 }' "$disk_stat"
}

# written NAME COMMAND…: notes what it and its children write: what reaches the disk, and the pages that they dirty and
# that are gone again before. The kernel adds to a process's own figures those of its children that have ended.
written() {
  local name=$1 before after
  shift
  before=$(sectors_written)
  ("$@" && cat "/proc/$BASHPID/io") >"$work/io"
  after=$(sectors_written)
  awk -v disk=$(((after - before) * 512)) '{ io[$1] = $2 } END {
    printf "{\"disk\": %d, \"dirtied\": %d, \"gone\": %d}\n", disk, io["write_bytes:"], io["cancelled_write_bytes:"] }' \
    "$work/io" >>"$work/results/written-$name"
}

# begin_big SERVICE: a pod for files that are big; its log directory on the host is then $logs.
begin_big() {
  big=$1
  pod "$big" "pod-$big" 0 'exec sleep 1000000'
  logs=$(docker inspect --format '{{.GraphDriver.Data.MergedDir}}' "k8s_${big}_pod-${big}_0")/opt/logs
  mkdir -p "$work/disk/loop"
}
run_big() { logbackup --quiet --dest "$work/disk/backup" --service "$big"; }
loop_big() { rsync -a "$logs/" "$work/disk/loop/"; }
end_big() {
  local file
  for file in "$logs"/*; do
    cmp "$file" "$work/disk/backup/$big/pod-$big/${file##*/}" || die "what is saved differs from $file"
  done
  docker rm --force "k8s_${big}_pod-${big}_0" >/dev/null
  rm -r "$work/disk/loop" "$work/disk/backup"
}

# One file that grows.
measure_growing() {
  local i
  begin_big growing
  head -c 1G /dev/urandom >"$logs/app.log"
  run_big
  loop_big
  for ((i = 0; i < rounds; i++)); do
    head -c 1M /dev/urandom >>"$logs/app.log"
    written growing-run run_big
  done
  written growing-loop loop_big
  end_big
}

# Ten full files that all take the next one's name, the oldest dropped; the new one has little in it yet.
measure_rotated() {
  local i round size
  begin_big rotated
  for ((i = 10; i > 0; i--)); do
    head -c "$big_file" /dev/urandom >"$logs/app.log.$i"
    touch --date "$i hours ago" "$logs/app.log.$i" # rsync takes files of one size and second for the same
  done
  : >"$logs/app.log"
  for ((round = 1; round <= rounds; round++)); do
    size=$(stat --format %s "$logs/app.log")
    head -c $((big_file - size)) /dev/urandom >>"$logs/app.log"
    run_big
    ((round < rounds)) || loop_big
    for ((i = 9; i > 0; i--)); do mv "$logs/app.log.$i" "$logs/app.log.$((i + 1))"; done
    mv "$logs/app.log" "$logs/app.log.1"
    cat "$work/chunk" >"$logs/app.log"
    written rotated-run run_big
  done
  written rotated-loop loop_big
  end_big
}

# 10 KB more in each container.
measure_appended() {
  local i
  logbackup --quiet --dest "$work/disk/backup"
  for ((i = 0; i < rounds; i++)); do
    "$work/scripts/append"
    written append-run logbackup --quiet --dest "$work/disk/backup"
  done
  rm -r "$work/disk/backup"
}

# A first backup of many small files, beside rsync -a of the same files; both until they are on the disk. Then a run
# that finds them unchanged.
measure_small() {
  local directory directories=() round each=$((small_files / count))
  for directory in "${sources[@]}"; do
    mkdir "$directory/small"
    head -c $((each * 220)) /dev/zero | tr '\0' x |
      split --bytes 220 --suffix-length 5 --numeric-suffixes - "$directory/small/"
    grow_old "$directory/small"/*
    directories+=("$directory/small")
  done
  {
    printf '#!/bin/sh\nrsync -a --relative'
    printf " '%s'" "${directories[@]}"
    printf " '%s/' && sync --file-system '%s'\n" "$work/disk/loop" "$work/disk"
  } >"$work/scripts/small-rsync"
  printf "#!/bin/sh\nlogbackup --quiet --dest '%s' && sync --file-system '%s'\n" \
    "$work/disk/backup" "$work/disk" >"$work/scripts/small-run"
  printf "#!/bin/sh\nrm -rf '%s/'\"\$1\" && sync --file-system '%s'\n" "$work/disk" "$work/disk" >"$work/scripts/small-remove"
  chmod +x "$work"/scripts/small-*
  for ((round = 1; round <= rounds; round++)); do
    measure small-rsync 0 1 --prepare "$work/scripts/small-remove loop" "$work/scripts/small-rsync"
    measure small-run 0 1 --prepare "$work/scripts/small-remove backup" "$work/scripts/small-run"
    measure small-idle 1 3 "logbackup --quiet --dest $work/disk/backup"
  done
  for directory in "${sources[@]}"; do
    diff -r "$directory/small" "$work/disk/loop/$directory/small" >&2 || die "rsync did not copy all of $directory/small"
  done
  equal_trees "$work/disk/backup"
  rm -r "$work/disk/backup" "$work/disk/loop" "${directories[@]}"
}

# Begins a follower that takes over from $follower, and waits for its report: then the one before has ended.
begin_follower() {
  local before=$follower
  : >"$work/report"
  logbackup --follow 1d --dest "$work/backup" >"$work/report" 2>"$work/messages" &
  follower=$!
  wait_for 60 test -s "$work/report" || die "the follower's run does not end: $(<"$work/messages")"
  [[ -z $before ]] || wait "$before" || die "a follower failed: $(<"$work/messages")"
}
end_follower() {
  [[ -z $follower ]] || kill "$follower" || true
  [[ -z $follower ]] || wait "$follower" || true
  follower=
}

# cpu_ticks PID: what it and its children that have ended have used, in hundredths of a second
cpu_ticks() { sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 + $14 + $15 }'; }
rss_kib() { awk '$1 == "VmRSS:" { print $2 }' "/proc/$1/status"; }

# cpu_while NAME COMMAND…: the share of a core that the follower, its runs and docker's client take, in per cent.
cpu_while() {
  local name=$1 begin ticks own
  shift
  begin=$(date +%s%N)
  own=$(cpu_ticks "$follower")
  ticks=$((own + $(cpu_ticks "$client")))
  "$@"
  awk -v all=$(($(cpu_ticks "$follower") + $(cpu_ticks "$client") - ticks)) -v own=$(($(cpu_ticks "$follower") - own)) \
    -v ns=$(($(date +%s%N) - begin)) \
    'BEGIN { printf "{\"follower\": %.3f, \"with_client\": %.3f}\n", own / ns * 1e9, all / ns * 1e9 }' \
    >"$work/cpu-$name"
}

# Logs take new names and their old ones again, and empty files come and go, in all containers in turn.
make_events() {
  perl -MTime::HiRes=time,sleep -e '
    my ($seconds, $rate, @directories) = @ARGV;
    my ($begin, $events) = (time, 0);
    while ((my $now = time) < $begin + $seconds) {
      while ($events < ($now - $begin) * $rate) {
        my $directory = $directories[$events / 6 % @directories];
        rename "$directory/app-1.log", "$directory/app-1.log.1" or die $!;
        rename "$directory/app-1.log.1", "$directory/app-1.log" or die $!;
        open my $file, ">", "$directory/app.lock" or die $!;
        unlink "$directory/app.lock" or die $!;
        $events += 6;
      }
      sleep 0.01;
    }' $busy_seconds $events_per_second "${sources[@]}"
}

# What must not grow: descriptors, watches, memory, mounts, bytes of records.
sizes() {
  local watches
  watches=$(cat /proc/"$follower"/fdinfo/* 2>/dev/null | grep -c '^inotify ' || true)
  printf '{"descriptors": %d, "watches": %d, "rss_kib": %d, "mounts": %d, "records_kib": %d, "processes": %d}\n' \
    "$(find "/proc/$follower/fd" -mindepth 1 | wc -l)" "$watches" "$(rss_kib "$follower")" \
    "$(wc -l </proc/self/mounts)" "$(du -s --apparent-size "$work/backup/.logbackup" | cut -f 1)" \
    "$(pgrep --full --count -- "--dest $work/backup" || true)"
}

measure_follower() {
  local i
  follower=
  trap 'end_follower; clean_up' EXIT
  begin_follower
  client=$(pgrep --parent "$follower" --full ' events ') || die "the follower does not listen to the runtime"
  sleep 2
  rss_kib "$client" >"$work/client-rss"
  echo "A follower while nothing happens, for $idle_seconds s …"
  cpu_while idle sleep $idle_seconds
  echo "A follower at $events_per_second file events a second, for $busy_seconds s …"
  cpu_while busy make_events
  rss_kib "$follower" >"$work/follower-rss"
  echo "$handovers hand-overs …"
  for ((i = 0; i < handovers; i++)); do
    local begin
    begin=$(date +%s%N)
    begin_follower
    echo $(($(date +%s%N) - begin)) >>"$work/handovers"
    ((i != 4 && i != handovers - 1)) || sizes >>"$work/sizes" # the first ones warm up
    begin=$(date +%s%N)
    logbackup --quiet --dest "$work/other"
    echo $(($(date +%s%N) - begin)) >>"$work/runs"
  done
  client=$(pgrep --parent "$follower" --full ' events ')
  echo "The last follower while nothing happens, for $idle_seconds s …"
  cpu_while last sleep $idle_seconds
  end_follower
  equal_trees "$work/backup"
  jq -n --slurpfile idle "$work/cpu-idle" --slurpfile busy "$work/cpu-busy" --slurpfile last "$work/cpu-last" \
    --argjson rss "$(<"$work/follower-rss")" --argjson client "$(<"$work/client-rss")" \
    --slurpfile handovers "$work/handovers" --slurpfile runs "$work/runs" --slurpfile sizes "$work/sizes" \
    --argjson containers "$count" --argjson files "$files_each" --arg kernel "$(uname -sr)" --arg cores "$(nproc)" \
    --argjson max_idle $max_follower_idle_percent --argjson max_busy $max_follower_busy_percent --argjson max_mib $max_follower_mib '
    def median: sort | .[length / 2 | floor];
    def at_most($name; $value; $target): { name: $name, value: $value, sign: "<=", target: $target, ok: ($value <= $target) };
    { containers: $containers, files_each: $files, kernel: $kernel, cores: ($cores | tonumber),
      cpu_percent: { idle: $idle[0], busy: $busy[0], last: $last[0] }, rss_kib: { follower: $rss, docker_client: $client },
      handover_s: { median: ($handovers | median / 1e9), max: ($handovers | max / 1e9), count: ($handovers | length) },
      run_s: ($runs | median / 1e9), sizes: $sizes,
      results: [
        at_most("CPU, nothing happens, %"; [$idle[0].follower, $last[0].follower] | max; $max_idle),
        at_most("CPU, 1,000 file events a second, %"; $busy[0].follower; $max_busy),
        at_most("memory, MiB"; $rss / 1024; $max_mib),
        ($sizes[0] | keys_unsorted[] | select(. != "rss_kib") as $key |
          at_most("\($key) after the hand-overs"; $sizes[1][$key]; $sizes[0][$key])) ] }' >"$work/result.json"
  printf '\n%s\n\n' "$(jq -r '"A follower of \(.containers) running containers with \(.files_each) log files each; \(.kernel), \(.cores) cores"' "$work/result.json")"
  print_results
  jq -r '"  (docker'"'"'s client beside it: \(.rss_kib.docker_client / 1024 | floor) MiB; with it \(.cpu_percent.idle.with_client) % of a core while nothing happens)
  (\(.handover_s.count) hand-overs: \(.handover_s.median * 1000 | floor) ms, the longest \(.handover_s.max * 1000 | floor) ms; a run without a follower: \(.run_s * 1000 | floor) ms)"' "$work/result.json"
}

# A backup with one line that is looked for.
make_searched() {
  local i j directory
  awk -v bytes="$searched_bytes" 'BEGIN {
    srand(1)
    for (size = i = 0; size < bytes; ++i) {
      line = sprintf("2026-11-30 %02d:%02d:%02d,%03d INFO  [http-%d] c.e.shop.OrderService - order %d of customer %d took %d ms",
        i / 3600000, i / 60000 % 60, i / 1000 % 60, i % 1000, i % 50, rand() * 1e9, rand() * 1e6, rand() * 1000)
      size += length(line) + 1
      print line
    } }' >"$work/plain"
  gzip --keep "$work/plain"
  mkdir -p "$work/searched/.logbackup"
  for ((i = 0; i < 200; i++)); do
    directory=$work/searched/service-$((i % 20))/pod-$i
    mkdir -p "$directory"
    cp "$work/plain" "$directory/app.log"
    cp "$work/plain" "$directory/app.log.1"
    for ((j = 2; j < 10; j++)); do
      cp "$work/plain.gz" "$directory/app.log.$j.gz"
    done
  done
  echo '2026-11-30 07:02:10,123 ERROR [http-1] c.e.shop.OrderService - order 4711-0815 was lost' |
    gzip >>"$work/searched/service-3/pod-3/app.log.7.gz"
}

measure_search() {
  local name
  make_searched
  cat >"$work/scripts/zgrep" <<END
#!/bin/sh
find '$work/searched' -type f -exec zgrep -HF 4711-0815 {} +
true # find fails where zgrep finds nothing
END
  chmod +x "$work/scripts/zgrep"
  [[ $(logbackup grep 4711-0815 --quiet --dest "$work/searched") == *' app.log.7.gz:'*'was lost' ]] || die "the line is not found"
  for ((round = 1; round <= rounds; round++)); do
    echo "Round $round of $rounds …"
    measure search 0 1 "logbackup grep 4711-0815 --quiet --dest $work/searched"
    measure ripgrep 0 1 "rg --search-zip --no-ignore 4711-0815 $work/searched"
    ((round > 1)) || measure zgrep 0 1 "$work/scripts/zgrep"
  done
  for name in search ripgrep zgrep; do statistics "$name"; done |
    jq -s --argjson target $max_search_to_ripgrep --arg kernel "$(uname -sr)" --arg cores "$(nproc)" '
      (map({ (.name): . }) | add) as $m |
      def ratio($name; $a; $b; $target): ($m[$a].median / $m[$b].median) as $value |
        { name: $name, value: $value, sign: "<=", target: $target, ok: ($value <= $target) };
      { kernel: $kernel, cores: ($cores | tonumber), measured: $m,
        results: [ratio("logbackup grep / rg --search-zip"; "search"; "ripgrep"; $target),
          ratio("logbackup grep / zgrep"; "search"; "zgrep"; 1)] }' >"$work/result.json"
  printf '\nA search in %s of 200 log directories\n\n' "$(du -sh "$work/searched" | cut -f 1)"
  print_results
}

print_results() {
  local name value sign target verdict
  jq -r '.results[] | [.name, .value, .sign, .target, if .ok then "ok" else "MISSED" end] | @tsv' "$work/result.json" |
    while IFS=$'\t' read -r name value sign target verdict; do
      LC_ALL=C printf '  %-38s %9.2f   target %s %-5s %s\n' "$name" "$value" "$sign" "$target" "$verdict"
    done
}

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
install_missing pgrep:procps hyperfine:hyperfine jq:jq time:time diff:diffutils mkfs.ext4:e2fsprogs findmnt:util-linux
build_logbackup
if [[ $search ]]; then
  install_missing rg:ripgrep
  mkdir "$work/bin"
  ln -s "$build/logbackup" "$work/bin/logbackup"
  PATH=$work/bin:$PATH
  write_scripts
  measure_search
  [[ -z $json_file ]] || cp "$work/result.json" "$json_file"
  exit
fi
start_engine
write_scripts

echo "Starting $count containers with $files_each log files each …"
start_pods
if [[ $follow ]]; then
  measure_follower
  [[ -z $json_file ]] || cp "$work/result.json" "$json_file"
  exit
fi
export LOOP_DEST=$work/loop-backup

echo "First run, first loop, and whether a run really appends …"
logbackup --quiet --dest "$work/backup"
"$work/scripts/loop"
equal_trees "$work/backup"
equal_trees "$LOOP_DEST"
"$work/scripts/append"
appended=$(logbackup --json --dest "$work/backup" | jq '[.containers[].bytes] | add')
[[ $appended == $((count * chunk_bytes)) ]] || die "a run appended $appended bytes instead of $((count * chunk_bytes))"

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

echo "Many small files …"
make_disk
measure_small

echo "Bytes written …"
measure_appended
measure_growing
measure_rotated
for name in append-run growing-run growing-loop rotated-run rotated-loop; do
  jq -s --arg name "$name" '{ ($name): . }' "$work/results/written-$name"
done | jq -s add >"$work/written.json"

for name in sh floor idle append loop small-run small-rsync small-idle; do statistics "$name"; done | jq -s \
  --argjson own "$(largest <"$work/own-peaks")" --argjson tree "$(largest <"$work/tree-peaks")" \
  --argjson containers "$count" --argjson files "$files_each" \
  --argjson idle "$max_idle_to_floor" --argjson loop "$min_loop_to_idle" \
  --argjson append "$max_append_to_floor" --argjson appended "$max_appended_mib" \
  --argjson small "$max_small_to_rsync" --argjson each "$max_idle_us_a_file" --argjson small_files "$small_files" \
  --argjson peak "$max_peak_mib" \
  --argjson growing "$max_growing_mib" --argjson rotated "$max_rotated_mib" --argjson written "$(<"$work/written.json")" \
  --arg kernel "$(uname -sr)" --arg cores "$(nproc)" --arg load "$(cut -d ' ' -f 1-3 /proc/loadavg)" \
  --arg client "$(docker version --format '{{.Client.Version}}')" \
  --arg engine "$(docker version --format '{{.Server.Version}}')" \
  --arg rsync "$(rsync --version | awk 'NR == 1 { print $3 }')" \
  --arg disk "$(df --output=fstype "$work" | tail -n 1)" '
  (map({ (.name): . }) | add) as $m |
  def ratio($name; $a; $b; $sign; $target): ($m[$a].median / $m[$b].median) as $value |
    { name: $name, value: $value, sign: $sign, target: $target,
      ok: (if $sign == "<=" then $value <= $target else $value >= $target end) };
  def mib($which): $written[$which] | map(.disk) | sort | (.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2 / 1048576;
  def at_most($name; $value; $target): { name: $name, value: $value, sign: "<=", target: $target, ok: ($value <= $target) };
  { containers: $containers, files_each: $files, kernel: $kernel, cores: ($cores | tonumber), load: $load, file_system: $disk,
    docker_client: $client, docker_engine: $engine, rsync: $rsync,
    measured: $m,
    peak_kib: { logbackup: $own, largest_process: $tree },
    written: $written,
    loop_written_mib: { growing: mib("growing-loop"), rotated: mib("rotated-loop") },
    results: [
      ratio("idle run / floor"; "idle"; "floor"; "<="; $idle),
      ratio("shell loop / idle run"; "loop"; "idle"; ">="; $loop),
      ratio("appending run / floor"; "append"; "floor"; "<="; $append),
      at_most("appending run: written, MiB"; mib("append-run"); $appended),
      ratio("small files, first run / rsync -a"; "small-run"; "small-rsync"; "<="; $small),
      at_most("small files, idle: microseconds each";
              ($m["small-idle"].median - $m["idle"].median) / $small_files * 1e6; $each),
      at_most("peak memory of logbackup, MiB"; $own / 1024; $peak),
      at_most("1 GiB grew by 1 MiB: written, MiB"; mib("growing-run"); $growing),
      at_most("10 x 64 MiB rotated: written, MiB"; mib("rotated-run"); $rotated) ] }' \
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
idle:idle run
append:appending run, 10 KB each
loop:shell loop
small-run:small files, first run
small-rsync:small files, rsync -a
small-idle:small files, idle run
END
  echo
  echo 'ratios and amounts are of the medians (one disturbed run does not move them)'
  print_results
  jq -r '.loop_written_mib | "  (the shell loop'"'"'s rsync -a writes \(.growing | round) MiB and \(.rotated | round) MiB to the disk)"' "$work/result.json"
  jq -r '"  (the largest process of a run, docker'"'"'s client and rsync included: \(.peak_kib.largest_process / 1024 | floor) MiB)"' "$work/result.json"
}
print_table
[[ -z $json_file ]] || cp "$work/result.json" "$json_file"
