"""What the trust model is trained with: reworded questions keep their values, curves are read by basis."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.training._rewording import reword
from benchmarks.training.trust_weights import Case, calibrate, style_left_out
from ctxprune.sql.trust.features import FEATURES


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("What are the names of singers older than 30?", ["names", "singers", "30"]),
        ("How many cities are there in 'New York in descending order'?", ["cities", "'New York in descending order'"]),
        ("Show the title and year, sorted by year in descending order.", ["title", "year"]),
        ('List all albums that contain the word "distinct".', ["albums", '"distinct"']),
    ],
)
def test_rewording_keeps_names_and_values(question: str, parts: list[str]) -> None:
    texts = {reword(question, random.Random(seed)) for seed in range(40)}
    assert len(texts) > 5
    assert all(part in text for text in texts for part in parts)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.integers(0, 5))
def test_rewording_takes_any_text_and_repeats_itself(question: str, seed: int) -> None:
    text = reword(question, random.Random(seed))
    assert text == reword(question, random.Random(seed))
    assert set(re.findall(r"\d+", question)) <= set(re.findall(r"\d+", text))


def _case(number: int, basis: str, right: float, kind: str = "own") -> Case:
    rows = np.zeros((1, len(FEATURES)))
    rows[0, 0] = right
    return Case(kind, f"d{number % 10}", rows, np.array([right]), np.array([basis], dtype=object), {}, False)


def test_every_basis_has_its_own_curve() -> None:
    share = {"agreed": 0.9, "single": 0.5, "blocked": 0.1}
    cases = [_case(n, basis, float(n < 100 * share[basis])) for basis in share for n in range(100)]
    curves = calibrate(cases, [np.array([0.7])] * len(cases))
    for basis, wanted in share.items():
        assert np.interp(0.7, curves[basis].raw, curves[basis].calibrated) == pytest.approx(wanted, abs=0.02)


def test_a_style_is_left_out_with_its_databases() -> None:
    cases = [
        _case(n, "single", float(n % 2), kind) for kind in ("own", "synonym", "reworded", "few") for n in range(20)
    ]
    fold = {f"d{n}": n % 5 for n in range(10)}
    # One group a question: whatever a model says, the choice is that group.
    assert style_left_out(cases, fold) == dict.fromkeys(("own", "synonym", "reworded", "few"), 0.5)
