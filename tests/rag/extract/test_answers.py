"""Answers of models as JSON: what is repaired, what is refused, and that values stay as they are."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.errors import InputError
from ctxprune.rag.extract.answers import parse_answer

REPAIRED = [
    ('[{"a": 1}]', [{"a": 1}]),
    ('Sure! Here it is:\n```json\n[{"a": 1}]\n```\nAnything else?', [{"a": 1}]),
    ('```\n{"a": 1}', {"a": 1}),
    ("The list is [{'a': 'x', \"b\": \"y\",}].", [{"a": "x", "b": "y"}]),
    ("{a: 1, b_c: True, d: None}", {"a": 1, "b_c": True, "d": None}),
    ('[{"a": "x"} {"a": "y"}]', [{"a": "x"}, {"a": "y"}]),
    ('{"a": "x"\n "b": "y"}', {"a": "x", "b": "y"}),
    ("{“a”: “x”}", {"a": "x"}),
    ('{"a": "say "hi" now", "b": 1}', {"a": 'say "hi" now', "b": 1}),
    ('[{"a": 1}, {"a": 2, "b": "cu', [{"a": 1}, {"a": 2}]),
    ('[{"a": 12', [{}]),
    ('{"a": 1 // one\n, "b": 2}', {"a": 1, "b": 2}),
    ("[]", []),
]


@pytest.mark.parametrize(("answer", "value"), REPAIRED, ids=[answer[:25] for answer, _ in REPAIRED])
def test_syntax_is_repaired(answer: str, value: object) -> None:
    assert parse_answer(answer)[0] == value


@pytest.mark.parametrize(
    "answer",
    [
        "",
        " \n",
        "I found no record.",
        "3",
        '"text"',
        "{a: Jo Black, 3}",
        "[" * 5_000,
        '{"a":' * 500,
        "[a]",
        '[{"a": NaN}]',
        '[{"a": -1e999}]',
        "[{'a': Infinity}]",
    ],
    ids=lambda answer: answer[:20],
)  # fmt: skip
def test_what_is_no_json_is_refused(answer: str) -> None:
    with pytest.raises(InputError):
        parse_answer(answer)


def test_a_megabyte_is_refused() -> None:
    with pytest.raises(InputError, match="200,000"):
        parse_answer('[{"a": "' + "x" * 1_000_000 + '"}]')


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-999, 10**12) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=80, deadline=None)
@given(st.lists(JSON, max_size=3))
def test_json_comes_back_as_it_is(value: list[object]) -> None:
    assert parse_answer(json.dumps(value)) == (value, ())
    assert parse_answer(f"```json\n{json.dumps(value, indent=1)}\n```")[0] == value


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.dictionaries(st.sampled_from("abc"), st.sampled_from(["x y", "3", "ü"]), max_size=3), max_size=4),
    st.data(),
)
def test_a_cut_answer_gives_only_whole_values(value: list[dict[str, str]], data: st.DataObject) -> None:
    text = json.dumps(value)
    cut = text[: data.draw(st.integers(1, len(text)))]
    found = parse_answer(cut)[0]
    assert found == value[: len(found)] or (
        found[:-1] == value[: len(found) - 1] and found[-1].items() <= value[len(found) - 1].items()
    )


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="[]{}:,\"' ab1\\\n`", max_size=60))
def test_noise_is_read_or_refused(text: str) -> None:
    try:
        value, _ = parse_answer(text)
    except InputError:
        return
    assert isinstance(value, (dict, list))
