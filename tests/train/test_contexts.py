"""Labelled documents as a context."""

from __future__ import annotations

from ctxprune.context.base import Context
from ctxprune.train.contexts import DocumentsContext
from ctxprune.train.sentence_sets import Document


def test_units_are_sentences():
    two = (Document("T", ("a", "b"), (False, True)), Document("", ("c",), (False,)))
    context = DocumentsContext(two, "table")
    assert isinstance(context, Context)
    assert [unit.text for unit in context.units] == ["a", "b", "c"]
    assert (context.titles, context.labels, context.sources) == (("T", ""), (False, True, False), (0, 0, 1))
    assert (context.render([2, 0, 0]), context.kind) == (["a", "c"], "table")
