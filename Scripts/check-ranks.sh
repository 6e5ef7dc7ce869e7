#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Ranks that are processes: what the transport promises, on 2, 3, 4 and 8 of them, and how a run ends when one of
# them fails in mid-exchange: soon, with one message, with a status that is not 0, and with no process left behind.
#
#   Scripts/check-ranks.sh [path of DendriteRanks]            default: builds it
#
# Needs Open MPI. Without it the check is skipped and says so; with CI=true that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
. Scripts/toolchain.sh
require_swift

if ! has_mpi; then
  skip "ranks over MPI" "$no_mpi"
  exit 0
fi
ranks=${1:-}
if [ -z "$ranks" ]; then
  swift_with_traits build --product DendriteRanks
  ranks=$(swift_with_traits build --show-bin-path)/DendriteRanks
fi
[ -x "$ranks" ] || fail "no $ranks, expected the rank of the tests" "swift build --traits MPI"

work=build/ranks
rm -rf "$work"
mkdir -p "$work"
# Processes are told apart by a word of this run.
tag=ranks-$$-$RANDOM
# Shared memory and nothing else carries the messages: there is one machine.
launch=(mpirun --bind-to none --oversubscribe --mca btl "self,vader")
if [ "$(id -u)" -eq 0 ]; then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi
checks=0
slowest=0

# left: processes of this run.
left() { pgrep -f -- "--tag $tag" 2>/dev/null | tr '\n' ' ' || true; }

# complete RANKS ARGUMENTS…: a run that must succeed; shows what it says.
complete() {
  local count=$1 status=0
  shift
  limited 300 "${launch[@]}" -n "$count" "$ranks" "$@" --tag "$tag" >"$work/out.txt" 2>"$work/err.txt" || status=$?
  if [ $status -ne 0 ]; then
    cat "$work/out.txt" "$work/err.txt" >&2
    fail "DendriteRanks $* on $count ranks ended with status $status, expected 0" \
      "rerun it alone: ${launch[*]} -n $count $ranks $*"
  fi
  cat "$work/out.txt"
  [ -z "$(left)" ] || fail "DendriteRanks $* on $count ranks left processes: $(left)" "look at them: ps -fp $(left)"
  checks=$((checks + 1))
}

# broken RANKS FAULT PATTERN ARGUMENTS…: a run in which rank 1 does something. Ours is one message that begins with
# "ranks:" and matches the pattern; where mpirun is the first to know, its own words match and there is none of ours.
broken() {
  local count=$1 fault=$2 pattern=$3 status=0 began seconds ours
  shift 3
  began=$SECONDS
  limited 60 "${launch[@]}" -n "$count" "$ranks" faults --fault "$fault" --deadline 3 "$@" --tag "$tag" \
    >"$work/out.txt" 2>"$work/err.txt" || status=$?
  seconds=$((SECONDS - began))
  # The launcher itself may be gone before its ranks are.
  while [ -n "$(left)" ] && [ $((SECONDS - began)) -lt 10 ]; do sleep 0.2; done
  local words="fault '$fault' on $count ranks $*"
  ours=$(grep -c '^ranks: ' "$work/err.txt" || true)
  if [ -n "$(left)" ]; then
    ps -fp $(left) >&2 || true
    kill -KILL $(left) 2>/dev/null || true
    fail "$words: processes are left after $((SECONDS - began)) s" "see above which"
  fi
  [ $status -ne 0 ] || fail "$words: ended with status 0, expected a failure" "see $work/err.txt"
  [ $seconds -le 10 ] || fail "$words: ended after $seconds s, expected at most 10" "see $work/err.txt"
  grep -Eq -- "$pattern" "$work/err.txt" || {
    cat "$work/err.txt" >&2
    fail "$words: no message matches '$pattern'" "see above what was said"
  }
  [ "$ours" -le 1 ] || {
    cat "$work/err.txt" >&2
    fail "$words: $ours messages, expected one" "see above"
  }
  if [ "${pattern#^ranks: }" != "$pattern" ] && [ "$ours" -ne 1 ]; then
    fail "$words: $ours messages of ours, expected one" "see $work/err.txt"
  fi
  [ $seconds -le $slowest ] || slowest=$seconds
  printf 'fault %-8s %s ranks%s: status %s after %s s: %s\n' "$fault" "$count" "${*:+ $*}" "$status" "$seconds" \
    "$(grep -Em1 -- "$pattern" "$work/err.txt" | sed 's/.* Killed .*/nobody is left to say anything/' | cut -c1-140)"
  checks=$((checks + 1))
}

for count in 2 3 4 8; do complete $count contracts; done
complete 1 contracts
for count in 3 4; do complete $count contracts --messages; done
complete 8 contracts --nodes 2
for count in 2 4 8; do complete $count reductions; done
complete 4 reductions --nodes 2
complete 8 reductions --nodes 4
complete 4 reductions --messages
complete 2 allocations
complete 4 allocations --messages

# mpirun's words, for ranks that end; then ours, for ranks that do not.
broken 2 exit 'exiting improperly|without calling "finalize"'
broken 4 exit-3 'non-zero|exit code|improperly'
broken 4 kill 'exited on signal 9'
broken 2 crash 'exited on signal 11'
broken 2 stop '^ranks: rank 0 waited 3.0 s for rank 1: process [0-9]+ is stopped'
broken 8 stop '^ranks: .*rank 1: process [0-9]+ is stopped'
broken 4 stop '^ranks: rank [0-9] waited 3.0 s for rank [0-9]' --messages
broken 4 stop '^ranks: rank [0-9] waited 3.0 s for rank [0-9]' --nodes 2
broken 3 sleep '^ranks: rank [02] waited 3.0 s for rank'
broken 4 fail '^ranks: rank 1 does not like it here'
for fault in short long longest; do
  broken 2 $fault '^ranks: rank [01] sent [0-9]+ bytes to rank [01], expected [0-9]+'
  broken 4 $fault '^ranks: rank [01] sent .* bytes to rank [01], expected [0-9]+' --messages
done
broken 4 message '^ranks: rank 1 sent a message of another kind \([0-9]+ bytes\) to rank 0'
broken 4 launcher '.*'

echo "ranks: $checks runs of 1, 2, 3, 4 and 8 processes; failures end within $slowest s and leave no process"
