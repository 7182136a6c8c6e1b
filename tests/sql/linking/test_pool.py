"""Ranking over several databases at once."""

from __future__ import annotations

import pickle
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.errors import FormatError, SchemaError, UsageError
from ctxprune.models import weights as weights_module
from ctxprune.models.network import Network
from ctxprune.sql.linking import pool as module
from ctxprune.sql.linking.features import Question
from ctxprune.sql.linking.pool import PooledColumn, SchemaPool, load_pool_network
from ctxprune.sql.linking.pool_features import DATABASE_FEATURES, PoolStatistics
from ctxprune.sql.linking.ranked import RankedLinker
from ctxprune.sql.schema.schema import Column, ColumnRef, ForeignKey, Schema, Table
from ctxprune.storage.sealed import seal


def names(database: str, **tables: str) -> Schema:
    return Schema(database, tuple(Table(t, tuple(map(Column, columns.split()))) for t, columns in tables.items()))


BAKERY = names("bakery", loaf="loafid kind price", sale="saleid loafid sold_on customer")
HARBOUR = names("harbour", ship="ship_id name tonnage flag", berth="berth_id length ship_id", pilot="id name licence")
CLINIC = names("clinic", patient="id name birth_date", visit="id patient_id doctor fee", doctor="id name specialty")


@pytest.fixture(scope="module")
def pool(library) -> SchemaPool:
    return SchemaPool([BAKERY, HARBOUR, CLINIC, library])


@pytest.mark.parametrize(
    ("question", "database", "column"),
    [
        ("Which ships have the largest tonnage?", "harbour", ("ship", "tonnage")),
        ("What is the price of a loaf of rye?", "bakery", ("loaf", "price")),
        ("List the specialty of every doctor", "clinic", ("doctor", "specialty")),
        ("Who wrote the book with the most loans?", "library", ("book", "book_id")),
    ],
)
def test_the_database_comes_first_and_the_column_among_the_best(
    pool: SchemaPool, question: str, database: str, column: tuple[str, str]
):
    ranking = pool.rank(question, k=5)
    assert ranking.databases[0].database == database
    assert (database, ColumnRef(*column)) in {entry[:2] for entry in ranking.columns}
    assert ranking.tables[0].database == database


def test_evidence_names_the_database(pool: SchemaPool):
    question = "How many have it?"
    assert pool.rank(question, "it refers to licence = 1").databases[0].database == "harbour"
    assert pool.rank(question, "it refers to `birth_date` > 1990").databases[0].database == "clinic"


def test_the_right_database_then_links_alone(pool: SchemaPool):
    best = pool.rank("What is the fee of each visit?").databases[0].database
    assert pool.schema(best) is CLINIC
    assert ColumnRef("visit", "fee") in RankedLinker().link("What is the fee of each visit?", pool.schema(best)).kept


def test_keys_that_names_suggest_join_where_none_are_declared(pool: SchemaPool):
    columns = [entry.ref for entry in pool.rank("customer of each sale and the kind of its loaf", k=6).columns]
    assert {ColumnRef("sale", "loafid"), ColumnRef("loaf", "loafid")} <= set(columns)


def test_declared_keys_stay_as_they_are():
    schema = Schema("x", (Table("a", (Column("id"), Column("b_id"))), Table("b", (Column("id"),))))
    declared = Schema("x", schema.tables, (ForeignKey("a", ("b_id",), "b", ("id",)),))
    assert module._keyed(declared) is declared
    assert {key.inferred for key in module._keyed(schema).foreign_keys} == {True}
    assert module._keyed(schema).table("a").primary_key == ("id",)


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=60), st.text(max_size=40), st.integers(1, 60))
def test_a_ranking_is_an_order_of_the_pool(question: str, evidence: str, k: int):
    schemas = [BAKERY, HARBOUR, Schema("empty", (Table("bare", ()),))]
    ranking = _POOL.rank(question, evidence, k=k)
    every = [(schema.name, ref) for schema in schemas for ref in schema.refs()]
    found = [entry[:2] for entry in ranking.columns]
    assert len(set(found)) == len(found) == min(k, len(every))
    assert set(found) <= set(every)
    for entries in (ranking.columns, ranking.tables, ranking.databases):
        scores = [entry.score for entry in entries]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)
    assert sum(entry.score for entry in ranking.databases) == pytest.approx(1)
    longer = _POOL.rank(question, evidence, k=k + 5)
    assert longer.columns[:k] == ranking.columns
    assert longer.tables[:k] == ranking.tables


_POOL = SchemaPool([BAKERY, HARBOUR, Schema("empty", (Table("bare", ()),))])


