#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs both programs in turn for `compare-speculation.sh`, which sets the environment, and prints the ratios."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys

PROMPTS = [
    'def quick_sort(items):\n    """Return the items in ascending order."""\n',
    'class Stack:\n    """A last-in, first-out collection."""\n\n    def __init__(self):\n',
    "public struct Matrix {\n  public var rows: Int\n  public var columns: Int\n\n  public init(",
    "Question: Anna has 12 apples. She gives 3 to each of her 2 brothers. How many are left?\nAnswer:",
    "Question: Tom reads 15 pages a day. How many days does a book of 240 pages take him?\nAnswer:",
]
SETTINGS = {key: os.environ[key] for key in ("TARGET", "DRAFTER", "TOOL", "PEER")}
PAIRS, LENGTH, TOKENS, THREADS = (int(os.environ[key]) for key in ("PAIRS", "LENGTH", "TOKENS", "THREADS"))


def run(command: list[str]) -> str:
    """Standard output and error of a program that must succeed."""
    result = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if result.returncode != 0:
        sys.exit(f"{' '.join(command[:2])} ended with {result.returncode}:\n{result.stderr[-2000:]}")
    return result.stdout + result.stderr


def ours(prompt: str, drafter: str) -> tuple[float, float]:
    """Tokens per second behind the first, and tokens a pass."""
    command = [
        SETTINGS["TOOL"], "run", "-m", SETTINGS["TARGET"], "--raw", "--json", "--quiet", "--temperature", "0",
        "--ignore-eos", "--max-tokens", str(TOKENS), "--threads", str(THREADS), "--drafter", drafter,
    ]
    if drafter != "none":
        command += ["--draft-length", str(LENGTH)]
    last = [line for line in run([*command, prompt]).splitlines() if line.startswith('{"type":"end"')][-1]
    end = json.loads(last)
    return end["generated_tokens_per_second"], end["mean_acceptance_length"] or 1.0


def theirs(prompt: str) -> tuple[float, float]:
    """The same of llama.cpp, from its own account."""
    command = [
        SETTINGS["PEER"], "-m", SETTINGS["TARGET"], "-md", SETTINGS["DRAFTER"], "-p", prompt, "-n", str(TOKENS),
        "--temp", "0", "--ignore-eos", "-c", "2048", "-t", str(THREADS), "-td", str(THREADS), "--spec-draft-n-max", str(LENGTH),
        "--spec-draft-n-min", "1", "--spec-draft-p-min", "0", "--spec-type", "draft-simple",
    ]
    output = run(command)
    rate = float(re.search(r"decoded +\d+ tokens in +[\d.]+ seconds, speed: +([\d.]+)", output).group(1))
    drafted = int(re.search(r"n_drafted += +(\d+)", output).group(1))
    accepted = int(re.search(r"n_accept += +(\d+)", output).group(1))
    passes = drafted / LENGTH
    return rate, 1 + accepted / max(passes, 1)


def main() -> None:
    drafter = f"model:{SETTINGS['DRAFTER']}"
    ratios, gains, rows = [], [], []
    for prompt in PROMPTS:
        for pair in range(PAIRS + 1):
            plain = ours(prompt, "none")[0]
            if pair % 2:
                other, mine = theirs(prompt), ours(prompt, drafter)
            else:
                mine, other = ours(prompt, drafter), theirs(prompt)
            if pair == 0:
                continue  # Nothing is warm yet.
            ratios.append(mine[0] / other[0])
            gains.append(mine[0] / plain)
            rows.append((plain, *mine, *other))
    middle = [statistics.median(column) for column in zip(*rows)]
    ordered = sorted(ratios)
    print(f"target {os.path.basename(SETTINGS['TARGET'])}, drafter {os.path.basename(SETTINGS['DRAFTER'])}, "
          f"{LENGTH} guesses, {THREADS} threads, {len(ratios)} pairs")
    print(f"plain, ours            {middle[0]:7.1f} tok/s")
    print(f"with the drafter, ours {middle[1]:7.1f} tok/s, {middle[2]:.2f} tokens a pass")
    print(f"llama.cpp              {middle[3]:7.1f} tok/s, {middle[4]:.2f} tokens a pass")
    print(f"ours over llama.cpp    {statistics.median(ratios):.2f} ({ordered[0]:.2f} … {ordered[-1]:.2f})")
    print(f"ours over plain        {statistics.median(gains):.2f} ({min(gains):.2f} … {max(gains):.2f})")


if __name__ == "__main__":
    main()
