"""Names are shown, pruned, misplaced or invented; what was pruned comes back with the keys that join it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune.sql.repair.name_check import check_names, restore_columns
from ctxprune.sql.schema.schema import Column, ColumnRef, ForeignKey, Schema, Table


def _table(name: str, *columns: str) -> Table:
    return Table(name, tuple(Column(column, "TEXT", primary_key=i == 0) for i, column in enumerate(columns)))


FULL = Schema(
    "music",
    (
        _table("singer", "singer_id", "name", "country", "age"),
        _table("song", "song_id", "title", "singer_id", "length"),
        _table("concert", "concert_id", "song_id", "stadium_id"),
        _table("stadium", "stadium_id", "seats"),
    ),
    (
        ForeignKey("song", ("singer_id",), "singer", ("singer_id",)),
        ForeignKey("concert", ("song_id",), "song", ("song_id",)),
        ForeignKey("concert", ("stadium_id",), "stadium", ("stadium_id",)),
    ),
)
SHOWN = FULL.subset([ColumnRef("singer", "name"), ColumnRef("song", "title"), ColumnRef("song", "song_id")])


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT name FROM singer", []),
        ("SELECT name AS n FROM singer ORDER BY n", []),
        ("WITH s AS (SELECT name FROM singer) SELECT name FROM s", []),
        ('SELECT name FROM singer WHERE name = "Ann"', []),
        ("SELECT FROM WHERE (", []),
        # pruned, and it runs as it is
        ("SELECT age FROM singer", [("pruned", "age", False, ["singer.age"])]),
        ("SELECT T1.age FROM singer AS T1", [("pruned", "T1.age", False, ["singer.age"])]),
        (
            "SELECT seats FROM stadium",
            [("pruned", "stadium", False, []), ("pruned", "seats", False, ["stadium.seats"])],
        ),
        (
            "SELECT name FROM singer WHERE EXISTS (SELECT 1 FROM song WHERE age > 3)",
            [("pruned", "age", False, ["singer.age"])],
        ),
        # pruned, and it breaks
        ("SELECT seats FROM singer", [("pruned", "seats", True, ["stadium.seats"])]),
        ("SELECT T9.seats FROM singer AS T1", [("pruned", "T9.seats", True, ["stadium.seats"])]),
        # shown, but not where it stands
        ("SELECT title FROM singer", [("misplaced", "title", True, ["song.title"])]),
        # invented
        ("SELECT nam FROM singer", [("invented", "nam", True, [])]),
        ("SELECT name FROM singers", [("invented", "singers", True, []), ("misplaced", "name", True, ["singer.name"])]),
    ],
)
def test_kinds(sql: str, expected: list[tuple[str, str, bool, list[str]]]) -> None:
    found = check_names(sql, FULL, SHOWN)
    assert [
        (one.kind, one.name, one.breaks, [f"{ref.table}.{ref.column}" for ref in one.columns]) for one in found
    ] == expected


def test_nothing_is_pruned_where_all_was_shown() -> None:
    for sql in ("SELECT seats, age FROM singer", "SELECT seats FROM stadium"):
        assert all(one.kind != "pruned" for one in check_names(sql, FULL))


def test_similar_names_are_told_from_the_tables_in_from_first() -> None:
    (issue,) = check_names("SELECT singr_id FROM song", FULL)
    assert issue.near[0] == "song.singer_id"
    assert str(issue).startswith("there is no singr_id; similar: song.singer_id")
    (table, _) = check_names("SELECT zzz FROM sogn", FULL)
    assert table.near == ("song",)
    assert str(check_names("SELECT qqqqq FROM song", FULL)[0]) == "there is no qqqqq"


def test_what_the_caller_may_not_see_is_invented_like_any_other_name() -> None:
    small = FULL.subset([ref for ref in FULL.refs() if ref.table == "song"])
    hidden = check_names("SELECT country FROM song", small)
    fancy = check_names("SELECT xountry FROM song", small)
    assert [one.kind for one in (*hidden, *fancy)] == ["invented", "invented"]
    assert "singer." not in str(hidden[0])


def test_a_restored_column_brings_its_keys() -> None:
    issues = check_names("SELECT seats FROM singer", FULL, SHOWN)
    back = restore_columns(SHOWN, issues, FULL)
    kept = {f"{ref.table}.{ref.column}" for ref in back.refs()}
    assert {"stadium.seats", "stadium.stadium_id", "concert.stadium_id", "concert.song_id", "song.song_id"} <= kept
    assert "singer.age" not in kept
    assert len(back.foreign_keys) == 2


def test_nothing_to_restore() -> None:
    assert restore_columns(SHOWN, check_names("SELECT nam FROM singer", FULL, SHOWN), FULL) is SHOWN


WORDS = [
    "SELECT",
    "FROM",
    "JOIN",
    "WHERE",
    "(",
    ")",
    ",",
    "singer",
    "song",
    "seats",
    "T1.",
    "AS T1",
    "name",
    "'x'",
    "*",
]


@given(st.lists(st.sampled_from(WORDS), max_size=12), st.sets(st.sampled_from(list(FULL.refs()))))
def test_restoring_only_adds_and_stays_in_the_schema(words: list[str], kept: set[ColumnRef]) -> None:
    shown = FULL.subset(kept)
    issues = check_names(" ".join(words), FULL, shown)
    back = set(restore_columns(shown, issues, FULL).refs())
    assert kept <= back <= set(FULL.refs())
    for issue in issues:
        assert issue.kind in {"pruned", "misplaced", "invented"}
        assert str(issue)
        if issue.kind == "pruned":
            assert not set(issue.columns) & kept
            assert set(issue.columns) <= back
