"""Rows compared one by one: what leaves every set of values as it was, and is another thing all the same."""

from __future__ import annotations

import random
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from ctxprune.calibration.stored import Calibration
from ctxprune.errors import UsageError
from ctxprune.sql.database.database import Database
from ctxprune.sql.knowledge import Pair
from ctxprune.sql.match.mapping import SchemaMapping, map_schemas
from ctxprune.sql.match.matcher import MatchConfig, match_schemas
from ctxprune.sql.match.migrate import migrate_calibration, migrate_entries
from ctxprune.sql.match.opposites import may_differ
from ctxprune.sql.match.profile import exact_hashes
from ctxprune.sql.match.sure_columns import MappingConfig
from ctxprune.sql.schema.schema import Column, ColumnRef, Schema, Table

if TYPE_CHECKING:
    from collections.abc import Callable

examples = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "match_examples.py")))
Row = tuple[object, ...]
Change = "Callable[[Row], Row]"
CITIES = ("Porto", "Graz", "Łódź", None)
ROWS: list[Row] = [(i, f"P {i}", CITIES[i % 4], i % 3 > 0, 1 + i * 7 % 5, f"T{i * 5 % 7}") for i in range(1, 41)]
OLD = "id INTEGER PRIMARY KEY, name TEXT, city TEXT, enabled INTEGER, rating INTEGER, home_team TEXT"


def change_of(
    folder: Path, new: dict[str, str], change: Callable[[Row], Row], config: MappingConfig | None = None
) -> SchemaMapping:
    """A table `customer` that became `client`, with columns renamed by `new` and each row changed."""
    columns = ", ".join(new.get(part.split()[0], part) for part in OLD.split(", "))
    a = examples.write(folder / "a.sqlite", f"CREATE TABLE customer ({OLD});", {"customer": ROWS})
    b = examples.write(folder / "b.sqlite", f"CREATE TABLE client ({columns});", {"client": list(map(change, ROWS))})
    with Database(a) as old, Database(b) as now:
        return map_schemas(old.schema(), now.schema(), source_values=old, target_values=now, config=config)


def test_what_stayed_is_carried(tmp_path: Path) -> None:
    mapping = change_of(tmp_path, {"city": "town TEXT"}, lambda row: row)
    assert set(mapping.columns) == set(mapping.source.refs())
    (found,) = migrate_entries([Pair("?", "SELECT name FROM customer WHERE city = 'Graz'")], mapping).entries
    assert found == Pair("?", "SELECT name FROM client WHERE town = 'Graz'")


@pytest.mark.parametrize(
    ("column", "new", "change"),
    [
        ("enabled", "disabled INTEGER", lambda value: not value),
        ("enabled", "enabled INTEGER", lambda value: not value),
        ("rating", "score INTEGER", lambda value: 6 - value),
        ("rating", "rating REAL", float),
        ("rating", "rating TEXT", str),
        ("rating", "rating", lambda value: value),
        ("city", "town TEXT", lambda value: value or ""),
        ("city", "town TEXT", lambda value: value and value.lower()),
        ("city", "town TEXT", lambda value: value and value.replace("Łódź", "Lodz")),
        ("city", "town TEXT", lambda value: {"Graz": "Porto", "Porto": "Graz"}.get(value, value)),
        ("home_team", "away_team TEXT", lambda value: f"T{(int(value[1:]) + 3) % 7}"),
    ],
)
def test_one_column_that_changed_is_doubted(
    column: str, new: str, change: Callable[[object], object], tmp_path: Path
) -> None:
    at = [part.split()[0] for part in OLD.split(", ")].index(column)
    mapping = change_of(tmp_path, {column: new}, lambda row: (*row[:at], change(row[at]), *row[at + 1 :]))
    assert ColumnRef("customer", column) in mapping.doubts
    assert ColumnRef("customer", column) not in mapping.columns
    pairs = [Pair("?", f"SELECT {column} FROM customer"), Pair("?", "SELECT name FROM customer")]
    assert [one.before for one in migrate_entries(pairs, mapping).carried] == pairs[1:]


GAMES = "CREATE TABLE games (game_id INTEGER PRIMARY KEY, home_team TEXT, away_team TEXT, place TEXT);"


def games() -> list[Row]:
    dice = random.Random(1)
    teams = [f"Team {number}" for number in range(9)]
    return [(number, *dice.sample(teams, 2), f"Place {number % 7}") for number in range(60)]


