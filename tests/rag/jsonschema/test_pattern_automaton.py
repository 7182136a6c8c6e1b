"""Texts for several patterns at once, against a search through all short texts."""

from __future__ import annotations

import re
from itertools import product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.rag.jsonschema.pattern_automaton import UndecidedPatternError, find_text
from ctxprune.rag.jsonschema.pattern_samples import sample_match
from ctxprune.rag.jsonschema.validator import matches_pattern

ALPHABET = "abc"
ALL = ["".join(chars) for size in range(5) for chars in product(ALPHABET, repeat=size)]

_atoms = st.sampled_from(["a", "b", "c", ".", "[ab]", "[^a]"])
_bodies = st.recursive(
    _atoms,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}"])).map(lambda two: f"({two[0]}){two[1]}"),
    ),
    max_leaves=4,
)
_patterns = st.tuples(st.sampled_from(["", "^"]), _bodies, st.sampled_from(["", "$"])).map("".join)


@settings(max_examples=150, deadline=None)
@given(st.lists(_patterns, max_size=2), st.lists(_patterns, max_size=2), st.integers(0, 3), st.integers(0, 4))
def test_as_a_search_through_all_short_texts(like: list[str], unlike: list[str], least: int, more: int) -> None:
    most = min(least + more, 4)
    only = [*like, "^[abc]*$"]
    wanted = [
        text
        for text in ALL
        if least <= len(text) <= most
        and all(re.search(pattern, text) for pattern in like)
        and not any(re.search(pattern, text) for pattern in unlike)
    ]
    found = find_text(only, unlike, length=(least, most))
    assert (found in wanted) if wanted else found is None
    if wanted:
        assert len(str(found)) == len(wanted[0])  # a shortest one
        following = find_text(only, unlike, length=(least, most), other=wanted)
        assert following is None


@pytest.mark.parametrize(
    ("like", "unlike", "length", "expected"),
    [
        (["^a", "b$"], [], (0, None), "ab"),
        (["^a", "^b"], [], (0, None), None),
        ([], ["^.*$"], (0, None), "\n"),
        (["^\\d$"], ["[0-8]"], (0, None), "9"),
        (["^\\w$"], ["[a-zA-Z0-9]"], (0, None), "_"),
        (["^(x-|y)", "z$"], ["^x-"], (4, 9), "yaaz"),
        (["a|^b"], ["a"], (0, None), "b"),
        (["^[^\\s\\S]$"], [], (0, None), None),
        ([], [], (3, 3), "aaa"),
        ([""], [], (0, 0), ""),
    ],
)
def test_texts_and_proofs(like: list[str], unlike: list[str], length: tuple[int, int | None], expected: object) -> None:
    assert find_text(like, unlike, length=length) == expected


@pytest.mark.parametrize(
    "pattern",
    ["(?=a)b", "(a)\\1", "\\bfoo", "a^b", "a$b", "(^a)*", "(?i)a", "a{,3}", "(", "^(a{60}){60}$", "\\p{L}", "(?>a)"],
)
def test_what_is_not_supported_is_undecided(pattern: str) -> None:
    with pytest.raises(UndecidedPatternError):
        find_text([pattern], [])


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("^[[a]$", "a"),
        ("^[a&&b]$", "a"),
        ("^[a||~~]$", "a"),
        ("^[[]$", "["),
        ("^\\[[a]\\]$", "[a]"),
        ("^[^[a-z]$", "A"),
    ],
)
def test_sets_that_python_warns_of(pattern: str, expected: str) -> None:
    assert find_text([pattern], []) == expected
    assert matches_pattern(pattern, str(sample_match(pattern, Random(0))))


@pytest.mark.parametrize("pattern", ["^[]a]$", "[^]", "[a--b]"])
def test_sets_that_python_reads_in_another_way_are_undecided(pattern: str) -> None:
    with pytest.raises(UndecidedPatternError):
        find_text([pattern], [])
    assert sample_match(pattern, Random(0)) is None


def test_large_derivatives_are_undecided() -> None:
    pattern = "".join(f"[{chr(0x4E00 + place)}-{chr(0x5E00 - place)}]?" for place in range(100))
    steps: list[int] = []
    for _ in range(2):  # searched, and known from before
        with pytest.raises(UndecidedPatternError):
            find_text([pattern], ["^.{0,3}"], step=steps.append)
    assert steps[0] == steps[1] > 1000


def test_long_texts_are_undecided() -> None:
    with pytest.raises(UndecidedPatternError):
        find_text(["a"], [], length=(5000, None))
