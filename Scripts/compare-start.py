#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long dendrite and llama.cpp take from their start to a first token, and how much memory, side by side.

    Scripts/compare-start.py MODEL [--pairs 30] [--dendrite PATH] [--peer PATH]

`Scripts/compare-llama.sh` builds both programs and makes models. A pair is one run of each, in alternating order; the
file is in the page cache, and the first pair is dropped.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import time

sys.dont_write_bytecode = True
tables = __import__("compare-llama")


def run(command):
    """Seconds and the largest resident memory in MB of a command."""
    began = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        raise SystemExit(f"compare-start: `{' '.join(command)}` failed\n  try: run it by hand")
    seconds = time.monotonic() - began
    return seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--dendrite", default=root / ".build/release/dendrite")
    parser.add_argument("--peer", default=root / "build/peers/llama.cpp/build/bin/llama-simple")
    arguments = parser.parse_args()
    prompt = "Once upon a time there was a small engine"
    ours = [str(arguments.dendrite), "run", "-m", arguments.model, "--temperature", "0", "--max-tokens", "1",
            "--context", "128", prompt]
    theirs = [str(arguments.peer), "-m", arguments.model, "-n", "1", prompt]
    for path in (arguments.model, arguments.dendrite, arguments.peer):
        if not pathlib.Path(path).is_file():
            raise SystemExit(f"compare-start: no file {path}\n  try: Scripts/compare-llama.sh --pairs 1, which makes it")
    pathlib.Path(arguments.model).read_bytes()
    pairs = []
    for pair in range(arguments.pairs + 1):
        if pair % 2:
            peer = run(theirs)
            mine = run(ours)
        else:
            mine = run(ours)
            peer = run(theirs)
        if pair:
            pairs.append((mine, peer))
    print("| from start to a first token | dendrite | llama.cpp | llama.cpp ÷ dendrite |")
    print("| --- | ---: | ---: | ---: |")
    for index, unit in enumerate(["seconds", "MB resident at most"]):
        mine, peer = [p[0][index] for p in pairs], [p[1][index] for p in pairs]
        ratio = [b / a for a, b in zip(mine, peer)]
        print(f"| {unit} | {tables.cell(mine)} | {tables.cell(peer)} | **{tables.cell(ratio)}** |")
    print(f"\n{pathlib.Path(arguments.model).name}, {len(pairs)} pairs.")


if __name__ == "__main__":
    main()
