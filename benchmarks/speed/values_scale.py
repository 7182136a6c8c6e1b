"""The value index at size: build speed, look-up time, update and memory.

    python benchmarks/speed/values_scale.py                                # all parts:
    benchmarks/results/values_scale.json
    python benchmarks/speed/values_scale.py --part lookup                  # one part; the others' figures stay
    python benchmarks/speed/values_scale.py --part memory --folder DIR     # keeps the database of ten million values in
    DIR

speed   50,000 values: ours from the database to the saved index, against plain datasketch as CHESS uses it (one MinHash
        of 100 permutations per value, updated per character 3-gram, one MinHashLSH of threshold 0.01, pickled); the
        same values, one process each, in the same run
lookup  1,000,000 distinct values in five columns, 1,000 questions of 10 to 25 words: a third name a stored value, a
        third one with a typing error, a third none; one thread, memory-mapped index
update  the same million; 1 % of the rows changed, deleted or added; against a new build, arrays compared byte for byte
memory  10,000,000 distinct values in one column, and a column of long texts; a child process builds, its peak is its
        VmHWM plus the largest peak among its own children

All values are made here, from syllables and word lists, with a fixed seed. "cpu" is the time of the process, which
other load on the machine disturbs less than the clock; the ratio of build speed is of two cpu times of the same run.
"""

from __future__ import annotations

import argparse
import json
import pickle
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np

from benchmarks.common.record import RESULTS, record
from ctxprune.sql.database.database import Database
from ctxprune.sql.values import ValueIndex


def words(text):
    return text.split()


SEED = 7
FIRST = words(
    """James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan Joseph
    Jessica Thomas Karen Carlos Sarah Daniel Nancy Matteo Lisa Anthony Margit Mark Sandra Donald Ashley Steven
    Emilia Paul Donna Andrew Michelle Joshua Carol Kenneth Amanda Kevin Melissa Brian Deborah Georg Stefanie
    Timothy Rebecca Ronald Laura Jason Helena Edward Sharon Jeffrey Cynthia Ryan Amy Jacob Angela Nicolás Zoë
    Łukasz Jürgen"""
)
STREETS = words(
    """Maple Oak Cedar Elm Washington Lake Hill Walnut Spring North Ridge Church Park Meadow Forest Sunset Railroad
    River Mill Jackson Highland Johnson Dogwood Chestnut Lincoln Franklin Birch Willow Cherry Poplar"""
)
KINDS = ("Street", "Avenue", "Road", "Lane", "Drive", "Court", "Boulevard", "Way")
TRADES = words(
    """Bakery Logistics Software Foods Motors Textiles Insurance Energy Pharma Media Travel Tools Optics Partners
    Consulting Brewery Shipping Robotics Plastics Furniture"""
)
FORMS = ("Ltd", "Inc", "GmbH", "SA", "& Sons", "Group", "BV", "plc")
ADJECTIVES = words(
    """Classic Compact Deluxe Heavy Portable Organic Electric Wireless Stainless Foldable Smart Vintage Mini Ultra
    Basic Premium Rustic Modern Silent Rapid"""
)
THINGS = words(
    """Kettle Drill Lamp Backpack Keyboard Blender Chair Tent Router Speaker Jacket Notebook Bottle Camera Helmet
    Monitor Printer Toaster Vacuum Saw"""
)
SYLLABLES = words(
    """ba be bor bran cal can cor da del den dor el en fal far fen gar gel gor hal han hel in ka kel ken kor la len
    lor mal man mar men mor na nel nor or pal par pel ran rel ren ros sal san sel sor tal tan tel tor ul val van
    vel vor wal wen wil zan zel"""
)
ASKING = words(
    """show list find count which customers orders from with total highest number between year sold bought living
    average shipped delivered products names cheaper invoices of all the and are in by for that were have"""
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--part", choices=PARTS, action="append")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--values", type=int, default=0, help="of each part; default as described above")
    parser.add_argument("--child", nargs=2, metavar=("DATABASE", "INDEX"))
    options = parser.parse_args()
    if options.child:
        child(*options.child)
        return
    known = RESULTS / "values_scale.json"
    figures = json.loads(known.read_text(encoding="utf-8"))["figures"] if known.exists() else {}
    for part in options.part or PARTS:
        with tempfile.TemporaryDirectory() as temporary:
            folder = options.folder or Path(temporary)
            folder.mkdir(exist_ok=True)
            size = {"values": options.values} if options.values else {}
            figures[part] = PARTS[part](folder, **size)
            sys.stderr.write(f"{part}: {json.dumps(figures[part])}\n")
        if not options.values:
            record("values_scale", figures, seed=SEED, data={})


