"""Knowledge carried over to renamed schemas: how much of it, and whether any of it is wrong.

    python benchmarks/quality/migration.py                    # benchmarks/results/migration.json
    python benchmarks/quality/migration.py --part tuning      # on which thresholds are chosen; records nothing

Each of the 40 reported databases of Spider (benchmarks/quality/_match_sets.py: none of them was used for weights or
thresholds) is renamed once, with changes of structure on most. Entries: up to 40 gold queries a database, a note on
every sixth column and a term on every eighth, with a condition. A carried query is wrong where it reads another column
than the truth, or where its result on the new database differs from that of the old query on the old one; a note or
term is wrong where its column is, where a term's condition holds for another number of rows, and where a note's text
does not name the new column. Rows are compared as bags; queries with LIMIT, or that give another order, are counted
apart ("other rows under LIMIT", "other order"), since rows that tie may come in any order.

`wrong by exchanged names` are those that read a column which exchanged its name with another one.
"Carriable" leaves out entries that need a dropped column or the rows of a table that was merged away, which no method
can carry. `no values` is the same without values, `no values, names trusted` with `names_alone`. Names are changed by
rules, with synonyms that the noise of the training pairs has too, and never changes a value: for flags turned round,
codes exchanged, siblings and other types see tests/sql/match/test_row_check.py.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from benchmarks.common.record import record
from benchmarks.quality._fabricated import rename_database
from benchmarks.quality._match_sets import database_path, databases, questions
from ctxprune.errors import CtxpruneError
from ctxprune.sql.database.database import Database
from ctxprune.sql.knowledge import Note, Pair, Term
from ctxprune.sql.linking.gold import gold_links
from ctxprune.sql.match import MappingConfig, map_schemas
from ctxprune.sql.match.migrate import migrate_entries

SEED, QUERIES = 5, 40


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=("reported", "tuning"), default="reported")
    parser.add_argument("--limit", type=int, default=0, help="the first databases only, which the record says")
    parser.add_argument("--confidence", type=float, default=MappingConfig().min_confidence)
    parser.add_argument("--margin", type=float, default=MappingConfig().min_margin)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    names = databases(options.part)[: options.limit or None]
    config = MappingConfig(min_confidence=options.confidence, min_margin=options.margin)
    ways = {
        "with values": (config, True),
        "no values": (config, False),
        "no values, names trusted": (replace(config, names_alone=True), False),
    }
    totals, rows = {way: Counter() for way in ways}, []
    for name in names:
        for way, total in totals.items():
            given, values = ways[way]
            row = measure(name, given, values=values, verbose=options.verbose)
            total.update({key: value for key, value in row.items() if isinstance(value, (int, float))})
            rows.append({"database": name, "way": way, **row})
    figures = {way: summary(total) for way, total in totals.items()}
    for way, row in figures.items():
        sys.stderr.write(f"{way}: {row}\n")
    if options.part == "reported":
        figures["thresholds"] = {"confidence": options.confidence, "margin": options.margin}
        figures["split"] = "weights and thresholds: 41 other databases of Spider train"
        figures["rows"] = rows
        record("migration", figures, seed=SEED, data={"spider": str(len(names)) + " databases"})


def measure(name, config, *, values, verbose=False):
    """Counts of one database."""
    with tempfile.TemporaryDirectory() as folder:
        truth = rename_database(database_path(name), Path(folder) / f"{name}_new.sqlite", SEED)
        with Database(database_path(name)) as old, Database(truth.path) as new:
            source, target = old.schema(), new.schema()
            entries = list(make_entries(name, source, old_values(name)))
            begin = time.perf_counter()
            given = {"source_values": old, "target_values": new} if values else {}
            mapping = map_schemas(source, target, config=config, **given)
            matched = time.perf_counter()
            result = migrate_entries(entries, mapping)
            done = time.perf_counter()
            counts = Counter(
                entries=len(entries), carried=len(result.carried), wrong=0, carriable=0, carried_carriable=0
            )
            possible = {id(entry): is_carriable(entry, source, truth) for entry in entries}
            counts["carriable"] = sum(possible.values())
            for one in result.carried:
                counts["carried_carriable"] += possible[id(one.before)]
                why = find_mistake(one, truth, database_path(name), counts)
                if why:
                    counts["wrong"] += 1
                    counts["wrong_exchanged"] += any(new.column in exchanged_names(truth) for _, new in one.columns)
                    sys.stderr.write(f"WRONG {name} {values} {why}: {one.before} -> {one.after} {truth.changes}\n")
            if verbose:
                for one in result.left:
                    if possible[id(one.entry)]:
                        sys.stderr.write(f"left {name} {values}: {one.reason} | {one.entry} {truth.changes}\n")
    return dict(counts) | {
        "match_seconds": round(matched - begin, 3), "carry_seconds": round(done - matched, 3), "changes": truth.changes,
    }  # fmt: skip


def exchanged_names(truth):
    """Names of columns of the new database that were exchanged, wherever a later split put them."""
    found = set()
    for change in truth.changes:
        if change.startswith("exchange "):
            one, two = change.removeprefix("exchange ").split(" ")
            found |= {one.rpartition(".")[2], two}
    return found


def old_values(name):
    """A stored text of each column, for conditions."""
    base = sqlite3.connect(f"file:{database_path(name)}?mode=ro", uri=True)
    base.text_factory = lambda raw: raw.decode("utf-8", "replace")

    def look(table, column):
        row = base.execute(f'SELECT "{column}" FROM "{table}" WHERE typeof("{column}") = \'text\' LIMIT 1').fetchone()
        return row[0] if row else None

    return look


def make_entries(name, schema, look):
    for question, sql in questions(name, QUERIES):
        yield Pair(question, sql)
    for number, ref in enumerate(schema.refs()):
        if number % 6 == 0:
            yield Note(f"{ref.table}.{ref.column}", f"{ref.table}.{ref.column} is filled by hand.")
        value = look(ref.table, ref.column) if number % 8 == 3 and ref.column.isidentifier() else None
        if value and "'" not in value and len(value) < 60:
            yield Term(f"special {number}", f"{ref.column} = '{value}'", (f"{ref.table}.{ref.column}",))


def is_carriable(entry, schema, truth):
    """Whether the new database holds what the entry needs."""
    if not isinstance(entry, Pair):
        table, _, column = (entry.column if isinstance(entry, Note) else entry.columns[0]).partition(".")
        return bool(truth.columns[table, column])
    try:
        links = gold_links(entry.sql, schema)
    except CtxpruneError:
        return True  # counted against us
    if not all(truth.columns[ref] for ref in links.columns):
        return False
    merged = {change.split()[1].lower() for change in truth.changes if change.startswith("merge")}
    homes = {}
    for (table, _), places in truth.columns.items():
        for place in places:
            homes.setdefault(table, set()).add(place[0])
    for table in links.tables:
        hosts = {host for other, found in homes.items() if other != table for host in found} & homes.get(table, set())
        gone = any(
            change.startswith("merge") and change.endswith(f" into {host}")
            for change in truth.changes
            for host in hosts
        )
        if gone and merged and not is_child(table, truth, homes):
            return False
    return True


def is_child(table, truth, homes):
    """Whether a table lives on in the table that took another one in: its rows are all there, once each."""
    names = {change.split()[3] for change in truth.changes if change.startswith("merge")}
    columns = [places for (owner, _), places in truth.columns.items() if owner == table]
    host = next(iter(homes[table] & names), None)
    if host is None:
        return True
    # The parent's key went to the referring column, which the child has as well.
    own = {place for places in columns for place in places if place[0] == host}
    others = {p for (owner, _), places in truth.columns.items() if owner != table for p in places if p[0] == host}
    return len(own - others) >= len(others - own) or len(own) > len(others)


def find_mistake(one, truth, path, counts):
    """What is wrong with a carried entry; "" where nothing is."""
    fold = lambda ref: (ref[0].lower(), ref[1].lower())  # noqa: E731
    places = {fold(old): {fold(new) for new in found} for old, found in truth.columns.items()}
    for old, new in one.columns:
        if fold(new) not in places[fold(old)]:
            return f"{old} became {new}"
    if isinstance(one.before, Note):
        (new,) = {new for _, new in one.columns}
        return "" if new.column in one.after.note and new.table in one.after.note else "its text names another column"
    if isinstance(one.before, Term):
        before, after = (
            rows_of(where, f'SELECT COUNT(*) FROM "{ref.table}" WHERE {entry.meaning}')
            for where, entry, ref in zip((path, truth.path), (one.before, one.after), one.columns[0], strict=True)
        )
        return "" if before == after and before is not None else "its condition holds for other rows"
    before, after = rows_of(path, one.before.sql), rows_of(truth.path, one.after.sql)
    if before is None:
        counts["old query fails"] += 1
        return ""
    if after is None:
        return "the new query fails"
    if sorted(before) != sorted(after):
        if "limit" not in one.before.sql.lower() or len(before) != len(after):
            return f"{len(before)} and {len(after)} rows differ"
        # Of equal rows LIMIT may take others once a table's columns or indexes are; these are shown, to be looked at.
        counts["other rows under LIMIT"] += 1
        sys.stderr.write(f"LIMIT {one.before.sql} -> {one.after.sql}: {before[:3]} {after[:3]}\n")
    elif before != after and "order by" in one.before.sql.lower():
        counts["other order"] += 1
        sys.stderr.write(f"ORDER {one.before.sql} -> {one.after.sql}: {before[:3]} {after[:3]}\n")
    return ""


def rows_of(path, sql):
    base = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    base.text_factory = lambda raw: raw.decode("utf-8", "replace")
    base.set_progress_handler(lambda: 1, 50_000_000)
    try:
        return list(map(repr, base.execute(sql).fetchall()))
    except sqlite3.Error as error:
        sys.stderr.write(f"{error}: {sql}\n")
        return None
    finally:
        base.close()


def summary(total):
    share = lambda part, whole: round(100 * part / max(whole, 1), 2)  # noqa: E731
    return {
        "entries": total["entries"], "carried": total["carried"], "wrong": total["wrong"],
        "wrong by exchanged names": total["wrong_exchanged"],
        **{key: total[key] for key in ("old query fails", "other rows under LIMIT", "other order")},
        "carriable": total["carriable"], "carried of all, %": share(total["carried"], total["entries"]),
        "carried of the carriable, %": share(total["carried_carriable"], total["carriable"]),
        "match_seconds": round(total["match_seconds"], 2), "carry_seconds": round(total["carry_seconds"], 2),
    }  # fmt: skip


if __name__ == "__main__":
    main()
