"""The embedding linker with an embedder made here."""

from __future__ import annotations

import gc
import pickle
import zlib

import numpy as np
import pytest

from ctxprune.errors import UsageError
from ctxprune.sql.linking.context import SchemaContext
from ctxprune.sql.linking.embedding import EmbeddingLinker, EmbeddingSchemaScorer
from ctxprune.sql.linking.policy import JoinablePolicy
from ctxprune.sql.linking.statistics import SchemaStatistics
from ctxprune.sql.schema.schema import Column, ColumnRef, Schema, Table
from ctxprune.sql.values.base import ValueHit
from ctxprune.text.words import words


def hashed(texts: list[str]) -> np.ndarray:
    """A bag of words in 512 places: what a sentence model would do if it knew no synonyms."""
    vectors = np.zeros((len(texts), 512))
    for row, text in enumerate(texts):
        for word in words(text):
            vectors[row, zlib.crc32(word.encode()) % 512] += 1
    return vectors


class Counted:
    """`hashed`, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def __call__(self, texts: list[str]) -> np.ndarray:
        self.asked.append(texts)
        return hashed(texts)


def scores(scorer: EmbeddingSchemaScorer, question: str, schema: Schema, **known: object) -> dict[object, float]:
    context = SchemaContext(schema, **known)  # type: ignore[arg-type]
    return dict(zip(context.refs, scorer.score(question, context).tolist(), strict=True))


def test_near_columns_score_high(library: Schema):
    found = scores(EmbeddingSchemaScorer(hashed), "the full name", library)
    full, other = found[ColumnRef("member", "full_name")], found[ColumnRef("weather", "rain_mm")]
    assert full == max(found.values()) > 0.6
    assert other == 0


def test_comments_descriptions_and_the_table_are_read():
    schema = Schema(
        "s", (Table("pet", (Column("c1", comment="weight in kilos"), Column("c2", description="of birth"))),)
    )
    embed = Counted()
    EmbeddingLinker(EmbeddingSchemaScorer(embed)).link("weight", schema)
    assert ["pet", "c 1: weight in kilos, pet", "c 2: of birth, pet"] in embed.asked


def test_evidence_is_embedded_apart_and_the_better_counts(library: Schema):
    scorer, ref = EmbeddingSchemaScorer(hashed), ColumnRef("loan", "fee")
    plain = scores(scorer, "what is cheap", library)
    told = scores(scorer, "what is cheap", library, evidence="loan fee")
    assert plain[ref] == 0
    assert told[ref] == pytest.approx(1)


def test_a_value_hit_lifts_its_column(library: Schema):
    ref = ColumnRef("weather", "day")
    hits = [ValueHit(ref, "x", (0, 1), 0.8, "exact"), ValueHit(ColumnRef("no", "x"), "x", (0, 1), 1.0, "exact")]
    assert scores(EmbeddingSchemaScorer(hashed), "anything", library, hits=hits)[ref] == pytest.approx(0.8)


def test_a_schema_is_embedded_once_and_forgotten_with_its_statistics(library: Schema):
    embed = Counted()
    scorer = EmbeddingSchemaScorer(embed)
    linker = EmbeddingLinker(scorer)
    for question in ("titles", "names"):
        linker.link(question, library)
    assert [len(texts) for texts in embed.asked] == [1, len(library.tables) + library.n_columns, 1]
    for number in range(12):
        context = SchemaContext(library, statistics=SchemaStatistics(library))
        scorer.score(f"question {number}", context)
    del context
    gc.collect()
    assert len(scorer._seen) == 1


def test_more_columns_on_request(library: Schema):
    scorer = EmbeddingSchemaScorer(hashed)
    few, many = (
        EmbeddingLinker(scorer, policy=JoinablePolicy(columns=1e-6, tables=2.0, most=most)).link(
            "book name day", library
        )
        for most in (1, 15)
    )
    assert few.kept < many.kept


def test_wrong_embedders_and_contexts(library: Schema):
    with pytest.raises(UsageError, match="shape"):
        EmbeddingLinker(EmbeddingSchemaScorer(lambda texts: np.zeros(3))).link("titles", library)

    widths = iter((3, 4))
    with pytest.raises(UsageError, match=r"of 4 and of 3 numbers"):
        EmbeddingLinker(EmbeddingSchemaScorer(lambda texts: np.ones((len(texts), next(widths))))).link(
            "titles", library
        )

    class Plain:
        units = ()

    with pytest.raises(UsageError, match="not a schema"):
        EmbeddingSchemaScorer(hashed).score("x", Plain())


def test_it_can_be_pickled(library: Schema):
    linker = EmbeddingLinker(EmbeddingSchemaScorer(hashed))
    first = linker.link("full name", library)
    assert pickle.loads(pickle.dumps(linker)).link("full name", library) == first
