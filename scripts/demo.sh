#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Shows logbackup at work. On a bare Debian 12, as root: installs what is missing, builds, starts a Docker engine
# of its own with a few pods, backs their logs up twice, and leaves nothing behind but the build directory and
# the packages. Each step is checked; the exit code is 0 only if all of them held.
#
# usage: demo.sh [containerd]
#
# containerd  instead of Docker, with pods made as a kubelet makes them
# BUILD_DIR  where to build (default: build)        DOCKER  the docker client (default: the one on PATH)
set -euo pipefail
# shellcheck source=scripts/engine.sh
source "$(dirname "$0")/engine.sh"

step() {
  echo
  printf '# %s\n' "$@"
}

typed() {
  printf '$ %s\n' "$1"
  eval "$1"
}

[[ $# == 0 ]] || runtime=$1
[[ $# -lt 2 && $runtime =~ ^(docker|containerd)$ ]] || {
  echo 'usage: demo.sh [containerd]' >&2
  exit 2
}

# inside CONTAINER: prints the command that runs others in it.
inside() {
  if [[ $runtime == docker ]]; then echo "docker exec $1"; else echo "ctr tasks exec --exec-id x$RANDOM $(id_of "$1")"; fi
}

# content CONTAINER FILE: what it has, whether it runs or not.
content() {
  if runs "$1"; then
    $(inside "$1") cat "/opt/logs/$2"
  elif [[ $runtime == docker ]]; then
    docker cp "$1:/opt/logs/$2" - | tar -xO
  else
    mkdir -p layers
    eval "$(ctr snapshots mounts layers "$(id_of "$1")")"
    cat "layers/opt/logs/$2"
    umount layers
  fi
}

# same CONTAINER FILE BACKUP-FILE: the saved file is what the container has, byte for byte.
same() { content "$1" "$2" | cmp - "backup/$3" || die "backup/$3 is not what container $1 has in /opt/logs/$2"; }

all_same() {
  same "$web1" app.log web/web-6c9d-kx2lp/app.log
  same "$web1" access.log web/web-6c9d-kx2lp/access.log
  same "$web2" app.log web/web-6c9d-vq8zt/app.log
  same "$web2" access.log web/web-6c9d-vq8zt/access.log
  same "$report" report.log report/report-28451-m4h7s/report.log
  same "$ledger" audit/audit.log ledger/ledger-5f7b-9wz4c/audit/audit.log
  same "$old_worker" worker.log worker/worker-0@1/worker.log
  same "$new_worker" worker.log worker/worker-0/worker.log
}

# One line for each saved file; any write to it shows.
saved_files() { find backup -path backup/.logbackup -prune -o -type f -printf '%P %i %s %C@\n' | sort; }

begin demo
install_missing cmp:diffutils
build_logbackup
start_runtime
cd "$work"

# lines FILE COUNT TEXT, in the shell of a container
# shellcheck disable=SC2016
lines='
lines() {
  mkdir -p "$(dirname "/opt/logs/$1")"
  for i in $(seq "$2"); do echo "$(date -u +%FT%TZ) INFO $3 $i"; done >>"/opt/logs/$1"
}'
stay='touch /tmp/ready; exec sleep 1000000'
web="$lines; lines app.log 400 'request handled, number'; lines access.log 900 'GET /cart/'; $stay"
web1=k8s_web_web-6c9d-kx2lp_0
web2=k8s_web_web-6c9d-vq8zt_0
report=k8s_report_report-28451-m4h7s_0
ledger=k8s_ledger_ledger-5f7b-9wz4c_0
old_worker=k8s_worker_worker-0_0
new_worker=k8s_worker_worker-0_1

echo "Starting pods …"
mkdir -p volume
pod web web-6c9d-kx2lp 0 "$web"
pod web web-6c9d-vq8zt 0 "$web"
pod report report-28451-m4h7s 0 "$lines; lines report.log 250 'row written:'"
pod ledger ledger-5f7b-9wz4c 0 "$lines; lines audit/audit.log 4 'booked transaction'; $stay" --volume "$work/volume:/opt/logs"
pod worker worker-0 0 "$lines; lines worker.log 120 'job done:'; echo 'FATAL out of memory' >>/opt/logs/worker.log; exit 1"
for name in "$report" "$old_worker"; do wait_for_end "$name"; done
pod worker worker-0 1 "$lines; lines worker.log 80 'job done:'; $stay"
# containerd has one for each pod.
[[ $runtime != docker ]] || pod POD web-6c9d-kx2lp 0 "$stay" --label io.kubernetes.docker.type=podsandbox
for name in "$web1" "$web2" "$ledger" "$new_worker"; do
  wait_for 30 eval "$(inside "$name") test -e /tmp/ready" || die "container $name did not get ready"
done

step "Containers as on a Kubernetes node: a service with two replicas; a job that has ended; a ledger with a volume at" \
  "/opt/logs; a worker that crashed and was started again; and sandboxes of pods, which have no logs."
if [[ $runtime == docker ]]; then
  typed "docker ps --all --format 'table {{.Names}}\t{{.Status}}'"
else
  typed 'ctr containers ls'
  typed 'ctr tasks ls'
fi

step "What would be saved? Nothing is written yet."
typed 'logbackup --dry-run --dest backup'
[[ ! -e backup ]] || die "the dry run made the backup directory"

step "One run; cron runs this every minute."
typed 'logbackup --dest backup'

step "The backup: the logs of the job that has ended are there, and those of the crashed worker, beside its successor's."
typed "find backup -name '*.log' -printf '%7s  %p\n' | sort -k 2"
all_same
[[ $(saved_files | wc -l) == 8 ]] || die "the backup does not hold just the eight files of the pods"
step "Checked: each of the 8 files is byte for byte what its container has."

step "Two pods write on."
typed "$(inside "$web1") sh -c 'echo \"checkout paid\" >>/opt/logs/app.log'"
typed "$(inside "$ledger") sh -c 'echo \"books closed\" >>/opt/logs/audit/audit.log'"
before=$(saved_files)

step "The next run appends these lines and touches nothing else."
typed 'logbackup --dest backup'
all_same
after=$(saved_files)
grown='^(ledger/ledger-5f7b-9wz4c/audit/audit.log|web/web-6c9d-kx2lp/app.log) '
[[ $(grep -vE "$grown" <<<"$after") == "$(grep -vE "$grown" <<<"$before")" ]] ||
  die "the run wrote to files that had not changed"
[[ $(grep -E "$grown" <<<"$after" | cut -d ' ' -f 1,2) == "$(grep -E "$grown" <<<"$before" | cut -d ' ' -f 1,2)" ]] ||
  die "the run replaced files instead of appending to them"
step "Checked: the two files grew in place, the other 6 were not written; all 8 are what the containers have."

step "One of them, with its new last line."
typed 'cat backup/ledger/ledger-5f7b-9wz4c/audit/audit.log'
[[ $(tail -n 1 backup/ledger/ledger-5f7b-9wz4c/audit/audit.log) == 'books closed' ]] || die "the last line is missing"

step "When nothing is wrong, --quiet says nothing: that is cron's way to call it."
typed 'logbackup --dest backup --quiet'
[[ $(saved_files) == "$after" ]] || die "a run without news wrote to the backup"

step "That is all. Removing the pods and the runtime …"
clean_up
[[ ! -e $work ]] || die "cannot remove $work"
trap - EXIT
cat <<END

Everything held. To go on:
  cmake --install $build
      installs logbackup into /usr/local/sbin
  $repo/README.md
      says how to run it from cron, how to find a line, and what else there is to read
END
