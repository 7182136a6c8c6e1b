"""The last step of training: logistic regression, calibration error, weights of a manifest."""

from __future__ import annotations

import numpy as np
import pytest

from ctxprune.models.pruner import FEATURES
from ctxprune.scorers.neural.pruner import PrunerScorer
from ctxprune.train.examples import Example
from ctxprune.train.fusion import calibration_error, fit_fusion, logistic
from ctxprune.train.sentence_sets import Document


def test_it_finds_the_weights_that_made_the_labels():
    rng = np.random.default_rng(0)
    features = np.column_stack([rng.normal(size=(20000, 2)), np.ones(20000)])
    odds = 1 / (1 + np.exp(-(features @ [2.0, 0.5, -1.0])))
    labels = (rng.random(20000) < odds).astype(float)
    assert logistic(features, labels, np.ones(20000), penalty=1e-6) == pytest.approx([2.0, 0.5, -1.0], abs=0.15)
    against = logistic(features * [1, -1, 1], labels, np.ones(20000), penalty=1e-6)
    assert against[1] == 0
    assert against[0] == pytest.approx(2.0, abs=0.2)


def test_calibration_error_by_hand():
    assert calibration_error(np.array([0.2, 0.2, 0.9, 0.9]), np.array([0, 0, 1, 1])) == pytest.approx(0.15)
    assert calibration_error(np.array([1.0, 0.0]), np.array([1, 0])) == 0
    assert calibration_error(np.array([]), np.array([])) == 0


def test_weights_for_each_kind_of_unit():
    examples = []
    for number in range(12):
        sentences = ("The gate was painted blue.", "Cows eat grass.")
        documents = (Document("Gate", sentences, (True, False)), Document("", ("It rains.",), (False,)))
        examples.append(
            Example("s", ("passage", "table")[number % 2], f"Which colour {number}?", documents, (True, False))
        )
    weights = fit_fusion(PrunerScorer(), examples)
    assert set(weights) == {"unit", "document"}
    assert set(weights["unit"]) == set(weights["document"]) == {"passage", "table"}
    for part in weights.values():
        for names in part.values():
            assert set(names) <= FEATURES
            assert all(value >= 0 for name, value in names.items() if name != "bias")
