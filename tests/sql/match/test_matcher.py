"""Two schemas matched: renamed, exchanged, unlike, empty, large; and the same result each time."""

from __future__ import annotations

import runpy
import sqlite3
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.errors import FormatError, UsageError
from ctxprune.sql.database.database import Database
from ctxprune.sql.match import MatchConfig, match_profiles, match_schemas, profile_schema
from ctxprune.sql.match.candidates import choose_pairs
from ctxprune.sql.match.model import MatchWeights, load_weights
from ctxprune.sql.schema.schema import Column, ColumnRef, Schema, Table

examples = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "match_examples.py")))


def pairs_of(matches: object) -> dict[tuple[str, str], tuple[str, str]]:
    return {tuple(match.source): tuple(match.target) for match in matches.matches}  # type: ignore[attr-defined]


def test_a_renamed_database(tmp_path: Path) -> None:
    with Database(examples.old_database(tmp_path)) as old, Database(examples.new_database(tmp_path)) as new:
        found = match_schemas(old.schema(), new.schema(), source_values=old, target_values=new)
        again = match_schemas(old.schema(), new.schema(), source_values=old, target_values=new)
    assert pairs_of(found) == examples.NAMES
    assert found.unmatched_target == (ColumnRef("tbl_purchase", "source_system"),)
    assert found == again
    assert all(0.5 <= match.confidence <= 1 and match.reasons for match in found.matches)
    assert [(pair.source, pair.target, pair.share) for pair in found.tables] == [
        ("customer", "tbl_client", 1.0), ("orders", "tbl_purchase", 1.0),
    ]  # fmt: skip


def test_names_alone_do_where_there_are_no_values() -> None:
    found = match_schemas(examples.old_schema(), examples.new_schema())
    right = sum(pairs_of(found).get(old) == new for old, new in examples.NAMES.items())
    assert right >= 6
    assert all(examples.NAMES[old] == new for old, new in pairs_of(found).items())


def test_exchanged_names_are_seen_by_their_values(tmp_path: Path) -> None:
    rows = [(row[0], row[2], row[1], *row[3:]) for row in examples.customers()]
    old = examples.old_database(tmp_path)
    changed = {"customer": rows, "orders": examples.orders()}
    new = examples.write(tmp_path / "swapped.sqlite", examples.OLD_TABLES, changed)
    with Database(old) as a, Database(new) as b:
        found = pairs_of(match_schemas(a.schema(), b.schema(), source_values=a, target_values=b))
    assert found["customer", "first_name"] == ("customer", "last_name")
    assert found["customer", "last_name"] == ("customer", "first_name")
    assert found["customer", "city"] == ("customer", "city")


def test_the_same_schema_twice() -> None:
    schema = examples.old_schema()
    assert pairs_of(match_schemas(schema, schema)) == {tuple(ref): tuple(ref) for ref in schema.refs()}


def test_nothing_in_common() -> None:
    one = Schema("a", (Table("galaxy", (Column("redshift", "REAL"), Column("spectral_class", "TEXT"))),))
    two = Schema("b", (Table("invoice", (Column("due_on", "DATE"), Column("vat_rate", "REAL"))),))
    found = match_schemas(one, two)
    assert found.matches == ()
    assert found.unmatched_source == tuple(one.refs())
    assert found.to_dict()["tables"] == []


@pytest.mark.parametrize("tables", [(), (Table("t", ()),)])
def test_empty_schemas(tables: tuple[Table, ...]) -> None:
    empty = Schema("e", tables)
    for one, two in ((empty, examples.old_schema()), (examples.old_schema(), empty), (empty, empty)):
        assert match_schemas(one, two).matches == ()


@pytest.mark.parametrize("names", [("größe", "straße", "名前"), ("naïve", "Ñandú", "имя"), ("a\ud800", "b\x00", "c")])
def test_names_in_any_script(names: tuple[str, ...]) -> None:
    one = Schema("a", (Table("таблица", tuple(Column(name) for name in names)),))
    two = Schema("b", (Table("таблица", tuple(Column(name.upper()) for name in names)),))
    assert len(match_schemas(one, two).matches) == len(names)


def test_columns_of_one_name_and_no_name() -> None:
    odd = Schema("a", (Table("t", (Column(""), Column(" "), Column("x"), Column("x" * 5_000))),))
    assert len(match_schemas(odd, odd).matches) >= 2


TEXTS = st.text(min_size=1, max_size=12)


