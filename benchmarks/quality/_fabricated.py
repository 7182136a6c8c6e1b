"""Pairs of schemas and of tables with a known truth, fabricated from real ones.

Tables: the four scenarios of "Valentine: Evaluating Matching Techniques for Dataset Discovery" (horizontal and vertical
splits with overlaps; names and values verbatim or noisy). Databases: renamed as teams do it (case styles,
abbreviations, synonyms of the list below, prefixes), with tables split or merged, columns dropped, added or exchanged.
"""

from __future__ import annotations

import random
import re
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

SCENARIOS = ("unionable", "view-unionable", "joinable", "semantically joinable")
# Made for these benchmarks; the library does not read it.
SYNONYMS = {
    "name": ("label", "designation"), "type": ("kind", "category"), "country": ("nation",), "city": ("town",),
    "price": ("cost",), "amount": ("sum", "value"), "customer": ("client",), "employee": ("worker", "staff"),
    "address": ("location",), "phone": ("telephone",), "number": ("no", "nr"), "date": ("day",), "year": ("yr",),
    "description": ("details", "remarks"), "details": ("info",), "id": ("key", "identifier"), "age": ("years",),
    "first": ("given",), "last": ("family",), "sex": ("gender",), "gender": ("sex",), "title": ("heading", "caption"),
    "code": ("cd", "symbol"), "student": ("pupil", "learner"), "teacher": ("instructor",), "course": ("class",),
    "grade": ("mark",), "score": ("points",), "salary": ("wage", "pay"), "department": ("division", "dept"),
    "start": ("begin",), "end": ("finish", "stop"), "company": ("firm",), "product": ("item", "article"),
    "order": ("purchase",), "payment": ("remittance",), "total": ("overall",), "count": ("quantity",),
    "status": ("state",), "location": ("place", "site"), "team": ("squad", "club"), "player": ("athlete",),
    "singer": ("vocalist",), "song": ("track",), "movie": ("film",), "book": ("volume",), "author": ("writer",),
    "airport": ("airfield",), "flight": ("trip",), "car": ("vehicle",), "weight": ("mass",), "height": ("stature",),
    "home": ("house",), "nationality": ("citizenship",), "rank": ("ranking", "position"), "capacity": ("seats",),
    "result": ("outcome",), "email": ("mail",), "zip": ("postal",), "state": ("province",), "county": ("district",),
    "staff": ("personnel",), "document": ("file", "paper"), "account": ("acct",), "budget": ("funds",),
    "manager": ("boss", "supervisor"), "vote": ("ballot",), "election": ("poll",), "party": ("faction",),
    "population": ("inhabitants",), "area": ("surface",), "distance": ("range",), "speed": ("velocity",),
    "manufacturer": ("maker",), "store": ("shop",), "shop": ("store",), "member": ("participant",),
    "rating": ("grade",), "comment": ("remark",), "time": ("moment",), "event": ("happening",),
    "opening": ("launch",), "owner": ("proprietor",), "size": ("dimension",), "color": ("colour",),
    "school": ("academy",), "claim": ("demand",), "policy": ("contract",), "property": ("estate",),
    "room": ("chamber",), "apartment": ("flat",), "building": ("edifice",), "guest": ("visitor",),
    "booking": ("reservation",), "invoice": ("bill",),
}  # fmt: skip
SHORT = {
    "number": "num", "address": "addr", "department": "dept", "description": "desc", "customer": "cust",
    "employee": "emp", "amount": "amt", "quantity": "qty", "date": "dt", "name": "nm", "code": "cd", "account": "acct",
    "product": "prod", "manager": "mgr", "average": "avg", "count": "cnt", "transaction": "txn", "percent": "pct",
}  # fmt: skip
STYLES = ("snake", "camel", "pascal", "upper", "kebab", "flat")
_KEYS = {"a": "sq", "e": "wr", "i": "uo", "o": "ip", "s": "ad", "t": "ry", "n": "bm", "r": "et", "l": "ko", "d": "sf"}


def words_of(name):
    cut = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return [word.lower() for word in re.split(r"[^0-9A-Za-z]+", cut) if word] or [name.lower() or "x"]


def styled(words, style):
    if style == "snake":
        return "_".join(words)
    if style == "camel":
        return words[0] + "".join(word.capitalize() for word in words[1:])
    if style == "pascal":
        return "".join(word.capitalize() for word in words)
    if style == "upper":
        return "_".join(words).upper()
    return "-".join(words) if style == "kebab" else "".join(words)


