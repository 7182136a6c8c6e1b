"""What stands around the text is left out only where it fills room beside better text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune import Context, Pruner, TokenBudget, Unit
from ctxprune.policies import Selection
from ctxprune.pruning.filler import without_filler
from ctxprune.pruning.oversized import Scored
from ctxprune.rag import HtmlOptions, HtmlPage

CAFE = (
    "<main><h1>Blue Door Cafe</h1><p>The Blue Door Cafe serves coffee and cake that is baked in the house.</p>"
    "<p>It is open from Tuesday to Sunday, and on Fridays there is music.</p></main>"
    "<footer id=footer><p>Elm Street 5, Graz</p></footer>"
)
UPDATE = (
    "<main><h1>Update 4.3</h1><p>The new update brings a faster search, and it mends the sync of calendars.</p></main>"
    "<div class=comments><p>I use version 4.2 and see no crash.</p><p>Deleting the cache folder fixed it.</p></div>"
)
NEAR = 0.4


class Flat(Context[str]):
    def __init__(self, around: list[bool]) -> None:
        self.around = around
        self.units = tuple(Unit(f"unit {index}") for index in range(len(around)))

    def render(self, kept: object) -> str:
        return " ".join(self.units[index].text for index in sorted(kept))  # type: ignore[call-overload]


class Fixed:
    def __init__(self, scores: list[float]) -> None:
        self.scores = scores

    def score(self, query: str, context: Context[str]) -> list[float]:
        return self.scores


def make_scored(context: Context[str], scores: list[float]) -> Scored:
    size = len(scores)
    return Scored(context, np.asarray(scores, dtype=np.float32), np.full(size, 3), np.arange(size))


@pytest.mark.parametrize(
    ("html", "scores"), [(CAFE, [0.0, 0.9, 0.5, 0.003]), (UPDATE, [0.0, 0.8, 0.148, 0.004])], ids=["footer", "comments"]
)
def test_everything_is_kept_where_everything_fits(html: str, scores: list[float]) -> None:
    page = HtmlPage(html, HtmlOptions(min_tokens=0))
    assert page.around[-1]
    whole = Pruner(Fixed(scores)).prune("Where?", page).tokens_before
    for budget in (whole, whole + 1, whole + 12):
        pruned = Pruner(Fixed(scores), TokenBudget(budget)).prune("Where?", page)
        assert all(unit.kept for unit in pruned.units)


@pytest.mark.parametrize(("score", "stays"), [(0.05, False), (0.1, False), (0.15, True), (0.5, True)])
def test_a_menu_fills_room_only_above_some_text_that_is_kept(score: float, stays: bool) -> None:
    found = make_scored(Flat([False, False, False, True, False]), [0.9, 0.2, 0.1, score, 0.0])
    kept = np.array([True, True, True, True, False])
    after = without_filler(Selection(kept, ("selected",) * 4 + ("budget",)), found)
    assert after.kept.tolist() == [True, True, True, stays, False]
    assert after.reasons[3] == ("selected" if stays else "score")


def test_a_heading_that_is_kept_lets_no_menu_in() -> None:
    html = UPDATE + "<h2>More</h2><p>Text that the budget does not hold, however long it may be.</p>"
    page = HtmlPage(html, HtmlOptions(min_tokens=0))
    assert page.around == (False, False, True, True, False, False)
    kept = np.array([True, True, False, True, True, False])
    reasons = ("required", "selected", "budget", "selected", "selected", "budget")
    after = without_filler(Selection(kept, reasons), make_scored(page, [0.0, 0.8, 0.1, 0.004, 0.0, 0.5]))
    assert after.kept.tolist() == [True, True, False, False, True, False]


def test_nothing_to_choose_from() -> None:
    empty = Selection(np.zeros(0, np.bool_), ())
    assert without_filler(empty, make_scored(Flat([]), [])) is empty
    none = Selection(np.zeros(2, np.bool_), ("budget", "budget"))
    assert without_filler(none, make_scored(Flat([False, True]), [0.5, 0.1])) is none


SCORES = st.sampled_from([0.0, 0.05, 0.1, 0.3, 0.39, 0.5, 0.9])
ROWS = st.lists(st.tuples(SCORES, st.booleans(), st.booleans()), min_size=1, max_size=12)


@given(ROWS)
def test_text_that_scores_lower_never_stays_instead(rows: list[tuple[float, bool, bool]]) -> None:
    scores, around, kept = (np.asarray(column) for column in zip(*rows, strict=True))
    before = Selection(kept, tuple("selected" if one else "budget" for one in kept))
    found = make_scored(Flat(around.tolist()), scores.tolist())
    scores = found.scores
    after = without_filler(before, found)
    assert not (after.kept & ~kept).any()
    assert after.kept.any() == kept.any()
    assert after.kept.all() or not kept.all()
    lost, text = kept & ~after.kept, after.kept & ~around
    if lost.any() and text.any():
        assert scores[lost & around].max(initial=-np.inf) <= scores[text].min()
    floor = scores.min() + NEAR * (scores.max() - scores.min())
    if kept[np.argmax(scores)] and not kept.all() and text.any():
        filling = after.kept & around & (scores < floor - 1e-6)  # rounding differs at the border itself
        assert not filling.any() or scores[filling].min() > scores[text].min()