def speed(folder, values=50_000):
    path = make_database(folder / "speed.sqlite", values)
    with closing(sqlite3.connect(path)) as connection:
        theirs = timed(lambda: plain_datasketch(connection, folder / "plain.pickle"))
    with Database(path, isolated=False) as database:
        ValueIndex.build(
            database
        )  # imports and the hash values of bigrams, which plain datasketch's time has not either
        times = sorted((built(database, folder / f"speed-{turn}") for turn in range(3)), key=lambda one: one["cpu"])
        count = len(ValueIndex.open(folder / "speed-0"))
    return {
        "values": count,
        "plain_datasketch_seconds": theirs,
        "ours_seconds": times[1],
        "ratio": round(theirs["cpu"] / times[1]["cpu"], 1),
        "ours_cpu_microseconds_per_value": round(1e6 * times[1]["cpu"] / count, 2),
    }


def built(database, directory):
    return timed(lambda: ValueIndex.for_database(database, directory))


def timed(work):
    """Seconds of the clock and of this process."""
    start, cpu = time.perf_counter(), time.process_time()
    work()
    return {"wall": round(time.perf_counter() - start, 3), "cpu": round(time.process_time() - cpu, 3)}


def plain_datasketch(connection, path):
    from datasketch import MinHash, MinHashLSH

    lsh, sketches = MinHashLSH(threshold=0.01, num_perm=100), {}
    for column in COLUMNS:
        table = f"t_{column}"
        query = f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL"
        for number, (value,) in enumerate(connection.execute(query)):
            sketch = MinHash(num_perm=100)
            for k in range(len(value) - 2):
                sketch.update(value[k : k + 3].encode("utf-8"))
            sketches[f"{table}_{column}_{number}"] = sketch, table, column, value
            lsh.insert(f"{table}_{column}_{number}", sketch)
    with path.open("wb") as file:
        pickle.dump((lsh, sketches), file)


def lookup(folder, values=1_000_000):
    path = make_database(folder / "million.sqlite", values)
    with Database(path, isolated=False) as database:
        seconds = built(database, folder / "million")
    index = ValueIndex.open(folder / "million")
    questions = make_questions(index, 1000)
    for question, _wanted, _kind in questions[:50]:
        index.lookup(question)
    times, found, hits, cpu = {"stored": [], "misspelt": [], "none": []}, {"stored": 0, "misspelt": 0}, 0, []
    for question, wanted, kind in questions:
        start, spent = time.perf_counter(), time.process_time()
        got = index.lookup(question)
        cpu.append(1000 * (time.process_time() - spent))
        times[kind].append(1000 * (time.perf_counter() - start))
        hits += len(got)
        if kind in found:
            found[kind] += wanted in {(hit.ref, hit.value) for hit in got}
    whole = [one for some in times.values() for one in some]
    return {
        "values": len(index),
        "build_seconds": seconds,
        "index_megabytes": round(sum(file.stat().st_size for file in (folder / "million").rglob("*.npy")) / 1e6),
        "questions": len(questions),
        "ms_p50": round(float(np.median(whole)), 3),
        "ms_p99": round(float(np.quantile(whole, 0.99)), 3),
        "cpu_ms_p50": round(float(np.median(cpu)), 3),
        "cpu_ms_p99": round(float(np.quantile(cpu, 0.99)), 3),
        "ms_p50_by_kind": {kind: round(float(np.median(some)), 3) for kind, some in times.items()},
        "found_percent": {kind: round(100 * found[kind] / len(times[kind]), 1) for kind in found},
        "values_per_question": round(hits / len(questions), 2),
    }


