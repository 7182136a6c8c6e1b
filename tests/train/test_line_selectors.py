"""Selectors of lines without a model, shares, and mixes of sources."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.errors import InputError, UnknownNameError, UsageError
from ctxprune.models.vectors import load_vectors
from ctxprune.text.words import terms, words
from ctxprune.train.line_mix import mix_counts, parse_mix
from ctxprune.train.line_selectors import LINE_SELECTORS, Line, line_text
from ctxprune.train.line_selectors.importance import ImportanceSelector, hash_ngrams
from ctxprune.train.line_selectors.nearest import NearestSelector
from ctxprune.train.select_lines import LineFile, index_lines, keep_counts, keep_share

TEXTS = ["the cat sat on the mat", "SELECT name FROM city", "prices of oil rose", "", "the oil city", "a cat, a dog"]
LIKE = ["oil prices fell", "the price of oil"]


def lines_of(rows: list[dict[str, object]]) -> list[Line]:
    return [Line(number, json.dumps(row).encode() + b"\n", row) for number, row in enumerate(rows, 1)]


def texts(given: list[str]) -> list[Line]:
    return lines_of([{"text": text} for text in given])


def test_the_importance_is_that_of_plain_counts():
    def grams(text: str) -> list[tuple[str, ...]]:
        found = words(text)
        return [(word,) for word in found] + list(pairwise(found))

    own = Counter(gram for text in TEXTS for gram in grams(text))
    like = Counter(gram for text in LIKE for gram in grams(text))
    found = ImportanceSelector(texts(LIKE)).score(texts(TEXTS))
    for text, score in zip(TEXTS, found, strict=True):
        slow = [
            math.log((like[gram] + 1) / (like.total() + 10_000)) - math.log((own[gram] + 1) / (own.total() + 10_000))
            for gram in grams(text)
        ]
        if slow:
            assert score == pytest.approx(sum(slow) / len(slow))
    assert found.argmax() == 2
    assert found[3] == found.min()


def test_hashes_of_neighbouring_numbers_are_spread_and_ordered_pairs_differ():
    assert len(set(hash_ngrams(np.arange(100)).tolist())) > 190
    assert hash_ngrams(np.asarray([1, 2]))[2] != hash_ngrams(np.asarray([2, 1]))[2]
    assert hash_ngrams(np.zeros(0, dtype=np.int64)).shape == (0,)
    assert hash_ngrams(np.asarray([5])).shape == (1,)
    assert hash_ngrams(np.asarray([2**62, -1])).min() >= 0


def test_the_nearest_are_those_of_a_plain_loop():
    vectors = load_vectors()

    def slow(text: str) -> np.ndarray:
        total = np.zeros(vectors.table.shape[1])
        for term in terms(text):
            total += vectors.rarity([term])[0] * vectors.of([term])[0]
        return total / max(float(np.linalg.norm(total)), 1e-9)

    found = NearestSelector(texts(LIKE)).score(texts(TEXTS * 50))
    assert found.shape == (300,)
    for text, score in zip(TEXTS, found, strict=False):
        assert score == pytest.approx(max(slow(text) @ slow(like) for like in LIKE) if text else -1, abs=1e-5)
    assert found[:6].argmax() == 2


@pytest.mark.parametrize("name", LINE_SELECTORS.names())
def test_every_selector_is_finite_deterministic_and_takes_anything(name: str):
    build = LINE_SELECTORS.get(name)
    odd = texts(["\ud800", "\x00", "日本語", "a" * 100_000, " "]) + lines_of([{"text": None}, {}, {"text": [1, {}]}])
    selector = build(texts(LIKE)) if build.compared else build(7)
    scores = selector.score(odd)
    assert scores.shape == (8,)
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()
    assert (scores == selector.score(odd)).all()
    assert selector.score([]).shape == (0,)


@pytest.mark.parametrize("build", [ImportanceSelector, NearestSelector])
def test_nothing_to_compare_with_is_refused(build):
    for wordless in ([], texts(["", "?!"])):
        with pytest.raises(UsageError, match="word"):
            build(wordless).score(texts(TEXTS))


ROWS = st.lists(
    st.tuples(st.integers(0, 6), st.sampled_from("abc"), st.floats(-1, 1, allow_subnormal=False)),
    min_size=1,
    max_size=30,
)


@settings(max_examples=80, deadline=None)
@given(ROWS, st.floats(0.01, 1), st.sampled_from([0.0, 0.3, 0.9]), st.integers(0, 3))
def test_a_share_is_met_by_whole_questions(rows, share, explore, seed):
    index = index_lines(lines_of([{"query": f"q{query}", "source": source} for query, source, _ in rows]))
    scores = np.asarray([score for *_, score in rows])
    kept = keep_share(index, scores, share, explore=explore, seed=seed)
    assert (kept == keep_share(index, scores, share, explore=explore, seed=seed)).all()
    sizes = np.bincount(index.questions)
    for question in range(len(sizes)):
        assert len(set(kept[index.questions == question].tolist())) == 1
    wanted = share * len(rows) - 1e-9
    assert wanted <= kept.sum() < wanted + sizes.max() + 1
    assert not explore or keep_share(index, scores, 1.0, explore=explore).all()


@settings(max_examples=80, deadline=None)
@given(ROWS, st.sampled_from([0.0, 0.5]), st.booleans())
def test_counts_are_never_exceeded_and_met_by_single_lines(rows, explore, single):
    asked = [n if single else query for n, (query, *_) in enumerate(rows)]
    index = index_lines(
        lines_of([{"query": f"q{own}", "source": row[1]} for own, row in zip(asked, rows, strict=True)])
    )
    scores = np.asarray([score for *_, score in rows])
    counts = {name: (count + 1) // 2 for name, count in index.lines_by_source.items() if name != "c"}
    kept = keep_counts(index, scores, counts, explore=explore)
    for number, name in enumerate(index.names):
        got = int(kept[index.sources == number].sum())
        assert got == counts.get(name, 0) if single else got <= counts.get(name, 0)


def test_a_source_is_drawn_alike_whatever_the_others_are():
    rows = [{"text": str(n), "source": "ab"[n % 2]} for n in range(40)]
    both, alone = index_lines(lines_of(rows)), index_lines(lines_of(rows[::2]))
    scores = np.asarray([random.Random(n).random() for n in range(40)])
    kept = keep_counts(both, scores, {"a": 9}, explore=0.9, seed=4)
    assert kept[::2].tolist() == keep_counts(alone, scores[::2], {"a": 9}, explore=0.9, seed=4).tolist()


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.sampled_from("abcde"), st.integers(1, 50), min_size=1),
    st.lists(st.floats(0, 1e308), min_size=5, max_size=5),
    st.one_of(st.none(), st.floats(0.001, 1)),
)
def test_a_mix_has_the_proportions(lines, numbers, share):
    weights = dict(zip(sorted(lines), numbers, strict=False))
    if not any(weights.values()):
        return
    try:
        counts = mix_counts(weights, lines, share)
    except UsageError as error:
        assert "has" in error.what or "no lines" in error.what  # noqa: PT017
        return
    assert all(counts[name] <= lines[name] for name in weights)
    top = max(weights.values())
    whole = sum(weight / top for weight in weights.values())
    total = sum(counts.values())
    assert share is None or total == max(int(share * sum(lines.values()) + 1e-9), 1)
    for name, weight in weights.items():
        assert abs(counts[name] - total * (weight / top) / whole) < 1 + 1e-6
        assert weight or not counts[name]


def test_mixes_that_can_be_worked_out_by_hand():
    assert mix_counts({"a": 2, "b": 1}, {"a": 10, "b": 10, "c": 10}, None) == {"a": 10, "b": 5}
    assert mix_counts({"a": 2, "b": 1}, {"a": 10, "b": 10, "c": 10}, 0.2) == {"a": 4, "b": 2}
    assert mix_counts({"a": 1, "b": 1, "c": 1}, {"a": 9, "b": 9, "c": 9}, 5 / 27) == {"a": 2, "b": 2, "c": 1}
    with pytest.raises(UsageError, match=r"'a' has 10 lines, and its part of this share is 20") as caught:
        mix_counts({"a": 2, "b": 1}, {"a": 10, "b": 10, "c": 10}, 1.0)
    assert "--share 0.5 or less" in caught.value.hint
    with pytest.raises(UnknownNameError, match="no source of the lines is named 'wiki'"):
        mix_counts({"wiki": 1}, {"web": 3}, None)


@pytest.mark.parametrize("text", ["", "a", "a=", "a=x", "a=-1", "a=nan", "a=inf", "a=1,a=2", "a=0,b=0", "a=1,", ","])
def test_texts_that_are_no_mix(text: str):
    with pytest.raises(UsageError, match="mix"):
        parse_mix(text)


def test_names_of_a_mix():
    assert parse_mix(" wiki=2, a=b=0.5 ,=1") == {"wiki": 2, "a=b": 0.5, "": 1}


def test_a_file_is_read_anew_by_each_iteration(tmp_path: Path):
    file = tmp_path / "data.jsonl"
    file.write_bytes(b'{"text": "a"}\n\n{"text": "b"}')
    lines = LineFile(file)
    assert [line.number for line in lines] == [line.number for line in lines] == [1, 3]
    assert [line_text(line) for line in lines] == ["a", "b"]
    file.write_bytes(b'{"text": "a"}\n{"text": \n')
    seen = iter(lines)
    assert next(seen).number == 1
    with pytest.raises(InputError, match="line 2 is not JSON"):
        next(seen)
