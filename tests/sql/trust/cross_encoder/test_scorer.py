"""The trained cross-encoder: it tells right queries from those that differ in one thing, fast and small enough."""

from __future__ import annotations

import pickle
import time
from pathlib import Path

import numpy as np
import pytest

from ctxprune.sql.trust.cross_encoder.scorer import CrossEncoder
from ctxprune.sql.trust.cross_encoder.words import describe_sql

WEIGHTS = Path(__file__).parents[4] / "benchmarks" / "models" / "cross-encoder-v1"
pytestmark = pytest.mark.skipif(not WEIGHTS.is_dir(), reason="the weights are in the repository only")

# tables of nobody's benchmark; the first query is right
CASES = [
    (
        "How many beehives are in the orchard?",
        "SELECT COUNT(*) FROM beehive WHERE location = 'orchard'",
        "SELECT COUNT(*) FROM beehive",
        "SELECT AVG(weight) FROM beehive WHERE location = 'orchard'",
        "SELECT COUNT(*) FROM beehive WHERE location <> 'orchard'",
    ),
    (
        "Which three ferries carry the most passengers?",
        "SELECT name FROM ferry ORDER BY passengers DESC LIMIT 3",
        "SELECT name FROM ferry ORDER BY passengers LIMIT 3",
        "SELECT name FROM ferry ORDER BY passengers DESC",
        "SELECT name FROM ferry ORDER BY length DESC LIMIT 3",
    ),
    (
        "What is the average rent of flats with more than 2 rooms?",
        "SELECT AVG(rent) FROM flat WHERE rooms > 2",
        "SELECT AVG(rent) FROM flat WHERE rooms < 2",
        "SELECT SUM(rent) FROM flat WHERE rooms > 2",
        "SELECT AVG(rooms) FROM flat",
    ),
    (
        "Show the number of loans for each library branch.",
        "SELECT b.name, COUNT(*) FROM branch b JOIN loan l ON l.branch_id = b.id GROUP BY b.name",
        "SELECT COUNT(*) FROM branch b JOIN loan l ON l.branch_id = b.id",
        "SELECT b.name, COUNT(*) FROM branch b JOIN loan l ON l.branch_id = b.id WHERE l.late = 1 GROUP BY b.name",
        "SELECT b.name, MAX(l.days) FROM branch b JOIN loan l ON l.branch_id = b.id GROUP BY b.name",
    ),
    (
        "List the trains that departed in April 2021.",
        "SELECT name FROM train WHERE departed >= '2021-04-01' AND departed < '2021-05-01'",
        "SELECT name FROM train",
        "SELECT name FROM train WHERE departed >= '2020-04-01' AND departed < '2020-05-01'",
        "SELECT departed FROM train WHERE name >= '2021-04-01' AND name < '2021-05-01'",
    ),
    (
        "Names of suppliers without a phone",
        "SELECT name FROM supplier WHERE phone IS NULL",
        "SELECT name FROM supplier WHERE phone IS NOT NULL",
        "SELECT name FROM supplier",
        "SELECT phone FROM supplier WHERE name IS NULL",
    ),
]


@pytest.fixture(scope="module")
def model() -> CrossEncoder:
    return CrossEncoder(WEIGHTS)


def test_right_queries_are_above_changed_ones(model: CrossEncoder) -> None:
    above = first = 0
    for question, *queries in CASES:
        scores = model.score(question, [describe_sql(sql) for sql in queries])
        above += int((scores[0] > scores[1:]).sum())
        first += int(scores.argmax() == 0)
    # 95 of 100 such pairs and 74 of 100 first places on databases left out
    assert above >= 15
    assert first >= 4


def test_a_query_of_another_question_is_far_below(model: CrossEncoder) -> None:
    rights = [describe_sql(case[1]) for case in CASES]
    for place, case in enumerate(CASES):
        assert model.score(case[0], rights).argmax() == place


def test_a_score_does_not_depend_on_the_others(model: CrossEncoder) -> None:
    question, *queries = CASES[0]
    words = [describe_sql(sql) for sql in queries]
    together = model.score(question, words)
    np.testing.assert_array_equal(together, np.concatenate([model.score(question, [one]) for one in words]))
    np.testing.assert_array_equal(together, pickle.loads(pickle.dumps(model)).score(question, words))


@pytest.mark.parametrize("question", ["", " ", "😀" * 3000, "\ud800", "a" * 100_000, "SELECT 1; --", "?" * 5000])
def test_any_text_gets_a_finite_score(model: CrossEncoder, question: str) -> None:
    scores = model.score(question, ["city: show name", "", "x " * 50_000])
    assert scores.shape == (3,)
    assert np.isfinite(scores).all()


def test_the_weights_are_small() -> None:
    assert (WEIGHTS / "model.onnx").stat().st_size < 10_000_000
    assert (WEIGHTS / "MODEL_CARD.md").is_file()


def test_eight_candidates_take_under_60_ms_of_one_thread(model: CrossEncoder) -> None:
    words = [describe_sql(sql) for case in CASES for sql in case[1:]][:8]
    model.score(CASES[0][0], words)
    costs = []
    for _ in range(7):
        start = time.thread_time()
        model.score(CASES[0][0], words)
        costs.append(time.thread_time() - start)
    assert min(costs) < 0.06
