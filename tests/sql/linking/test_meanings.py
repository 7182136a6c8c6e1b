"""Features by meaning."""

from __future__ import annotations

import numpy as np
import pytest

from ctxprune.sql.linking.meanings import MEANINGS, TABLE_MEANINGS, meaning_features
from ctxprune.sql.linking.statistics import SchemaStatistics
from ctxprune.sql.schema.schema import Column, ColumnRef, Schema, Table
from ctxprune.text.words import STOP_WORDS, stem, words

SCHEMA = Schema(
    "concerts",
    (
        Table("vocalist", (Column("vocalist_id"), Column("first_name"), Column("last_name"), Column("wage"))),
        Table("venue", (Column("venue_id"), Column("town"), Column("capacity"))),
    ),
)
STATS = SchemaStatistics(SCHEMA)


def features(question: str, evidence: str = "") -> tuple[np.ndarray, np.ndarray]:
    asked, told = ([stem(word) for word in words(text) if word not in STOP_WORDS] for text in (question, evidence))
    return meaning_features(STATS, asked, told, {*asked, *told})


def best(values: np.ndarray, name: str) -> ColumnRef:
    return STATS.refs[int(values[:, MEANINGS.index(name)].argmax())]


@pytest.mark.parametrize("feature", ["near", "near_phrase", "near_share", "near_strange"])
def test_synonyms_find_their_column(feature: str):
    assert best(features("What is the highest salary?")[0], feature) == ("vocalist", "wage")
    assert best(features("In which city?")[0], feature) == ("venue", "town")


def test_only_one_column_is_first_for_a_word():
    columns, _ = features("salary")
    first = columns[:, MEANINGS.index("near_first")]
    assert [ref for ref, value in zip(STATS.refs, first, strict=True) if value] == [("vocalist", "wage")]


def test_tables_are_found_too():
    columns, tables = features("How many singers are there?")
    assert tables.shape == (2, len(TABLE_MEANINGS))
    assert (tables[0] > tables[1]).all()
    own = columns[:, MEANINGS.index("near_table")]
    assert own[:4].min() > own[4:].max()


def test_evidence_counts_but_is_no_question():
    columns, _ = features("How many?", "rich means salary over 1000")
    wage = columns[STATS.position[ColumnRef("vocalist", "wage")]]
    assert wage[MEANINGS.index("near")] > 0.5 > wage[MEANINGS.index("near_asked")]


@pytest.mark.parametrize("question", ["", "?", "qzxv", "salary " * 500])
def test_any_question_gives_finite_features(question: str):
    columns, tables = features(question)
    assert columns.shape == (7, len(MEANINGS))
    assert np.isfinite(columns).all()
    assert np.isfinite(tables).all()


def test_a_schema_without_columns_has_features_of_its_tables_only():
    stats = SchemaStatistics(Schema("bare", (Table("vocalist", ()),)))
    columns, tables = meaning_features(stats, ["sing"], [], {"sing"})
    assert columns.shape == (0, len(MEANINGS))
    assert tables.shape == (1, len(TABLE_MEANINGS))


def test_kin_are_names_of_one_table_with_near_meaning():
    pairs, near = STATS.meanings.kin
    names = {(STATS.refs[a].column, STATS.refs[b].column) for a, b in pairs.T}
    assert ("first_name", "last_name") in names
    assert ("wage", "capacity") not in names
    assert ((near >= 0.5) & (near <= 1.001)).all()
