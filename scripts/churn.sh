#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Measures what the backup lacks when pods come and go: they crash and restart, roll out, are made again under the
# same name, rotate their logs, and run as short jobs, while logbackup runs every 15 seconds. Time is compressed: pods
# live 8 to 40 seconds and rotate every 5, or --pace N times as long, but for jobs; what is dead is removed half a second later. Every line has a number, and each container
# also counts its lines outside its file system, so that the truth survives it. Run it as root; it starts a Docker
# engine of its own and removes it again. It exits 0 when it could measure, also when a target is missed.
#
# With --follow each run stays until the next one. With --hard jobs live 1 to 5 seconds, what is dead is removed half a
# second later or at once, logs are rotated every 2 to 5 seconds and by more kinds of rotators, one of which deletes
# old files, and some log directories are on a volume that is removed with its container, or below one.
#
# With --peers syslog-ng and rsyslog (by polling, and by inotify) read the same log files as far as these are in layers.
# Of each, and of logbackup, it tells the lines lost and doubled, the CPU time taken, and the peak of memory. Debian's
# packages of the two are unpacked for this run only.
#
# With --runtime podman or containerd the pods are that runtime's; on containerd they are made as a kubelet makes them.
#
# usage: churn.sh [--minutes N] [--pace N] [--follow] [--hard] [--peers] [--runtime NAME] [--json FILE]
#
# BUILD_DIR  where to build (default: build)        DOCKER  the docker client (default: the one on PATH)
set -euo pipefail
# shellcheck source=scripts/engine.sh
source "$(dirname "$0")/engine.sh"
# shellcheck source=scripts/peers.sh
source "$(dirname "$0")/peers.sh"

usage() { sed -n 's/^# \(usage: .*\)/\1/p' "$0" >&2 && exit 2; }

minutes=4
pace=1
follow=
hard=
peers=
json_file=
while (($# > 0)); do
  case "$1:$#" in
    --minutes:1 | --pace:1 | --runtime:1 | --json:1) usage ;;
    --follow:*) follow=yes ;;
    --hard:*) hard=yes ;;
    --peers:*) peers=yes ;;
    --pace:*) shift && pace=$1 ;;
    --runtime:*) shift && runtime=$1 ;;
    --minutes:*) shift && minutes=$1 ;;
    --json:*) shift && json_file=$(realpath "$1") ;;
    *) usage ;;
  esac
  shift
done
[[ $minutes =~ ^[1-9][0-9]?$ && $pace =~ ^[1-9][0-9]?$ && $runtime =~ ^(docker|podman|containerd)$ ]] || usage

interval=15
rounds=$((20 * pace)) # between two rotations
shortest_job=10 # in rounds
[[ -z $hard ]] || shortest_job=2
# What runs at a time: how its containers end, the service, how it rotates its logs.
slots='
  rollout  web      index
  rollout  web      gzip
  rollout  api      copytruncate
  rollout  search   gzip
  crash    worker   index
  crash    mailer   copytruncate
  crash    parser   gzip
  stateful ledger   gzip
  stateful queue    index
  stateful cache    copytruncate
  job      report   index
  job      import   gzip'
[[ -z $hard ]] || slots+='
  crash    logger   delete
  rollout  shop     date
  job      batch    delete
  job      mover    copytruncate'

padding=$(printf 'x%.0s' {1..200})
# What a container runs: five lines at a time, until LIFE is over or /truth/stop is there. A line is counted after it
# was written: what /truth tells was in the log. All generations are kept: rotation never deletes a line.
# shellcheck disable=SC2016
writer='
shift_up() {
  i=$generations
  while [ $i -gt 0 ]; do mv app.log.$i$1 app.log.$((i + 1))$1; i=$((i - 1)); done
  generations=$((generations + 1))
}
rotate_date() { generations=$((generations + 1)); mv app.log app.$generations.log; }
rotate_delete() { mv app.log app.log.1; gzip app.log.1; rm app.log.1.gz; }
rotate_index() { shift_up; mv app.log app.log.1; }
rotate_copytruncate() { shift_up; cp app.log app.log.1; : >app.log; }
rotate_gzip() { shift_up .gz; mv app.log app.log.1; gzip app.log.1; }

