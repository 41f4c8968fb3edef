#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Sourced by demo.sh, bench.sh and others: installs what is missing, builds logbackup, and runs a Docker engine, or a
# containerd, of their own. Everything it makes lives below $work and is gone when the script ends, however it ends.

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$(realpath -m "${BUILD_DIR:-$repo/build}")
image=logbackup-pod:1
work=
engine=
containerd_pid=
dockerd_pid=
runtime=docker # or podman, or containerd: what the functions for pods use

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
  unset "${!DOCKER_@}" "${!LOGBACKUP_@}" "${!CONTAINER_@}" "${!CONTAINERS_@}"
}

# install_missing [COMMAND:PACKAGE…]: what the build and the runtime need, and the packages given. A path of a file or
# directory will do for a command.
install_missing() {
  local need missing=()
  case $runtime in
    podman) set -- "$@" podman:podman ;;
    containerd) set -- "$@" protoc:protobuf-compiler /usr/lib/python3/dist-packages/grpc:python3-grpcio \
      /usr/lib/python3/dist-packages/google/protobuf:python3-protobuf ;;
  esac
  for need in cmake:cmake ninja:ninja-build g++:g++ rsync:rsync busybox:busybox-static dockerd:docker.io "$@"; do
    type -P "${need%%:*}" >/dev/null || [[ -e ${need%%:*} ]] || missing+=("${need#*:}")
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
  if [[ -t 1 ]]; then # a line that tells how far it is
    NINJA_STATUS='  %f of %t, %es: ' cmake --build "$build" --target logbackup
  else
    quietly cmake --build "$build" --target logbackup
  fi
}

engine_settled() { docker version || ! kill -0 "$dockerd_pid" || ! kill -0 "$containerd_pid"; }

make_bin() {
  mkdir "$work/bin" "$engine"
  ln -s "$build/logbackup" "$work/bin/logbackup"
  PATH=$work/bin:$PATH
}

# run_containerd CONFIGURATION-LINE…
run_containerd() {
  printf '%s\n' 'version = 2' "root = \"$engine/containerd\"" "state = \"$engine/containerd-state\"" "$@" \
    '[grpc]' "address = \"$engine/containerd.sock\"" '[plugins."io.containerd.internal.v1.opt"]' "path = \"$engine/opt\"" \
    >"$engine/containerd.toml"
  # setsid: Ctrl-C is for this script, which ends it in order.
  setsid containerd --config "$engine/containerd.toml" >"$engine/containerd.log" 2>&1 &
  containerd_pid=$!
  wait_for 60 test -S "$engine/containerd.sock" ||
    die "containerd did not start: $(tail -n 5 "$engine/containerd.log")"
}

# DOCKER names the client to use; afterwards it is found as "docker", and so is logbackup.
start_engine() {
  local client
  client=$(type -P "${DOCKER:-docker}") || die "there is no docker client '${DOCKER:-docker}'; name one with DOCKER=PATH"
  make_bin
  ln -s "$(realpath "$client")" "$work/bin/docker"
  export DOCKER_HOST=unix://$engine/docker.sock DOCKER_CONFIG=$engine/client LOGBACKUP_RUNTIME=docker

  echo "Starting a Docker engine of its own below $engine …"
  # A dockerd without --containerd would use the system's containerd, and share its containers' namespace
  # with the system's Docker.
  run_containerd 'disabled_plugins = ["io.containerd.grpc.v1.cri"]'
  echo '{}' >"$engine/daemon.json"
  setsid dockerd --config-file "$engine/daemon.json" --host "$DOCKER_HOST" --containerd "$engine/containerd.sock" \
    --data-root "$engine/data" --exec-root "$engine/exec" --pidfile "$engine/docker.pid" --storage-driver overlay2 \
    --bridge none --iptables=false --ip6tables=false --ip-forward=false >"$engine/dockerd.log" 2>&1 &
  dockerd_pid=$!
  wait_for 60 engine_settled || true
  docker version >/dev/null 2>&1 || die "dockerd did not start: $(tail -n 5 "$engine/dockerd.log")"
  make_root
  tar -C "$work/root" -c . | docker import - "$image" >/dev/null
  rm -r "$work/root"
}