def shortened(word, rng):
    if word in SHORT:
        return SHORT[word]
    if len(word) < 5:
        return word
    if rng.random() < 0.5:
        return word[0] + re.sub("[aeiou]", "", word[1:])
    return word[: rng.choice((3, 4))]


def renamed(name, rng, style, strength=0.6, table=""):
    """Another name for the same: each word may be replaced or shortened, a prefix may come or go."""
    words, first = words_of(name), words_of(table) if table else []
    if rng.random() < strength * 0.25 and first and words[: len(first)] == first and len(words) > len(first):
        words = words[len(first) :]
    out = []
    for word in words:
        dice = rng.random()
        singular = word[:-1] if word.endswith("s") and word[:-1] in SYNONYMS else word
        if dice < strength * 0.4 and singular in SYNONYMS:
            out.append(rng.choice(SYNONYMS[singular]) + ("s" if singular != word else ""))
        elif dice < strength * 0.75:
            out.append(shortened(word, rng))
        else:
            out.append(word)
    if rng.random() < strength * 0.15 and first:
        out = [*(first if rng.random() < 0.5 else [shortened(w, rng) for w in first]), *out]
    return styled(out, style)


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


def has_unique(table, primary):
    places = [i for i, c in enumerate(table["columns"]) if c[0] in primary]
    keys = [tuple(row[i] for i in places) for row in table["rows"]]
    return len(set(keys)) == len(keys)


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
    _change_structure(new, out, rng)
    write_database(target, new)
    return out


def actual(table, name):
    return next((c for c, _, _ in table["columns"] if name and c.lower() == name.lower()), name)


def actual_table(tables, name):
    return next((t for t in tables if t.lower() == name.lower()), name)


def _change_structure(new, out, rng):
    back = {place: old for old, found in out.columns.items() for place in found}
    if rng.random() < 0.35:
        _exchange(new, out, back, rng)
    for _ in range(rng.choice((0, 0, 1, 2))):
        _drop(new, out, back, rng)
    for _ in range(rng.choice((0, 1, 2, 3))):
        _add(new, out, rng)
    dice = rng.random()
    if dice < 0.3:
        _split(new, out, back, rng)
    elif dice < 0.45:
        _merge(new, out, back, rng)
    if rng.random() < 0.4:
        _reorder(new, rng)


def _keyed(new):
    used = {(n, c) for n, t in new.items() for c, _, _ in t["keys"]} | {
        (o, c) for t in new.values() for _, o, c in t["keys"]
    }
    return used


def _exchange(new, out, back, rng):
    """Two columns of one table exchange their names: only their values tell."""
    used = _keyed(new)
    choices = []
    for name, table in new.items():
        if len(table["rows"]) < 6:
            continue
        free = [i for i, c in enumerate(table["columns"]) if (name, c[0]) not in used and not c[2]]
        for a in free:
            for b in free:
                one, two = ({r[i] for r in table["rows"]} for i in (a, b))
                if a < b and len(one) > 3 and len(two) > 3 and not one & two:
                    choices.append((name, a, b))
    if not choices:
        return
    name, a, b = rng.choice(choices)
    columns = new[name]["columns"]
    one, two = columns[a], columns[b]
    columns[a], columns[b] = (two[0], *one[1:]), (one[0], *two[1:])
    old_a, old_b = back[name, one[0]], back[name, two[0]]
    out.columns[old_a], out.columns[old_b] = {(name, two[0])}, {(name, one[0])}
    back[name, two[0]], back[name, one[0]] = old_a, old_b
    out.changes.append(f"exchange {name}.{one[0]} {two[0]}")


def _drop(new, out, back, rng):
    used = _keyed(new)
    choices = [
        (n, c[0])
        for n, t in new.items()
        for c in t["columns"]
        if (n, c[0]) not in used and not c[2] and len(t["columns"]) > 3
    ]
    if not choices:
        return
    name, column = rng.choice(choices)
    table = new[name]
    at = [c[0] for c in table["columns"]].index(column)
    table["columns"].pop(at)
    table["rows"] = [row[:at] + row[at + 1 :] for row in table["rows"]]
    out.columns[back[name, column]] = set()
    out.changes.append(f"drop {name}.{column}")


