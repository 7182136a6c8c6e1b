"""The fit of the mixture's second pass."""

from __future__ import annotations

import numpy as np

from benchmarks.training._mixture_fit import Row, add_links, fit_links
from ctxprune.models.network import Network

FIRST = Network(np.zeros(1), np.ones(1), None, None, np.array([2.0]), 0.0)


def rows(*, linked: bool) -> list[Row]:
    """Questions of four units: the first pass tells one of the two that are evidence, the link the other."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(40):
        features = np.array([[2.0], [0.0], [0.0], [0.0]]) + rng.normal(0, 0.3, (4, 1))
        values = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
        labels = np.array([True, True, False, False])
        ones = np.ones(4, dtype=int)
        links = (lambda _, values=values: values) if linked else None
        found.append(Row("set", features, features, labels, [], ones, np.zeros(4), False, ones, links))
    return found


def test_the_second_pass_is_learned_on_top_of_the_first() -> None:
    linked = rows(linked=True)
    links = fit_links(linked, FIRST, 1e-3)
    assert links.out[0] > 0 > links.out[1]
    for row in linked:
        scores = add_links(row, FIRST(row.features), links)
        assert set(np.argsort(-scores)[:2]) == {0, 1}
        # Only what the links say is added: units that they say nothing of keep their distance.
        first = FIRST(row.features)
        assert np.isclose(scores[0] - scores[3], first[0] - first[3])


def test_a_context_of_one_document_is_left_as_it_is() -> None:
    links = fit_links(rows(linked=True), FIRST, 1e-3)
    row = rows(linked=False)[0]
    np.testing.assert_array_equal(add_links(row, FIRST(row.features), links), FIRST(row.features))
