"""Fits the networks of the sketch generator: slots first, then templates, then the ranking of whole candidates."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ...generate.sketch.analysis import analyse, tokenize
from ...generate.sketch.features import column_features, question_features, read, table_features
from ...generate.sketch.labels import column_targets, number_role, operator_of, pair_target, table_targets
from ...generate.sketch.learn import Fit, Wide, dense, fit_net, sigmoid_loss, softmax_loss, vocabulary_of
from ...generate.sketch.model import Model, assemble_scores, remove_projection
from ...generate.sketch.scores import (
    NUMBER_ROLES,
    OPERATORS,
    Pair,
    candidate_pairs,
    pair_features,
    slot_features,
    value_features,
)
from ...generate.sketch.templates import read_template
from .examples import folds, handmade, learn_related

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ...generate.sketch.features import Features, Reading
    from ...generate.sketch.learn import Loss
    from ...generate.sketch.net import Net
    from ...generate.sketch.query import Query
    from .examples import Example

__all__ = ["Judged", "fit_rank", "fit_slots"]

_INNER = 3
_CUE_SHARE = 0.17
QUESTION = Fit(hidden=64, epochs=14, rate=2e-3, batch=64, dropout=0.3, drop_input=0.15, decay=2e-2)
COLUMN = Fit(hidden=40, epochs=8, rate=2e-3, batch=256, dropout=0.1, drop_input=0.1, decay=1e-2)
TABLE = Fit(hidden=24, epochs=8, rate=2e-3, batch=128, dropout=0.1, drop_input=0.1, decay=1e-2)
PAIR = Fit(hidden=24, epochs=12, rate=2e-3, batch=64, dropout=0.1, drop_input=0.1, decay=1e-2)
LITERAL = Fit(hidden=16, epochs=18, rate=2e-3, batch=64, dropout=0.1, drop_input=0.1, decay=1e-2)
RANK = Fit(hidden=40, epochs=8, rate=2e-3, batch=16, dropout=0.15, drop_input=0.05, decay=1e-3)


@dataclass(frozen=True)
class _Case:
    """An example with its reading and gold query."""

    example: Example
    reading: Reading
    query: Query


@dataclass(frozen=True)
class Judged:
    """The candidates of one question: their features, and whether each gives the gold result."""

    example: Example
    features: list[Features]
    right: list[bool]
    sql: list[str]
    empty: list[bool]


@dataclass(frozen=True)
class _Rows:
    """Feature rows of all cases with the row ranges of each."""

    rows: list[Features]
    ends: list[int]

    def range(self, case: int) -> slice:
        return slice(self.ends[case], self.ends[case + 1])


def fit_slots(examples: Sequence[Example], seed: int = 0) -> Model:
    """All networks but the ranking one. What a later network reads of an earlier one comes from databases that the
    earlier one was not fitted on."""
    known = [example for example in examples if example.query is not None]
    related = learn_related(known, handmade())
    cues = _cues(known)
    cases = [
        _Case(e, read(analyse(e.question, e.view, e.hits, related), e.view, cues), e.query)
        for e in known
        if e.query is not None
    ]
    nets: dict[str, Net] = {}
    nets["column"], columns = _fit_elements(cases, "column", COLUMN, 60, seed)
    nets["table"], tables = _fit_elements(cases, "table", TABLE, 40, seed)
    nets["operator"], nets["role"], literals = _fit_literals(cases, seed)
    nets["pair"], pairs = _fit_pairs(cases, columns, seed)
    rows: list[Features] = []
    for case, column, table, pair, literal in zip(cases, columns, tables, pairs, literals, strict=True):
        scores = assemble_scores(case.reading, (column, table[:, 0]), pair, literal)
        rows.append({**question_features(case.reading), **slot_features(scores)})
    shapes = [read_template(case.query) for case in cases]
    aspects: list[list[Any]] = [
        shapes,
        [shape.select for shape in shapes],
        [remove_projection(shape) for shape in shapes],
    ]
    lists = [_common(aspect, cases) for aspect in aspects]
    targets = [_one_hot(aspect, listed) for aspect, listed in zip(aspects, lists, strict=True)]
    vocabulary = vocabulary_of(rows, 5)
    nets["question"] = fit_net(
        dense(rows, vocabulary),
        np.concatenate(targets, axis=1),
        loss=_BlockSoftmax([target.shape[1] for target in targets]),
        vocabulary=vocabulary,
        how=replace(QUESTION, seed=seed),
    )
    return Model(nets, tuple(lists[0]), tuple(lists[1]), tuple(lists[2]), cues, related)


class _BlockSoftmax:
    """Several independent softmax losses over neighbouring blocks of outputs."""

    def __init__(self, widths: Sequence[int]) -> None:
        self.bounds = np.cumsum([0, *widths])

    def __call__(self, out: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.float32]:
        parts = [softmax_loss(out[:, a:b], target[:, a:b]) for a, b in pairwise(self.bounds.tolist())]
        return np.concatenate(parts, axis=1)


def _cues(examples: Sequence[Example]) -> frozenset[str]:
    """Words that many databases' questions share: they carry the grammar of a question."""
    seen: dict[str, set[str]] = defaultdict(set)
    for example in examples:
        for token in tokenize(example.question)[0]:
            if token.text.isalpha():
                seen[token.text].add(example.db_id)
    least = max(3, int(_CUE_SHARE * len({example.db_id for example in examples})))
    return frozenset(word for word, names in seen.items() if len(names) >= least)


