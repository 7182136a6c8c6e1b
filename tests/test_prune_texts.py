"""`ctxprune.prune` on plain texts and with a bare budget."""

from __future__ import annotations

import asyncio

import pytest

from ctxprune import Passage, Passages, TokenBudget, aprune, prune
from ctxprune.errors import BudgetError, UsageError

TEXT = "Paris is in France. The moon has no air. Rome is in Italy."
QUESTION = "Where is Paris?"


def test_a_text_is_a_passage():
    result = prune(QUESTION, TEXT, budget=6, scorer="lexical.v1")
    assert result.output == "Paris is in France."
    assert (
        result.to_dict()["units"]
        == (prune(QUESTION, Passage(TEXT), policy=TokenBudget(6), scorer="lexical.v1").to_dict()["units"])
    )
    assert prune(QUESTION, TEXT).output  # the bundled model and the adaptive policy


@pytest.mark.parametrize("texts", [[TEXT, "Berlin."], (TEXT, "Berlin.")])
def test_texts_are_passages(texts):
    result = prune(QUESTION, texts, budget=8, scorer="lexical.v1")
    expected = prune(QUESTION, Passages(texts), policy=TokenBudget(8), scorer="lexical.v1")
    assert result.output == expected.output


def test_the_async_form_says_the_same():
    result = asyncio.run(aprune(QUESTION, TEXT, budget=6, scorer="lexical.v1"))
    assert result.output == prune(QUESTION, TEXT, budget=6, scorer="lexical.v1").output


def test_wrong_arguments():
    with pytest.raises(UsageError, match="both budget and policy"):
        prune(QUESTION, TEXT, budget=6, policy="top_k.v1")
    with pytest.raises(UsageError, match="not a context"):
        prune(QUESTION, 7)
    with pytest.raises(UsageError, match="not a context"):
        prune(QUESTION, [TEXT, 7])
    with pytest.raises(BudgetError):
        prune(QUESTION, TEXT, budget=0)
    with pytest.raises(UsageError, match="budget"):
        prune(QUESTION, TEXT, budget="many")
