"""Texts for several patterns at once, against a search through all short texts."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.rag.jsonschema.pattern_automaton import UndecidedPatternError, find_text

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


def test_long_texts_are_undecided() -> None:
    with pytest.raises(UndecidedPatternError):
        find_text(["a"], [], length=(5000, None))