@settings(max_examples=12, deadline=None)
@given(left=st.lists(TEXTS, max_size=6, unique=True), right=st.lists(TEXTS, max_size=6, unique=True))
def test_each_column_has_one_partner_at_most(left: list[str], right: list[str]) -> None:
    one, two = (Schema("s", (Table("t", tuple(map(Column, names))),)) for names in (left, right))
    found = match_schemas(one, two, config=MatchConfig(min_confidence=0.0))
    assert len({match.source for match in found.matches}) == len({match.target for match in found.matches})
    assert len(found.matches) == min(len(left), len(right))
    assert all(0 <= match.confidence <= 1 and -1 <= match.margin <= 1 for match in found.matches)
    assert sorted([*(m.source for m in found.matches), *found.unmatched_source]) == sorted(one.refs())


def wide(tables: int, columns: int, mark: str = "") -> Schema:
    kinds = ("customer", "invoice", "shipment", "payment", "product", "warehouse", "ticket", "vehicle")
    words = ("number", "date", "amount", "status", "city", "owner", "weight", "comment", "price", "code")
    return Schema(
        "wide",
        tuple(
            Table(
                f"{kinds[t % 8]}_{t}{mark}",
                tuple(Column(f"{words[c % 10]}_{kinds[(t + c) % 8]}_{t}_{c}{mark}") for c in range(columns)),
            )
            for t in range(tables)
        ),
    )


def test_one_table_against_five_hundred() -> None:
    many = wide(500, 10)
    one = Schema("one", (many.tables[123],))
    begin = time.process_time()
    found = match_schemas(one, many)
    assert time.process_time() - begin < 15  # about two seconds; a machine of CI may be slow
    assert pairs_of(found) == {tuple(ref): tuple(ref) for ref in one.refs()}


def test_large_schemas_are_blocked_by_candidates() -> None:
    one, two = wide(12, 8), wide(12, 8, "_v2")
    profiles = profile_schema(one), profile_schema(two)
    pairs = choose_pairs(*profiles, most=500)
    assert len(pairs) <= 20 * 96
    true = {(row, row) for row in range(96)}
    kept = set(zip(pairs.rows.tolist(), pairs.columns.tolist(), strict=True)) & true
    assert len(kept) >= 94
    whole, part = (match_profiles(*profiles, MatchConfig(most_pairs=most)) for most in (150_000, 500))
    agreed = set(pairs_of(whole).items()) & set(pairs_of(part).items())
    assert len(agreed) >= 86


@pytest.mark.long
def test_five_thousand_by_five_thousand() -> None:
    begin = time.process_time()
    found = match_schemas(wide(500, 10), wide(500, 10, "_v2"))
    assert time.process_time() - begin < 300
    assert len(found.matches) > 4_000


@pytest.mark.parametrize(
    "make", [lambda: MatchConfig(min_confidence=2), lambda: MatchConfig(rows=0), lambda: MatchConfig(seconds=-1)]
)
def test_wrong_settings(make: object) -> None:
    with pytest.raises(UsageError):
        make()  # type: ignore[operator]


def test_wrong_types() -> None:
    with pytest.raises(UsageError, match="source is a str"):
        match_schemas("shop.sqlite", examples.old_schema())  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="values is a int"):
        match_schemas(examples.old_schema(), examples.old_schema(), source_values=3)  # type: ignore[arg-type]


def test_a_table_that_cannot_be_read_is_matched_by_its_names(tmp_path: Path) -> None:
    path = examples.old_database(tmp_path)
    base = sqlite3.connect(path)
    base.execute("CREATE VIEW broken AS SELECT city, abs(-9223372036854775807 - 1) AS x FROM customer")
    base.commit()
    base.close()
    with Database(path) as database:
        found = match_schemas(database.schema(), database.schema(), source_values=database, target_values=database)
    assert pairs_of(found)["customer", "city"] == ("customer", "city")


def test_weights_survive_a_round_trip_and_refuse_others() -> None:
    weights = load_weights()
    assert MatchWeights.from_dict(weights.to_dict()).to_dict() == weights.to_dict()
    with pytest.raises(FormatError):
        MatchWeights.from_dict({**weights.to_dict(), "version": 99})
    with pytest.raises(FormatError):
        MatchWeights.from_dict({**weights.to_dict(), "features": []})
    with pytest.raises(FormatError):
        MatchWeights.from_dict({**weights.to_dict(), "among": [{}]})


def test_the_mean_of_the_scorers_needs_no_weights() -> None:
    schema = examples.old_schema()
    found = match_schemas(schema, schema, config=MatchConfig(learned=False))
    assert pairs_of(found) == {tuple(ref): tuple(ref) for ref in schema.refs()}
    assert replace(MatchConfig(), learned=False) == MatchConfig(learned=False)
