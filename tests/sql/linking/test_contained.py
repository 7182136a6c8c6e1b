"""Keys that names suggest and stored values confirm."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ctxprune.errors import UsageError
from ctxprune.sql.database.database import Database
from ctxprune.sql.linking.contained import KeyLimits, contained_keys, with_contained_keys
from ctxprune.sql.schema.joins import JoinGraph, inferred_keys
from ctxprune.sql.schema.schema import Column, ForeignKey, Schema, Table

ALL = KeyLimits()


def found(path: Path, *, limits: KeyLimits = ALL, declared: tuple[ForeignKey, ...] = ()) -> set[str]:
    with Database(path, isolated=False) as database:
        schema = replace(database.schema(), foreign_keys=declared)
        keys = contained_keys(database, schema, limits=limits)
    assert all(key.inferred and len(key.columns) == len(key.ref_columns) == 1 for key in keys)
    order = list(schema.refs())
    assert [(k.table, k.columns[0]) for k in keys] == [
        ref for ref in order if ref in {(k.table, k.columns[0]) for k in keys}
    ]
    return {f"{key.table}.{key.columns[0]}={key.ref_table}.{key.ref_columns[0]}" for key in keys}


def database(tmp_path: Path, script: str, name: str = "d") -> Path:
    path = tmp_path / f"{name}.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(script)
    connection.close()
    return path


NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)"
TEAMS = f"""
    CREATE TABLE team (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE player (id INTEGER PRIMARY KEY, team_id INTEGER, shirt INTEGER);
    CREATE TABLE match (id INTEGER PRIMARY KEY, home_team_id INTEGER, away_team_id INTEGER, round INTEGER);
    INSERT INTO team {NUMBERS} SELECT i, 'team ' || i FROM n;
    INSERT INTO player {NUMBERS} SELECT i, i % 20 + 1, i FROM n;
    INSERT INTO match {NUMBERS} SELECT i, i % 7 + 1, i % 9 + 2, i FROM n;
"""


def test_names_and_values_together(tmp_path: Path):
    assert found(database(tmp_path, TEAMS)) == {
        "player.team_id=team.id", "match.home_team_id=team.id", "match.away_team_id=team.id"
    }  # fmt: skip


def test_columns_that_contain_each_other_by_chance_are_no_keys(tmp_path: Path):
    """Every id, shirt and round is 1..40, so that each is contained in all the others."""
    keys = found(database(tmp_path, TEAMS))
    assert not any(
        key.split("=")[0] in {"player.id", "team.id", "match.id", "player.shirt", "match.round"} for key in keys
    )


def test_values_refute_a_name(tmp_path: Path):
    path = database(tmp_path, TEAMS + "UPDATE player SET team_id = team_id + 1000;")
    assert "player.team_id=team.id" not in found(path)
    assert "player.team_id=team.id" not in found(path, limits=KeyLimits(values=3))
    with Database(path, isolated=False) as opened:
        bare = replace(opened.schema(), foreign_keys=())
    assert any(key.table == "player" for key in inferred_keys(bare))  # the names alone would have it


def test_a_few_lost_rows_do_not_refute_a_full_name_but_a_part_of_one(tmp_path: Path):
    path = database(
        tmp_path,
        TEAMS + "UPDATE player SET team_id = 999 WHERE id = 1; UPDATE match SET home_team_id = 0 WHERE id = 1;",
    )
    assert found(path) == {"player.team_id=team.id", "match.away_team_id=team.id"}


def test_without_values_the_full_name_decides(tmp_path: Path):
    path = database(tmp_path, TEAMS + "DELETE FROM player; DELETE FROM match;")
    assert found(path) == {"player.team_id=team.id"}
    unread = database(tmp_path, TEAMS, "other")
    assert found(unread, limits=KeyLimits(pairs=0)) == {"player.team_id=team.id"}


def test_a_word_in_common_needs_values_that_say_something(tmp_path: Path):
    script = f"""
        CREATE TABLE country (code TEXT PRIMARY KEY, label TEXT);
        CREATE TABLE address (id INTEGER PRIMARY KEY, country TEXT, in_country TEXT, country_rank TEXT);
        CREATE TABLE sample (country_no INTEGER PRIMARY KEY, n INTEGER);
        CREATE TABLE measure (id INTEGER PRIMARY KEY, country_count INTEGER);
        INSERT INTO country {NUMBERS} SELECT 'C' || (i * 7), 'country ' || i FROM n;
        INSERT INTO address {NUMBERS} SELECT i, 'C' || ((i % 9 + 1) * 7), 'C' || ((i % 12 + 1) * 7), i FROM n;
        INSERT INTO sample {NUMBERS} SELECT i, i FROM n;
        INSERT INTO measure {NUMBERS} SELECT i, i FROM n;
    """
    assert found(database(tmp_path, script)) == {
        "address.country=country.code", "address.in_country=country.code"
    }  # fmt: skip


def test_of_two_tables_with_one_key_the_part_refers_to_the_whole(tmp_path: Path):
    script = f"""
        CREATE TABLE school (school_code TEXT PRIMARY KEY, name TEXT);
        CREATE TABLE result (school_code TEXT PRIMARY KEY, score INTEGER);
        INSERT INTO school {NUMBERS} SELECT 's' || i, 'x' FROM n;
        INSERT INTO result {NUMBERS} SELECT 's' || i, i FROM n WHERE i < 20;
    """
    assert found(database(tmp_path, script)) == {"result.school_code=school.school_code"}


def test_declared_keys_are_left_alone(tmp_path: Path):
    key = ForeignKey("Player", ("Team_ID",), "team", ("id",))
    assert found(database(tmp_path, TEAMS), declared=(key,)) == {
        "match.home_team_id=team.id",
        "match.away_team_id=team.id",
    }


def test_types_and_odd_values(tmp_path: Path):
    script = """
        CREATE TABLE "a'b" ("id" TEXT PRIMARY KEY);
        CREATE TABLE c ("a'b_id" INTEGER, "a'b" BLOB, note TEXT);
        INSERT INTO "a'b" VALUES ('1'), ('2'), (NULL);
        INSERT INTO c VALUES (1, x'00', NULL), (2, NULL, ''), (NULL, '', 'x');
    """
    assert found(database(tmp_path, script)) == {"c.a'b_id=a'b.id"}


def test_a_table_that_is_not_there_has_no_values(tmp_path: Path):
    other = database(tmp_path, "CREATE TABLE other (x INTEGER); INSERT INTO other VALUES (1);", "other")
    with Database(database(tmp_path, TEAMS)) as teams:
        schema = replace(teams.schema(), foreign_keys=())
    with Database(other) as opened:
        assert [key.table for key in contained_keys(opened, schema)] == ["player"]


def test_the_graph_joins_over_them(tmp_path: Path):
    with Database(database(tmp_path, TEAMS)) as opened:
        schema = with_contained_keys(opened, replace(opened.schema(), foreign_keys=()))
    assert len(schema.foreign_keys) == 3
    assert JoinGraph(schema).bridges(["player", "match"]) == ["team"]


def test_large_schemas_are_bounded_by_the_time(tmp_path: Path):
    """1,200 tables with a word in common: 1.2 million pairs of a column and a key."""
    columns = (Column("name", "TEXT"), Column("entity_value", "INTEGER"))
    tables = tuple(Table(f"entity_{i}", (Column("id", "INTEGER", primary_key=True), *columns)) for i in range(1200))
    referring = Table("other", (Column("entity_7_id", "INTEGER"),))
    with Database(database(tmp_path, "CREATE TABLE x (a)")) as opened:
        start = time.process_time()
        keys = contained_keys(opened, Schema("many", (*tables, referring)), limits=KeyLimits(pairs=0, seconds=0.2))
        assert time.process_time() - start < 5
    assert [(key.columns, key.ref_table) for key in keys] == [(("entity_7_id",), "entity_7")]


def test_no_tables_no_keys(tmp_path: Path):
    with Database(database(tmp_path, TEAMS)) as opened:
        assert contained_keys(opened, Schema("none", ())) == ()


@pytest.mark.parametrize("numbers", [{"values": 0}, {"pairs": -1}, {"seconds": 0}, {"seconds": float("nan")}])
def test_limits_are_checked(numbers: dict[str, float]):
    with pytest.raises(UsageError, match="out of range"):
        KeyLimits(**numbers)  # type: ignore[arg-type]
