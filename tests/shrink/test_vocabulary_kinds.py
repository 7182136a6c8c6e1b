"""Smaller vocabularies of BPE and Unigram tokenizers: every text is read and written as before, in known pieces."""

from __future__ import annotations

import json
import random
from collections import Counter

import numpy as np
import pytest

tokenizers = pytest.importorskip("tokenizers")

from shrink import vocabularies  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.train.vocabulary import (  # noqa: E402
    choose_vocabulary,
    cut_tokenizer,
    load_tokenizer,
    select_entries,
    unknown_id,
    vocabulary_ids,
)
from ctxprune.train.vocabulary_kinds import kind_of  # noqa: E402

LETTERS = "abcdeghilnorstwü東🦊 ,\n"


def texts(seed: int, count: int = 60) -> list[str]:
    """Texts of known words, parts of them and other characters."""
    rng = random.Random(seed)
    words = " ".join(vocabularies.TEXTS).split()
    found = list(vocabularies.OTHERS)
    for _ in range(count):
        parts = [rng.choice(words)[: rng.randint(1, 8)] for _ in range(rng.randint(1, 6))]
        parts.append("".join(rng.choices(LETTERS, k=rng.randint(0, 5))))
        found.append(rng.choice([" ", ""]).join(parts))
    return found


@pytest.fixture(params=sorted(vocabularies.BUILDERS))
def document(request) -> dict:
    return json.loads(vocabularies.text_of(request.param))


def cut_at(document: dict, most: int, seed: int = 0) -> tuple[dict, list[int]]:
    counts = np.random.default_rng(seed).random(max(vocabulary_ids(document).values()) + 1)
    order = select_entries(document, counts, most)
    return cut_tokenizer(document, order), order


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
def test_every_text_is_read_as_before(document: dict, share: float):
    cut, order = cut_at(document, max(int(share * len(vocabulary_ids(document))), 1))
    before, after = load_tokenizer(document), load_tokenizer(cut)
    assert len(order) < len(vocabulary_ids(document))
    assert sorted(vocabulary_ids(cut).values()) == list(range(len(order)))
    known, same = set(order), 0
    old, new = unknown_id(document), unknown_id(cut)
    for text in texts(1):
        one, other = before.encode(text), after.encode(text)
        assert after.decode(other.ids, skip_special_tokens=False) == before.decode(one.ids, skip_special_tokens=False)
        assert Counter(other.ids)[new] == Counter(one.ids)[old]
        if known.issuperset(one.ids):
            same += 1
            assert [order[number] for number in other.ids] == one.ids
    assert same >= (5 if share == 0.9 else 1)


def test_the_file_means_what_the_library_reads(document: dict, tmp_path):
    cut, order = cut_at(document, 1)
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(cut), encoding="utf-8")
    found = tokenizers.Tokenizer.from_file(str(path))
    assert found.get_vocab_size() == len(order)
    assert found.get_vocab() == vocabulary_ids(cut)
    names = {number: name for name, number in vocabulary_ids(document).items()}
    assert {name: order[number] for name, number in found.get_vocab().items()} == {names[old]: old for old in order}
    assert {entry["content"] for entry in cut["added_tokens"]} == {
        entry["content"] for entry in document["added_tokens"]
    }
    assert load_tokenizer(document).encode("").tokens == found.encode("").tokens  # what stands around a text


def merged(symbols: list[str], ranks: dict, prefix: str, seen: set[str]) -> list[str]:
    """BPE as it is defined: the first merge of the list that applies anywhere, at its first place, until none does."""
    while True:
        seen.update(symbols)
        for left, right in ranks:
            places = [at for at in range(len(symbols) - 1) if (symbols[at], symbols[at + 1]) == (left, right)]
            if places:
                symbols = [*symbols[: places[0]], left + right.removeprefix(prefix), *symbols[places[0] + 2 :]]
                break
        else:
            return symbols


@pytest.mark.parametrize("name", ["llama2", "prefixed", "roberta", "suffixed"])
def test_parts_are_those_of_the_definition(name: str):
    document = json.loads(vocabularies.text_of(name))
    kind, model = kind_of(document), document["model"]
    prefix, suffix = model["continuing_subword_prefix"] or "", model["end_of_word_suffix"] or ""
    ranks = {tuple(pair): place for place, pair in enumerate(model["merges"])}
    reached = 0
    for piece in list(kind.ids)[4::3]:
        bare = piece.removeprefix(prefix).removesuffix(suffix) or piece
        symbols = [
            (prefix if at or (prefix and piece.startswith(prefix)) else "") + sign for at, sign in enumerate(bare)
        ]
        if suffix and piece.endswith(suffix):
            symbols[-1] += suffix
        seen: set[str] = set()
        if merged(symbols, ranks, prefix, seen) == [piece] and len(symbols) > 1:
            reached += 1
            assert kind.parts(piece) == (seen - {piece}) & kind.ids.keys()
        else:
            assert kind.parts(piece) == set()
    assert reached > 5


def test_the_most_frequent_pieces_stay():
    document = json.loads(vocabularies.text_of("llama3"))
    ids, whole = vocabulary_ids(document), load_tokenizer(document)
    order = choose_vocabulary(document, ["the bridge the bridge lower"], 290)
    names = {number: name for name, number in ids.items()}
    assert len(order) == 290
    wanted = whole.encode("the bridge").tokens
    assert "Ġbridge" in wanted
    cut = cut_tokenizer(document, order)
    assert load_tokenizer(cut).encode("the bridge").tokens == wanted
    assert ids["Ġbridge"] not in select_entries(document, np.zeros(400), 1)
    assert [names[number] for number in order[-2:]] == ["<|begin|>", "<|end|>"]  # behind the model's own


def test_fixed_ids_are_not_moved_without_saying_so():
    document = json.loads(vocabularies.text_of("xlm_roberta"))
    mask = vocabulary_ids(document)["<mask>"]
    with pytest.raises(UsageError, match="too small"):
        choose_vocabulary(document, ["the bridge"], 1, fixed=[1, mask])
    order = choose_vocabulary(document, ["the bridge"], 1, fixed=[1], kept=[mask])
    assert order[1] == 1
    assert mask in order
    padded = {**document, "padding": {"pad_id": 1, "pad_token": "<pad>"}}
    assert cut_tokenizer(padded, order)["padding"]["pad_id"] == 1


def test_merges_written_as_text_are_read():
    document = json.loads(vocabularies.text_of("roberta"))
    spelled = json.loads(json.dumps(document))
    spelled["model"]["merges"] = [" ".join(pair) for pair in document["model"]["merges"]]
    assert cut_at(spelled, 300) == cut_at(document, 300)


def test_what_pieces_are_merged_from_is_counted_with_them():
    model = {"type": "BPE", "vocab": {name: at for at, name in enumerate(["a", "b", "c", "ab", "bc", "abc", "abca"])}}
    model["merges"] = [["a", "b"], ["b", "c"], ["ab", "c"], ["abc", "a"]]
    counts = [0, 0, 0, 0, 4, 0, 5]
    # "ab" and "abc" are made on the way to "abca"; alone it has no room, and they stand for it
    assert select_entries({"model": model}, counts, 5) == [0, 1, 2, 3, 5]
    assert select_entries({"model": model}, counts, 6) == [0, 1, 2, 3, 5, 6]
