"""What a statement joins, compares and groups, on a schema made here."""

from __future__ import annotations

import pytest

from ctxprune.sql.schema.schema import Column, ForeignKey, Schema, Table
from ctxprune.sql.select.forms import read_form
from ctxprune.sql.select.names import SchemaNames
from ctxprune.sql.select.soundness import SOUNDNESS, soundness_features
from ctxprune.sql.select.wording import PLACED, WORDING, placed_features, wording_features


def _table(title: str, /, **columns: str) -> Table:
    return Table(title, tuple(Column(key, kind, primary_key=key == "id") for key, kind in columns.items()))


SCHEMA = Schema(
    "bakery",
    (
        _table("baker", id="INTEGER", name="TEXT", town="VARCHAR(20)"),
        _table("loaf", id="INTEGER", kind="TEXT", baker_id="INTEGER", price="REAL"),
        _table("sale", id="INTEGER", loaf_id="INTEGER", amount="INTEGER"),
    ),
    (
        ForeignKey("loaf", ("baker_id",), "baker", ("id",)),
        ForeignKey("sale", ("loaf_id",), "loaf", ("id",)),
    ),
)
NAMES = SchemaNames(SCHEMA)


@pytest.mark.parametrize(
    ("sql", "facts"),
    [
        ("SELECT name FROM baker", {}),
        ("SELECT T1.name FROM baker T1 JOIN loaf T2 ON T1.id = T2.baker_id WHERE T2.price > 3", {"links_on_keys": 1}),
        ("SELECT name FROM baker JOIN loaf ON baker.id = baker_id WHERE price > 3", {"links_on_keys": 1}),
        ("SELECT T1.name FROM baker T1, loaf T2 WHERE T1.id = T2.id AND T2.price > 3", {"links_alike": 1}),
        (
            "SELECT T1.name FROM baker T1 JOIN loaf T2 ON T1.id = T2.kind AND price > 1",
            {"links_odd": 1, "links_of_kinds": 1},
        ),
        ("SELECT T1.name FROM baker T1, loaf T2 WHERE T2.price > 3", {"unlinked": 1}),
        ("SELECT T1.name FROM baker T1 JOIN loaf T2 ON T1.id = T2.baker_id", {"links_on_keys": 1, "needless": 1}),
        ("SELECT kind FROM loaf WHERE price = 'rye'", {"literals_of_kinds": 1}),
        ("SELECT kind FROM loaf WHERE price = '3.5'", {}),
        ('SELECT kind FROM loaf WHERE price = "rye bread"', {"literals_of_kinds": 1}),
        ("SELECT name FROM baker WHERE id IN (SELECT baker_id FROM loaf)", {"crossed_keys": 1}),
        ("SELECT name FROM baker WHERE id NOT IN (SELECT price FROM loaf)", {"crossed_odd": 1}),
        ("SELECT kind FROM loaf WHERE price = (SELECT max(price) FROM loaf)", {}),
        ("SELECT kind FROM loaf WHERE price > (SELECT max(baker_id) FROM loaf)", {"extremes_odd": 1}),
        ("SELECT kind, count(*) FROM loaf GROUP BY kind", {"grouped_by_other": 1}),
        ("SELECT baker_id, count(*) FROM loaf GROUP BY baker_id", {"grouped_by_key": 1}),
        (
            "SELECT avg(T1.price) FROM loaf T1 JOIN sale T2 ON T1.id = T2.loaf_id WHERE amount > 1",
            {"links_on_keys": 1, "fan_out": 1},
        ),
        (
            "SELECT sum(T2.amount) FROM loaf T1 JOIN sale T2 ON T1.id = T2.loaf_id WHERE T1.price > 1",
            {"links_on_keys": 1},
        ),
        ("SELECT T1.colour FROM loaf T1", {"unknown_names": 1}),
        ("WITH x AS (SELECT id AS n FROM loaf) SELECT n FROM x", {}),
    ],
)  # fmt: skip
def test_soundness(sql: str, facts: dict[str, int]) -> None:
    form = read_form(sql)
    assert form is not None
    found = dict(zip(SOUNDNESS, soundness_features(form.scopes, NAMES), strict=True))
    assert {name: value for name, value in found.items() if value} == facts


@pytest.mark.parametrize(
    ("sql", "place"),
    [
        ("SELECT id FROM baker WHERE town = 'Ulm'", "placed"),
        ("SELECT id FROM baker WHERE town = 'ulm'", "misspelt"),
        ("SELECT id FROM baker WHERE town = ' Ulm '", "misspelt"),
        ("SELECT id FROM baker WHERE name = 'Ulm'", "misplaced"),
        ("SELECT id FROM baker WHERE town = 'Bonn'", "unstored"),
    ],
)
def test_where_a_value_is_stored(sql: str, place: str) -> None:
    form = read_form(sql)
    assert form is not None
    found = dict(zip(PLACED, placed_features(form, [("Ulm", 0.9, "baker", "town")], NAMES), strict=True))
    assert {name for name in PLACED[:4] if found[name]} == {place}
    assert found["spans_placed"] == (place == "placed")


def test_shown_columns_are_looked_for_in_the_question() -> None:
    texts = ("SELECT name, town FROM baker", "SELECT id FROM baker", "SELECT town, name FROM baker")
    named, ids, turned = (
        dict(zip(WORDING, wording_features(form, "Give the names and towns of all bakers.", NAMES), strict=True))
        for form in map(read_form, texts)
        if form is not None
    )
    assert (named["shown_named"], named["shown_ordered"], named["shown_ids"]) == (1, 1, 0)
    assert (ids["shown_named"], ids["shown_ids"], ids["ids_asked"]) == (0, 1, 0)
    assert turned["shown_ordered"] == 0


def test_evidence_names_columns_and_functions() -> None:
    text = "Who bakes most?\nwho refers to name; most refers to MAX(COUNT(baker_id)); cheap refers to price < 2"
    form = read_form("SELECT name FROM baker JOIN loaf ON baker.id = baker_id GROUP BY baker_id")
    assert form is not None
    found = dict(zip(WORDING, wording_features(form, text, NAMES), strict=True))
    assert found["evidence_shown"] == found["evidence_grouped"] == 0
    assert found["evidence_left"] == 1
    assert found["evidence_used"] == pytest.approx(2 / 3 - 1)
    assert found["evidence_functions"] == -1
    assert not any(wording_features(form, "Who bakes most?", NAMES)[WORDING.index("evidence_used") :])
