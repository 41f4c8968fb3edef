#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Builds the Debian package, checks it, and lets it live on this machine: installed, started by a real cron, upgraded,
# removed and purged, with a Docker engine of its own. As root; installs what is missing. Leaves nothing behind but
# the build directory. Refuses where logbackup is installed or a cron daemon runs, which would start it with the
# standard settings.
#
# BUILD_DIR  where to build (default: build-package)        DOCKER  the docker client (default: the one on PATH)
set -euo pipefail
BUILD_DIR=${BUILD_DIR:-$(dirname "$0")/../build-package}
# shellcheck source=scripts/engine.sh
source "$(dirname "$0")/engine.sh"

oldest_glibc=2.35 # Debian 12, Ubuntu 22.04
conffiles=(/etc/cron.d/logbackup /etc/logbackup.toml /etc/logrotate.d/logbackup)
units=(logbackup.service logbackup-follow.service logbackup.timer)
unit_directory=usr/lib/systemd/system
cron_pid=
ours=

say() { printf '\n== %s ==\n' "$*"; }

refuse_if_installed() {
  local file
  for file in "${conffiles[@]}" /usr/sbin/logbackup; do
    [[ ! -e $file ]] || die "$file exists: this would install and purge logbackup on this machine"
  done
  ! dpkg-query --show logbackup >/dev/null 2>&1 || die "dpkg knows a package logbackup: this would purge it"
  ! pidof cron >/dev/null || die "a cron daemon runs: it would start logbackup with its standard settings"
}

end_cron() {
  end_process "$cron_pid" || true
  [[ $(cat /run/crond.pid 2>/dev/null) != "$cron_pid" ]] || rm -f /run/crond.pid
  cron_pid=
}

end_package() {
  trap '' HUP INT TERM
  trap - ERR
  set +e
  [[ ! $cron_pid ]] || end_cron
  [[ ! $ours ]] || dpkg --purge logbackup >/dev/null 2>&1
  clean_up
}

apt_get() { quietly env DEBIAN_FRONTEND=noninteractive apt-get --yes -o APT::Sandbox::User=root "$@" </dev/null; }
# About what belongs to the package: mandoc's database or other units of the machine are not our business.
says_nothing() {
  "$@" >"$work/log" 2>&1 || true
  ! grep -F logbackup "$work/log" || die "failed: $*"
}
version_of() { dpkg-query --show --showformat='${Version}' logbackup; }
tree() { (cd "$work/backup" && find . -path ./.logbackup -prune -o -type f -exec sha256sum {} + | sort); }

