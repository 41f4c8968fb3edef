#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Sourced by churn.sh: runs syslog-ng and rsyslog on the same containers as logbackup, and measures what each of them
# lost, doubled and took. A peer is a plain process with a few lines of configuration. All that it writes lies below
# $work, it listens to nothing outside, and the system's own logger is left alone.

# shellcheck disable=SC2034,SC2154 # what churn.sh uses, and what it and engine.sh set

peer_names=(syslog-ng rsyslog-polling rsyslog-inotify)
declare -A program_path=() program_modules=() program_libraries=() program_version=() peer_pid=()
memory_watcher=
measured=() # what stands before logbackup on its command line

# unpack PROGRAM PACKAGE MODULE OPTION: below $work, with the libraries that the system lacks. Debian lets only one of
# the two be installed, and that takes the place of the system's logger. The option makes it tell its version.
unpack() {
  local place=$work/peers/$1 package module
  mkdir -p "$place"/{packages/partial,root}
  quietly apt-get install --yes --reinstall --download-only --no-install-recommends \
    --option Dir::Cache::archives="$place/packages" "$2"
  for package in "$place"/packages/*.deb; do dpkg-deb --extract "$package" "$place/root"; done
  program_path[$1]=$place/root/usr/sbin/$1
  module=$(find "$place/root" -name "$3")
  program_modules[$1]=${module%/*}
  program_libraries[$1]=$(find "$place/root" -name 'lib*.so.*' -printf '%h\n' | sort -u | paste -s -d :)
  program_version[$1]=$( (program "$1" "$4") | sed -n '1s/[^.]*\b\([0-9][0-9]*\.[0-9.]*[0-9]\).*/\1/p')
  [[ -n ${program_version[$1]} ]] || die "cannot start what is in Debian's package $2"
}

unpack_peers() {
  type -P apt-get >/dev/null || die "apt-get is missing: the peers are unpacked from Debian's packages"
  echo "Unpacking syslog-ng and rsyslog …"
  apt-get update >"$work/log" 2>&1 || true
  unpack syslog-ng syslog-ng-core libaffile.so --version
  unpack rsyslogd rsyslog imfile.so -v
}

# program PROGRAM OPTION…: becomes it. setsid: Ctrl-C is for the script, which ends it in order.
program() { LD_LIBRARY_PATH=${program_libraries[$1]} exec setsid "${program_path[$1]}" "${@:2}"; }

# syslog-ng reads a file again that was renamed; with *.log it would do that less, and lose more. By inotify it would
# need an instance for each directory, and the kernel gives a user 128. It meets a file on several ways, of which one is
# kept.
start_peers() {
  local name place
  for name in "${peer_names[@]}"; do mkdir -p "$work/peers/$name/state"; done
  place=$work/peers/syslog-ng
  cat >"$place/conf" <<END
@version: $( (program syslog-ng --version) | sed -n 's/^Config version: //p')
source logs {
  wildcard-file(base-dir("$engine/data/overlay2") filename-pattern("*.log*") recursive(yes)
    monitor-method(poll) follow-freq(1) max-files(10000) log-iw-size(1000000) flags(no-parse));
};
filter layers { match("^$engine/data/overlay2/[^/]*/diff/" value("FILE_NAME")); };
destination lines { file("$place/lines" template("\$MSG\n")); };
log { source(logs); filter(layers); destination(lines); flags(flow-control); };
END
  program syslog-ng --foreground --no-caps --cfgfile "$place/conf" --persist-file "$place/state/persist" \
    --pidfile "$place/pid" --control "$place/control" --module-path="${program_modules[syslog-ng]}" >"$place/log" 2>&1 &
  peer_pid[syslog-ng]=$!
  start_rsyslog rsyslog-polling 'mode="polling" pollingInterval="1"' '*.log*'
  start_rsyslog rsyslog-inotify 'mode="inotify"' '*.log'
  for name in "${peer_names[@]}"; do
    wait_for 30 test -s "$work/peers/$name/pid" || die "$name did not start: $(tail -n 5 "$work/peers/$name/log")"
  done
}

