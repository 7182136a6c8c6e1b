"""Follow-ups by rule: the fixture's pairs, and what holds for any text."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.sql.rewrite import REWRITERS, Turn, Vocabulary
from ctxprune.sql.rewrite.rule import RULES, RuleRewriter
from ctxprune.text.words import words

GLUE = set(words("what is are the of that and or each for with distinct"))


def _cases() -> list[tuple[str, str, str]]:
    found, earlier = [], ""
    for line in (Path(__file__).parent / "follow_ups.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("  "):
            asked, arrow, full = line.strip().partition(" -> ")
            asked = asked if arrow else asked.removesuffix(" =")
            found.append((earlier, asked, full if arrow else asked))
        elif line and not line.startswith("#"):
            earlier = line
    return found


CASES = _cases()
EARLIER = sorted({case[0] for case in CASES})
PIECES = sorted(
    {word for case in CASES for word in case[1].split()} | {"not", "without", "it", "per", '"', "7", "Łódź"}
)
FRAGMENTS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=7).map(" ".join) | st.text(max_size=60)


@pytest.mark.parametrize(("earlier", "asked", "full"), CASES)
def test_a_follow_up_says_what_it_means(earlier: str, asked: str, full: str, vocabulary: Vocabulary) -> None:
    rewritten = RuleRewriter().rewrite(asked, [Turn(earlier, earlier)], vocabulary)
    assert rewritten.question == full
    assert rewritten.asked == asked
    assert rewritten.changed == (rewritten.rewriter == "rule.v1") == (asked != full)
    assert rewritten.reason


@pytest.mark.parametrize("question", EARLIER)
def test_a_complete_question_needs_no_other(question: str, vocabulary: Vocabulary) -> None:
    for earlier in EARLIER:
        assert RuleRewriter().rewrite(question, [Turn(earlier, earlier)], vocabulary).kind == "complete"


def test_a_full_question_is_complete(vocabulary: Vocabulary) -> None:
    for earlier, _, full in CASES:
        if full[0].isupper():
            again = RuleRewriter().rewrite(full, [Turn(earlier, earlier)], vocabulary)
            assert (again.kind, again.question) == ("complete", full)


def test_every_rule_is_used(vocabulary: Vocabulary) -> None:
    used = {RuleRewriter().rewrite(asked, [Turn(one, one)], vocabulary).kind for one, asked, _ in CASES}
    assert used >= {kind for kind, _, _ in RULES}


def test_without_an_earlier_question_nothing_is_resolved(vocabulary: Vocabulary) -> None:
    rewritten = RuleRewriter().rewrite("and in Japan?", [], vocabulary)
    assert (rewritten.question, rewritten.kind) == ("and in Japan?", "unresolved")
    assert "before" in rewritten.reason


@settings(max_examples=100, deadline=None)
@given(earlier=st.sampled_from(EARLIER), asked=FRAGMENTS)
def test_a_full_question_says_nothing_that_nobody_said(earlier: str, asked: str, vocabulary: Vocabulary) -> None:
    rewritten = RuleRewriter().rewrite(asked, [Turn(earlier, earlier)], vocabulary)
    assert set(words(rewritten.question)) <= set(words(earlier)) | set(words(asked)) | GLUE
    if not rewritten.changed:
        assert rewritten.question == asked


@pytest.mark.parametrize(
    "asked",
    [
        "a" * 9_000 + " also",
        "Show " + "a " * 4_000 + "also",
        "Show" + " " * 9_000 + "those among them",
        "singer this singer " * 500,
        "this capacity " * 700,
        "for each singer, " * 500,
        "show the age and " * 500,
        "what about those that " * 400,
    ],
)
def test_long_questions_are_read_in_little_time(asked: str, vocabulary: Vocabulary) -> None:
    for earlier in ("Show the name of all singers from France.", asked):
        begun = time.process_time()
        RuleRewriter().rewrite(asked, [Turn(earlier, earlier)], vocabulary)
        assert time.process_time() - begun < 3


def test_only_the_last_question_counts(vocabulary: Vocabulary) -> None:
    turns = [Turn(one, one) for one in ("How many stadiums are there in Brechin?", "How many singers are from France?")]
    assert RuleRewriter().rewrite("and Japan?", turns, vocabulary).question == "How many singers are from Japan?"


def test_it_is_registered() -> None:
    assert REWRITERS.get("rule") is RuleRewriter
    assert {"chat.v1", "rule.v1"} <= set(REWRITERS.names())
