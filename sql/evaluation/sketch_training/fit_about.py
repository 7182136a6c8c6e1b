"""Fits the relevance check: questions on their own schema against questions on foreign ones and small talk."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from ...generate.sketch.analysis import analyse
from ...generate.sketch.learn import Fit, dense, fit_net, sigmoid_loss, vocabulary_of
from ...generate.sketch.query import queries_in
from ...generate.sketch.relevance import about_features

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...generate.sketch.features import Features
    from ...generate.sketch.model import Model
    from ...generate.sketch.net import Net
    from ...generate.sketch.view import SchemaView
    from .examples import Example

__all__ = ["fit_about"]

REFUSED = 0.003  # share of answerable training questions that the threshold turns away
ABOUT = Fit(hidden=12, epochs=6, rate=3e-3, batch=64, dropout=0.0, drop_input=0.0, decay=1e-3)


def fit_about(model: Model, examples: Sequence[Example], seed: int = 0) -> Net:
    """A network whose output is at least 0 for questions about the schema.

    The threshold is set on the questions themselves, so that the share given by `REFUSED` of them falls below it.
    """
    own = [_features(model, example.question, example.view, example) for example in examples]
    foreign = [_features(model, text, view) for text, view in _foreign(examples, seed)]
    rows = own + foreign
    vocabulary = vocabulary_of(rows, 1)
    y = np.array([[1.0]] * len(own) + [[0.0]] * len(foreign), np.float32)
    how = replace(ABOUT, seed=seed)
    net = fit_net(dense(rows, vocabulary), y, loss=sigmoid_loss, vocabulary=vocabulary, how=how)
    threshold = float(np.quantile(net(own)[:, 0], REFUSED))
    return replace(net, b2=(net.b2 - np.float32(min(threshold, 0.0))).astype(np.float32))


def _features(model: Model, question: str, view: SchemaView, example: Example | None = None) -> Features:
    analysis = analyse(question, view, example.hits if example else (), model.related)
    return about_features(model.score(model.read(analysis, view)))


def _foreign(examples: Sequence[Example], seed: int) -> Iterator[tuple[str, SchemaView]]:
    """Questions with a schema that has nothing of the tables they need, and small talk with any schema."""
    rng = np.random.default_rng(seed)
    views = list({example.db_id: example.view for example in examples}.values())
    for example in examples:
        view = views[int(rng.integers(len(views)))]
        if example.query is not None and not _shares_words(example, view):
            yield example.question, view
    lines = files(__package__).joinpath("offtopic.txt").read_text(encoding="utf-8").splitlines()
    for line in lines:
        if line and not line.startswith("#"):
            for _ in range(10):
                yield line, views[int(rng.integers(len(views)))]


def _shares_words(example: Example, view: SchemaView) -> bool:
    if example.query is None or view is example.view:
        return True
    own = example.view
    wanted = {
        word
        for part in queries_in(example.query)
        for name in part.tables
        for word in own.tables[own.table_index[name]].stems
    }
    return bool(wanted & view.words)