def test_nothing_asked_ranks_nothing(pool: SchemaPool):
    ranking = pool.rank(" ", "\n", k=3)
    assert ranking.columns[0] == PooledColumn("bakery", ColumnRef("loaf", "loafid"), 0.0)
    assert {entry.score for entry in ranking.databases} == {0.25}
    assert pool.rank("", "tonnage of ships") == pool.rank("tonnage of ships")


def test_threads_share_a_pool(pool: SchemaPool):
    questions = ["tonnage of ships", "price of a loaf", "doctors by specialty", "members born in 1990"] * 6
    alone = [pool.rank(question) for question in questions]
    fresh = SchemaPool([pool.schema(name) for name in ("bakery", "harbour", "clinic", "library")])
    with ThreadPoolExecutor(12) as workers:
        assert list(workers.map(fresh.rank, questions)) == alone


def test_a_pool_can_be_pickled(pool: SchemaPool):
    copy = pickle.loads(pickle.dumps(pool))
    assert copy.rank("tonnage of ships") == pool.rank("tonnage of ships")


def test_words_of_like_meaning_name_the_database(pool: SchemaPool):
    assert pool.rank("Which vessels are heaviest?").databases[0].database == "harbour"
    assert pool.rank("How much bread was bought?").databases[0].database == "bakery"


def test_wrong_arguments_are_named(pool: SchemaPool):
    with pytest.raises(UsageError, match="at least one schema"):
        SchemaPool([])
    with pytest.raises(UsageError, match="'bakery'"):
        SchemaPool([BAKERY, BAKERY])
    with pytest.raises(UsageError, match="k is 0"):
        pool.rank("x", k=0)
    for wrong in (1.5, "2", True, None):
        with pytest.raises(UsageError, match="k is"):
            pool.rank("x", k=wrong)
    with pytest.raises(SchemaError, match="'casino'"):
        pool.schema("casino")


def test_another_scorer_and_network_fit():
    class Last:
        def score(self, query, context):
            return np.linspace(0, 1, len(context.units), dtype=np.float32)

    n = len(DATABASE_FEATURES)
    size = np.eye(n)[DATABASE_FEATURES.index("n_columns")]
    largest = Network(np.zeros(n), np.ones(n), None, None, 100 * size, 0.0)
    ranking = SchemaPool([BAKERY, HARBOUR], scorer=Last(), network=largest).rank("anything")
    assert ranking.databases[0].database == "harbour"
    assert ranking.columns[0].ref == ColumnRef("pilot", "licence")


def test_features_are_finite_and_say_what_they_mean():
    stats = PoolStatistics([BAKERY, HARBOUR, CLINIC])
    values = stats.features(Question.read("tonnage of ships", "see berth_id"))
    assert values.shape == (3, len(DATABASE_FEATURES))
    assert np.isfinite(values).all()
    column = dict(zip(DATABASE_FEATURES, values.T, strict=True))
    assert column["covered"].tolist() == [0, 1, 0]
    assert column["covered_behind"].tolist() == [-1, 0, -1]
    assert column["verbatim_told"].tolist() == [0, 1, 0]
    assert column["named"].tolist() == [0, 0, 0]
    assert stats.features(Question.read("??", "")).shape == values.shape


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "x"}, "not weights"),
        ({"version": 9}, "not weights"),
        ({"features": ["x"]}, "other features"),
        ({"network": {}}, "damaged"),
    ],
)
def test_weights_are_checked(change: dict, words: str, monkeypatch, tmp_path):
    good = {"format": module.FORMAT, "version": module.VERSION, "features": list(DATABASE_FEATURES)}
    network = load_pool_network()
    (tmp_path / "pool.json").write_text(seal({**good, "network": network.to_dict(), **change}), encoding="utf-8")
    monkeypatch.setattr(weights_module, "files", lambda package: tmp_path)
    with pytest.raises(FormatError, match=words):
        weights_module.load_shipped(module._parse_network, "ctxprune.sql.linking.copy", "pool.json")


def test_a_pool_of_4500_columns_answers_in_50_ms():
    nouns = ["alpha", "beta", "gamma", "delta", "river", "house", "train", "paper", "stone", "cloud"]
    schemas = [
        names(f"{nouns[i % 10]}_{i}", **{f"{nouns[(i + t) % 10]}{t}": " ".join(f"{n}{i % 7}_{t}" for n in nouns[:9])
                                         for t in range(5)})
        for i in range(100)
    ]  # fmt: skip
    pool = SchemaPool(schemas)
    times = []
    for i in range(9):
        start = time.process_time()
        pool.rank(f"Which river of house {i} has the largest stone near the train?")
        times.append(time.process_time() - start)
    assert sorted(times)[4] < 0.05


def test_an_endless_question_is_read_in_time(pool: SchemaPool):
    question = " ".join(f"word{i} ships" for i in range(5000))
    start = time.process_time()
    assert pool.rank(question, question).databases[0].database == "harbour"
    assert time.process_time() - start < 3
