#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Sourced by demo.sh and bench.sh: installs what is missing, builds logbackup, and runs a Docker engine of
# their own. Everything the engine makes lives below $work and is gone when the script ends, however it ends.

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$(realpath -m "${BUILD_DIR:-$repo/build}")
image=logbackup-pod:1
work=
engine=
containerd_pid=
dockerd_pid=

die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# quietly COMMAND…: its output is shown only if it fails.
quietly() {
  if ! "$@" >"$work/log" 2>&1; then
    tail -n 40 "$work/log" >&2
    die "failed: $*"
  fi
}

# wait_for SECONDS COMMAND…: until the command succeeds.
wait_for() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < end)) || return 1
    sleep 0.1
  done
}

# begin NAME: the working directory, and its end.
begin() {
  ((EUID == 0)) || die "please run as root: it starts a Docker engine of its own"
  work=$(mktemp -d "${TMPDIR:-/tmp}/logbackup-$1.XXXXXX")
  engine=$work/engine
  trap clean_up EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  set -E
  trap 'printf "%s: line %s failed: %s\n" "${BASH_SOURCE[0]##*/}" "$LINENO" "$BASH_COMMAND" >&2' ERR
  # Settings meant for another engine, or for another run of logbackup.
  unset "${!DOCKER_@}" "${!LOGBACKUP_@}"
}

