"""Smaller vocabularies: what stays, where it stands, and that every text is still read."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

tokenizers = pytest.importorskip("tokenizers")

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.train.vocabulary import count_tokens, cut_tokenizer, select_entries  # noqa: E402
from ctxprune.train.vocabulary_kinds import kind_of  # noqa: E402

LETTERS = "abcdeé1."
WORDS = ["abc", "bad", "cab", "##ab", "##de", "abé", "ab"]
NAMES = ["[PAD]", "[UNK]", "[CLS]", *LETTERS, *(f"##{letter}" for letter in LETTERS if letter != "é"), *WORDS]
DOCUMENT = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [
        {"id": number, "content": name, "special": True, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False}
        for number, name in enumerate(NAMES[:3])
    ],
    "normalizer": None,
    "pre_tokenizer": {"type": "WhitespaceSplit"},
    "post_processor": None,
    "decoder": None,
    "model": {
        "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
        "vocab": {name: number for number, name in enumerate(NAMES)},
    },
}  # fmt: skip
IDS = DOCUMENT["model"]["vocab"]


def tokenizer(document: dict):
    return tokenizers.Tokenizer.from_str(json.dumps(document))


def test_the_most_frequent_pieces_stay_with_all_single_characters() -> None:
    counts = np.zeros(len(NAMES))
    counts[[IDS["bad"], IDS["##de"]]] = 5, 9
    least = select_entries(DOCUMENT, counts, 1)
    assert {NAMES[number] for number in least} == {*NAMES[:18], "abé"}  # é stands inside of no word but in this piece
    more = select_entries(DOCUMENT, counts, len(least) + 2)
    assert {NAMES[number] for number in set(more) - set(least)} == {"bad", "##de"}
    tie = select_entries(DOCUMENT, np.zeros(len(NAMES)), len(least) + 1)
    assert NAMES[(set(tie) - set(least)).pop()] == "abc"


def test_fixed_ids_stay_where_they_are() -> None:
    order = select_entries(DOCUMENT, np.zeros(len(NAMES)), 1, fixed=[0, 1, 2, IDS["##1"], IDS["ab"]])
    assert [order[number] for number in (0, 1, 2, IDS["##1"])] == [0, 1, 2, IDS["##1"]]
    assert IDS["ab"] in order
    assert len(set(order)) == len(order)


def test_the_tokenizer_names_the_new_places() -> None:
    order = select_entries(DOCUMENT, np.zeros(len(NAMES)), 1)
    cut = cut_tokenizer(DOCUMENT, order)
    assert sorted(cut["model"]["vocab"].values()) == list(range(len(order)))
    assert all(order[new] == IDS[name] for name, new in cut["model"]["vocab"].items())
    assert len(DOCUMENT["model"]["vocab"]) == len(NAMES)
    assert tokenizer(cut).encode("abc abé").tokens == ["a", "##b", "##c", "abé"]


@given(st.lists(st.text(LETTERS + "x", min_size=1, max_size=9), max_size=6), st.integers(1, 30), st.randoms())
def test_no_word_turns_unknown(words: list[str], most: int, rng: random.Random) -> None:
    text = " ".join(words)
    counts = np.asarray([rng.random() for _ in NAMES])
    before = tokenizer(DOCUMENT).encode(text)
    after = tokenizer(cut_tokenizer(DOCUMENT, select_entries(DOCUMENT, counts, most))).encode(text)
    assert before.tokens.count("[UNK]") == after.tokens.count("[UNK]")


def test_counts_and_prior() -> None:
    counts = count_tokens(tokenizer(DOCUMENT), ["abc abc", "bad"] * 1000, size=len(NAMES))
    assert counts[IDS["abc"]] == 2000
    assert counts[IDS["bad"]] == 1000
    assert counts.sum() == 3000
    prior = kind_of({"model": {"type": "WordPiece", "vocab": {str(number): number for number in range(3000)}}}).prior()
    assert prior[1995] == 0
    assert prior[1996] == pytest.approx(1 / 996)
    assert prior[2500] > prior[2501] > 0


def test_what_is_refused() -> None:
    with pytest.raises(UsageError, match="'WordLevel'"):
        select_entries({"model": {"type": "WordLevel", "vocab": {}}}, [], 1)
    with pytest.raises(UsageError):
        select_entries(DOCUMENT, np.zeros(len(NAMES)), 0)
    with pytest.raises(UsageError):
        select_entries(DOCUMENT, np.zeros(3), 4)
    with pytest.raises(UsageError):
        select_entries(DOCUMENT, np.zeros(len(NAMES)), 4, fixed=[999])
    with pytest.raises(UsageError):
        cut_tokenizer(DOCUMENT, [0, 0, 1, 2])
    with pytest.raises(UsageError, match="added piece"):
        cut_tokenizer(DOCUMENT, [0, 1, 5])
