"""Near-duplicates of texts: all that reach the bar and no others, as a slow comparison of all pairs finds them."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.errors import UsageError
from ctxprune.rag import HtmlPage, Merge, deduplicate, near_duplicates
from ctxprune.text.words import words

LONG = "the quick brown fox jumps over one lazy dog and runs away from all the bears"


def shingles(text: str, width: int) -> frozenset[tuple[str, ...]]:
    found = words(text)
    return (
        frozenset(tuple(found[i : i + width]) for i in range(max(1, len(found) - width + 1))) if found else frozenset()
    )


def slow(texts: list[str], similarity: float, containment: float | None, width: int) -> list[Merge]:
    """Each text against all that stay, in order."""
    sets = [shingles(text, width) for text in texts]
    order = sorted(range(len(texts)), key=lambda index: (-len(sets[index]) if containment else 0, index))
    kept: list[int] = []
    merges = []
    for index in order:
        for other in kept:
            merge = compared(texts, sets, index, other, similarity, containment)
            if merge is not None:
                merges.append(merge)
                break
        else:
            kept.append(index)
    return sorted(merges, key=lambda merge: merge.index)


def compared(texts, sets, index, other, similarity, containment) -> Merge | None:
    if not sets[index]:
        return Merge(index, other, "exact", 1.0) if texts[index] == texts[other] else None
    common = len(sets[index] & sets[other])
    jaccard = common / len(sets[index] | sets[other])
    if jaccard >= similarity:
        same = words(texts[index]) == words(texts[other])
        kind = "near" if not same else "exact" if texts[index] == texts[other] else "folded"
        return Merge(index, other, kind, jaccard)
    share = common / len(sets[index])
    return Merge(index, other, "contained", share) if containment and share >= containment else None


def told(merges) -> list[tuple]:
    return [(merge.index, merge.into, merge.kind, round(merge.similarity, 9)) for merge in merges]


TEXTS = st.lists(
    st.lists(st.sampled_from(["a", "b", "c", "d", "e", "A", ".", "..."]), max_size=12).map(" ".join), max_size=14
)


@settings(deadline=None, max_examples=300)
@given(
    TEXTS, st.sampled_from([0.1, 0.5, 0.6, 0.75, 0.8, 1.0]), st.sampled_from([None, 0.5, 0.9, 1.0]), st.integers(1, 3)
)
def test_as_a_comparison_of_all_pairs(
    texts: list[str], similarity: float, containment: float | None, width: int
) -> None:
    found = deduplicate(texts, similarity=similarity, containment=containment, shingle=width)
    expected = slow(texts, similarity, containment, width)
    assert told(found.merges) == told(expected)
    assert sorted([*found.kept, *(merge.index for merge in found.merges)]) == list(range(len(texts)))
    assert {merge.into for merge in found.merges} <= set(found.kept)


def edited(text: str, rng: random.Random, share: float) -> str:
    return " ".join(rng.choice(["yes", "no", "so"]) if rng.random() < share else word for word in text.split())


def test_real_lengths_as_a_comparison_of_all_pairs() -> None:
    rng = random.Random(0)
    pool = ["".join(rng.choices("abcdefghijkl", k=5)) for _ in range(400)]
    texts = [" ".join(rng.choices(pool, k=rng.randint(20, 120))) for _ in range(60)]
    texts += [edited(rng.choice(texts), rng, rng.choice([0.01, 0.03, 0.06, 0.1])) for _ in range(120)]
    texts += [" ".join(rng.choice(texts).split()[5:25]) for _ in range(30)]
    rng.shuffle(texts)
    for containment in (None, 0.9):
        found = deduplicate(texts, containment=containment)
        assert told(found.merges) == told(slow(texts, 0.8, containment, 3))
        assert len(found.merges) > 50


def test_each_kind_and_what_stays() -> None:
    texts = ["São Paulo is a large city.", LONG, "sao paulo: IS a large city", LONG, LONG + " today", "", "…", "", "…"]
    found = deduplicate(texts)
    assert told(found.merges) == [
        (2, 0, "folded", 1), (3, 1, "exact", 1), (4, 1, "near", round(14 / 15, 9)), (7, 5, "exact", 1),
        (8, 6, "exact", 1),
    ]  # fmt: skip
    assert found.kept == [0, 1, 5, 6]
    longest = deduplicate(texts, containment=1.0)
    assert [(merge.index, merge.into, merge.kind) for merge in longest.merges[:3]] == [
        (1, 4, "near"), (2, 0, "folded"), (3, 4, "near"),
    ]  # fmt: skip
    part = deduplicate([" ".join(LONG.split()[3:10]), LONG], containment=0.9)
    assert told(part.merges) == [(0, 1, "contained", 1)]
    assert part.to_dict() == {
        "size": 2,
        "kept": 1,
        "by_kind": {"contained": 1},
        "merges": [{"index": 0, "into": 1, "kind": "contained", "similarity": 1.0}],
    }
    assert deduplicate([]).kept == []


def test_a_chain_of_small_changes_does_not_merge_its_ends() -> None:
    start = [f"w{number}" for number in range(60)]
    chain = [" ".join([*(f"x{k}" for k in range(step)), *start[step:]]) for step in range(0, 30, 3)]
    found = deduplicate(chain)
    assert found.merges
    assert all(merge.similarity >= 0.8 for merge in found.merges)
    assert len(found.kept) > 2


def test_any_iterable_is_read_once_and_any_text_is_one() -> None:
    rng = random.Random(1)
    odd = [
        "\ud800 x y z",
        "\x00" * 50,
        "日本語の文章です。" * 20,
        "日本語の文章です。" * 20,
        "a" * 100_000,
        "Ａ" + "a" * 99_999,
    ]
    texts = odd + [" ".join(rng.choices(LONG.split(), k=40)) for _ in range(50)]
    told_steps: list[tuple[str, int]] = []
    found = deduplicate(iter(texts), progress=lambda step, count: told_steps.append((step, count)))
    assert found == deduplicate(texts)
    assert [(merge.index, merge.into) for merge in found.merges[:2]] == [(3, 2), (5, 4)]
    assert ("read", 56) in told_steps
    assert told_steps[-1][0] == "compared"


def test_the_report_does_not_hang_on_the_process() -> None:
    program = (
        "import json, random; from ctxprune.rag import deduplicate; rng = random.Random(3);"
        "pool = [str(n) for n in range(50)]; texts = [' '.join(rng.choices(pool, k=30)) for _ in range(40)];"
        "texts += [' '.join([*text.split()[1:], 'end']) for text in texts];"
        "print(json.dumps([deduplicate(texts, containment=c).to_dict() for c in (None, 0.8)]))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("0", "1")
    }
    assert len(outputs) == 1
    assert len(json.loads(outputs.pop())[0]["merges"]) == 40


def test_texts_of_one_template_cost_no_comparison_of_all_pairs() -> None:
    frame = " ".join(f"boilerplate{number}" for number in range(80))
    texts = [f"{frame} {' '.join(f'v{number}x{k}' for k in range(22))}" for number in range(4000)]
    start = time.process_time()
    assert deduplicate(texts).merges == ()
    assert time.process_time() - start < 8


def test_more_sets_than_stay_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    from ctxprune.rag.dedup import search, sets, texts

    rng = random.Random(2)
    some = [" ".join(rng.choices(LONG.split(), k=rng.randint(3, 40))) for _ in range(300)]
    expected = [deduplicate(some), deduplicate(some, similarity=0.6, containment=0.7)]
    for module, name, value in ((sets, "_IN_MEMORY", 100), (sets, "_BLOCK", 64), (texts, "_BLOCK", 300)):
        monkeypatch.setattr(module, name, value)
    for name, value in (("_BLOCK", 7), ("_AT_ONCE", 1), ("_LARGEST_TABLE", 16)):
        monkeypatch.setattr(search, name, value)
    assert [deduplicate(some), deduplicate(some, similarity=0.6, containment=0.7)] == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"similarity": 0}, "similarity is 0"),
        ({"similarity": float("nan")}, "similarity is nan"),
        ({"containment": 1.5}, "containment is 1.5"),
        ({"shingle": 0}, "shingle is 0"),
        ({"shingle": True}, "shingle is True"),
        ({"texts": "abc"}, "texts is a str"),
        ({"texts": 5}, "texts is a int"),
        ({"texts": ["a", None]}, "text 1 is a NoneType"),
    ],
)
def test_wrong_arguments_are_told(arguments, message) -> None:
    with pytest.raises(UsageError, match=message):
        deduplicate(**{"texts": ["a"], **arguments})


def test_sentences_by_their_sets_of_words() -> None:
    texts = ["São Paulo is large.", "Pears.", "SAO PAULO, is large", LONG, LONG + " today", "", "...", "", "Pears!"]
    assert near_duplicates(texts) == [None, None, 0, None, 3, None, None, None, 1]
    assert near_duplicates(texts, similarity=1) == [None, None, 0, None, None, None, None, None, 1]
    assert near_duplicates(["bears are big", "big are bears"]) == [None, 0]
    assert near_duplicates([]) == []


def test_twenty_thousand_sentences_take_seconds() -> None:
    rng = random.Random(0)
    pool = ["".join(rng.choices("abcdefghijkl", k=6)) for _ in range(3000)]
    texts = [" ".join(rng.choices(pool, k=15)) for _ in range(10_000)]
    start = time.process_time()
    found = near_duplicates(texts + texts)
    assert time.process_time() - start < 10
    assert all(leader is not None for leader in found[10_000:])


def test_pages_are_compared_by_what_a_reader_sees() -> None:
    one, other = HtmlPage(f"<p>{LONG}</p>"), HtmlPage(f"<div class=x><script>no()</script><b>{LONG}</b></div>")
    assert deduplicate([one, "Another text.", other]).merges == (Merge(2, 0, "exact", 1.0),)
