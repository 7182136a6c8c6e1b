"""Databases that differ only in columns that a caller may not see, and questions that try to tell them apart."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from hypothesis import strategies as st

from ctxprune.sql.schema.schema import ColumnRef

SCRIPT = """
    CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, nick TEXT, city TEXT, diagnosis TEXT, joined TEXT,
        height INTEGER, salary INTEGER, active TEXT, remote TEXT);
    CREATE TABLE visit (id INTEGER PRIMARY KEY, person_id INTEGER REFERENCES person(id), reason TEXT, day DATE,
        fee REAL);
    CREATE TABLE secret (word TEXT, city TEXT, amount INTEGER, since DATE);
"""
VISIBLE = [
    *(ColumnRef("person", name) for name in ("id", "name", "city", "joined", "height", "active")),
    *(ColumnRef("visit", name) for name in ("id", "person_id", "day")),
]
ACCESS = {"person": ("id", "name", "city", "joined", "height", "active"), "visit": ("id", "person_id", "day")}
NAMES = ["Katherine Moore", "Jonathan Reed", "Margaret Olsen", "Springfield", "Anna Lindqvist", "Peter Ashworth"]
CITIES = ["Springfield", "Shelbyville", "Ogdenville", "Brockway", "Capital City", "North Haverbrook"]
# each says something that a question says, so that it would take the place of a visible value
BAIT = [
    *("Kathrine Moore", "Jonathon Reed", "Margret Olson", "Shelbyvile", "springfeld", "Ogdenvile", "brockwey"),
    *("influenza", "moore", "reed", "haverbrook", "capital", "kath", "shel", "1990", "KM", "name", "city", "people"),
]
_SAID = ["people", "name", "city", "height", "joined", "active", "salary", "diagnosis", "visits", "day", "remote", "in"]
_NUMBERS = ["3", "170", "1990", "2021-03-04", "March 2021", "50000", "1.5"]
_TYPOS = ["Kathrine Moore", "Margret Olson", "Shelbyvile", "springfeld", "Ogdenvile", "Jonathan Red", "Shelbyville's"]

questions = st.lists(
    st.one_of(st.sampled_from(_SAID), st.sampled_from(_NUMBERS), st.sampled_from(_TYPOS), st.sampled_from(BAIT),
              st.sampled_from(NAMES), st.sampled_from(CITIES), st.sampled_from(["'influenza'", '"moore"', "KM", "+"])),
    min_size=1, max_size=7,
).map(" ".join)  # fmt: skip

FILLINGS = ("nothing", "bait", "crowds", "contrary")


def fill(path: Path, filling: str) -> Path:
    """A database file whose visible columns are always the same, and whose hidden ones hold `filling`."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(SCRIPT)
        for number in range(48):
            seen = (NAMES[number % 6], CITIES[number // 6 % 6], f"{1985 + number % 20}-03-0{1 + number % 9}")
            rest = (150 + number, ("yes", "no")[number % 2])
            nick, diagnosis, salary, remote = _hidden(filling, number)
            row = (number, seen[0], nick, seen[1], diagnosis, seen[2], rest[0], salary, rest[1], remote)
            connection.execute(f"INSERT INTO person VALUES ({', '.join('?' * 10)})", row)
            connection.execute(
                "INSERT INTO visit VALUES (?, ?, ?, ?, ?)", (number, number % 9, diagnosis, "2021-03-04", salary)
            )
        for row in _secrets(filling):
            connection.execute("INSERT INTO secret VALUES (?, ?, ?, ?)", row)
    return path


def _hidden(filling: str, number: int) -> tuple[str | None, str | None, int, str | None]:
    bait = BAIT[number % len(BAIT)]
    return {
        "nothing": (None, None, 0, None),
        "bait": (bait, f"{bait} of 1990", 1990, "yes"),
        "crowds": (f"moore {number:04}", f"Shelbyville {number:04}", number, "no"),
        "contrary": (f"somebody{number}@example.com", "x" * 40 + str(number), -number, "maybe"),
    }[filling]


def _secrets(filling: str) -> list[tuple[str, str, int, str]]:
    if filling == "bait":
        return [(bait, bait.upper(), 170, "2021-03-04") for bait in BAIT]
    if filling == "crowds":  # more than any cap on values that share a word, a beginning or a band
        return [(f"{city} {k:04}", f"{name} {k}", 50_000 + k, "2021-03-04") for k in range(120) for city, name in
                zip(CITIES, NAMES, strict=True)]  # fmt: skip
    return []