mkdir -p /opt/logs
cd /opt/logs
number=0 generations=0 rounds=0
while [ $rounds -lt $LIFE ]; do
  for i in 1 2 3 4 5; do
    number=$((number + 1))
    echo "$NAME $number $PADDING" >>app.log
    echo $number >>/truth/lines/$NAME
  done
  rounds=$((rounds + 1))
  if [ $((rounds % ROUNDS)) = 0 ]; then
    echo "$NAME $ROTATION $number" >>/truth/rotations
    rotate_$ROTATION
  fi
  if [ -e /truth/stop ]; then touch /truth/idle/$NAME; exec sleep 1000000; fi
  sleep 0.2
done'

# A wait that starts no process: nothing is ever written to that pipe.
snooze() { read -r -t "$1" <>"$work/never" || true; }

# run_pod SERVICE POD UID ATTEMPT ROTATION LIFE: sets the name of the container. LIFE: in rounds.
run_pod() {
  name=k8s_$1_$2_$3_$4
  local volume=()
  if [[ -n $hard ]]; then
    rounds=$((10 + RANDOM % 16))
    case $((RANDOM % 3)) in
      0) volume=(--volume "$work/volumes/$name:/opt/logs") ;;
      1) volume=(--volume "$work/volumes/$name:/opt") ;;
    esac
    ((${#volume[@]} == 0)) || {
      mkdir -p "$work/volumes/$name"
      echo "volume $name" >>"$work/on-volumes"
    }
  fi
  pod "$1" "$2" "$4" "$writer" --name "$name" --cidfile "$work/ids/$name" --volume "$work/truth:/truth" "${volume[@]}" \
    --label io.kubernetes.pod.uid="uid-$3" --label annotation.io.kubernetes.container.restartCount="$4" \
    --env NAME="$name" --env ROTATION="$5" --env LIFE="$6" --env ROUNDS="$rounds" --env PADDING="$padding"
}

# remove_dead CONTAINER [UID]: see remove_pod.
remove_dead() {
  if [[ -z $hard ]] || ((RANDOM % 2 == 0)); then snooze 0.5; fi
  remove_pod "$@"
  rm -rf "$work/volumes/$1"
}

# slot NUMBER KIND SERVICE ROTATION: one pod after the other, until the time is up; the last one stays.
slot() {
  local kind=$2 service=$3 rotation=$4 pod_name=$3-$1 attempt=0 uid=$1-0 made=0 life name
  RANDOM=$1 # the same lives at each run
  while :; do
    life=$(((8 + RANDOM % 33) * pace))
    case $kind in
      crash) attempt=$made ;;
      stateful) uid=$1-$made ;;
      rollout | job) uid=$1-$made pod_name=$service-$1-$made ;;
    esac
    if [[ $kind == job ]]; then
      run_pod "$service" "$pod_name" "$uid" 0 "$rotation" $((shortest_job + RANDOM % 25))
      wait_for_end "$name"
    else
      run_pod "$service" "$pod_name" "$uid" "$attempt" "$rotation" 1000000
      snooze $((SECONDS + life < end ? life : end > SECONDS ? end - SECONDS : 0)).$((RANDOM % 10))
      ((SECONDS < end)) || break
      kill_pod "$name"
    fi
    ((++made))
    case $kind in
      stateful) remove_dead "$name" "uid-$uid" ;;
      crash) remove_dead "$name" & ;; # its pod goes on
      *) remove_dead "$name" "uid-$uid" & ;;
    esac
    ((SECONDS < end)) || break
  done
  wait
}

