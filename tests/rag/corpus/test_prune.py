"""Pruning corpora in memory: exact shares, nothing lost, an account of each passage."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.errors import InputError, UnknownNameError, UsageError
from ctxprune.rag import PassageReader, Quality, prune_corpus
from ctxprune.rag.corpus.cut import cut_share
from ctxprune.rag.corpus.records import hash_id

TEXTS = [
    "In 1889 Gustave Eiffel built the tower, which is 330 metres tall, for the World Fair in Paris.",
    "Home | About | Contact",
    "",
    "The Thames flows through London and is 346 km long; its source is near Kemble in Gloucestershire.",
]


@dataclass(frozen=True)
class Told(Quality):
    """The quality is the number that the text is."""

    reasons = ("low",)

    def judge(self, texts):
        return np.asarray([float(text) for text in texts], np.float32), np.zeros(len(texts), np.uint8)


def test_the_worst_half_goes() -> None:
    pruned = prune_corpus(TEXTS, share=0.5)
    assert [*pruned] == [TEXTS[0], TEXTS[3]]
    assert len(pruned) == 2
    report = pruned.report
    assert (report.passages, report.kept, report.dropped, report.broken) == (4, 2, 2, 0)
    assert report.reasons["no words"] == 1
    assert [(one.index, one.reason) for one in pruned.dropped()][1] == (2, "no words")
    assert report.cut == pytest.approx(float(pruned.qualities[1]))
    json.dumps(report.to_dict())


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.integers(0, 5).map(lambda value: value / 5), max_size=60),
    share=st.integers(0, 99).map(lambda value: value / 100),
)
def test_exactly_the_share_goes_and_of_ties_the_later(values, share) -> None:
    kept = cut_share(np.asarray(values, np.float32), share)
    count = len(values) * round(share * 100) // 100
    order = sorted(range(len(values)), key=lambda place: (np.float32(values[place]), -place))
    assert np.flatnonzero(~kept).tolist() == sorted(order[:count])
    pruned = prune_corpus([str(value) for value in values], share=share, quality=Told())
    assert np.array_equal(pruned.kept, kept)
    assert len([*pruned]) + len([*pruned.dropped()]) == len(values)


def test_records_stay_the_same_objects_with_ids_and_metadata() -> None:
    records = [{"id": f"p{number}", "text": text, "page": number} for number, text in enumerate(TEXTS)]
    pruned = prune_corpus(records, share=0.5)
    assert [record is records[place] for record, place in zip(pruned, (0, 3), strict=True)] == [True, True]
    assert [one.id for one in pruned.dropped()] == ["p1", "p2"]


def test_a_function_starts_the_corpus_anew() -> None:
    pruned = prune_corpus(lambda: (text for text in TEXTS), share=0.25)
    assert [*pruned] == [*pruned] == [TEXTS[0], TEXTS[1], TEXTS[3]]


def test_repeated_ids_are_counted() -> None:
    records = [{"id": name, "text": TEXTS[0]} for name in ("a", "b", "a", "a", None, None, 1, "1")]
    assert prune_corpus(records).report.repeated_ids == 2
    assert hash_id(1) != hash_id("1")
    assert hash_id("\ud800") != hash_id(None) == 0


@pytest.mark.parametrize("texts", [[], TEXTS[:1]])
def test_small_corpora_stay(texts: list[str]) -> None:
    pruned = prune_corpus(texts, share=0.9)
    assert [*pruned] == texts
    assert pruned.report.cut is None


@pytest.mark.parametrize("share", [-0.1, 1, 1.5, float("nan"), "0.5", True])
def test_other_shares_are_refused(share) -> None:
    with pytest.raises(UsageError, match="share"):
        prune_corpus(TEXTS, share=share)


@pytest.mark.parametrize("passages", ["text", b"text", 5, None, {"id": "text"}, iter(TEXTS)])
def test_what_is_no_corpus_is_refused(passages) -> None:
    with pytest.raises(UsageError, match="passages is"):
        prune_corpus(passages)


def test_other_options_are_refused() -> None:
    with pytest.raises(UnknownNameError):
        prune_corpus(TEXTS, quality="none.v1")
    with pytest.raises(UsageError, match="quality is a int"):
        prune_corpus(TEXTS, quality=5)
    with pytest.raises(UsageError, match="reader"):
        prune_corpus(TEXTS, reader="text")
    for options in ({"text": ""}, {"id": 5}, {"broken": "ignore"}):
        with pytest.raises(UsageError):
            PassageReader(**options)


@pytest.mark.parametrize("broken", [None, 5, b"bytes", {"body": "text"}, {"text": None}, {"text": 3}, ["text"]])
def test_broken_records_are_refused_or_passed_over(broken) -> None:
    records = [TEXTS[0], broken, TEXTS[1]]
    with pytest.raises(InputError, match="record 1"):
        prune_corpus(records)
    pruned = prune_corpus(records, share=0.5, reader=PassageReader(broken="skip"))
    assert [*pruned] == [TEXTS[0]]
    assert (pruned.report.passages, pruned.report.broken, pruned.report.dropped) == (2, 1, 1)
    assert [one.index for one in pruned.dropped()] == [2]


@pytest.mark.parametrize("second", [TEXTS[:2], [*TEXTS, "more"]])
def test_a_corpus_that_changed_is_noticed(second) -> None:
    readings = iter([TEXTS, second])
    pruned = prune_corpus(lambda: next(readings))
    with pytest.raises(InputError, match="had 4 records"):
        list(pruned)


@pytest.mark.parametrize("values", [[2.0], [float("nan")], [0.5, 0.5], []])
def test_a_quality_out_of_range_is_refused(values) -> None:
    class Wrong(Quality):
        def judge(self, texts):
            return np.asarray(values, np.float32), np.zeros(len(values), np.uint8)

    with pytest.raises(UsageError, match="Wrong"):
        prune_corpus(["text"], quality=Wrong())
