"""What a person is told about an answer that is not sure: the nearest columns, and a question back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctxprune.models.vectors import load_vectors
from ctxprune.text.words import stem, words

from ..linking.words import name_stems, natural
from ..select.forms import read_form
from ..select.names import SchemaNames

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..schema.schema import Schema
    from ..select.forms import Form

__all__ = ["find_nearest", "question_back"]

_NEAR = 0.35  # cosine from which a column is worth telling
_MOST = 3
_MOST_COLUMNS = 5_000  # of a schema that are compared


def find_nearest(texts: Sequence[str], schema: Schema) -> tuple[str, ...]:
    """Up to three columns ("table.column") whose names are nearest in meaning to some words, the nearest first."""
    refs = list(schema.refs())[:_MOST_COLUMNS]
    asked = _mean_vectors([tuple(map(stem, words(text))) for text in texts])
    named = _mean_vectors([name_stems(ref.column) for ref in refs])
    if not len(asked) or not len(named):
        return ()
    near = (named @ asked.T).max(axis=1)
    order = np.argsort(-near, kind="stable")[:_MOST]
    return tuple(f"{refs[i].table}.{refs[i].column}" for i in order.tolist() if near[i] >= _NEAR)


def _mean_vectors(texts: Sequence[tuple[str, ...]]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Unit vectors of texts as stems, float32 (n, d); zeros where no word is known."""
    vectors = load_vectors()
    rows = np.array([vectors.of(text or ("?",)).mean(axis=0) for text in texts], dtype=np.float32)
    if not len(rows):
        return rows.reshape(0, 0)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6), dtype=np.float32)


def question_back(sql: str, other: str, schema: Schema) -> str:
    """A question that tells two queries apart: "first name or city?"; "" where they differ in more than a column."""
    forms = read_form(sql, schema.dialect), read_form(other, schema.dialect)
    # Only queries of one shape: the column is then all that has to be decided.
    if forms[0] is None or forms[1] is None or forms[0].skeleton != forms[1].skeleton:
        return ""
    names = SchemaNames(schema)
    mine, theirs = (_columns(form, names) for form in forms if form is not None)
    first, second = sorted(mine - theirs), sorted(theirs - mine)
    if len(first) != 1 or len(second) != 1:
        return ""
    said = [natural(column) for _, column in (first[0], second[0])]
    if said[0] == said[1]:
        said = [f"{natural(table)} {natural(column)}" for table, column in (first[0], second[0])]
    return f"Do you mean {said[0]} or {said[1]}?"


def _columns(form: Form, names: SchemaNames) -> frozenset[tuple[str, str]]:
    """The stored columns that a query uses other than for joining, in lower case."""
    found = set()
    for scope in form.scopes:
        refs = (*scope.used, *scope.shown, *scope.group, *(ref for _, ref in scope.aggregates))
        found |= {column for ref in refs if (column := names.resolve(ref, scope)) is not None}
    return frozenset(found)
