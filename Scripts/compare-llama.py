# SPDX-License-Identifier: Apache-2.0
"""Summarises the runs of compare-llama.sh as a Markdown table on standard output."""

import argparse
import json
import math
import pathlib
import re
import statistics


def interval(samples):
    """The narrowest pair of order statistics that holds the median with 95 %, or the range."""
    ordered = sorted(samples)
    n = len(ordered)
    rank = 1
    while rank + 1 <= n // 2 and coverage(n, rank + 1) >= 0.95:
        rank += 1
    return ordered[rank - 1], ordered[n - rank]


def coverage(n, rank):
    """The probability that the median lies between the rank-th smallest and largest of n."""
    return sum(math.comb(n, k) for k in range(rank, n - rank + 1)) / 2**n


def ours(path):
    """The figures of one run of `dendrite bench --json`, by name."""
    report = json.loads(path.read_text())
    figures = {m["name"]: m["value"] for s in report["sections"] for m in s["measurements"]}
    return figures, report["facts"]


def theirs(path):
    """Tokens per second of one run of `llama-bench -o json`: prompts by length, and decode."""
    tests = json.loads(path.read_text())
    prompts = {t["n_prompt"]: t["avg_ts"] for t in tests if t["n_prompt"] > 0 and t["n_gen"] == 0}
    decode = next(t["avg_ts"] for t in tests if t["n_gen"] > 0)
    return prompts, decode


def digits(value):
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def cell(values):
    low, high = interval(values)
    return f"{digits(statistics.median(values))} ({digits(low)} … {digits(high)})"


def row(name, what, pairs, shares, limit):
    """One line: both speeds, their ratio pair by pair, our share of the limit."""
    mine = [pair[0] for pair in pairs]
    peer = [pair[1] for pair in pairs]
    ratio = [a / b for a, b in pairs]
    share = [s for s in shares if s is not None]
    reached = f"{cell(share)} % of the {limit}" if share else "–"
    return f"| {name} | {what} | {cell(mine)} | {cell(peer)} | **{cell(ratio)}** | {reached} |"


def rows_table(results, names, rows):
    """What a pass of several rows costs as a multiple of decoding one, run by run."""
    print("\nTime of a pass of several rows ÷ time of decoding one row, same run:\n")
    print("| file | | " + " | ".join(f"{n} rows" for n in rows) + " |")
    print("| --- | --- |" + " ---: |" * len(rows))
    for name, numbers in names.items():
        mine, peer = {n: [] for n in rows}, {n: [] for n in rows}
        for number in numbers:
            figures, _ = ours(results / f"{name}.{number}.ours.json")
            prompts, decode = theirs(results / f"{name}.{number}.theirs.json")
            for n in rows:
                mine[n].append(figures[f"verify {n} as a chain"] * figures["decode at 0"] / 1000)
                peer[n].append(n / prompts[n] * decode)
        print(f"| {name} | dendrite | " + " | ".join(cell(mine[n]) for n in rows) + " |")
        print("| | llama.cpp | " + " | ".join(cell(peer[n]) for n in rows) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=pathlib.Path)
    parser.add_argument("--prompt", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--rows", default="", help="numbers of rows, if passes of several were measured")
    arguments = parser.parse_args()

    names = {}
    for path in sorted(arguments.results.glob("*.ours.json")):
        name, pair = re.fullmatch(r"(.*)\.(\d+)\.ours\.json", path.name).groups()
        names.setdefault(name, []).append(int(pair))
    if not names:
        raise SystemExit("compare-llama: no runs to summarise\n  try: more than 0 --pairs")

    lines = []
    reads, rates, processor = [], [], ""
    prefill_name = f"prefill {arguments.prompt}"
    for name, numbers in names.items():
        decode, prefill, decode_share, prefill_share = [], [], [], []
        for number in sorted(numbers):
            figures, facts = ours(arguments.results / f"{name}.{number}.ours.json")
            prompts, peer_decode = theirs(arguments.results / f"{name}.{number}.theirs.json")
            decode.append((figures["decode at 0"], peer_decode))
            prefill.append((figures[prefill_name], prompts[arguments.prompt]))
            decode_share.append(figures.get("decode at 0, share of the read limit"))
            prefill_share.append(figures.get(f"{prefill_name}, share of the int8 rate"))
            reads.append(figures["memory, read"])
            rates.append(figures["int8 multiply-adds"])
            processor = facts["processor"]
        lines.append(row(name, "decode", decode, decode_share, "read limit"))
        lines.append(row(name, prefill_name, prefill, prefill_share, "int8 rate"))

    count = min(len(numbers) for numbers in names.values())
    meaning = "their 95 % intervals" if count >= 6 else "their whole ranges (too few pairs to quote)"
    print(
        f"{processor}, {arguments.threads} threads; llama.cpp: {arguments.peer}; {count} pairs; "
        f"tok/s, medians and {meaning}; memory read at {cell(reads)} GB/s, int8 "
        f"multiply-adds at {cell(rates)} T/s.\n"
    )
    print("| file | what | dendrite | llama.cpp | ratio | dendrite reaches |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    print("\n".join(lines))
    if arguments.rows:
        rows_table(arguments.results, names, [int(n) for n in arguments.rows.split(",")])


if __name__ == "__main__":
    main()
