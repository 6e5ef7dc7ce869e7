#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the Unicode tables of DendriteTokenizer that the standard library does not offer.

Decompositions come from Python's `unicodedata`, scripts from the `regex` package. Each table is a
byte string in base64: numbers of seven bits a byte, lowest first, high bit set where more follow.

    pip install regex
    Scripts/make-unicode-tables.py
"""

import base64
import unicodedata
from pathlib import Path

import regex

ROOM = Path(__file__).resolve().parent.parent / "Sources" / "DendriteTokenizer"
LIMIT = 0x110000


def number(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def signed(value: int) -> bytes:
    return number(value * 2 if value >= 0 else -value * 2 - 1)


def is_hangul(code: int) -> bool:
    return 0xAC00 <= code <= 0xD7A3


def entries(kind: str):
    """(scalar, its full decomposition, whether the pair composes again)."""
    for code in range(LIMIT):
        field = unicodedata.decomposition(chr(code))
        if not field or is_hangul(code) or field.startswith("<") != (kind == "compatibility"):
            continue
        form = "NFKD" if kind == "compatibility" else "NFD"
        # One step for canonical entries, so that pairs can be composed again.
        steps = [int(part, 16) for part in field.split() if not part.startswith("<")]
        full = [ord(c) for c in unicodedata.normalize(form, chr(code))]
        composes = kind == "canonical" and unicodedata.normalize("NFC", chr(code)) == chr(code)
        yield code, steps if kind == "canonical" else full, composes and len(steps) == 2


def decompositions(kind: str) -> bytes:
    out = bytearray()
    before = first = 0
    for code, scalars, composes in entries(kind):
        out += number(code - before) + number(len(scalars) * 2 + composes)
        out += signed(scalars[0] - first)
        first = scalars[0]
        for scalar in scalars[1:]:
            out += number(scalar)
        before = code
    return bytes(out)


def classes() -> bytes:
    """Runs of scalars with a combining class other than 0: gap, length, class."""
    out = bytearray()
    before = 0
    code = 0
    while code < LIMIT:
        value = unicodedata.combining(chr(code))
        if value == 0:
            code += 1
            continue
        end = code
        while unicodedata.combining(chr(end)) == value:
            end += 1
        out += number(code - before) + number(end - code) + number(value)
        before = code = end
    return bytes(out)


def scripts() -> tuple[list[str], bytes]:
    names = SCRIPTS
    out = bytearray()
    for name in names:
        pattern = regex.compile(rf"\p{{Script={name}}}")
        members = [c for c in range(LIMIT) if not 0xD800 <= c < 0xE000 and pattern.match(chr(c))]
        ranges = []
        for code in members:
            if ranges and code == ranges[-1][1] + 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
        out += number(len(ranges))
        before = 0
        for low, high in ranges:
            out += number(low - before) + number(high - low)
            before = high
    return names, bytes(out)


SCRIPTS = """Arabic Armenian Bengali Bopomofo Braille Canadian_Aboriginal Cherokee Common Coptic
Cyrillic Devanagari Ethiopic Georgian Glagolitic Gothic Greek Gujarati Gurmukhi Han Hangul Hebrew
Hiragana Inherited Javanese Kannada Katakana Khmer Lao Latin Malayalam Mongolian Myanmar Nko Ogham
Oriya Runic Sinhala Syriac Tamil Telugu Thaana Thai Tibetan Tifinagh Yi""".split()


def literal(data: bytes) -> str:
    text = base64.b64encode(data).decode()
    return "\n".join("    " + text[i : i + 92] + "\\" for i in range(0, len(text), 92)).rstrip("\\")


def write(path: str, note: str, name: str, data: bytes, extra: str = "") -> None:
    (ROOM / path).write_text(
        "// SPDX-License-Identifier: Apache-2.0\n// Written by Scripts/make-unicode-tables.py.\n\n"
        f"/// {note}\nenum {name} {{\n{extra}  static let encoded = \"\"\"\n{literal(data)}\n    \"\"\"\n}}\n"
    )


def main() -> None:
    version = unicodedata.unidata_version
    write("Normalizers/CanonicalTable.swift",
          f"Canonical decompositions of Unicode {version}, one step deep.", "CanonicalTable",
          decompositions("canonical"))
    write("Normalizers/CompatibilityTable.swift",
          f"Compatibility decompositions of Unicode {version}, complete.", "CompatibilityTable",
          decompositions("compatibility"))
    write("Normalizers/CombiningClassTable.swift",
          f"Canonical combining classes of Unicode {version}.", "CombiningClassTable", classes())
    names, data = scripts()
    listed = "\n".join(
        "    " + " ".join(f'"{n.lower().replace("_", "")}",' for n in names[i : i + 6])
        for i in range(0, len(names), 6))
    write("Patterns/ScriptData.swift", "The scalars of the scripts that patterns name.",
          "ScriptData", data, f"  static let names = [\n{listed}\n  ]\n\n")


main()
