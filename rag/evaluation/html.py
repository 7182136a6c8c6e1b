"""How much of what a question needs is left of a page at a share of its tokens; and how well main text is found."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from statistics import fmean
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError
from ctxprune.policies import TableBudget, TokenBudget
from ctxprune.pruning.pruner import Pruner
from ctxprune.rag.html import HtmlOptions, HtmlPage, main_text
from ctxprune.rag.html.parser import END, START, tokenized
from ctxprune.scorers.base import score_batch
from ctxprune.text.words import fold
from ctxprune.tokens import as_counter
from ctxprune.utils.percent import percent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ctxprune.scorers import Scorer

    from ._html_sets import PageItem

__all__ = [
    "SHARES",
    "ArticleReport",
    "QuestionReport",
    "Questioned",
    "budget_pruner",
    "gold_span",
    "measure_articles",
    "measure_questions",
    "plain_text",
    "token_f1",
]

SHARES = (5, 10, 20)
_TIMED = 10  # the share at which a page is timed
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class QuestionReport:
    """Figures of one scorer on one set of questions about pages; by share of the page's tokens, in percent.

    Attributes:
        answer_retention: Share of questions with every answer string in the kept text of the gold table, any row, case
            and white space folded; None where no page has a gold table.
        elements_kept: Share of questions whose gold element was kept whole; None where no question has one.
        tokens_kept: Mean share of the page's tokens that the kept text takes.
        items: Questions that count: those with all answers in the gold table, or with a gold element in the page.
        ms_per_page: Milliseconds from the source to the text pruned to 10 %, for one question a page.
        mb_per_s: Megabytes of source a second up to the units: parsing, cleaning, block tree.
    """

    answer_retention: dict[str, float] | None
    elements_kept: dict[str, float] | None
    tokens_kept: dict[str, float]
    items: int
    ms_per_page: float
    mb_per_s: float

    def to_dict(self) -> dict[str, Any]:
        """As plain numbers, without what the set does not measure."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True)
class ArticleReport:
    """Figures of the main text against the article that a person marked, in percent; means over pages.

    Attributes:
        token_f1, precision, recall: Of the words, as `token_f1` counts them.
        items: Pages.
        ms_per_page: Milliseconds from the source to the main text.
        mb_per_s: Megabytes of source a second up to the units.
    """

    token_f1: float
    precision: float
    recall: float
    items: int
    ms_per_page: float
    mb_per_s: float

    def to_dict(self) -> dict[str, Any]:
        """As plain numbers."""
        return {name: getattr(self, name) for name in self.__slots__}


class Questioned:
    """A page with what is known about its gold part.

    The page's tokens are those of all of it, rendered as it would be pruned: in the same form, nothing dropped.

    Attributes:
        page: The page.
        gold: Units that have text in the gold table or element; empty where there is none.
        tokens: Of the page.
    """

    def __init__(self, item: PageItem, options: HtmlOptions) -> None:
        self.page = HtmlPage(item.html, options)
        start, end = gold_span(item, self.page.source) or (0, 0)
        spans = [unit.span or (0, 0) for unit in self.page.units]
        self.gold = {index for index, span in enumerate(spans) if span[0] < end and start < span[1]}
        self.tokens = as_counter().count(self.page.render(range(len(spans))))
        self._plain = HtmlPage(item.html, replace(options, output="text"))
        self._columns = {unit for grid in self.page.grids for unit in grid.column_units}
        self._whole = item.gold_tid is None  # a table is looked at by its text, an element by its units

    def holds(self, kept: Iterable[int], answers: Sequence[str]) -> bool:
        """Whether the gold table, as far as it is kept, holds every answer; the gold element is kept."""
        if not self._whole:
            return self.gold.issubset(kept)
        text = plain_text(self._plain.render((self.gold | self._columns).intersection(kept)))
        return all(plain_text(answer) in text for answer in answers)