def _add(new, out, rng):
    name = rng.choice(list(new))
    table = new[name]
    column = rng.choice(("created_at", "updated_by", "is_active", "source_system", "batch_id", "comment_text"))
    if column in {c[0].lower() for c in table["columns"]}:
        return
    values = {
        "created_at": lambda: f"2024-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
        "updated_by": lambda: rng.choice(("etl", "admin", "jo")),
        "is_active": lambda: rng.randint(0, 1), "source_system": lambda: rng.choice(("crm", "erp")),
        "batch_id": lambda: rng.randint(1, 99), "comment_text": lambda: rng.choice(("ok", "", None, "see file")),
    }  # fmt: skip
    table["columns"].append((column, "text" if column not in ("is_active", "batch_id") else "integer", 0))
    table["rows"] = [(*row, values[column]()) for row in table["rows"]]
    out.changes.append(f"add {name}.{column}")


def _split(new, out, back, rng):
    """A table becomes two with the same key."""
    choices = []
    for name, table in new.items():
        primary = [c[0] for c in table["columns"] if c[2]]
        if len(primary) == 1 and len(table["columns"]) > 4 and has_unique(table, primary):
            choices.append((name, primary[0]))
    if not choices:
        return
    name, primary = rng.choice(choices)
    table = new[name]
    columns = [c[0] for c in table["columns"]]
    others = [
        c for c in columns if c != primary and (name, c) not in {(o, t) for x in new.values() for _, o, t in x["keys"]}
    ]
    away = set(rng.sample(others, max(1, len(others) // 2)))
    second = name + styled(["details"], "upper" if name.isupper() else "snake")
    keep, go = ([i for i, c in enumerate(columns) if c == primary or (c in away) == side] for side in (False, True))
    new[second] = {
        "columns": [table["columns"][i] for i in go],
        "keys": [k for k in table["keys"] if k[0] in away] + [(primary, name, primary)],
        "rows": [tuple(row[i] for i in go) for row in table["rows"]],
    }
    new[name] = {
        "columns": [table["columns"][i] for i in keep],
        "keys": [k for k in table["keys"] if k[0] not in away],
        "rows": [tuple(row[i] for i in keep) for row in table["rows"]],
    }
    for column in away:
        if (name, column) in back:
            out.columns[back[name, column]] = {(second, column)}
    out.columns[back[name, primary]] = {(name, primary), (second, primary)}
    out.changes.append(f"split {name}")


def _merge(new, out, back, rng):
    """The columns of a referred table go into the referring one, and it disappears."""
    choices = [(n, k) for n, t in new.items() for k in t["keys"] if k[1] != n and k[2] and k[1] in new]
    referred = Counter(o for t in new.values() for _, o, _ in t["keys"])
    choices = [(n, k) for n, k in choices if referred[k[1]] == 1 and not new[k[1]]["keys"]]
    choices = [
        (n, k) for n, k in choices if k[2] in [c[0] for c in new[k[1]]["columns"]] and has_unique(new[k[1]], [k[2]])
    ]
    if not choices:
        return
    name, (column, other, key) = rng.choice(choices)
    table, parent = new[name], new.pop(other)
    at = [c[0] for c in parent["columns"]].index(key)
    here = [c[0] for c in table["columns"]].index(column)
    by_key = {row[at]: row for row in parent["rows"]}
    extra = [i for i in range(len(parent["columns"])) if i != at]
    taken = {c[0].lower() for c in table["columns"]}
    added = []
    for i in extra:
        fresh = parent["columns"][i][0]
        while fresh.lower() in taken:
            fresh = f"{other}_{fresh}"
        taken.add(fresh.lower())
        added.append(fresh)
        old = back.get((other, parent["columns"][i][0]))
        if old is not None:
            out.columns[old] = {(name, fresh)}
    old = back.get((other, key))
    if old is not None:
        out.columns[old] = {(name, column)}
    none = (None,) * len(parent["columns"])
    table["rows"] = [(*row, *(by_key.get(row[here], none)[i] for i in extra)) for row in table["rows"]]
    table["columns"] += [(fresh, parent["columns"][i][1], 0) for fresh, i in zip(added, extra, strict=True)]
    table["keys"] = [k for k in table["keys"] if k[0] != column]
    out.changes.append(f"merge {other} into {name}")


def _reorder(new, rng):
    for table in new.values():
        order = rng.sample(range(len(table["columns"])), len(table["columns"]))
        table["columns"] = [table["columns"][i] for i in order]
        table["rows"] = [tuple(row[i] for i in order) for row in table["rows"]]