# install_missing [COMMAND:PACKAGE…]: what the build and the engine need, and the packages given.
install_missing() {
  local need missing=()
  for need in cmake:cmake ninja:ninja-build g++:g++ rsync:rsync busybox:busybox-static dockerd:docker.io "$@"; do
    type -P "${need%%:*}" >/dev/null || missing+=("${need#*:}")
  done
  for need in nlohmann/json.hpp:nlohmann-json3-dev CLI/CLI.hpp:libcli11-dev spdlog/spdlog.h:libspdlog-dev; do
    [[ -e /usr/include/${need%%:*} || -e /usr/local/include/${need%%:*} ]] || missing+=("${need#*:}")
  done
  ((${#missing[@]} > 0)) || return 0
  type -P apt-get >/dev/null || die "please install what Debian calls ${missing[*]}"
  echo "Installing ${missing[*]} …"
  # A third party's broken repository fails this; whether it matters, the installation will tell.
  apt-get update >"$work/log" 2>&1 || true
  quietly env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${missing[@]}"
}

build_logbackup() {
  local options=()
  if [[ ! -e $build/CMakeCache.txt ]]; then
    options=(-G Ninja -DCMAKE_BUILD_TYPE=Release -DLOGBACKUP_TESTS=OFF)
  elif ! grep -qE '^CMAKE_BUILD_TYPE:[A-Z]+=(Release)?$' "$build/CMakeCache.txt" ||
    grep -q '^LOGBACKUP_SANITIZE:BOOL=ON' "$build/CMakeCache.txt"; then
    die "$build is not a plain Release build; name another directory with BUILD_DIR"
  fi
  echo "Building logbackup in $build …"
  quietly cmake -S "$repo" -B "$build" "${options[@]}"
  quietly cmake --build "$build" --target logbackup
}

engine_settled() { docker version || ! kill -0 "$dockerd_pid" || ! kill -0 "$containerd_pid"; }

# DOCKER names the client to use; afterwards it is found as "docker", and so is logbackup.
start_engine() {
  local client
  client=$(type -P "${DOCKER:-docker}") || die "there is no docker client '${DOCKER:-docker}'; name one with DOCKER=PATH"
  mkdir "$work/bin" "$engine"
  ln -s "$(realpath "$client")" "$work/bin/docker"
  ln -s "$build/logbackup" "$work/bin/logbackup"
  PATH=$work/bin:$PATH
  export DOCKER_HOST=unix://$engine/docker.sock DOCKER_CONFIG=$engine/client

  echo "Starting a Docker engine of its own below $engine …"
  # A dockerd without --containerd would use the system's containerd, and share its containers' namespace
  # with the system's Docker.
  cat >"$engine/containerd.toml" <<END
version = 2
root = "$engine/containerd"
state = "$engine/containerd-state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "$engine/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "$engine/opt"
END
  echo '{}' >"$engine/daemon.json"
  # setsid: Ctrl-C is for this script, which ends them in order.
  setsid containerd --config "$engine/containerd.toml" >"$engine/containerd.log" 2>&1 &
  containerd_pid=$!
  wait_for 60 test -S "$engine/containerd.sock" ||
    die "containerd did not start: $(tail -n 5 "$engine/containerd.log")"
  setsid dockerd --config-file "$engine/daemon.json" --host "$DOCKER_HOST" --containerd "$engine/containerd.sock" \
    --data-root "$engine/data" --exec-root "$engine/exec" --pidfile "$engine/docker.pid" --storage-driver overlay2 \
    --bridge none --iptables=false --ip6tables=false --ip-forward=false >"$engine/dockerd.log" 2>&1 &
  dockerd_pid=$!
  wait_for 60 engine_settled || true
  docker version >/dev/null 2>&1 || die "dockerd did not start: $(tail -n 5 "$engine/dockerd.log")"
  make_image
}

# No image can be pulled without a network: one with a busybox will do.
make_image() {
  local root=$work/root busybox name library
  busybox=$(type -P busybox)
  mkdir -p "$root"/{bin,opt/logs,tmp}
  cp "$busybox" "$root/bin/busybox"
  for library in $(ldd "$busybox" 2>/dev/null | grep -o '/[^ ]*' || true); do # none if it is static
    cp --dereference --parents "$library" "$root"
  done
  for name in $("$busybox" --list); do
    [[ $name == busybox ]] || ln -s busybox "$root/bin/$name"
  done
  tar -C "$root" -c . | docker import - "$image" >/dev/null
  rm -r "$root"
}

# pod SERVICE POD ATTEMPT SCRIPT [OPTION…]: starts a container, k8s_SERVICE_POD_ATTEMPT, with kubelet's labels.
pod() {
  local service=$1 pod=$2 attempt=$3 script=$4
  shift 4
  docker run --detach --network none --name "k8s_${service}_${pod}_$attempt" \
    --label io.kubernetes.docker.type=container \
    --label io.kubernetes.container.name="$service" \
    --label io.kubernetes.pod.name="$pod" \
    --label io.kubernetes.pod.namespace=shop \
    --label io.kubernetes.pod.uid="uid-of-$pod" \
    "$@" "$image" sh -c "$script" >/dev/null
}

# end_process PID: a child of this script.
end_process() {
  kill "$1" 2>/dev/null
  wait_for 30 eval "! kill -0 $1" || kill -KILL "$1"
  wait "$1" 2>/dev/null
}

# A dockerd that was killed leaves its containers behind: their first processes, and the shims that watch them.
end_leftovers() {
  local file pid
  for file in "$engine"/containerd-state/io.containerd.runtime.v2.task/*/*/init.pid; do
    [[ -e $file ]] && kill -KILL "$(<"$file")" 2>/dev/null
  done
  for file in /proc/[0-9]*/cmdline; do
    if tr '\0' ' ' <"$file" 2>/dev/null | grep -qF -- "-address $engine/containerd.sock "; then
      pid=${file#/proc/}
      kill -KILL "${pid%/cmdline}"
    fi
  done 2>/dev/null
}

unmount_all() {
  local target
  while read -r _ target _; do
    target=$(printf '%b' "$target") # a space is written as \040
    [[ $target != "$work"/* ]] || umount "$target" || umount --lazy "$target"
  done < <(tac /proc/self/mounts)
}

clean_up() {
  trap '' HUP INT TERM
  trap - ERR
  set +e
  if [[ $dockerd_pid ]]; then
    timeout 30 docker ps --all --quiet 2>/dev/null |
      xargs -r -n 8 -P 4 timeout 120 docker rm --force --volumes >/dev/null 2>&1
    end_process "$dockerd_pid"
  fi
  [[ $containerd_pid ]] && end_process "$containerd_pid"
  end_leftovers
  unmount_all
  cd /
  rm -rf --one-file-system "$work"
}
