"""Pairs of schemas and of tables with a known truth, fabricated from real ones.

Tables: the four scenarios of "Valentine: Evaluating Matching Techniques for Dataset Discovery" (horizontal and vertical
splits with overlaps; names and values verbatim or noisy). Databases: renamed as teams do it (case styles,
abbreviations, synonyms, prefixes: _naming.py), with tables split or merged, columns dropped, added or exchanged
(_restructured.py).
"""

from __future__ import annotations

import random
import re
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

from benchmarks.quality._naming import STYLES, renamed, styled, words_of
from benchmarks.quality._restructured import change_structure, has_unique

SCENARIOS = ("unionable", "view-unionable", "joinable", "semantically joinable")
_KEYS = {"a": "sq", "e": "wr", "i": "uo", "o": "ip", "s": "ad", "t": "ry", "n": "bm", "r": "et", "l": "ko", "d": "sf"}


# --- tables ---------------------------------------------------------------------------------------------------------


@dataclass
class TablePair:
    """Two tables as header and rows, and the true pairs of column names."""

    name: str
    scenario: str
    left: tuple[list, list]
    right: tuple[list, list]
    truth: list
    noise: tuple[bool, bool] = (False, False)


def noisy_names(header, table, rng):
    """As Valentine's noisy schemata: a combination of a prefix (the table's name), abbreviation and dropped vowels."""
    ways = [way for way in ("prefix", "short", "vowels") if rng.random() < 0.5] or [
        rng.choice(("prefix", "short", "vowels"))
    ]
    names = []
    for old in header:
        name = old
        if "short" in ways:
            name = "_".join(word[: rng.choice((2, 3, 4))] for word in words_of(name))
        if "vowels" in ways:
            name = (name[:1] + re.sub("[aeiouAEIOU]", "", name[1:])) or name
        names.append(f"{table[:12]}_{name}" if "prefix" in ways else name)
    return unique(names)


def noisy_rows(header, rows, rng):
    """Typing mistakes in texts; numbers drawn around themselves with a tenth of the column's spread."""
    columns = list(zip(*rows, strict=True)) if rows else [() for _ in header]
    out = []
    for cells in columns:
        numbers = [float(c) for c in cells if is_number(c)]
        if len(numbers) > len(cells) / 2:
            spread = (max(numbers) - min(numbers)) / 10 or 1.0
            whole = all(float(n).is_integer() for n in numbers)
            out.append([moved(c, rng, spread, whole) if is_number(c) else c for c in cells])
        else:
            out.append([mistyped(c, rng) if isinstance(c, str) and rng.random() < 0.7 else c for c in cells])
    return [list(row) for row in zip(*out, strict=True)]


def moved(cell, rng, spread, whole):
    number = float(cell) + rng.gauss(0, spread)
    return (
        type(cell)(round(number))
        if whole and not isinstance(cell, str)
        else (str(round(number)) if whole else type(cell)(round(number, 2)))
    )


def is_number(cell):
    try:
        return abs(float(cell)) < 1e15
    except (TypeError, ValueError):
        return False


