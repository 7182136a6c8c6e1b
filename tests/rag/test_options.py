"""Options of passages: protected patterns, titles, pronouns."""

from __future__ import annotations

import time

import pytest

from ctxprune import TopK, prune
from ctxprune.errors import UsageError
from ctxprune.rag import Passage, PassageOptions, Passages
from ctxprune.rag.passages.patterns import compile_safely, matches_any

TEXT = "The tower is in Paris. It was built in 1889. This was long ago. Warning: keep out. Bananas are yellow."


def test_protected_units_are_never_dropped() -> None:
    options = PassageOptions(protect=(r"(?i)\bWARNING:", r"\d{4}"))
    passage = Passage(TEXT, options=options)
    assert [unit.pinned for unit in passage.units] == [False, True, False, True, False]
    result = prune("bananas", passage, policy=TopK(3))
    assert result.output == "It was built in 1889. … Warning: keep out. Bananas are yellow."
    assert [unit.reason for unit in result.kept] == ["pinned", "pinned", "selected"]


def test_a_pronoun_brings_the_sentence_before_along_and_that_one_its_own() -> None:
    passage = Passage(TEXT, options=PassageOptions(pronouns=True))
    assert [unit.requires for unit in passage.units] == [(), (0,), (1,), (), ()]
    result = prune("long ago", passage, policy=TopK(3))
    assert result.output == "The tower is in Paris. It was built in 1889. This was long ago."
    assert Passage("It is.", options=PassageOptions(pronouns=True)).units[0].requires == ()
    assert Passage("# A\nIt is.", options=PassageOptions(pronouns=True)).units[1].requires == ()
    many = Passages(["One.", "Two. He left."], options=PassageOptions(pronouns=True))
    assert [unit.requires for unit in many.units] == [(), (), (1,)]


def test_the_title_of_each_text_comes_along() -> None:
    many = Passages(["Towers\nOne. Two.", "", "Pears\nThree."], options=PassageOptions(title=True))
    assert [unit.parent for unit in many.units] == [None, 0, 0, None, 3]
    assert prune("three", many, policy=TopK(2), scorer="lexical.v1").output == ["", "", "Pears\nThree."]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"markdown": 1}, "markdown is 1"),
        ({"title": "yes"}, "title is 'yes'"),
        ({"protect": "abc"}, "protect is a str"),
        ({"protect": None}, "protect is a NoneType"),
        ({"protect": ("(",)}, "no regular expression"),
        ({"protect": (b"x",)}, "a pattern is a bytes"),
        ({"protect": ("(a+)+b",)}, "could take too long"),
    ],
)
def test_options_are_checked(options, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        PassageOptions(**options)
    with pytest.raises(UsageError, match="options is a dict"):
        Passage("a", options={})


def test_pronouns_of_other_languages_are_refused() -> None:
    with pytest.raises(UsageError, match="no pronouns are known for the language 'de'"):
        Passage("Es ist.", language="de", options=PassageOptions(pronouns=True))


@pytest.mark.parametrize(
    "pattern",
    [r"(a+)+$", r"(a|a)*b", r"(a|aa)+$", r"(?:x*)*", r"(.*)(.*)(.*)x", r"(a)\1", r"(?:a?){30}a{30}",
     "a?" * 30 + "a" * 30,
     r"(?:(?:ab)+c)+", r"(?=(a+)+b)", r"(a{1,20}){1,20}", r".*a.*b", "|".join("abc") * 200, "(a|aa)" * 30 + "b",
     r"(x+|y+)(x+|y+)"],
)  # fmt: skip
def test_patterns_that_could_run_for_ages_are_refused(pattern: str) -> None:
    with pytest.raises(UsageError, match="could take too long"):
        compile_safely(pattern)


@pytest.mark.parametrize(
    "pattern",
    [r"\bfoo\b", r"(?i)warning|danger", r"^\s*TODO", r"<keep>.*?</keep>", r"\$\d+(?:\.\d{2})?", r"(?:ab)+",
     r"[A-Z]{2,5}-\d+",
     r"(?:\d{3} ){2,}", r"\d{1,9}[.,]\d{1,9}", r"a.*b", r".*b",
     r"TODO.*|FIXME.*", r"(?<!x)y(?=z)", ""],
)  # fmt: skip
def test_ordinary_patterns_are_allowed_and_fast_on_hostile_text(pattern: str) -> None:
    compiled = compile_safely(pattern)
    start = time.process_time()
    for text in ("a" * 5000, " " * 5000, "<keep>" * 1000, "ab" * 3000, "$1" * 3000, "AB-" * 2000):
        matches_any([compiled], text)
    assert time.process_time() - start < 3


def test_long_units_are_searched_to_the_end() -> None:
    needle = compile_safely("needle")
    for at in (0, 498, 990, 1000, 1998, 4995):
        assert matches_any([needle], "x" * at + "needle" + "y" * (5000 - at))
    assert not matches_any([needle], "x" * 5000)
    assert not matches_any([], "needle")
