"""What is known of a column: keys of values, sketches, statistics, and sources that hold nothing."""

from __future__ import annotations

import datetime
import random
import runpy
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune.errors import UsageError
from ctxprune.sql.database.database import Database
from ctxprune.sql.match.base import Pairs, common_hashes, containment
from ctxprune.sql.match.profile import SKETCH, profile_schema, value_hashes, value_key
from ctxprune.sql.schema.schema import Column, ColumnRef, Schema, Table

examples = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "match_examples.py")))
ONE = Schema("s", (Table("t", (Column("a"),)),))
REF = ColumnRef("t", "a")


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ((5, 5.0, "5", " 5 ", Decimal(5), "5.0"), "5"),
        (("1,200", 1200), "1200"),
        (("007",), "007"),
        (("0.5", 0.5), "0.5"),
        (("São  Paulo", "sao paulo"), "sao paulo"),
        ((None, b"x", bytearray(b"y"), "", float("nan")), ""),
        ((True, 1), "1"),
        ((datetime.date(2024, 1, 2), "2024-01-02"), "2024-01-02"),
        ((datetime.datetime(2024, 1, 2, 3, 4), "2024-01-02 03:04:00"), "2024-01-02 03:04:00"),
        ((10**20,), "100000000000000000000"),
        ((float("inf"),), "inf"),
        ((Decimal("NaN"), Decimal("sNaN"), 10**400, 10**9999), ""),
    ],
)
def test_equal_values_have_one_key(values: tuple[object, ...], key: str) -> None:
    assert {value_key(value) for value in values} == {key}


@given(values=st.lists(st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=20)), max_size=60))
def test_a_profile_depends_on_no_order(values: list[object]) -> None:
    shuffled = random.Random(1).sample(values, len(values))
    one, two = (profile_schema(ONE, {REF: cells})[0] for cells in (values, shuffled))
    assert (one.distinct, one.rows, one.filled, one.numeric) == (two.distinct, two.rows, two.filled, two.numeric)
    for name in ("sketch", "tokens", "quantiles", "pairs", "forms"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert 0 <= one.filled <= 1
    assert len(one.sketch) == min(one.distinct, SKETCH)


def test_a_database_is_read_whole_or_in_part(tmp_path: Path) -> None:
    with Database(examples.old_database(tmp_path)) as database:
        whole = {profile.ref: profile for profile in profile_schema(database.schema(), database)}
        part = {profile.ref: profile for profile in profile_schema(database.schema(), database, rows=10)}
    key = whole[ColumnRef("customer", "customer_id")]
    assert (key.rows, key.whole, key.unique, key.primary_key, key.distinct) == (30, True, True, True, 30)
    assert whole[ColumnRef("orders", "customer_id")].refers == ColumnRef("customer", "customer_id")
    assert whole[ColumnRef("customer", "city")].distinct == 4
    assert not part[ColumnRef("customer", "city")].whole
    assert part[ColumnRef("customer", "city")].rows == 10


def test_private_columns_are_not_looked_at(tmp_path: Path) -> None:
    hidden = frozenset({ColumnRef("CUSTOMER", "City")})
    with Database(examples.old_database(tmp_path)) as database:
        found = {p.ref: p for p in profile_schema(database.schema(), database, private=hidden)}
    assert not found[ColumnRef("customer", "city")].known
    assert found[ColumnRef("customer", "status")].known


def test_without_values_names_and_types_remain() -> None:
    (found,) = profile_schema(Schema("s", (Table("Order Items", (Column("unitPrice", "DECIMAL(10,2)"),)),)))
    assert (found.words, found.table_words, found.family, found.known) == (
        ("unit", "price"), ("order", "items"), "number", False,
    )  # fmt: skip
    assert profile_schema(Schema("s", ())) == ()
    (odd,) = profile_schema(Schema("s", (Table("", (Column("***"),)),)))
    assert odd.words == ("***",)


@pytest.mark.parametrize(
    "wrong",
    [
        {"values": 3},
        {"values": {REF: "text"}},
        {"values": {"t.a": [1]}},
        {"rows": 0},
        {"rows": True},
        {"seconds": 0},
        {"seconds": "x"},
    ],
)
def test_wrong_arguments(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        profile_schema(ONE, **wrong)  # type: ignore[arg-type]


SETS = st.lists(st.sets(st.integers(0, 40).map(str), max_size=30), min_size=1, max_size=4)


@given(left=SETS, right=SETS)
def test_small_overlaps_are_exact(left: list[set[str]], right: list[set[str]]) -> None:
    sketches = [[np.sort(value_hashes(sorted(values))) for values in side] for side in (left, right)]
    counted = {(row, at): n for row, counts in common_hashes(*sketches) for at, n in enumerate(counts.tolist()) if n}
    assert counted == {(i, j): len(one & two) for i, one in enumerate(left) for j, two in enumerate(right) if one & two}
    rows, columns = np.divmod(np.arange(len(left) * len(right)), len(right))
    found = containment(*sketches, Pairs([], [], rows, columns))
    for at, (i, j) in enumerate(zip(rows, columns, strict=True)):
        shared, union = len(left[i] & right[j]), len(left[i] | right[j])
        expected = [shared / max(len(left[i]), 1), shared / max(len(right[j]), 1), shared / max(union, 1)]
        assert found[at].tolist() == pytest.approx(expected)


def test_large_overlaps_are_estimated() -> None:
    names = [f"value {number}" for number in range(6000)]
    sides = [np.sort(value_hashes(part))[:SKETCH] for part in (names[:4000], names[2000:])]
    zero = np.zeros(1, dtype=np.int64)
    (found,) = containment([sides[0]], [sides[1]], Pairs([], [], zero, zero))
    assert found.tolist() == pytest.approx([0.5, 0.5, 1 / 3], abs=0.08)