# start_rsyslog NAME MODE PATTERN: by inotify *.log loses less, and doubles less.
start_rsyslog() {
  local place=$work/peers/$1
  cat >"$place/conf" <<END
global(workDirectory="$place/state")
module(load="imfile" $2)
template(name="line" type="string" string="%msg%\n")
input(type="imfile" tag="logs" ruleset="lines" reopenOnTruncate="on" file="$engine/data/overlay2/*/diff/opt/logs/$3")
ruleset(name="lines") { action(type="omfile" file="$place/lines" template="line") }
END
  program rsyslogd -n -f "$place/conf" -i "$place/pid" -M "${program_modules[rsyslogd]}" >"$place/log" 2>&1 &
  peer_pid[$1]=$!
}

# Notes what they took, and ends them.
measure_peers() {
  local name pid ticks
  ticks=$(getconf CLK_TCK)
  for name in "${peer_names[@]}"; do
    pid=${peer_pid[$name]}
    kill -0 "$pid" || die "$name has ended: $(tail -n 5 "$work/peers/$name/log")"
    sed 's/.*) //' "/proc/$pid/stat" | awk -v ticks="$ticks" '{ print ($12 + $13) / ticks }' >"$work/peers/$name/cpu"
    awk '$1 == "VmHWM:" { print $2 }' "/proc/$pid/status" >"$work/peers/$name/memory"
  done
  end_peers
}

end_peers() {
  local pid
  for pid in $memory_watcher "${peer_pid[@]}"; do end_process "$pid" || true; done
  memory_watcher=
  peer_pid=()
}

# The cost of logbackup is that of its runs and of all that they ran. Of a run that stays, the script knows the process
# of time; the one to be ended is in a file.
measure_logbackup() {
  mkdir -p "$work/own/pids"
  # shellcheck disable=SC2016
  measured=("$(type -P time)" --quiet --append --output "$work/own/cpu" --format '%U %S'
    sh -c 'echo $$ >"$0/$PPID" && exec "$@"' "$work/own/pids")
  watch_memory &
  memory_watcher=$!
}

# Ten times a second: the peaks of the processes of logbackup that there are, added up. What is mapped from files counts
# once for each program.
watch_memory() {
  local file pid children status all sum peak=0 i
  local -A mapped
  local pattern='Name:[[:space:]]+([^[:space:]]+).*VmHWM:[[:space:]]+([0-9]+).*RssFile:[[:space:]]+([0-9]+)'
  while [[ -p $work/never ]]; do
    snooze 0.1
    all=()
    for file in "$work"/own/pids/*; do
      read -r pid <"$file" || continue
      if [[ -e /proc/$pid ]]; then all+=("$pid"); else rm "$file"; fi
    done
    sum=0
    mapped=()
    for ((i = 0; i < ${#all[@]}; ++i)); do
      for file in "/proc/${all[i]}/task"/*/children; do
        children=()
        read -r -a children <"$file" || true
        all+=("${children[@]}")
      done
      status=
      read -r -d '' status <"/proc/${all[i]}/status" || true
      [[ $status =~ $pattern ]] || continue
      sum=$((sum + BASH_REMATCH[2] - BASH_REMATCH[3]))
      ((BASH_REMATCH[3] <= ${mapped[${BASH_REMATCH[1]}]-0})) || mapped[${BASH_REMATCH[1]}]=${BASH_REMATCH[3]}
    done
    for i in "${mapped[@]}"; do sum=$((sum + i)); done
    ((sum <= peak)) || echo "$sum" >"$work/own/memory"
    peak=$((sum > peak ? sum : peak))
  done
} 2>/dev/null

