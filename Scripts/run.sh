#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds the command and lets the bundled model continue a piece of Python.
#
#   Scripts/run.sh [arguments of `dendrite run`]
set -euo pipefail
cd "$(dirname "$0")/.."
. Scripts/toolchain.sh
require_swift

model=Models/dendrite-tiny-q8_0.gguf
[ -f "$model" ] || fail "no $model, expected the bundled model" "check the repository out completely"
swift_with_traits build -c release --product dendrite
tool=$(swift_with_traits build -c release --show-bin-path)/dendrite
if [ $# -gt 0 ]; then exec "$tool" run "$@"; fi
prompt=$'def read_file(path):\n    """Return the text of a file."""\n'
settings=(--drafter auto --temperature 0.6 --repeat-penalty 1.15 --seed 2 --stop $'\n\n#')
printf '\n$ dendrite run -m %s --drafter auto --temperature 0.6 --repeat-penalty 1.15 --seed 2 --stop %s "$PROMPT"\n\n' \
  "$model" "\$'\\n\\n#'"
exec "$tool" run -m "$model" "${settings[@]}" "$prompt"
