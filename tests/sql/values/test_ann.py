"""Values found by meaning, with a toy embedding: words of one topic point in one direction."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from ctxprune.errors import MissingExtraError, UsageError
from ctxprune.sql.schema.schema import ColumnRef
from ctxprune.sql.values import ValueIndex
from ctxprune.sql.values.ann import SemanticLookup

TOPICS = {
    "heart": 0, "attack": 0, "myocardial": 0, "infarction": 0, "cardiac": 0,
    "broken": 1, "leg": 1, "femur": 1, "fracture": 1, "lung": 2, "pneumonia": 2,
}  # fmt: skip
SCRIPT = """
    CREATE TABLE case_ (id INTEGER PRIMARY KEY, diagnosis TEXT, ward TEXT);
    INSERT INTO case_ VALUES (1, 'Myocardial infarction', 'A1'), (2, 'Fracture of femur', 'A2'), (3, 'Pneumonia', 'A3');
"""
DIAGNOSIS = ColumnRef("case_", "diagnosis")


def embed(texts):
    rows = np.zeros((len(texts), 8), dtype=np.float32)
    for row, text in zip(rows, texts, strict=True):
        for word in text.lower().split():
            row[TOPICS.get(word, 3 + sum(map(ord, word)) % 5)] += 1
    return rows


@pytest.fixture
def cases(database):
    return ValueIndex.build(database(SCRIPT), mask=[ColumnRef("case_", "ward")])


@pytest.fixture
def semantic(cases):
    pytest.importorskip("faiss", reason="faiss is not installed (extra `ann`)")
    return SemanticLookup(cases, embed, least=0.7)


def test_another_word_for_it_is_found(cases, semantic):
    question = "How many people had a broken leg?"
    assert cases.lookup(question) == []
    (hit, *_) = semantic.lookup(question)
    assert (hit.ref, hit.value, hit.stage) == (DIAGNOSIS, "Fracture of femur", "semantic")
    assert question[slice(*hit.span)] in {"broken", "leg", "broken leg"}
    assert 0.7 <= hit.score <= 1


def test_words_that_are_explained_are_not_looked_up_again(semantic):
    assert [hit.stage for hit in semantic.lookup("cases of pneumonia")] == ["folded"]


def test_masked_columns_take_no_part(semantic):
    assert all(ref == DIAGNOSIS for ref, _value in semantic._values)
    assert semantic.hidden == (ColumnRef("case_", "ward"),)


def test_fuzzy_hits_of_another_meaning_are_dropped(database):
    pytest.importorskip("faiss", reason="faiss is not installed (extra `ann`)")
    made = ValueIndex.build(database("CREATE TABLE t (c TEXT); INSERT INTO t VALUES ('Lung cancer'), ('Leg');"))
    assert [hit.value for hit in made.lookup("cancer of the leg lung")]
    kept = SemanticLookup(made, embed, least=1.0, least_fuzzy=0.9).lookup("what of the lunge?")
    assert [hit for hit in kept if hit.stage in {"prefix", "lsh"}] == []


def test_the_rows_of_a_part_are_chosen_once(database, monkeypatch):
    faiss = pytest.importorskip("faiss", reason="faiss is not installed (extra `ann`)")
    made, real = [], faiss.IDSelectorBatch
    monkeypatch.setattr(faiss, "IDSelectorBatch", lambda rows: (made.append(rows), real(rows))[1])
    whole = SemanticLookup(ValueIndex.build(database(SCRIPT)), embed, least=0.7)
    part = whole.within([DIAGNOSIS])
    for _ in range(3):
        assert [hit.value for hit in part.lookup("Who had a broken leg?")] == ["Fracture of femur"]
    assert [len(rows) for rows in made] == [3]
    assert [hit.value for hit in whole.lookup("Who had a broken leg?") if hit.ref == DIAGNOSIS] == ["Fracture of femur"]
    assert part.within([ColumnRef("case_", "ward")]).lookup("Who had a broken leg?") == []
    assert whole.within([DIAGNOSIS, ColumnRef("case_", "ward")])._nearest.chosen is None


@pytest.mark.parametrize("question", ["", "?", "the of and", "how many are there", "x" * 3000])
def test_nothing_to_look_up(semantic, question):
    assert [hit.stage for hit in semantic.lookup(question) if hit.stage == "semantic"] == []


def test_an_empty_index(database):
    pytest.importorskip("faiss", reason="faiss is not installed (extra `ann`)")
    made = ValueIndex.build(database("CREATE TABLE t (c TEXT)"))
    assert SemanticLookup(made, embed).lookup("heart attack") == []


@pytest.mark.parametrize("wrong", [lambda texts: np.zeros((1, 3)), lambda texts: np.full((len(texts), 2), np.nan)])
def test_what_is_no_embedding_is_an_error(cases, wrong):
    with pytest.raises(UsageError, match="embed gave"):
        SemanticLookup(cases, wrong)


def test_vectors_of_another_width_are_an_error(cases):
    pytest.importorskip("faiss", reason="faiss is not installed (extra `ann`)")
    semantic = SemanticLookup(cases, lambda texts: np.ones((len(texts), 3 if "Pneumonia" in texts else 4)))
    with pytest.raises(UsageError, match="vectors of 3, then of 4"):
        semantic.lookup("a broken leg")


@pytest.mark.parametrize("options", [{"least": 1.1}, {"least_fuzzy": -1}])
def test_cosines_have_bounds(cases, options):
    with pytest.raises(UsageError, match="between 0 and 1"):
        SemanticLookup(cases, embed, **options)


def test_without_faiss_the_extra_is_named(cases, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(MissingExtraError, match="ann"):
        SemanticLookup(cases, embed)