# Out of "written NAME COUNT", "volume NAME" and "saved NAME NUMBER COPIES":
# lines written, and of these: in layers; lost, and of these: in layers; twice
# shellcheck disable=SC2016
comparison='
$1 == "written" { truth[$2] = $3 }
$1 == "volume"  { volume[$2] }
$1 == "saved" && (copies[$2, $3] += $4) >= 2 && !(($2, $3) in doubled) { doubled[$2, $3]; ++twice }
END {
  for (name in truth) {
    missing = 0
    for (i = 1; i <= truth[name]; ++i) if (!((name, i) in copies)) ++missing
    written += truth[name]; lost += missing
    if (!(name in volume)) { in_layers += truth[name]; lost_in_layers += missing }
  }
  print written + 0, in_layers + 0, lost + 0, lost_in_layers + 0, twice + 0
}'

# compare NAME CPU MEMORY: one line of that and of the comparison; standard input tells what was saved.
compare() {
  echo "$1 $(
    { grep '^written ' "$work/facts" && cat "$work/on-volumes" -; } | awk "$comparison"
  ) $2 $3"
}

# The lines that a peer has read and that are whole.
lines_read() {
  LC_ALL=C awk -v padding="$padding" '$0 == $1 " " $2 " " padding && $2 ~ /^[0-9]+$/ { print "saved", $1, $2, 1 }' \
    "$work/peers/$1/lines"
}

# Adds to the result what became of the lines, and what it took.
add_peers() {
  local name cpu
  cpu=$(awk 'NF == 2 { sum += $1 + $2 } END { print sum }' "$work/own/cpu")
  {
    grep '^saved ' "$work/facts" | compare logbackup "$cpu" "$(<"$work/own/memory")"
    for name in "${peer_names[@]}"; do
      lines_read "$name" | compare "$name" "$(<"$work/peers/$name/cpu")" "$(<"$work/peers/$name/memory")"
    done
  } >"$work/compared"
  jq --rawfile compared "$work/compared" --arg syslog_ng "${program_version[syslog-ng]}" \
    --arg rsyslog "${program_version[rsyslogd]}" '
    [$compared | split("\n")[] | select(. != "") | split(" ") | . as [$name] | (.[1:] | map(tonumber)) as $n |
      { name: $name, written: $n[0], written_in_layers: $n[1], lost: $n[2], lost_in_layers: $n[3], twice: $n[4],
        cpu_s: $n[5], peak_memory_mib: ($n[6] / 1024) }] as $all |
    .peers = { syslog_ng: $syslog_ng, rsyslog: $rsyslog, written: $all[0].written,
      written_in_layers: $all[0].written_in_layers, each: ($all | map(del(.written, .written_in_layers))) }' \
    "$work/result.json" >"$work/result-with-peers.json"
  mv "$work/result-with-peers.json" "$work/result.json"
}

print_peers() {
  local name lost in_layers twice cpu memory
  jq -r '.peers | "
Beside it: syslog-ng \(.syslog_ng), rsyslog \(.rsyslog). They read layers, not volumes:
of \(.written) lines \(.written_in_layers) were in layers."' "$work/result.json"
  LC_ALL=C printf '  %-15s %15s %15s %8s %7s %11s\n' '' lost 'lost in layers' twice 'CPU s' 'memory'
  jq -r 'def of($all): "\(.) (\(10000 * . / ([$all, 1] | max) | round / 100) %)";
    .peers as $peers | $peers.each[] | [.name, (.lost | of($peers.written)),
      (.lost_in_layers | of($peers.written_in_layers)), .twice, .cpu_s, .peak_memory_mib] | @tsv' "$work/result.json" |
    while IFS=$'\t' read -r name lost in_layers twice cpu memory; do
      LC_ALL=C printf '  %-15s %15s %15s %8d %7.1f %7.0f MiB\n' "$name" "$lost" "$in_layers" "$twice" "$cpu" "$memory"
    done
}