# Cron with no other jobs than ours. New mounts of the host are seen by it.
start_cron() {
  cat >"$work/cron" <<'END'
set -e
for file in /etc/crontab /etc/cron.d/*; do
  [ "$file" = /etc/cron.d/logbackup ] || [ ! -e "$file" ] || mount --bind /dev/null "$file"
done
mount -t tmpfs tmpfs /var/spool/cron/crontabs
exec cron -f
END
  mkdir -p /var/spool/cron/crontabs
  unshare --mount --propagation slave sh "$work/cron" >"$work/cron.log" 2>&1 &
  cron_pid=$!
}

# The shell that cron is told to use: notes each job, what it said, and how it ended.
make_shell() {
  cat >"$work/shell" <<END
#!/bin/sh
/bin/sh "\$@" >>"$work/said" 2>&1
echo "\$?" >>"$work/jobs"
END
  chmod 755 "$work" "$work/shell"
  : >"$work/said"
  : >"$work/jobs"
}
jobs_are_more_than() { (($(wc -l <"$work/jobs") > $1)); }
has_ended() { ! kill -0 "$1"; }
saved_is() { [[ $(<"$saved") == "$1" ]]; }

# as_unit SERVICE: what systemd would start, with its capabilities. In a subshell: it takes its place.
as_unit() {
  local unit=/$unit_directory/$1 capabilities command
  capabilities=$(sed -n 's/^CapabilityBoundingSet=//p' "$unit" | tr 'A-Z \n' 'a-z,,' | sed 's/cap_/+/g; s/,$//')
  command=$(sed -n 's/^ExecStart=//p' "$unit")
  exec setpriv --no-new-privs --bounding-set="-all,$capabilities" sh -c "exec $command"
}
# What a service may do: all that comes after its environment.
confinement() { sed '1,/^EnvironmentFile=/d; /^#/d; /^$/d' "$work/files/$unit_directory/$1"; }

# A process stays between two runs: it saves a container that is removed as soon as it has ended.
saves_between_runs() {
  local pod=$1
  pod brief "$pod" 0 'echo only >/opt/logs/app.log'
  docker wait "k8s_brief_${pod}_0" >/dev/null
  docker rm "k8s_brief_${pod}_0" >/dev/null
  wait_for 30 grep -qx only "$work/backup/brief/$pod/app.log"
}

refuse_if_installed
begin package
trap end_package EXIT
install_missing lintian:lintian cron:cron mandoc:mandoc objdump:binutils dpkg-shlibdeps:dpkg-dev file:file \
  systemd-analyze:systemd logrotate:logrotate unshare:util-linux
refuse_if_installed # Debian starts a cron that it installs

say "build"
package=$(BUILD_DIR=$build "$repo/scripts/package.sh" "$work/1")
newer=$(BUILD_DIR=$build RELEASE=2 "$repo/scripts/package.sh" "$work/2")
ls -l "$package"

say "check"
lintian --allow-root --fail-on error,warning --tag-display-limit 0 "$package"
dpkg-deb --extract "$package" "$work/files"
binary=$work/files/usr/sbin/logbackup
for page in man8/logbackup.8 man5/logbackup.toml.5 man7/logbackup-design.7; do
  [[ -e $work/files/usr/share/man/$page.gz ]] || die "the package has no man page $page"
  says_nothing mandoc -T lint -W warning "$work/files/usr/share/man/$page.gz"
done
needed=$(objdump -p "$binary" | awk '/NEEDED/ {print $2}' | grep -vE '^(libc|libm|ld-linux.*)\.so' || true)
[[ ! $needed ]] || die "the program needs more than glibc: $needed"
newest=$(objdump -T "$binary" | grep -oE 'GLIBC_[0-9.]+' | cut -d _ -f 2 | sort -Vu | tail -n 1)
[[ $(printf '%s\n' "$newest" "$oldest_glibc" | sort -V | tail -n 1) == "$oldest_glibc" ]] ||
  die "the program needs glibc $newest"
dpkg-deb --field "$package" Depends Suggests
for unit in "${units[@]}"; do
  sed "s|=/usr/sbin|=$work/files/usr/sbin|" "$work/files/$unit_directory/$unit" >"$work/$unit"
done
says_nothing systemd-analyze verify --man=no "${units[@]/#/$work/}"
[[ $(confinement logbackup-follow.service) == "$(confinement logbackup.service)" ]] ||
  die "the services may not do the same"
! grep -E '^(Protect(System|Home|Kernel|Control|Proc)|Private|Read|Inaccessible|Temporary|Bind|Root)' \
  "$work/files/$unit_directory"/*.service || die "a service has a mount namespace of its own, where it does not work"
logrotate --debug "$work/files/etc/logrotate.d/logbackup" >"$work/log" 2>&1
! grep -i error "$work/log" || die "logrotate cannot read its file"

say "install"
start_engine
pod web web-0 0 'echo first >/opt/logs/app.log; touch /tmp/ready; exec sleep 1000000'
wait_for 30 docker exec k8s_web_web-0_0 test -e /tmp/ready || die "the container did not get ready"
ours=1
apt_get install --no-install-recommends "$package"
[[ $(version_of) == *-1 ]] || die "not installed: $(version_of)"
[[ $(/usr/sbin/logbackup --version) == "logbackup $(version_of | sed 's/-.*//')" ]] || die "it has another version"
[[ $(/usr/sbin/logbackup config --json) != *'"source": "/etc'* ]] || die "the installed configuration sets something"
bash -c 'source /usr/share/bash-completion/completions/logbackup && complete -p logbackup' >/dev/null
sed -i "s|^#dest = .*|dest = \"$work/backup\"|" /etc/logbackup.toml
make_shell
sed -i -e "s|^SHELL=.*|SHELL=$work/shell|" -e "s|^#DOCKER_HOST=.*|DOCKER_HOST=$DOCKER_HOST|" /etc/cron.d/logbackup

say "run as the systemd services would"
# No systemd here: its capabilities by hand. A tmpfs needs the most of them, see setns(2).
pod scratch scratch-0 0 'echo first >/opt/logs/app.log; touch /tmp/ready; exec sleep 1000000' --tmpfs /opt/logs
wait_for 30 docker exec k8s_scratch_scratch-0_0 test -e /tmp/ready || die "the container did not get ready"
(as_unit logbackup.service)
[[ $(<"$work/backup/scratch/scratch-0/app.log") == first ]] || die "the service would not save a tmpfs"
as_unit logbackup-follow.service >"$work/follower.log" 2>&1 &
follower=$!
wait_for 30 test -S "$work/backup/.logbackup/follower" || die "nobody follows: $(<"$work/follower.log")"
for round in 1 2; do
  (as_unit logbackup.service) || die "the timer's run ended with $?"
  saves_between_runs "between-$round" || die "the follower saved nothing after the timer's run"
done
kill -0 "$follower" || die "the timer's run ended the follower"
kill "$follower"
wait "$follower" || die "the follower that was stopped ended with $?"
[[ ! -s $work/follower.log ]] || die "the follower said: $(<"$work/follower.log")"
echo "the timer's runs and the follower go together"
rm -r "$work/backup"

say "wait for cron"
saved=$work/backup/web/web-0/app.log
start_cron
wait_for 90 test -s "$saved" || die "cron saved nothing: $(cat "$work/said" "$work/cron.log")"
saves_between_runs between-jobs || die "nothing is saved between cron's jobs: $(cat "$work/said")"
wait_for 90 jobs_are_more_than 0 || die "cron's job does not end when the next one has begun"
saves_between_runs after-job || die "nothing is saved after the first of cron's jobs: $(cat "$work/said")"
end_cron
saved_is first || die "cron saved something else"
[[ $(wc -l <"$work/said") == 1 && $(<"$work/said") == *"a new backup begins at '$work/backup'"* ]] ||
  die "cron's job said: $(<"$work/said")"
! grep -vx 0 "$work/jobs" || die "cron's job failed"
: >"$work/said"
echo "saved, also between its jobs, and nothing said but that a new backup begins"

say "upgrade"
before=$(sha256sum "${conffiles[@]}")
apt_get install --no-install-recommends "$newer"
[[ $(version_of) == *-2 ]] || die "not upgraded: $(version_of)"
[[ $(sha256sum "${conffiles[@]}") == "$before" ]] || die "the upgrade changed the configuration"
docker exec k8s_web_web-0_0 sh -c 'echo second >>/opt/logs/app.log'
# As long as the timer is active, cron's line does nothing.
line=$(sed -n 's/^\* \* \* \* \* root //p' /etc/cron.d/logbackup)
mkdir "$work/timer"
printf '#!/bin/sh\n[ "$*" = "--quiet is-active logbackup.timer" ]\n' >"$work/timer/systemctl"
chmod +x "$work/timer/systemctl"
! PATH=$work/timer:$PATH sh -c "$line" || die "cron's line ran although the timer is active"
[[ $(<"$saved") == first ]] || die "cron's line saved although the timer is active"
jobs=$(wc -l <"$work/jobs")
sh -c "$line" &
follower=$!
wait_for 30 saved_is $'first\nsecond' || die "after the upgrade it does not save"
wait_for 30 jobs_are_more_than "$jobs" || die "the process of the version before stays"
[[ ! -s $work/said && $(tail -n 1 "$work/jobs") == 0 ]] || die "cron's job said: $(cat "$work/said" "$work/jobs")"
echo "configuration kept, and the process of the version before has ended"

say "remove"
before=$(tree)
kill -0 "$follower" || die "nobody follows"
apt_get remove logbackup
wait_for 5 has_ended "$follower" || die "the removal left a process behind"
wait "$follower" || die "the process that was there ended with $?"
jobs=$(wc -l <"$work/jobs")
start_cron
[[ ! -e /usr/sbin/logbackup ]] || die "the program is still there"
for file in "${conffiles[@]}"; do
  [[ -e $file ]] || die "$file is gone"
done
wait_for 90 jobs_are_more_than "$jobs" || die "cron does not run any more"
[[ ! -s $work/said ]] || die "cron's job said: $(<"$work/said")"
[[ $(tree) == "$before" ]] || die "the backup changed"
echo "backup and configuration kept, and nothing said"

say "purge"
touch /var/log/logbackup.log
apt_get purge logbackup
for file in "${conffiles[@]}" /var/log/logbackup.log; do
  [[ ! -e $file ]] || die "$file is still there"
done
! dpkg-query --show logbackup >/dev/null 2>&1 || [[ ! $(version_of) ]] || die "dpkg still knows the package"
[[ $(tree) == "$before" ]] || die "the backup changed"
ours=

say "the package is fine"
