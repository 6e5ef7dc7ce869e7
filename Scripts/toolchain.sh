# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Sourced by the other scripts: finds the toolchain, and says things in one way.

# Oldest Swift that the manifest accepts.
minimum_swift=6.2

say() { printf '\n== %s\n' "$*"; }

# fail MESSAGE REMEDY: what was found, and what to do.
fail() {
  printf 'error: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf '  try: %s\n' "$2" >&2
  exit 1
}

# Whether something missing is a failure (continuous integration) or a reason to skip.
is_ci() { [ "${CI:-}" = true ]; }

# skip WHAT REASON: says so, or fails where everything must run.
skip() {
  if is_ci; then fail "$1: $2" "install it; with CI=true nothing is skipped"; fi
  printf 'skipped: %s: %s\n' "$1" "$2"
}

# Ends the script unless `swift` is there and new enough.
require_swift() {
  command -v swift >/dev/null 2>&1 ||
    fail "no 'swift' in PATH, expected Swift $minimum_swift or newer" \
      "install a toolchain from https://www.swift.org/install and open a new terminal"
  local found
  found=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
  [ -n "$found" ] ||
    fail "'swift --version' names no version, expected Swift $minimum_swift or newer" \
      "run it yourself: the toolchain may lack a system library"
  local oldest
  oldest=$(printf '%s\n%s\n' "$minimum_swift" "$found" | sort -t. -k1,1n -k2,2n | head -n 1)
  [ "$oldest" = "$minimum_swift" ] ||
    fail "Swift $found, expected $minimum_swift or newer" \
      "install a newer toolchain from https://www.swift.org/install"
}

# Whether ranks over MPI can be built and run here, and if not, what is missing.
no_mpi="no Open MPI with mpirun and pkg-config's 'ompi-c' (packages libopenmpi-dev, openmpi-bin, pkg-config; brew install open-mpi pkgconf)"
has_mpi() { command -v mpirun >/dev/null 2>&1 && pkg-config --exists ompi-c 2>/dev/null; }

# The package's traits are off for those who depend on it; here they are on where the machine has what they need.
traits=()
if has_mpi; then traits=(--traits MPI); fi

# swift_with_traits VERB ARGUMENTS…: swift, with these traits.
swift_with_traits() { swift "$1" ${traits[@]+"${traits[@]}"} "${@:2}"; }

# The C compiler of the Swift toolchain: the one that compiles the kernels in the product. An older
# clang that stands first in PATH may not know the vector operations they use.
swift_clang() {
  local resources clang
  resources=$(swiftc -print-target-info | sed -n 's/.*"runtimeResourcePath": *"\(.*\)".*/\1/p')
  for clang in "$resources/../../bin/clang" "$(dirname "$(command -v swift)")/clang"; do
    if [ -x "$clang" ]; then
      (cd "$(dirname "$clang")" && printf '%s/clang\n' "$(pwd)")
      return
    fi
  done
  fail "the Swift toolchain has no clang, expected it beside 'swift'" "install a complete toolchain"
}

# limited SECONDS COMMAND…: ends a command that hangs, where `timeout` exists.
limited() {
  if command -v timeout >/dev/null 2>&1; then timeout "$@"; else "${@:2}"; fi
}

# Seconds since the script began.
elapsed() { printf '%d' "$SECONDS"; }
