"""Scores of a memory's entries: the sentence before a good one is kept with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune import prune
from ctxprune.context.base import Context
from ctxprune.context.scores import Scores
from ctxprune.errors import UnknownNameError, UsageError
from ctxprune.rag import Passages
from ctxprune.rag.memory import Amendment, ExtractiveWriter, MemoryScorer, StructuredMemory
from ctxprune.scorers.base import Scorer

NOTES = {"properties": {"notes": {"type": "array", "items": {"type": "string"}}}}
PLACES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 5) | st.none(), st.floats(-4, 4, width=32)),
    unique_by=lambda row: row[:2],
)


class GivenScorer(Scorer):
    """Scores that are known beforehand, by the text of the unit."""

    def __init__(self, scores: dict[str, float]) -> None:
        self.scores = scores

    def score(self, query: str, context: Context[Any]) -> Scores:
        return np.asarray([self.scores.get(unit.text, 0.0) for unit in context.units], dtype=np.float32)


def test_who_is_meant_is_kept_with_what_is_said() -> None:
    memory = StructuredMemory(NOTES)
    text = "The bread was old. Ola came home at noon. He ate a red apple. The sun shone on the hill."
    memory.update(("day", text), ExtractiveWriter())
    question = "Who ate the apple?"
    alone = prune(question, memory.context(), scorer=MemoryScorer("lexical.v1", before=0.0), budget=18)
    both = prune(question, memory.context(), scorer=MemoryScorer("lexical.v1"), budget=18)
    assert alone.output == "[day] The bread was old. … He ate a red apple."
    assert both.output == "[day] Ola came home at noon. He ate a red apple."


@settings(max_examples=60, deadline=None)
@given(PLACES)
def test_only_the_sentence_before_gains(rows: list[tuple[int, int | None, float]]) -> None:
    memory = StructuredMemory(NOTES, budget=10_000)
    scores: dict[str, float] = {}
    for position in range(4):
        own = [(sentence, score) for chunk, sentence, score in rows if chunk == position]
        names = [f"chunk {position} sentence {sentence}" for sentence, _ in own]
        scores |= dict(zip(names, (score for _, score in own), strict=True))
        changes = zip(names, own, strict=True)
        memory.apply(
            f"text {position}", [Amendment("add", "/notes/-", name, None, sentence) for name, (sentence, _) in changes]
        )
    context = memory.context()
    plain = MemoryScorer(GivenScorer(scores), before=0.0).score("any", context)
    found = MemoryScorer(GivenScorer(scores)).score("any", context)
    place = {(entry.position, entry.sentence): index for index, entry in enumerate(context.entries)}
    assert found.dtype == np.float32
    assert found.shape == (len(rows),)
    for index, entry in enumerate(context.entries):
        behind = None if entry.sentence is None else place.get((entry.position, entry.sentence + 1))
        lent = 0.0 if behind is None else 0.9 * float(plain[behind])
        assert found[index] == pytest.approx(max(float(plain[index]), lent))


def test_an_empty_memory_has_no_scores() -> None:
    assert MemoryScorer().score("Who?", StructuredMemory(NOTES).context()).shape == (0,)


def test_another_context_is_refused() -> None:
    with pytest.raises(UsageError, match="Passages"):
        MemoryScorer().score("Who?", Passages(["A text."]))


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"before": 1.5}, UsageError),
        ({"before": -0.1}, UsageError),
        ({"before": "much"}, UsageError),
        ({"scorer": "no such scorer"}, UnknownNameError),
        ({"scorer": 3}, UsageError),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        MemoryScorer(**arguments)
