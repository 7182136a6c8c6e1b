"""The kind of a question: golden questions, and what of hostile text it makes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune.errors import UsageError
from ctxprune.sql.knowledge import QUESTION_KINDS, QuestionKind, question_kind
from ctxprune.sql.knowledge.question_kinds import OTHER, find_question_kinds
from ctxprune.text.words import fold

LINES = (Path(__file__).parent / "question_kinds.txt").read_text(encoding="utf-8").splitlines()
GOLDEN = [line.split(" | ", 1) for line in LINES if not line.startswith("#")]
SCHEMAS = {"", "change", "combine", "compare", "multiplicative compare", "equal groups", "ratio"}


@pytest.mark.parametrize(("kinds", "question"), GOLDEN)
def test_golden_kinds(kinds: str, question: str) -> None:
    assert ", ".join(kind.name for kind in find_question_kinds(question)) == kinds


def test_the_golden_questions_cover_every_kind_and_schema() -> None:
    found = [kind for _, question in GOLDEN for kind in find_question_kinds(question)]
    assert {kind.name for kind in found} == {*QUESTION_KINDS, OTHER}
    assert {kind.schema for kind in found} == SCHEMAS


def test_a_kind_says_by_which_words() -> None:
    kind = question_kind("What PERCENTAGE, i.e. what share of customers, pays late?")
    assert kind == QuestionKind("share", "ratio", ("percentage", "share of"))
    assert str(kind) == 'share (ratio), by "percentage, share of"'
    assert str(question_kind("")) == OTHER


@pytest.mark.parametrize("question", [None, 7, b"how many", ["how many"]])
def test_what_is_no_text_is_refused(question: object) -> None:
    with pytest.raises(UsageError, match="not a text"):
        question_kind(question)


PIECES = ("how many", "more than", "each", "%", "'\"", ".", "left", "now", "or", "which", "3")


@given(st.text(max_size=200) | st.lists(st.sampled_from(PIECES)).map(" ".join))
def test_every_text_has_kinds_whose_words_it_holds(question: str) -> None:
    kinds = find_question_kinds(question)
    names = [kind.name for kind in kinds]
    assert names == [OTHER] or names == [name for name in QUESTION_KINDS if name in names]
    text = " ".join(fold(question).split())
    for kind in kinds:
        assert kind.name == OTHER or kind.cues
        assert all(cue in text or "_" in cue for cue in kind.cues)


@pytest.mark.parametrize("piece", ["how many ", "more ", "which larger ", "'", '"a', "as many ", "%" * 7, "\x00", "️"])
def test_a_huge_question_is_read_to_a_limit(piece: str) -> None:
    huge = piece * 500_000
    assert find_question_kinds(huge) == find_question_kinds(huge[:4_000])
