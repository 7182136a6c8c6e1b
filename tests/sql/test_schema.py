"""Schema as data: lookup, subsets, notes from a documented twin, JSON."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune.errors import FormatError, SchemaError
from ctxprune.sql.schema.schema import Column, ColumnRef, ForeignKey, Schema, Table

CITY = Table("City", (Column("name", "TEXT", primary_key=True), Column("Größe", "INT", examples=(1, 2.5, "x"))))
SALE = Table("sale", (Column("id", "INT"), Column("city", "TEXT", comment="own"), Column("x.y")), is_view=True, rows=3)
SCHEMA = Schema("shop", (CITY, SALE), (ForeignKey("sale", ("city",), "City", ("name",)),))


def test_names_match_in_any_case():
    assert "CITY" in SCHEMA
    assert SCHEMA.table("cITY") is CITY
    assert CITY.column("GRÖSSE").name == "Größe"
    assert "nope" not in CITY
    assert CITY.primary_key == ("name",)
    assert SCHEMA.n_columns == 5
    with pytest.raises(SchemaError, match=r"no table 'x'.*City, sale"):
        SCHEMA.table("x")
    with pytest.raises(SchemaError, match=r"no column 'x' \[City\].*name, Größe"):
        CITY.column("x")


def test_a_subset_keeps_order_and_keys_with_both_ends():
    refs = [ColumnRef("SALE", "CITY"), ColumnRef("city", "NAME"), ColumnRef("no", "such")]
    small = SCHEMA.subset(refs)
    assert [table.name for table in small.tables] == ["City", "sale"]
    assert list(small.refs()) == [ColumnRef("City", "name"), ColumnRef("sale", "city")]
    assert small.foreign_keys == SCHEMA.foreign_keys
    assert SCHEMA.subset([ColumnRef("sale", "city")], ["city"]).foreign_keys == ()
    assert SCHEMA.subset([], ["city"]).table("City").columns == ()
    assert SCHEMA.subset([]).tables == ()


@given(st.sets(st.sampled_from(list(SCHEMA.refs()))))
def test_a_subset_holds_exactly_what_was_asked(refs):
    assert set(SCHEMA.subset(refs).refs()) == refs


def test_notes_fill_gaps_and_add_keys():
    bare = Schema("shop", (CITY, SALE))
    twin = Schema(
        "other",
        (
            Table(
                "CITY", (Column("NAME", comment="the name", description="long", examples=("Rome",)),), comment="towns"
            ),
            Table("Sale", (Column("City", comment="other"), Column("ID", description="number"))),
            Table("unknown", (Column("a"),)),
        ),
        (
            ForeignKey("SALE", ("CITY",), "CITY", ("NAME",)),
            ForeignKey("sale", ("id",), "unknown", ("a",)),
            ForeignKey("sale", ("zip",), "city", ("name",)),
        ),
    )
    full = bare.enriched(twin)
    assert full.foreign_keys == (ForeignKey("sale", ("city",), "City", ("name",), inferred=True),)
    assert full.table("city").comment == "towns"
    assert full.table("city").column("name") == Column("name", "TEXT", "the name", "long", True, True, ("Rome",))
    assert full.table("sale").column("city").comment == "own"
    assert full.table("sale").column("id").description == "number"
    assert full.enriched(twin) == full
    assert SCHEMA.enriched(twin).foreign_keys == SCHEMA.foreign_keys


def test_the_fingerprint_follows_names_types_and_keys_only():
    assert SCHEMA.fingerprint == Schema("renamed", (CITY, SALE), SCHEMA.foreign_keys).fingerprint
    assert SCHEMA.fingerprint != Schema("shop", (CITY, SALE)).fingerprint
    assert SCHEMA.fingerprint != Schema("shop", (SALE, CITY), SCHEMA.foreign_keys).fingerprint
    noted = Schema("shop", (Table("City", (Column("name", "TEXT", "c", "d", True), Column("Größe", "INT"))), SALE))
    assert noted.fingerprint == Schema("shop", (CITY, SALE)).fingerprint


def test_json_gives_the_same_schema_back():
    assert Schema.from_dict(json.loads(json.dumps(SCHEMA.to_dict()))) == SCHEMA


def test_json_leaves_blobs_out_and_keeps_odd_numbers():
    table = Table("t", (Column("a", examples=(b"\0", math.inf, None, "\ud800")),))
    data = json.loads(json.dumps(Schema("x", (table,)).to_dict()))
    assert Schema.from_dict(data).table("t").column("a").examples == (math.inf, None, "\ud800")


NAME = st.text(min_size=1, max_size=8)


@given(st.dictionaries(NAME, st.dictionaries(NAME, NAME, max_size=4), max_size=4), NAME)
def test_any_schema_survives_json(tables, text):
    schema = Schema(
        text,
        tuple(
            Table(name, tuple(Column(c, kind, comment=text) for c, kind in columns.items()), namespace=text)
            for name, columns in tables.items()
        ),
        dialect="duckdb",
    )
    assert Schema.from_dict(json.loads(json.dumps(schema.to_dict()))) == schema


@pytest.mark.parametrize(
    "change",
    [
        {"format": "other"},
        {"version": 2},
        {"tables": None},
        {"tables": [{"name": "t"}]},
        {"tables": [{"name": "t", "columns": [{"name": "a", "examples": [], "more": 1}]}]},
        {"foreign_keys": [{"table": "t"}]},
        {"foreign_keys": [7]},
        {"dialect": ...},
        {"dialect": None},
        {"name": 7},
        {"tables": [{"name": "t", "comment": None, "columns": []}]},
        {"tables": [{"name": "t", "rows": "many", "columns": []}]},
        {"tables": [{"name": "t", "is_view": 1, "columns": []}]},
        {"tables": [{"name": "t", "columns": [{"name": None, "examples": []}]}]},
        {"tables": [{"name": "t", "columns": [{"name": "a", "type": ["TEXT"], "examples": []}]}]},
        {"tables": [{"name": "t", "columns": [{"name": "a", "primary_key": "yes", "examples": []}]}]},
        {"foreign_keys": [{"table": "t", "columns": ["a", "b"], "ref_table": "t", "ref_columns": ["a"]}]},
        {"foreign_keys": [{"table": "t", "columns": [1], "ref_table": "t", "ref_columns": ["a"]}]},
    ],
)
def test_damaged_data_are_refused(change):
    data = {**SCHEMA.to_dict(), **change}
    if data["dialect"] is ...:
        del data["dialect"]
    with pytest.raises(FormatError):
        Schema.from_dict(data)