def update(folder, values=1_000_000):
    path = make_database(folder / "update.sqlite", values)
    with Database(path, isolated=False) as database:
        built(database, folder / "updated")
    before = {name: array_bytes(folder / "updated", name) for name in ("text",)}
    with closing(sqlite3.connect(path)) as connection:
        state = random.Random(SEED + 1)
        for column in COLUMNS:
            table = f"t_{column}"
            rows = connection.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0]
            some = state.sample(range(1, rows + 1), rows // 100)
            third = len(some) // 3
            connection.executemany(f"DELETE FROM {table} WHERE rowid = ?", [(k,) for k in some[:third]])
            connection.executemany(
                f"UPDATE {table} SET {column} = {column} || ' Neo' WHERE rowid = ?",
                [(k,) for k in some[third : 2 * third]],
            )
            connection.executemany(
                f"INSERT INTO {table} VALUES (?)", [(f"Brand New {column} {k}",) for k in some[2 * third :]]
            )
        connection.commit()
    with Database(path, isolated=False) as database:
        updated = built(database, folder / "updated")
        rebuilt = built(database, folder / "rebuilt")
    same = all(array_bytes(folder / "updated", name) == array_bytes(folder / "rebuilt", name) for name in names(folder))
    changed = array_bytes(folder / "updated", "text") != before["text"]
    return {
        "values": len(ValueIndex.open(folder / "updated")),
        "changed_percent": 1.0,
        "update_seconds": updated,
        "rebuild_seconds": rebuilt,
        "ratio": round(rebuilt["cpu"] / updated["cpu"], 2),
        "equal_to_rebuild_byte_for_byte": same and changed,
    }


def memory(folder, values=10_000_000):
    path = folder / f"large-{values}.sqlite"
    if not path.exists():
        with closing(sqlite3.connect(path.with_suffix(".part"))) as connection:
            connection.execute("CREATE TABLE large (label TEXT, note TEXT)")
            rows = ((value, None) for value in distinct_values("person", values, random.Random(SEED)))
            connection.executemany("INSERT INTO large VALUES (?, ?)", rows)
            notes = [(None, f"{k} " + "long text " * 100_000) for k in range(100)]
            connection.executemany("INSERT INTO large VALUES (?, ?)", notes)
            connection.commit()
        path.with_suffix(".part").rename(path)
    command = [sys.executable, __file__, "--child", str(path), str(folder / "large")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def child(path, directory):
    start = time.perf_counter()
    with Database(path) as database:
        index = ValueIndex.for_database(database, directory)
    seconds = time.perf_counter() - start
    status = Path("/proc/self/status").read_text()
    own = int(status.partition("VmHWM:")[2].split()[0])
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    report = {
        "values": len(index),
        "build_seconds": round(seconds, 1),
        "peak_megabytes": round((own + children) / 1024),
        "of_them_in_the_database_process": round(children / 1024),
        "skipped_columns": {column.column: column.skipped for column in index.columns if column.skipped},
        "index_megabytes": round(sum(file.stat().st_size for file in Path(directory).rglob("*.npy")) / 1e6),
        "left_of_the_build": sorted(one.name for one in Path(directory).glob("build-*")),
    }
    sys.stdout.write(json.dumps(report))


def names(folder):
    return sorted(file.stem for file in (folder / "rebuilt").rglob("*.npy"))


def array_bytes(directory, name):
    (path,) = directory.rglob(f"{name}.npy")
    return path.read_bytes()


COLUMNS = {"person": 0.3, "address": 0.25, "company": 0.15, "product": 0.2, "code": 0.1}


def make_database(path, values):
    if path.exists():
        return path
    state = random.Random(SEED)
    with closing(sqlite3.connect(path)) as connection:
        for column, share in COLUMNS.items():
            connection.execute(f"CREATE TABLE t_{column} ({column} TEXT)")
            rows = [(value,) for value in distinct_values(column, int(values * share), state)]
            state.shuffle(rows)
            connection.executemany(f"INSERT INTO t_{column} VALUES (?)", rows)
        connection.commit()
    return path


def distinct_values(column, count, state):
    """`count` different values of one kind, common words more often than rare ones."""
    rare = surnames(20_000)
    made = {
        "person": lambda: f"{skewed(FIRST, state)} {skewed(rare, state)}",
        "address": lambda: (
            f"{state.randint(1, 9999)} {skewed(STREETS, state)} {skewed(KINDS, state)}, {skewed(rare, state)}"
        ),
        "company": lambda: f"{skewed(rare, state)} {skewed(TRADES, state)} {skewed(FORMS, state)}",
        "product": lambda: (
            f"{skewed(ADJECTIVES, state)} {skewed(THINGS, state)} {skewed(rare, state)} {state.randint(1, 99)}"
        ),
        "code": lambda: f"{chr(65 + state.randrange(26))}{chr(65 + state.randrange(26))}-{state.randrange(10**6):06d}",
    }[column]
    seen = set()
    middle = iter(range(10**9))
    while len(seen) < count:
        value = made()
        mark = hash(value)
        if mark in seen:  # the crowd of namesakes is told apart by a middle name
            head, _, tail = value.partition(" ")
            value = f"{head} {rare[next(middle) % len(rare)]} {tail}" if tail else f"{value}-{next(middle)}"
            mark = hash(value)
        if mark not in seen:
            seen.add(mark)
            yield value


def surnames(count):
    state = random.Random(SEED)
    found = dict.fromkeys(
        "".join(state.choices(SYLLABLES, k=state.choice((2, 2, 3, 3, 4)))).title() for _ in range(3 * count)
    )
    return list(found)[:count]


def skewed(words, state):
    return words[int(len(words) * state.random() ** 2)]


def make_questions(index, count):
    """(question, (column, value), kind): 10 to 25 words around a stored value, a misspelt one, or none."""
    state = random.Random(SEED)
    rows = set(state.sample(range(len(index)), count))
    pairs = [pair for row, pair in enumerate(index) if row in rows]
    state.shuffle(pairs)
    questions = []
    for number, (ref, value) in enumerate(pairs):
        kind = ("stored", "misspelt", "none")[number % 3]
        if kind == "misspelt" and ref.column == "code":
            kind = "stored"  # one digit off is another code
        words = state.choices(ASKING, k=state.randint(10, 25))
        said = {"stored": value if number % 2 else value.lower(), "misspelt": mistyped(value, state), "none": ""}[kind]
        size = max(4, len(words) - len(said.split()))
        at = state.randrange(1, size)
        text = " ".join([*words[:at], *([said] if said else []), *words[at:size]])
        questions.append((f"{text[0].upper()}{text[1:]}?", (ref, value), kind))
    return questions


def mistyped(text, state):
    """`text` with one letter of its longest word exchanged with the next, left out or doubled."""
    word = max(text.split(), key=lambda one: (one.strip(",").isalpha(), len(one)))
    at = text.index(word) + state.randrange(1, len(word) - 1)
    return state.choice(
        (
            text[:at] + text[at + 1 :],
            text[:at] + text[at] + text[at:],
            text[:at] + text[at + 1] + text[at] + text[at + 2 :],
        )
    )


PARTS = {"speed": speed, "lookup": lookup, "update": update, "memory": memory}

if __name__ == "__main__":
    main()
