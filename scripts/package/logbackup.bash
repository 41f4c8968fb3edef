# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Completes logbackup's command line in bash. Options and subcommands come from --help, so that they are those of the
# program; services and pods are the backup's directories.

# The backup's root: from the command line, or else as the configuration has it.
_logbackup_root() {
  local i
  for ((i = 1; i < ${#COMP_WORDS[@]} - 1; ++i)); do
    if [[ ${COMP_WORDS[i]} == --dest ]]; then
      [[ ${COMP_WORDS[i + 1]} == = ]] && ((++i)) # bash takes = as a word of its own
      printf '%s' "${COMP_WORDS[i + 1]}"
      return
    fi
  done
  "$1" config 2>/dev/null | sed -n 's/^dest = "\(.*\)" *# .*/\1/p'
}

# _logbackup_places PROGRAM CURRENT: SERVICE, and what lies below it.
_logbackup_places() {
  local root
  root=$(_logbackup_root "$1")
  mapfile -t COMPREPLY < <(cd -- "$root" 2>/dev/null && compgen -d -X '.*' -- "$2")
}

# _logbackup_values PROGRAM OPTION CURRENT: what can follow the option; fails where nothing does.
_logbackup_values() {
  local program=$1 option=$2 current=$3 root type
  type=$("$program" --help 2>/dev/null |
    sed -nE "s/^ +(-[A-Za-z0-9],)?(--[a-z0-9-]+,)*$option(,--[a-z0-9-]+)* ([A-Z|]+)[= ].*/\4/p; s/^ +(-[A-Za-z0-9],)?(--[a-z0-9-]+,)*$option(,--[a-z0-9-]+)* ([A-Z|]+)$/\4/p")
  [[ $type ]] || return 1
  case $option in
    --coverage) mapfile -t COMPREPLY < <(compgen -W "live complete cut missed" -- "$current") ;;
    --runtime) mapfile -t COMPREPLY < <(compgen -W "auto docker containerd podman" -- "$current") ;;
    --names) mapfile -t COMPREPLY < <(compgen -W "auto kubernetes swarm compose nomad ecs quadlet container" -- "$current") ;;
    --group) mapfile -t COMPREPLY < <(compgen -g -- "$current") ;;
    --service)
      root=$(_logbackup_root "$program")
      mapfile -t COMPREPLY < <(cd -- "$root" 2>/dev/null && compgen -d -X '.*' -- "$current")
      ;;
    --pod)
      root=$(_logbackup_root "$program")
      mapfile -t COMPREPLY < <(
        cd -- "$root" 2>/dev/null && compgen -W "$(printf '%s\n' */*/ | sed -E 's|^[^/]*/([^/@]*).*|\1|')" -- "$current" |
          sort -u
      )
      ;;
    *)
      case $type in
        DIR) mapfile -t COMPREPLY < <(compgen -d -- "$current") && compopt -o filenames 2>/dev/null ;;
        FILE | PATH) mapfile -t COMPREPLY < <(compgen -f -- "$current") && compopt -o filenames 2>/dev/null ;;
      esac
      ;;
  esac
  return 0
}

_logbackup() {
  local program=$1 current=$2 previous=$3 word help commands command='' arguments=0
  COMPREPLY=()
  if [[ $current == = ]]; then
    current=
  elif [[ $previous == = ]]; then
    previous=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  [[ $previous == --* ]] && _logbackup_values "$program" "$previous" "$current" && return

  commands=$("$program" --help 2>/dev/null | sed -nE '/^Subcommands:/,/^$/s/^  ([a-z]+) .*/\1/p')
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [[ $command ]]; then
      [[ $word == -* ]] || ((++arguments))
    elif [[ $word =~ ^[a-z]+$ && $'\n'$commands$'\n' == *$'\n'$word$'\n'* ]]; then
      command=$word
    fi
  done
  if [[ $current == -* ]]; then
    help=$("$program" ${command:+"$command"} --help 2>/dev/null | grep -E '^  +-' | grep -oE -- '^  +(-[A-Za-z0-9],)?--[a-z0-9-]+(,--[a-z0-9-]+)*')
    mapfile -t COMPREPLY < <(compgen -W "${help//,/ }" -- "$current")
  elif [[ ! $command ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current")
  elif [[ $command == list || $command == verify || $command == prune ]] ||
    [[ $command == grep && $arguments -gt 0 ]]; then
    _logbackup_places "$program" "$current"
  fi
}

complete -F _logbackup logbackup
