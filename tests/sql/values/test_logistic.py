"""Models that are read from a file fit the facts of the code, and say probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from ctxprune.errors import FormatError
from ctxprune.models.weights import LogisticModel
from ctxprune.sql.values.features import NAMES
from ctxprune.sql.values.ranges import RANGE_FACTS


@pytest.mark.parametrize(("name", "facts"), [("weights.json", NAMES), ("ranges.json", RANGE_FACTS)])
def test_the_shipped_models_fit_the_facts(name, facts):
    model = LogisticModel.load("ctxprune.sql.values", name, facts)
    assert 0 < model.threshold < 1
    assert model.weights.shape == (len(facts) + 1,)
    with pytest.raises(FormatError, match="other facts"):
        LogisticModel.load("ctxprune.sql.values", name, facts[::-1])


def test_likelihoods_rise_with_the_weighted_sum():
    model = LogisticModel(np.array([2.0, -1.0, 0.5]), 0.1)
    likely = model.likelihoods(np.array([[0.0, 0.5], [1.0, 0.0], [0.0, 1.0]]))
    assert likely.tolist() == pytest.approx([0.5, 1 / (1 + np.exp(-2.5)), 1 / (1 + np.exp(0.5))])
    assert model.likelihoods(np.empty((0, 2))).shape == (0,)