# A containerd with the service that a kubelet asks for pods. "ctr" and logbackup then find it, and logbackup is found.
start_containerd() {
  local cri='[plugins."io.containerd.grpc.v1.cri"' digest
  make_bin
  export CONTAINERD_ADDRESS=$engine/containerd.sock CONTAINERD_NAMESPACE=k8s.io PYTHONPATH=$engine
  export LOGBACKUP_RUNTIME=containerd LOGBACKUP_CONTAINERD_SOCKET=$engine/containerd.sock
  echo "Starting a containerd of its own below $engine …"
  run_containerd "$cri]" "sandbox_image = \"docker.io/library/$image\"" 'disable_apparmor = true' \
    'restrict_oom_score_adj = true' 'stream_server_port = "0"' \
    "$cri.cni]" "bin_dir = \"$engine/cni\"" "conf_dir = \"$engine/cni\"" \
    "$cri.containerd.runtimes.runc]" 'runtime_type = "io.containerd.runc.v2"'
  wait_for 60 ctr version || die "containerd does not answer: $(tail -n 5 "$engine/containerd.log")"
  make_root
  # As "docker save" writes it.
  cd "$work" || die "cannot enter $work"
  tar -C root -cf layer.tar .
  digest=$(sha256sum layer.tar)
  printf '{"architecture":"%s","os":"linux","config":{"Env":["PATH=/bin"],"Cmd":["sleep","1000000"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$(dpkg --print-architecture)" "${digest%% *}" >config.json
  printf '[{"Config":"config.json","RepoTags":["docker.io/library/%s"],"Layers":["layer.tar"]}]' "$image" >manifest.json
  tar -cf image.tar manifest.json config.json layer.tar
  quietly ctr images import image.tar
  rm -r root ./*.tar ./*.json
  quietly protoc --proto_path="$repo/tests/e2e/cri" --python_out="$engine" runtime.proto
}

# podman needs no daemon, but a store of its own.
start_podman() {
  make_bin
  printf '%s\n' '[engine]' 'cgroup_manager = "cgroupfs"' 'events_logger = "file"' 'runtime = "runc"' \
    "tmp_dir = \"$engine/tmp\"" 'lock_type = "file"' '[containers]' \
    'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]' 'netns = "none"' >"$engine/containers.conf"
  printf '%s\n' '[storage]' 'driver = "overlay"' "runroot = \"$engine/run\"" "graphroot = \"$engine/data\"" \
    >"$engine/storage.conf"
  export CONTAINERS_CONF=$engine/containers.conf CONTAINERS_STORAGE_CONF=$engine/storage.conf LOGBACKUP_RUNTIME=podman
  echo "Making a store for podman below $engine …"
  make_root
  tar -C "$work/root" -c . | podman import --quiet - "$image" >/dev/null
  rm -r "$work/root"
}

start_runtime() {
  case $runtime in
    docker) start_engine ;;
    podman) start_podman ;;
    containerd) start_containerd ;;
  esac
}

# cri ARGUMENT…: does what a kubelet does, see cri.py.
cri() { /usr/bin/python3 "$repo/tests/e2e/cri/cri.py" "$engine/containerd.sock" "$@"; }

# No image can be pulled without a network: one with a busybox will do.
make_root() {
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
}

# pod SERVICE POD ATTEMPT SCRIPT [OPTION…]: starts a container, k8s_SERVICE_POD_ATTEMPT, with kubelet's labels. The
# options are those of "docker run".
pod() {
  local service=$1 pod=$2 attempt=$3 script=$4
  shift 4
  if [[ $runtime == containerd ]]; then
    cri_pod "$@"
    return
  fi
  "$runtime" run --detach --network none --name "k8s_${service}_${pod}_$attempt" \
    --label io.kubernetes.docker.type=container \
    --label io.kubernetes.container.name="$service" \
    --label io.kubernetes.pod.name="$pod" \
    --label io.kubernetes.pod.namespace=shop \
    --label io.kubernetes.pod.uid="uid-of-$pod" \
    "$@" "$image" sh -c "$script" >/dev/null
}

# As pod() does, with its variables, on containerd. Of the options it knows --name, --volume, --env, --label and --cidfile.
cri_pod() {
  local name=k8s_${service}_${pod}_$attempt uid=uid-of-$pod mounts=() environment='' id_file='' sandbox
  while (($# > 0)); do
    case $1=$2 in
      --name=*) name=$2 ;;
      --volume=*) mounts+=("$2") ;;
      --env=*) environment+="export ${2%%=*}='${2#*=}'; " ;;
      --label=io.kubernetes.pod.uid=*) uid=${2#*=} ;;
      --cidfile=*) id_file=$2 ;;
    esac
    shift 2
  done
  mkdir -p "$engine/pods" "$engine/ids"
  [[ -e $engine/pods/$uid ]] || cri pod "$pod" "$uid" >"$engine/pods/$uid"
  sandbox=$(<"$engine/pods/$uid")
  cri run "$sandbox" "$pod" "$uid" "$service" "$attempt" "docker.io/library/$image" "$environment$script" "${mounts[@]}" \
    >"$engine/ids/$name"
  [[ -z $id_file ]] || cp "$engine/ids/$name" "$id_file"
}

# What follows is done to containers by their names.

id_of() { echo "$(<"$engine/ids/$1")"; } # on containerd

# pid_of CONTAINER: of its first process, on containerd; fails where there is none.
pid_of() { cat "$engine/containerd-state/io.containerd.runtime.v2.task/k8s.io/$(id_of "$1")/init.pid" 2>/dev/null; }

runs() {
  local pid
  if [[ $runtime != containerd ]]; then
    [[ $("$runtime" inspect --format '{{.State.Running}}' "$1") == true ]]
  else
    pid=$(pid_of "$1") && [[ -e /proc/$pid/cwd/. ]]
  fi
}

wait_for_end() {
  if [[ $runtime != containerd ]]; then
    "$runtime" wait "$1" >/dev/null
  else
    while runs "$1"; do sleep 0.2; done
  fi
}

kill_pod() {
  if [[ $runtime != containerd ]]; then "$runtime" kill "$1" >/dev/null; else cri stop "$(id_of "$1")"; fi
}

# remove_pod CONTAINER [UID]: and the sandbox of a pod that has no others.
remove_pod() {
  local id
  if [[ $runtime != containerd ]]; then
    "$runtime" rm --volumes "$1" >/dev/null
    return
  fi
  id=$(id_of "$1")
  rm "$engine/ids/$1"
  cri remove "$id"
  [[ -z ${2-} ]] || {
    cri remove-pod "$(<"$engine/pods/$2")"
    rm "$engine/pods/$2"
  }
}

# pods [running]: the names of those that are there, but for those that are being removed.
pods() {
  local name
  if [[ $runtime != containerd ]]; then
    "$runtime" ps --all --format '{{.Names}} {{.State}}' | awk -v only="${1-}" '$2 != "removing" && (only == "" || $2 == only) { print $1 }'
    return
  fi
  for name in "$engine"/ids/*; do
    [[ -e $name ]] || continue
    name=${name##*/}
    if [[ ${1-} == '' ]] || runs "$name"; then echo "$name"; fi
  done
}

runtime_version() {
  case $runtime in
    docker) docker version --format '{{.Server.Version}}' ;;
    podman) podman version --format '{{.Client.Version}}' ;;
    containerd) ctr version | sed -n '/^Server/,$ s/ *Version: *//p' ;;
  esac
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
  # Only in the store that start_podman has made.
  [[ ${CONTAINERS_STORAGE_CONF-} != "$engine/storage.conf" ]] || podman rm --all --force --time 0 >/dev/null 2>&1
  [[ ! -d $engine/pods ]] || cat "$engine"/pods/* | while read -r sandbox; do cri remove-pod "$sandbox"; done >/dev/null 2>&1
  [[ $containerd_pid ]] && end_process "$containerd_pid"
  end_leftovers
  unmount_all
  cd /
  rm -rf --one-file-system "$work"
}