def measure_questions(
    items: Sequence[PageItem],
    scorer: Scorer,
    *,
    options: HtmlOptions | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> QuestionReport:
    """Prune the page of each question to 5, 10 and 20 % of its tokens; the bundled tokenizer counts.

    Raises:
        InputError: No question counts.
        UsageError: The scorer gives something other than one finite score a unit.
    """
    options = options or HtmlOptions()
    rows: list[tuple[list[bool], list[float]]] = []
    pages: dict[tuple[object, ...], Questioned] = {}  # the last one alone: questions about a page follow each other
    for done, item in enumerate(items, start=1):
        key = item.name, item.gold_table, item.gold_tid
        if key not in pages:
            pages = {key: Questioned(item, options)}
        asked = pages[key]
        if asked.gold and asked.holds(range(len(asked.page.units)), item.answers):
            rows.append(_pruned(asked, item, scorer))
        if progress is not None:
            progress(done, len(items))
    if not rows:
        raise InputError("no question has its answers in a gold table, or a gold element in its page")
    found = {str(share): percent(row[0][place] for row in rows) for place, share in enumerate(SHARES)}
    by_element = items[0].gold_tid is not None
    first = list({item.name: item for item in items}.values())
    return QuestionReport(
        answer_retention=None if by_element else found,
        elements_kept=found if by_element else None,
        tokens_kept={str(share): percent(row[1][place] for row in rows) for place, share in enumerate(SHARES)},
        items=len(rows),
        ms_per_page=round(1000 * fmean(_seconds(item, scorer, options) for item in first), 3),
        mb_per_s=_speed(first),
    )


def measure_articles(items: Sequence[PageItem]) -> ArticleReport:
    """The main text of each page against its article."""
    found, seconds = [], []
    for item in items:
        started = perf_counter()
        text = main_text(HtmlPage(item.html, HtmlOptions(output="text")))
        seconds.append(perf_counter() - started)
        found.append(token_f1(text, item.article or ""))
    f1, precision, recall = (percent(values) for values in zip(*found, strict=True))
    return ArticleReport(f1, precision, recall, len(items), round(1000 * fmean(seconds), 3), _speed(items))


def token_f1(text: str, truth: str) -> tuple[float, float, float]:
    """F1, precision and recall of the words of `text`, each as often as it is there; 0 to 1.

    Words are runs of letters, digits and underscores, folded (`ctxprune.text.words.fold`).
    """
    words, wanted = (Counter(_WORD.findall(fold(part))) for part in (text, truth))
    met = (words & wanted).total()
    precision, recall = met / max(words.total(), 1), met / max(wanted.total(), 1)
    return 2 * precision * recall / max(precision + recall, 1e-9), precision, recall


def gold_span(item: PageItem, source: str) -> tuple[int, int] | None:
    """Characters of the gold table or element, up to its end tag; None where there is none."""
    start, name, number, depth = 0, "", -1, 0
    for token in tokenized(source)[1]:
        if depth:
            depth += (token.tag == name) * ((token.type == START) - (token.type == END))
            if not depth:
                return start, token.col
        elif token.type == START:
            number += token.tag == "table"
            by_place = token.tag == "table" and number == item.gold_table
            if by_place or (item.gold_tid is not None and token.attr("tid") == item.gold_tid):
                start, name, depth = token.col, token.tag or "", 1
    return None


def _pruned(asked: Questioned, item: PageItem, scorer: Scorer) -> tuple[list[bool], list[float]]:
    """For each share whether what is asked for is left, and the share of the tokens that is kept."""
    question, page = item.question or "", asked.page
    scores = score_batch(scorer, [question], [page])[0]
    held, kept = [], []
    for share in SHARES:
        result = budget_pruner(scorer, page, asked.tokens * share // 100).prune_scored(question, page, scores)
        held.append(asked.holds([unit.index for unit in result.kept], item.answers))
        kept.append(result.tokens_after / max(asked.tokens, 1))
    return held, kept


def budget_pruner(scorer: Scorer, page: HtmlPage, budget: int) -> Pruner:
    """Prunes to a budget; columns, too, where the page's options make them units."""
    policy = TableBudget(budget) if page.options.columns else TokenBudget(budget)
    return Pruner(scorer, policy, on_empty="drop")


def _seconds(item: PageItem, scorer: Scorer, options: HtmlOptions) -> float:
    """Of pruning a page that was not seen before, with the counting of its tokens."""
    budget = Questioned(item, options).tokens * _TIMED // 100
    started = perf_counter()
    page = HtmlPage(item.html, options)
    budget_pruner(scorer, page, budget).prune(item.question or "", page)
    return perf_counter() - started


def _speed(items: Sequence[PageItem]) -> float:
    """Megabytes a second up to the units."""
    started = perf_counter()
    for item in items:
        _ = HtmlPage(item.html).units
    return round(sum(len(item.html.encode()) for item in items) / 1e6 / (perf_counter() - started), 2)


def plain_text(text: str) -> str:
    """Case and white space folded: the form in which answers are looked for."""
    return " ".join(text.casefold().split())