def mistyped(text, rng):
    if len(text) < 2:
        return text
    chars = list(text)
    for _ in range(1 + len(text) // 12):
        at = rng.randrange(len(chars))
        chars[at] = rng.choice(_KEYS.get(chars[at].lower(), "xz"))
    return "".join(chars)


def unique(names):
    seen, out = Counter(), []
    for name in names:
        seen[name.lower()] += 1
        out.append(name if seen[name.lower()] == 1 else f"{name}_{seen[name.lower()]}")
    return out


def fabricate_pair(name, header, rows, scenario, seed):
    """One pair of tables from one; rows and columns are chosen by the seed."""
    rng = random.Random(crc32(f"{name} {scenario} {seed}".encode()))
    rows = rng.sample(rows, len(rows))[:240]
    noisy_schema = rng.random() < 0.5
    noisy_data = scenario == "semantically joinable" or (scenario != "joinable" and rng.random() < 0.5)
    places = list(range(len(header)))
    if scenario == "unionable":
        left, right = places, places
        overlap = rng.choice((0.0, 0.5, 1.0))
    else:
        shuffled = rng.sample(places, len(places))
        shared = (
            max(1, round(len(places) * rng.choice((0.3, 0.5, 0.7)))) if scenario != "joinable" else rng.choice((1, 2))
        )
        rest = shuffled[shared:]
        cut = len(rest) // 2
        left, right = sorted(shuffled[:shared] + rest[:cut]), sorted(shuffled[:shared] + rest[cut:])
        overlap = 0.0 if scenario == "view-unionable" else rng.choice((0.5, 1.0))
    half = len(rows) // 2
    left_rows = rows if overlap == 1.0 else rows[: half + int(half * overlap / 2)]
    right_rows = rows if overlap == 1.0 else rows[half - int(half * overlap / 2) :]
    one = [header[p] for p in left], [[row[p] for p in left] for row in left_rows]
    two = [header[p] for p in right], [[row[p] for p in right] for row in right_rows]
    names = noisy_names(two[0], name, rng) if noisy_schema else list(two[0])
    data = noisy_rows(two[0], two[1], rng) if noisy_data else two[1]
    truth = [[header[p], names[right.index(p)]] for p in left if p in right]
    return TablePair(name, scenario, one, (names, data), truth, (noisy_schema, noisy_data))


# --- databases ------------------------------------------------------------------------------------------------------


@dataclass
class Renamed:
    """A renamed copy of a database.

    `columns` maps (table, column) to the set of its places in the new one (several for the key of a split table), empty
    where it was dropped; `moved` says what was done to the structure.
    """

    path: Path
    columns: dict = field(default_factory=dict)
    changes: list = field(default_factory=list)


def quote(name):
    return '"' + name.replace('"', '""') + '"'


def read_database(path):
    """Tables with columns (name, type, primary key), rows and foreign keys, in their order."""
    base = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    base.text_factory = lambda raw: raw.decode("utf-8", "replace")
    names = [
        n for (n,) in base.execute("SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite_%'")
    ]
    tables = {}
    for name in names:
        columns = [(row[1], row[2], row[5]) for row in base.execute(f"PRAGMA table_info({quote(name)})")]
        keys = [(row[3], row[2], row[4]) for row in base.execute(f"PRAGMA foreign_key_list({quote(name)})")]
        rows = base.execute(f"SELECT * FROM {quote(name)} LIMIT 200000").fetchall()
        tables[name] = {"columns": columns, "keys": keys, "rows": rows}
    base.close()
    return tables


def write_database(path, tables):
    """Tables as `read_database` gives them, as a new file."""
    path.unlink(missing_ok=True)
    base = sqlite3.connect(path)
    for name, table in tables.items():
        primary = [c for c, _, key in sorted(table["columns"], key=lambda c: c[2]) if key]
        parts = [f"{quote(c)} {kind}".strip() for c, kind, _ in table["columns"]]
        parts += [f"PRIMARY KEY ({', '.join(map(quote, primary))})"] if primary and has_unique(table, primary) else []
        for column, other, target in table["keys"]:
            parts.append(
                f"FOREIGN KEY ({quote(column)}) REFERENCES {quote(other)}" + (f"({quote(target)})" if target else "")
            )
        base.execute(f"CREATE TABLE {quote(name)} ({', '.join(parts)})")
        marks = ", ".join("?" for _ in table["columns"])
        base.executemany(f"INSERT INTO {quote(name)} VALUES ({marks})", table["rows"])
    base.commit()
    base.close()


def rename_database(path, target, seed):
    """A renamed copy at `target`, different for each seed, with the truth."""
    tables = read_database(path)
    rng = random.Random(crc32(f"{path.stem} {seed}".encode()))
    style = rng.choice(STYLES[:4] if rng.random() < 0.85 else STYLES)
    out = Renamed(target)
    new, names = {}, {}
    prefix = rng.choice(("", "", "", "tbl", "app"))
    for old in tables:
        words = words_of(renamed(old, rng, "snake"))
        name = styled([*([prefix] if prefix else []), *words], style)
        while name.lower() in {n.lower() for n in names.values()}:
            name += "x"
        names[old] = name
    places = {}
    for old, table in tables.items():
        taken, mapping = set(), {}
        for column, _, _ in table["columns"]:
            name = renamed(column, rng, style, table=old)
            while name.lower() in taken:
                name += "2"
            taken.add(name.lower())
            mapping[column] = name
        places[old] = mapping
    for old, table in tables.items():
        mapping = places[old]
        new[names[old]] = {
            "columns": [(mapping[c], kind, key) for c, kind, key in table["columns"]],
            "keys": [
                (mapping[c], names[o], places[o].get(actual(tables[o], t), t) if t else t)
                for c, o, t in ((actual(table, c), actual_table(tables, o), t) for c, o, t in table["keys"])
                if o in names and c in mapping
            ],
            "rows": list(table["rows"]),
        }
        for column, name in mapping.items():
            out.columns[(old, column)] = {(names[old], name)}
    change_structure(new, out, rng)
    write_database(target, new)
    return out


def actual(table, name):
    return next((c for c, _, _ in table["columns"] if name and c.lower() == name.lower()), name)


def actual_table(tables, name):
    return next((t for t in tables if t.lower() == name.lower()), name)