end_slots() {
  trap '' HUP INT TERM
  ((${#slot_pids[@]} == 0)) || kill "${slot_pids[@]}" || true
  ((${#slot_pids[@]} == 0)) || wait "${slot_pids[@]}" || true
} 2>/dev/null

all_idle() {
  local name
  for name in $(pods running); do
    [[ -e $work/truth/idle/$name ]] || return 1
  done
}

# NAME COUNT for each container that has written
lines_written() { (cd "$work/truth/lines" && { grep -cH '' -- * 2>/dev/null || true; }) | tr : ' '; }

# One run. What had been written at its begin must be saved of those containers that are still there at its end.
run() {
  local code=0
  ((++runs))
  lines_written >"$work/before"
  if [[ -n $follow && $1 != last ]]; then
    follow_on
    return
  fi
  "${measured[@]}" logbackup --json --dest "$work/backup" >"$work/runs/$runs.json" 2>"$work/runs/$runs.messages" || code=$?
  ((code != 2)) || die "$(<"$work/runs/$runs.messages")"
  echo "$code" >>"$work/run-codes"
  note_who_is_there
}

# Begins a run that stays, and waits until its report is there: then the one before has ended.
follow_on() {
  "${measured[@]}" logbackup --json --follow 10m --dest "$work/backup" >"$work/runs/$runs.json" 2>"$work/runs/$runs.messages" &
  local before=$follower code=0
  follower=$!
  if ! wait_for 60 test -s "$work/runs/$runs.json"; then
    [[ -z $before ]] || kill_run "$before"
    die "a run does not end: $(<"$work/runs/$runs.messages")"
  fi
  if [[ -n $before ]]; then
    wait "$before" || code=$?
    echo "$code" >>"$work/run-codes"
  fi
  note_who_is_there
}

# kill_run PID: of the process that the script began. It may have ended by itself, and that be why the script ends.
kill_run() {
  local pid=$1
  [[ ! -s $work/own/pids/$1 ]] || pid=$(<"$work/own/pids/$1")
  kill "$pid" || true
}

end_follower() {
  [[ -n $follower ]] || return 0
  local code=0
  kill_run "$follower"
  wait "$follower" || code=$?
  follower=
  echo "$code" >>"$work/run-codes"
}

note_who_is_there() {
  pods >"$work/after"
  awk -v run="$runs" 'NR == FNR { there[$1]; next } $1 in there { print "run", $1, $2, run }' \
    "$work/after" "$work/before" >>"$work/at-runs"
}

# The lines of log files, as "saved NAME NUMBER COPIES". Each file is a run of one container's lines, the last of which
# may be cut; what is not so is "odd". In a half-written compressed file (whole = 0) lines are no second copies: the
# plain one was there, too.
# shellcheck disable=SC2016
parse='
function odd(line) { print "odd", file ": " substr(line, 1, 60) }
function judge(at_end) {
  if (broken && !(at_end && text ~ /^k8s_[a-z0-9_-]*( [0-9]+( x*)?)?$/)) odd(text)
  broken = 0
}
{
  judge(FNR == 1)
  file = FILENAME
  if ($0 != $1 " " $2 " " padding || $2 !~ /^[0-9]+$/) { broken = 1; text = $0; ++number; next }
  if (FNR > 1 && ($1 != name || $2 != number + 1)) odd($0)
  name = $1; number = $2
  print "saved", name, number, whole
}
END { judge(1) }'

saved_lines() {
  local file whole
  cd "$work/backup"
  find . -path ./.logbackup -prune -o -type f ! -name '*.gz' ! -name '*.gz~*' -print0 |
    xargs -0r awk -v padding="$padding" -v whole=1 "$parse"
  find . -path ./.logbackup -prune -o -type f \( -name '*.gz' -o -name '*.gz~*' \) -print0 |
    while IFS= read -r -d '' file; do
      whole=1
      gzip -dc <"$file" >"$work/plain" 2>/dev/null || whole=0
      awk -v padding="$padding" -v whole=$whole "$parse" "$work/plain"
    done
}

# What the records say of each container: "record ID COVERAGE"
records() {
  find "$work/backup/.logbackup"/{live,ended,missed} -type f -exec jq -r \
    '.coverage as $coverage | .containers[] | "record \(.) \($coverage // "unknown")"' {} + 2>/dev/null || true
}

# One line for each container:
# name, id, coverage, runs, written, lost, and of these: there at a run, unseen, in new files, later; twice; never written
# shellcheck disable=SC2016
account='
$1 == "written" { truth[$2] = $3 }
$1 == "id"      { id[$2] = $3 }
$1 == "record"  { coverage[$2] = $3 }
$1 == "run"    { noted[$2] = $3; runs[$2]++ }
$1 == "rotated" { how[$2] = $3; mark[$2, ++marks[$2]] = $4 }
$1 == "saved"   { saved[$2, $3] = 1; if ((copies[$2, $3] += $4) == 2) twice[$2]++; if ($3 > last[$2]) last[$2] = $3; names[$2] }
# Whether the file that held a line at the end had not been there at the last run.
function in_new_file(name, n,   i, before, after) {
  for (i = 1; i <= marks[name]; ++i) if (mark[name, i] < n) before = mark[name, i]; else after = 1
  return how[name] == "copytruncate" ? after : before >= noted[name] && before > 0
}
END {
  for (name in names) if (!(name in truth)) truth[name] = 0
  for (name in truth) {
    n = truth[name]
    if ((name, n + 1) in saved) ++n # it was killed before it could count that line
    there = unseen = new = later = never = 0
    for (i = 1; i <= n; ++i) {
      if ((name, i) in saved) continue
      if (!(name in noted)) ++unseen
      else if (i <= noted[name]) ++there
      else if (in_new_file(name, i)) ++new
      else ++later
    }
    for (i = n + 1; i <= last[name]; ++i) if ((name, i) in saved) ++never
    said = id[name] in coverage ? coverage[id[name]] : "none"
    print name, id[name], said, runs[name] + 0, n, there + unseen + new + later, there, unseen, new, later, twice[name] + 0, never
  }
}'

begin churn
install_missing jq:jq ${peers:+time:time}
[[ -z $peers ]] || unpack_peers
build_logbackup
start_runtime
mkdir -p "$work"/{volumes,ids,runs,truth/lines,truth/idle}
mkfifo "$work/never"
: >"$work/on-volumes"
slot_pids=()
trap 'end_slots; end_follower; end_peers; clean_up' EXIT
if [[ -n $peers ]]; then
  start_peers
  measure_logbackup
fi

runs=0
follower=
run first # what lived before the first one nobody can know

slot_count=$(grep -c . < <(sed '/^ *$/d' <<<"$slots"))
echo "Pods come and go for $minutes minutes, $slot_count at a time, with a run every $interval s …"
start=$SECONDS
end=$((start + 60 * minutes))
while read -r kind service rotation; do
  slot "$((${#slot_pids[@]} + 1))" "$kind" "$service" "$rotation" &
  slot_pids+=($!)
done < <(sed '/^ *$/d' <<<"$slots")

for ((due = start + interval; due <= end; due += interval)); do
  until ((SECONDS >= due)); do snooze 0.1; done
  run next
done
for pid in "${slot_pids[@]}"; do wait "$pid" || die "a pod could not be started, ended or removed"; done
slot_pids=()
touch "$work/truth/stop"
wait_for 30 all_idle || die "a pod does not stop writing"
end_follower
run last
if [[ -n $peers ]]; then
  snooze 10 # for them to catch up
  measure_peers
fi

echo "Comparing the backup with what was written …"
{
  lines_written | sed 's/^/written /'
  for file in "$work"/ids/*; do echo "id ${file##*/} $(<"$file")"; done
  records
  cat "$work/at-runs"
  sed 's/^/rotated /' "$work/truth/rotations"
  (saved_lines)
} >"$work/facts"
awk "$account" "$work/facts" | sort >"$work/containers"
odd=$(grep -c '^odd ' "$work/facts" || true)
[[ $odd == 0 ]] || grep '^odd ' "$work/facts" | head -n 5 >&2

jq -R -s --argjson odd "$odd" --argjson minutes "$minutes" --argjson pace "$pace" --argjson slots "$slot_count" --argjson interval $interval \
  --argjson codes "$(jq -s . "$work/run-codes")" --arg kernel "$(uname -sr)" --arg cores "$(nproc)" \
  --arg runtime "$runtime $(runtime_version)" '
  def result($name; $value): { name: $name, value: $value, target: 0, ok: ($value == 0) };
  [split("\n")[] | select(. != "") | split(" ") | . as [$name, $id, $coverage] | (.[3:] | map(tonumber)) as $n |
    { name: $name, id: $id, coverage: $coverage, runs: $n[0], written: $n[1], lost: $n[2], there_at_a_run: $n[3],
      of_unseen_containers: $n[4], in_new_files: $n[5], later_in_seen_files: $n[6], twice: $n[7], never_written: $n[8] }] as $all |
  def total(f): $all | map(f) | add;
  total(.written) as $written | total(.lost) as $lost |
  { minutes: $minutes, pace: $pace, pods_at_a_time: $slots, interval_s: $interval, containers: ($all | length),
    runs: ($codes | length), run_exit_codes: $codes, kernel: $kernel, cores: ($cores | tonumber), runtime: $runtime,
    lines: { written: $written, lost: $lost, lost_percent: (100 * $lost / $written), there_at_a_run: total(.there_at_a_run),
      of_unseen_containers: total(.of_unseen_containers), in_new_files: total(.in_new_files),
      later_in_seen_files: total(.later_in_seen_files) },
    results: [
      result("lost, though there at a run"; total(.there_at_a_run)),
      result("lines saved twice"; total(.twice)),
      result("lines never so written"; total(.never_written) + $odd),
      result("containers with loss, not named"; [$all[] | select(.lost > 0 and .coverage != "cut" and .coverage != "missed")] | length) ],
    each: $all }' "$work/containers" >"$work/result.json"

[[ -z $peers ]] || add_peers

print_table() {
  echo
  jq -r '"\(.minutes) minutes, \(.pods_at_a_time) pods at a time, \(.containers) containers, \(.runs) runs, \(.interval_s) s apart\(if .pace > 1 then ", \(.pace) times as slow" else "" end);
\(.kernel), \(.cores) cores, \(.runtime)
" + (.lines | @text "
lines written                        \(.written)
  lost                               \(.lost)  (\(.lost_percent * 100 | round / 100) %)
    there at a run                   \(.there_at_a_run)
    of containers that no run saw    \(.of_unseen_containers)
    in files born after the last one \(.in_new_files)
    written later to files it saw    \(.later_in_seen_files)
")' "$work/result.json"
  jq -r '.results[] | [.name, .value, .target, if .ok then "ok" else "MISSED" end] | @tsv' "$work/result.json" |
    while IFS=$'\t' read -r name value target verdict; do
      LC_ALL=C printf '  %-32s %9.6g   target %-4s %s\n' "$name" "$value" "$target" "$verdict"
    done
  jq -r '.run_exit_codes | map(select(. != 0)) | if . == [] then empty else "  (runs with an exit code other than 0: \(length))" end' "$work/result.json"
}

# What the runs said of containers of which they did not save what was there.
explain() {
  jq -r '.each[] | select(.there_at_a_run > 0) | "\(.id) \(.name) \(.there_at_a_run)"' "$work/result.json" |
    while read -r id name lines; do
      echo "$lines lines of $name were there at a run:"
      jq -r --arg id "$id" '.containers[] | select(.container == $id) | (.unsettled + .failures)[] | "  \(.path): \(.reason)"' \
        "$work"/runs/*.json
    done
}

print_table
[[ -z $peers ]] || print_peers
explain
awk '{ print "a run said: " $0 }' "$work"/runs/*.messages | sort -u | head -n 10
[[ -z $json_file ]] || cp "$work/result.json" "$json_file"