@pytest.mark.parametrize("key", ["INTEGER PRIMARY KEY", "INTEGER"])
def test_names_exchanged_over_equal_sets_are_never_carried_as_they_were(key: str, tmp_path: Path) -> None:
    table = GAMES.replace("INTEGER PRIMARY KEY", key)
    a = examples.write(tmp_path / "a.sqlite", table, {"games": games()})
    b = examples.write(tmp_path / "b.sqlite", table, {"games": [(g, two, one, p) for g, one, two, p in games()]})
    sql = "SELECT COUNT(*) FROM games WHERE home_team = 'Team 1'"
    with Database(a) as old, Database(b) as now:
        mapping = map_schemas(old.schema(), now.schema(), source_values=old, target_values=now)
    for one in migrate_entries([Pair("?", sql)], mapping).entries:
        assert examples.rows_of(a, sql) == examples.rows_of(b, one.sql)
    assert not mapping.is_identity
    calibration = Calibration.__new__(Calibration)
    object.__setattr__(calibration, "data", "data")
    assert "make it again" in migrate_calibration(calibration, mapping)


def test_tables_that_exchanged_their_names_have_no_place(tmp_path: Path) -> None:
    tables = "CREATE TABLE {} (id INTEGER PRIMARY KEY, customer TEXT, amount REAL);"
    both = tables.format("orders") + tables.format("returns")
    one = [(number, f"C{number % 9}", number * 2.5) for number in range(40)]
    two = [(number, f"C{number % 9}", round(number * 1.5, 2)) for number in range(40)]
    a = examples.write(tmp_path / "a.sqlite", both, {"orders": one, "returns": two})
    b = examples.write(tmp_path / "b.sqlite", both, {"orders": two, "returns": one})
    queries = ["SELECT SUM(amount) FROM orders", "SELECT COUNT(*) FROM orders", "SELECT MAX(amount) FROM returns"]
    with Database(a) as old, Database(b) as now:
        mapping = map_schemas(old.schema(), now.schema(), source_values=old, target_values=now)
    for found in migrate_entries([Pair(sql, sql) for sql in queries], mapping).carried:
        assert examples.rows_of(a, found.before.sql) == examples.rows_of(b, found.after.sql)  # type: ignore[union-attr]


@pytest.mark.parametrize("rows", [[], ROWS[:20], [*ROWS, *((i + 100, *row[1:]) for i, row in enumerate(ROWS[:16]))]])
def test_other_numbers_of_rows_are_left(rows: list[Row], tmp_path: Path) -> None:
    a = examples.write(tmp_path / "a.sqlite", f"CREATE TABLE customer ({OLD});", {"customer": ROWS})
    b = examples.write(tmp_path / "b.sqlite", f"CREATE TABLE client ({OLD});", {"client": rows} if rows else {})
    with Database(a) as old, Database(b) as now:
        mapping = map_schemas(old.schema(), now.schema(), source_values=old, target_values=now)
    assert not migrate_entries([Pair("?", "SELECT COUNT(*) FROM customer")], mapping).carried


@pytest.mark.parametrize("times", [1, 2])
def test_a_table_without_a_key_is_compared_as_a_whole(times: int, tmp_path: Path) -> None:
    rows = [(row[1], row[2], row[5]) for row in ROWS] * 2
    a = examples.write(
        tmp_path / "a.sqlite", "CREATE TABLE person (name TEXT, city TEXT, team TEXT);", {"person": rows}
    )
    b = examples.write(
        tmp_path / "b.sqlite", "CREATE TABLE visits (name TEXT, town TEXT, team TEXT);", {"visits": rows[::-1] * times}
    )
    with Database(a) as old, Database(b) as now:
        mapping = map_schemas(old.schema(), now.schema(), source_values=old, target_values=now)
    result = migrate_entries([Pair("?", "SELECT COUNT(*) FROM person WHERE city = 'Graz'")], mapping)
    assert len(result.carried) == (times == 1)


def schema_of(table: str, *columns: str) -> Schema:
    return Schema("s", (Table(table, (Column("id", "INTEGER", primary_key=True), *map(Column, columns))),))


def test_without_values_only_what_keeps_its_name_is_sure() -> None:
    old, new = schema_of("product", "name", "color"), schema_of("product", "name", "colour")
    assert {ref.column for ref in map_schemas(old, new).columns} == {"id", "name"}
    trusted = map_schemas(old, new, config=MappingConfig(names_alone=True))
    assert {ref.column for ref in trusted.columns} <= {"id", "name", "color"}


SIBLINGS = (
    "min_price max_price, start_date end_date, price_usd price_eur, buyer_id seller_id, q1 q2",
    "population_2010 population_2020, latitude longitude, wins losses, first_name last_name, is_enabled is_disabled",
    "paid unpaid, valid invalid",
    "is_active is_inactive, visible hidden, height_cm height_in, name first_name, home_score away_score",
)