def _common(values: Sequence[Any], cases: Sequence[_Case]) -> list[Any]:
    """Values seen in at least two databases, commonest first."""
    names: dict[Any, list[str]] = defaultdict(list)
    for value, case in zip(values, cases, strict=True):
        names[value].append(case.example.db_id)
    kept = [value for value, where in names.items() if len(set(where)) >= 2]
    return sorted(kept, key=lambda value: (-len(names[value]), str(value)))


def _one_hot(values: Sequence[Any], known: Sequence[Any]) -> NDArray[np.float32]:
    index = {value: i for i, value in enumerate(known)}
    target = np.zeros((len(values), len(known) + 1), np.float32)
    for row, value in enumerate(values):
        target[row, index.get(value, len(known))] = 1.0
    return target


def _element_rows(cases: Sequence[_Case], kind: str) -> tuple[_Rows, NDArray[np.float32]]:
    rows: list[Features] = []
    ends, targets = [0], []
    for case in cases:
        view = case.example.view
        if kind == "column":
            rows += [column_features(case.reading, n) for n in range(len(view.columns))]
            targets.append(column_targets(case.query, view))
        else:
            rows += [table_features(case.reading, n) for n in range(len(view.tables))]
            targets.append(table_targets(case.query, view))
        ends.append(len(rows))
    return _Rows(rows, ends), np.concatenate(targets)


def _fit_elements(
    cases: Sequence[_Case], kind: str, how: Fit, least: int, seed: int
) -> tuple[Net, list[NDArray[np.float32]]]:
    held, y = _element_rows(cases, kind)
    vocabulary = vocabulary_of(held.rows, least)
    x = dense(held.rows, vocabulary)
    out = _out_of_fold(x, y, cases, (held, vocabulary, replace(how, seed=seed)))
    net = fit_net(x, y, loss=sigmoid_loss, vocabulary=vocabulary, how=replace(how, seed=seed))
    return net, [out[held.range(i)] for i in range(len(cases))]


