#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs the system packages that the tests use and that are missing, and says which. Building and
# running Dendrite on one machine needs none of them: Open MPI carries ranks that are processes, the
# others emulate an Arm processor for the kernels' tests.
set -euo pipefail
cd "$(dirname "$0")/.."
. Scripts/toolchain.sh

if [ "$(uname)" != Linux ]; then
  has_mpi || skip "ranks over MPI" "$no_mpi"
  echo "setup: nothing to install here; the kernels' tests on an emulated Arm run on Linux only"
  exit 0
fi

missing=()
if ! has_mpi; then missing+=(libopenmpi-dev openmpi-bin pkg-config); fi
command -v pgrep >/dev/null 2>&1 || missing+=(procps)
if [ "$(uname -m)" = x86_64 ]; then # on Arm the kernels run as they are
  command -v qemu-aarch64 >/dev/null 2>&1 || missing+=(qemu-user)
  [ -e /usr/aarch64-linux-gnu/include/stdio.h ] || missing+=(libc6-dev-arm64-cross)
  [ -d /usr/lib/gcc-cross/aarch64-linux-gnu ] || missing+=(gcc-aarch64-linux-gnu)
fi
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  skip "setup" "no apt-get to install: ${missing[*]} (or what your system calls them)"
  exit 0
fi
elevate=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null 2>&1; then
    skip "setup" "neither root nor sudo to install: ${missing[*]}"
    exit 0
  fi
  elevate=(sudo)
fi
echo "setup: installing ${missing[*]} with apt-get, to test ranks over MPI and the Arm kernels under emulation"
install() {
  ${elevate[@]+"${elevate[@]}"} env DEBIAN_FRONTEND=noninteractive \
    apt-get install --yes --quiet --no-install-recommends "${missing[@]}" >build/setup.log 2>&1
}
mkdir -p build
# The lists of a machine may be as old as its image, so a failed attempt renews them first.
if ! install && ! { ${elevate[@]+"${elevate[@]}"} apt-get update --quiet >build/setup-update.log 2>&1 && install; }; then
  tail -n 5 build/setup.log >&2
  skip "setup" "apt-get could not install ${missing[*]} (build/setup.log)"
fi