@pytest.mark.parametrize("names", ", ".join(SIBLINGS).split(", "))
def test_siblings_are_doubted_even_where_names_are_trusted(names: str) -> None:
    one, two = names.split()
    assert may_differ(one, two)
    assert may_differ(two, one)
    found = map_schemas(
        schema_of("product", "name", one), schema_of("product", "name", two), config=MappingConfig(names_alone=True)
    )
    assert ColumnRef("product", one) not in found.columns


@pytest.mark.parametrize("names", ["city town", "customer client", "name name", "nm name", "order_date orderDate"])
def test_other_words_for_the_same_are_no_siblings(names: str) -> None:
    assert not may_differ(*names.split())


def test_exact_hashes_tell_types_apart() -> None:
    cells = [None, "", 5, 5.0, "5", "5 ", "Graz", "graz", b"Graz", 10**400, "\ud800"]
    assert len(set(exact_hashes(cells).tolist())) == len(cells)
    assert exact_hashes([True])[0] == exact_hashes([1])[0]
    assert len(exact_hashes([])) == 0


def test_a_table_that_is_not_read_is_doubted_and_noted(tmp_path: Path) -> None:
    views = "".join(
        f"CREATE VIEW v{n} AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x > 0) "
        "SELECT MAX(x) AS m FROM n;"
        for n in range(2)
    )
    path = examples.write(tmp_path / "a.sqlite", GAMES + views, {"games": games()})
    config = MappingConfig(match=MatchConfig(seconds=0.4))
    with Database(path) as base:
        found = map_schemas(base.schema(), base.schema(), source_values=base, target_values=base, config=config)
    assert "v0 of the first schema was not read: too slow, too large or broken" in found.matches.notes
    assert ColumnRef("v0", "m") not in found.columns
    assert ColumnRef("games", "home_team") in found.columns


def test_another_collation_is_doubted(tmp_path: Path) -> None:
    mapping = change_of(tmp_path, {"city": "town TEXT COLLATE NOCASE"}, lambda row: row)
    (left,) = migrate_entries([Pair("?", "SELECT COUNT(*) FROM customer WHERE city = 'graz'")], mapping).left
    assert "collation" in left.reason


def test_a_table_of_another_role_with_like_rows_has_no_place(tmp_path: Path) -> None:
    table = "CREATE TABLE {} (id INTEGER PRIMARY KEY, name TEXT, city TEXT, age INTEGER);"
    rows = [(number, f"P {number}", CITIES[number % 4], 20 + number % 9) for number in range(40)]
    a = examples.write(tmp_path / "a.sqlite", table.format("student"), {"student": rows})
    other = [(*row[:3], row[3] + row[0] % 5) for row in rows]
    b = examples.write(tmp_path / "b.sqlite", table.format("teacher"), {"teacher": other})
    with Database(a) as old, Database(b) as now:
        mapping = map_schemas(old.schema(), now.schema(), source_values=old, target_values=now)
    assert not migrate_entries([Pair("?", "SELECT COUNT(*) FROM student")], mapping).carried


def test_private_columns_are_not_compared_and_not_carried(tmp_path: Path) -> None:
    private = frozenset({ColumnRef("customer", "city"), ColumnRef("client", "city")})
    mapping = change_of(tmp_path, {}, lambda row: row, MappingConfig(match=MatchConfig(private=private)))
    assert set(mapping.source.refs()) - set(mapping.columns) == {ColumnRef("customer", "city")}


ONE = schema_of("t", "a")


@pytest.mark.parametrize("arguments", [(None, ONE), (ONE, "x")])
@pytest.mark.parametrize("call", [map_schemas, match_schemas])
def test_wrong_schemas(arguments: tuple[object, object], call: Callable[..., object]) -> None:
    with pytest.raises(UsageError):
        call(*arguments)


@pytest.mark.parametrize("wrong", [{"config": 3}, {"tagger": 3}, {"refiner": 3}, {"source_values": 3}])
@pytest.mark.parametrize("call", [map_schemas, match_schemas])
def test_wrong_options(wrong: dict[str, object], call: Callable[..., object]) -> None:
    with pytest.raises(UsageError):
        call(ONE, ONE, **wrong)


def test_wrong_configurations_and_entries() -> None:
    for make in (
        lambda: MappingConfig(match=None),  # type: ignore[arg-type]
        lambda: MatchConfig(rows=10**7),
        lambda: MatchConfig(private={"t.a"}),  # type: ignore[arg-type]
        lambda: MappingConfig(names_alone=1),  # type: ignore[arg-type]
    ):
        with pytest.raises(UsageError):
            make()
    mapping = map_schemas(ONE, ONE)
    for entries in ([None], ["x"], [Pair("q", "SELECT a FROM t"), 3], 5):
        with pytest.raises(UsageError):
            migrate_entries(entries, mapping)  # type: ignore[arg-type]
