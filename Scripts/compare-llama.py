# SPDX-License-Identifier: Apache-2.0
"""Summarises the runs of compare-llama.sh as a Markdown table on standard output."""

import argparse
import html
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


def costs_of_rows(results, name, numbers, rows):
    """What a pass of several rows costs as a multiple of decoding one, run by run: ours, the peer's."""
    mine, peer = {n: [] for n in rows}, {n: [] for n in rows}
    for number in numbers:
        figures, _ = ours(results / f"{name}.{number}.ours.json")
        prompts, decode = theirs(results / f"{name}.{number}.theirs.json")
        for n in rows:
            mine[n].append(figures[f"verify {n} as a chain"] * figures["decode at 0"] / 1000)
            peer[n].append(n / prompts[n] * decode)
    return {"dendrite": mine, "llama.cpp": peer}


def rows_table(results, names, rows):
    """The costs of passes of several rows as a table."""
    print("\nTime of a pass of several rows ÷ time of decoding one row, same run:\n")
    print("| file | | " + " | ".join(f"{n} rows" for n in rows) + " |")
    print("| --- | --- |" + " ---: |" * len(rows))
    for name, numbers in names.items():
        for label, costs in costs_of_rows(results, name, numbers, rows).items():
            first = name if label == "dendrite" else ""
            print(f"| {first} | {label} | " + " | ".join(cell(costs[n]) for n in rows) + " |")


STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #333 } .title { font-size: 15px; font-weight: 600 }
  .grid { stroke: #ddd } .axis { stroke: #888 } .free { stroke: #aaa; stroke-dasharray: 4 4; fill: none }
  .line { fill: none; stroke-width: 2.5 } .whisker { stroke-width: 1.2; opacity: 0.7 }
  .dendrite { stroke: #0b66c3 } .peer { stroke: #c2570c } .dot { stroke: none }
  .dot.dendrite, text.dendrite { fill: #0b66c3; stroke: none } .dot.peer, text.peer { fill: #c2570c; stroke: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #ddd } .grid { stroke: #333 } .axis { stroke: #888 } .free { stroke: #666 }
    .dendrite { stroke: #6cb3ff } .peer { stroke: #ff9d5c }
    .dot.dendrite, text.dendrite { fill: #6cb3ff } .dot.peer, text.peer { fill: #ff9d5c }
  }
"""


def chart(path, title, note, costs, rows):
    """The costs of passes of several rows as a picture: medians, with their intervals as whiskers."""
    left, top, width, height = 56, 62, 520, 250
    rows = sorted({1, *rows})
    if len(rows) < 2:
        raise SystemExit("compare-llama: a chart of one row\n  try: --rows 2,4,8")
    spread = {
        label: {1: (1, 1, 1), **{n: (statistics.median(v), *interval(v)) for n, v in values.items()}}
        for label, values in costs.items()
    }
    highest = max(point[2] for points in spread.values() for point in points.values())
    ceiling = math.ceil(highest / 2) * 2

    def x(n):
        return left + width * math.log2(n) / math.log2(rows[-1])

    def y(value):
        return top + height * (1 - value / ceiling)

    title, note = html.escape(title), html.escape(note)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 122} {top + height + 66}" '
        f'role="img" aria-label="{title}"><style>{STYLE}</style>',
        f'<text class="title" x="{left}" y="22">{title}</text><text x="{left}" y="42">{note}</text>',
    ]
    for value in range(0, ceiling + 1, 2 if ceiling > 6 else 1):
        parts.append(
            f'<line class="grid" x1="{left}" x2="{left + width}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
            f'<text x="{left - 10}" y="{y(value) + 4:.1f}" text-anchor="end">{value}×</text>'
        )
    for n in rows:
        parts.append(f'<text x="{x(n):.1f}" y="{top + height + 20}" text-anchor="middle">{n}</text>')
    parts.append(
        f'<text x="{left + width / 2}" y="{top + height + 44}" text-anchor="middle">rows in one pass</text>'
        f'<line class="free" x1="{left}" x2="{left + width}" y1="{y(1):.1f}" y2="{y(1):.1f}"/>'
        f'<text x="{left + width + 8}" y="{y(1) + 4:.1f}">rows for free</text>'
    )
    for label, style in (("llama.cpp", "peer"), ("dendrite", "dendrite")):
        points = spread[label]
        line = " ".join(f"{x(n):.1f},{y(points[n][0]):.1f}" for n in rows)
        parts.append(f'<polyline class="line {style}" points="{line}"/>')
        for n in rows:
            median, low, high = points[n]
            parts.append(
                f'<line class="whisker {style}" x1="{x(n):.1f}" x2="{x(n):.1f}" y1="{y(low):.1f}" y2="{y(high):.1f}"/>'
                f'<circle class="dot {style}" cx="{x(n):.1f}" cy="{y(median):.1f}" r="3.5"/>'
            )
        end = points[rows[-1]][0]
        parts.append(
            f'<text class="{style}" x="{left + width + 8}" y="{y(end) + 4:.1f}">{label} {end:.1f}×</text>')
    path.write_text("\n".join([*parts, "</svg>"]) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=pathlib.Path)
    parser.add_argument("--prompt", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--rows", default="", help="numbers of rows, if passes of several were measured")
    parser.add_argument("--chart", type=pathlib.Path, help="draw the costs of rows of the first file as SVG")
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
        rows = [int(n) for n in arguments.rows.split(",")]
        rows_table(arguments.results, names, rows)
        if arguments.chart:
            name, numbers = next(iter(names.items()))
            costs = costs_of_rows(arguments.results, name, numbers, rows)
            chart(
                arguments.chart, "What rows cost: time of a pass ÷ time of one row",
                f"{name}, {processor}, {arguments.threads} threads, medians of {len(numbers)} pairs",
                costs, rows)


if __name__ == "__main__":
    main()
