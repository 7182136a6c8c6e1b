"""Changes of the structure of a renamed database, with its truth kept true: columns dropped, added, exchanged, tables
split, merged and reordered. Tables are as `read_database` of _fabricated.py gives them.
"""

from __future__ import annotations

from collections import Counter

from benchmarks.quality._naming import styled


def has_unique(table, primary):
    places = [i for i, c in enumerate(table["columns"]) if c[0] in primary]
    keys = [tuple(row[i] for i in places) for row in table["rows"]]
    return len(set(keys)) == len(keys)


def change_structure(new, out, rng):
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
