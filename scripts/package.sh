#!/bin/bash
# SPDX-License-Identifier: MIT
#
# package.sh [DIRECTORY]: builds the Debian package and puts it into the directory (default: the build directory).
# The program in it needs no shared library but glibc. Prints the package's path.
#
# BUILD_DIR  where to build (default: build-package)        RELEASE  of the package (default: 1), as in 0.1.0-1
# TESTS      test targets to build with it, all with warnings as errors (default: none)
set -euo pipefail
repo=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath -m "${BUILD_DIR:-$repo/build-package}")
output=$(realpath -m "${1:-$build}")
read -ra targets <<<"logbackup ${TESTS-}"
with_tests=$([[ ${TESTS-} ]] && echo ON || echo OFF)
options=()

for need in cmake ninja:ninja-build g++ dpkg-shlibdeps:dpkg-dev dpkg-buildflags:dpkg-dev gzip file; do
  type -P "${need%%:*}" >/dev/null || {
    echo "package.sh: ${need%%:*} is missing, please install what Debian calls ${need#*:}" >&2
    exit 1
  }
done
mkdir -p "$build" "$output"
type -P ccache >/dev/null && options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)

cd "$repo"
# The flags of Debian's own packages, but for the debugging information.
CXXFLAGS="$(dpkg-buildflags --get CXXFLAGS | sed 's/-g //') $(dpkg-buildflags --get CPPFLAGS)"
LDFLAGS=$(DEB_BUILD_MAINT_OPTIONS=hardening=+bindnow dpkg-buildflags --get LDFLAGS)
export CXXFLAGS LDFLAGS
# So that the same sources make the same package.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH

{
  # CPack would build all targets first, the other tests too.
  cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/usr \
    -DCMAKE_CXX_FLAGS_RELEASE=-DNDEBUG \
    -DLOGBACKUP_TESTS="$with_tests" -DLOGBACKUP_WERROR="$with_tests" -DCMAKE_EXPORT_COMPILE_COMMANDS=ON \
    -DCMAKE_SKIP_INSTALL_ALL_DEPENDENCY=ON -DLOGBACKUP_STATIC_RUNTIME=ON \
    -DLOGBACKUP_PACKAGE_RELEASE="${RELEASE:-1}" "${options[@]}"
  cmake --build "$build" --target "${targets[@]}"
  rm -f "$build"/*.deb
  cd "$build"
  cpack
} >"$build/package.log" 2>&1 || {
  tail -n 40 "$build/package.log" >&2
  echo "package.sh: failed, see $build/package.log" >&2
  exit 1
}
package=$(echo "$build"/logbackup_*.deb)
[[ $build == "$output" ]] || mv "$package" "$output"
echo "$output/${package##*/}"
