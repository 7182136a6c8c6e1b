"""Windows: every token of every unit stands in one, none is longer than the limit, short documents share one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.models.windows import CLS, COLON, KINDS, SEP, Tokens, clip_ids, windows

UNITS = st.lists(st.lists(st.integers(2000, 2100), max_size=90), max_size=9)
DOCUMENTS = st.lists(st.tuples(st.lists(st.integers(3000, 3010), max_size=30), UNITS), max_size=6)


def test_the_form_of_a_window():
    (window,) = windows([7, 8], [Tokens([9], [[11, 12], [13]]), Tokens([], [[14]])], "table", limit=128)
    assert window.ids == [CLS, KINDS["table"], 7, 8, SEP, 9, COLON, 11, 12, 13, SEP, 14, SEP]
    assert window.question == 5
    assert [(piece.document, piece.unit, piece.start, piece.end) for piece in window.pieces] == [
        (0, -1, 5, 7), (0, 0, 7, 9), (0, 1, 9, 10), (1, 0, 11, 12)]  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(question=st.lists(st.integers(1000, 1100), max_size=120), documents=DOCUMENTS, limit=st.integers(128, 300))
def test_every_token_is_read_once_and_no_window_is_too_long(question, documents, limit):
    made = windows(question, [Tokens(title, units) for title, units in documents], "passage", limit=limit)
    seen: dict[tuple[int, int], list[int]] = {}
    for window in made:
        assert len(window.ids) <= limit
        assert window.ids[: window.question] == [CLS, KINDS["passage"], *clip_ids(question, 64), SEP]
        places = [piece.start for piece in window.pieces]
        assert places == sorted(places)
        for piece in window.pieces:
            if piece.unit >= 0:
                seen.setdefault((piece.document, piece.unit), []).extend(window.ids[piece.start : piece.end])
    whole = {(d, u): ids for d, (_, units) in enumerate(documents) for u, ids in enumerate(units) if ids}
    assert seen == whole


def test_short_documents_share_a_window_and_long_ones_are_spread_evenly():
    short = [Tokens([], [[5] * 20]) for _ in range(5)]
    assert len(windows([1], short, "passage", limit=128)) == 1
    long = windows([1], [Tokens([], [[5] * 10 for _ in range(15)])], "passage", limit=128)
    sizes = [len(window.ids) for window in long]
    assert len(sizes) == 2
    assert max(sizes) - min(sizes) <= 10


@pytest.mark.parametrize(("size", "most"), [(0, 8), (8, 8), (9, 8), (500, 64)])
def test_long_questions_keep_their_beginning_and_end(size: int, most: int):
    ids = list(range(size))
    cut = clip_ids(ids, most)
    assert len(cut) == min(size, most)
    assert cut == ids or (cut[0] == 0 and cut[-1] == size - 1 and cut == sorted(cut))