def _out_of_fold(
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    cases: Sequence[_Case],
    setup: tuple[_Rows, dict[str, int], Fit],
    loss: Loss = sigmoid_loss,
) -> NDArray[np.float32]:
    """Outputs for every row by a network that never saw its database."""
    held, vocabulary, how = setup
    fold = folds([case.example for case in cases], _INNER, how.seed + 1)
    number = np.concatenate(
        [np.full(held.ends[i + 1] - held.ends[i], fold[case.example.db_id]) for i, case in enumerate(cases)]
    )
    out = np.zeros((len(x), y.shape[1]), np.float32)
    for k in range(_INNER):
        inside = number != k
        net = fit_net(x[inside], y[inside], loss=loss, vocabulary=vocabulary, how=how)
        out[~inside] = np.maximum(x[~inside] @ net.w1 + net.b1, 0.0) @ net.w2 + net.b2
    return out


def _fit_pairs(
    cases: Sequence[_Case], columns: Sequence[NDArray[np.float32]], seed: int
) -> tuple[Net, list[list[Pair]]]:
    raw = [candidate_pairs(case.reading, column) for case, column in zip(cases, columns, strict=True)]
    rows: list[Features] = []
    ends, target = [0], []
    for case, pairs, column in zip(cases, raw, columns, strict=True):
        for pair in pairs:
            rows.append(pair_features(case.reading, pair, column))
            value, ref = case.reading.analysis.values[pair[0]], case.reading.view.columns[pair[1]].ref
            target.append([float(pair_target(case.query, value, ref))])
        ends.append(len(rows))
    held, y = _Rows(rows, ends), np.array(target, np.float32)
    vocabulary = vocabulary_of(rows, 20)
    x = dense(rows, vocabulary)
    how = replace(PAIR, seed=seed)
    out = _out_of_fold(x, y, cases, (held, vocabulary, how))[:, 0]
    net = fit_net(x, y, loss=sigmoid_loss, vocabulary=vocabulary, how=how)
    scored = [
        [Pair(float(s), v, c, text) for s, (v, c, text, _) in zip(out[held.range(i)], pairs, strict=True)]
        for i, pairs in enumerate(raw)
    ]
    return net, scored


def _fit_literals(
    cases: Sequence[_Case], seed: int
) -> tuple[Net, Net, list[tuple[NDArray[np.float32], NDArray[np.float32]]]]:
    rows: list[Features] = []
    ends, operators, roles = [0], [], []
    for case in cases:
        for number, value in enumerate(case.reading.analysis.values):
            rows.append(value_features(case.reading, number))
            operator, role = operator_of(case.query, value), number_role(case.query, value)
            operators.append([float(operator == name) for name in OPERATORS])
            roles.append([float(role == name) for name in NUMBER_ROLES])
        ends.append(len(rows))
    vocabulary = vocabulary_of(rows, 4)
    x, how, held = dense(rows, vocabulary), replace(LITERAL, seed=seed), _Rows(rows, ends)
    nets, outputs = [], []
    for target in (np.array(operators, np.float32), np.array(roles, np.float32)):
        outputs.append(_out_of_fold(x, target, cases, (held, vocabulary, how), softmax_loss))
        nets.append(fit_net(x, target, loss=softmax_loss, vocabulary=vocabulary, how=how))
    split = [(outputs[0][held.range(i)], outputs[1][held.range(i)]) for i in range(len(cases))]
    return nets[0], nets[1], split


def fit_rank(judged: Sequence[Judged], seed: int = 0, how: Fit = RANK) -> Net:
    """The ranking network: listwise over each question's candidates, right ones against wrong ones."""
    useful = [one for one in judged if any(one.right) and not all(one.right)]
    rows = [row for one in useful for row in one.features]
    names = vocabulary_of(rows, 100)
    vocabulary = {name: i for i, name in enumerate(name for name in names if not name.startswith("x"))}
    wide = Wide.of(rows, "x", 200)
    y = np.array([right for one in useful for right in one.right], np.float32)[:, None]
    ends = np.cumsum([0, *(len(one.right) for one in useful)]).tolist()
    groups = list(pairwise(ends))
    x = dense(rows, vocabulary)
    return fit_net(
        x, y, loss=softmax_loss, vocabulary=vocabulary, how=replace(how, seed=seed), groups=groups, wide=wide
    )
