"""How much of what a question needs is kept of a page at a share of its tokens, and how well main text is extracted."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
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

from .report import Report, mean_milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ctxprune.scorers import Scorer

    from .html_sets import PageItem

__all__ = [
    "SHARES",
    "ArticleReport",
    "JudgedPage",
    "QuestionReport",
    "build_budget_pruner",
    "find_gold_span",
    "measure_articles",
    "measure_questions",
    "normalize_text",
    "token_f1",
]

SHARES = (5, 10, 20)
_TIMED = 10  # percent: the share at which pruning is timed
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class QuestionReport(Report):
    """Figures of one scorer on one set of questions about pages; by share of the page's tokens, in percent.

    Attributes:
        answer_retention: Share of questions with every answer string in the kept text of the gold table, any row, case
            and white space folded; None where no page has a gold table.
        elements_kept: Share of questions whose gold element was kept whole; None where no question has one.
        tokens_kept: Mean share of the page's tokens that the kept text takes.
        items: Number of questions that count: those with all answers in the gold table, or a gold element in the page.
        ms_per_page: Milliseconds from the source to the text pruned to 10 %, for one question a page.
        mb_per_s: Megabytes of source a second from source to units: parsing, cleaning, block tree.
    """

    answer_retention: dict[str, float] | None
    elements_kept: dict[str, float] | None
    tokens_kept: dict[str, float]
    items: int
    ms_per_page: float
    mb_per_s: float

    def to_dict(self) -> dict[str, Any]:
        """All fields by name, without those that the set does not measure."""
        # Not super(): a dataclass with slots is a new class, which `super` without arguments does not know.
        return {name: value for name, value in Report.to_dict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class ArticleReport(Report):
    """Figures of the main text against the article that a person marked, in percent; means over pages.

    Attributes:
        token_f1, precision, recall: Of the words, as `token_f1` counts them.
        items: Number of pages.
        ms_per_page: Milliseconds from the source to the main text.
        mb_per_s: Megabytes of source a second from source to units.
    """

    token_f1: float
    precision: float
    recall: float
    items: int
    ms_per_page: float
    mb_per_s: float


class JudgedPage:
    """A page and the units of its gold table or element.

    The page's tokens are counted on the whole page, rendered in the same form as when it is pruned.

    Attributes:
        page: The page.
        gold: Indices of the units with text in the gold table or element; empty where there is none.
        tokens: Number of tokens of the page.
    """

    def __init__(self, item: PageItem, options: HtmlOptions) -> None:
        self.page = HtmlPage(item.html, options)
        # (0, 0) overlaps no unit, so that a page without its gold part has no gold units and does not count.
        start, end = find_gold_span(item, self.page.source) or (0, 0)
        spans = [unit.span or (0, 0) for unit in self.page.units]
        self.gold = {index for index, span in enumerate(spans) if span[0] < end and start < span[1]}
        self.tokens = as_counter().count(self.page.render(range(len(spans))))
        # Answers are searched for in plain text: tags in the middle of an answer must not hide it.
        self._plain = HtmlPage(item.html, replace(options, output="text"))
        self._columns = {unit for grid in self.page.grids for unit in grid.column_units}
        self._by_text = item.gold_tid is None  # a table is judged by its text, an element by its units

    def contains(self, kept: Iterable[int], answers: Sequence[str]) -> bool:
        """Whether what is kept of the gold table contains every answer, or the whole gold element is kept."""
        if not self._by_text:
            return self.gold.issubset(kept)
        text = normalize_text(self._plain.render((self.gold | self._columns).intersection(kept)))
        return all(normalize_text(answer) in text for answer in answers)


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
    pages: dict[tuple[object, ...], JudgedPage] = {}  # only the last one: questions about one page follow each other
    for done, item in enumerate(items, start=1):
        key = item.name, item.gold_table, item.gold_tid
        if key not in pages:
            pages = {key: JudgedPage(item, options)}
        asked = pages[key]
        # Questions whose answer is not in the gold part, even with everything kept, say nothing about pruning.
        if asked.gold and asked.contains(range(len(asked.page.units)), item.answers):
            rows.append(_prune_to_shares(asked, item, scorer))
        if progress is not None:
            progress(done, len(items))
    if not rows:
        raise InputError("no question has its answers in a gold table, or a gold element in its page")
    retained = {str(share): percent(row[0][place] for row in rows) for place, share in enumerate(SHARES)}
    by_element = items[0].gold_tid is not None
    # Each page is timed once, however many questions there are about it.
    first = list({item.name: item for item in items}.values())
    return QuestionReport(
        answer_retention=None if by_element else retained,
        elements_kept=retained if by_element else None,
        tokens_kept={str(share): percent(row[1][place] for row in rows) for place, share in enumerate(SHARES)},
        items=len(rows),
        ms_per_page=mean_milliseconds([_time_pruning(item, scorer, options) for item in first]),
        mb_per_s=_measure_speed(first),
    )


def measure_articles(items: Sequence[PageItem]) -> ArticleReport:
    """Compare the main text of each page with its article."""
    scores, seconds = [], []
    for item in items:
        started = perf_counter()
        text = main_text(HtmlPage(item.html, HtmlOptions(output="text")))
        seconds.append(perf_counter() - started)
        scores.append(token_f1(text, item.article or ""))
    f1, precision, recall = (percent(values) for values in zip(*scores, strict=True))
    return ArticleReport(f1, precision, recall, len(items), mean_milliseconds(seconds), _measure_speed(items))


def token_f1(text: str, truth: str) -> tuple[float, float, float]:
    """F1, precision and recall of the words of `text`, each as often as it is there; 0 to 1.

    Words are runs of letters, digits and underscores, folded (`ctxprune.text.words.fold`).
    """
    words, wanted = (Counter(_WORD.findall(fold(part))) for part in (text, truth))
    common = (words & wanted).total()
    precision, recall = common / max(words.total(), 1), common / max(wanted.total(), 1)
    return 2 * precision * recall / max(precision + recall, 1e-9), precision, recall


def find_gold_span(item: PageItem, source: str) -> tuple[int, int] | None:
    """Find the characters of the gold table or element, up to its end tag; None where there is none."""
    start, name, number, depth = 0, "", -1, 0
    for token in tokenized(source)[1]:
        if depth:  # inside: elements of the same name nest, so the end tag that closes it is found by counting
            depth += (token.tag == name) * ((token.type == START) - (token.type == END))
            if not depth:
                return start, token.col
        elif token.type == START:
            number += token.tag == "table"
            by_place = token.tag == "table" and number == item.gold_table
            if by_place or (item.gold_tid is not None and token.attr("tid") == item.gold_tid):
                start, name, depth = token.col, token.tag or "", 1
    return None


def _prune_to_shares(asked: JudgedPage, item: PageItem, scorer: Scorer) -> tuple[list[bool], list[float]]:
    """For each share whether the answer is kept, and the share of the tokens that is kept."""
    question, page = item.question or "", asked.page
    # Scored once for all shares: only the selection depends on the budget.
    scores = score_batch(scorer, [question], [page])[0]
    held, kept = [], []
    for share in SHARES:
        result = build_budget_pruner(scorer, page, asked.tokens * share // 100).prune_scored(question, page, scores)
        held.append(asked.contains([unit.index for unit in result.kept], item.answers))
        kept.append(result.tokens_after / max(asked.tokens, 1))
    return held, kept


def build_budget_pruner(scorer: Scorer, page: HtmlPage, budget: int) -> Pruner:
    """Build a pruner to a budget; it selects columns too where the page's options make them units."""
    policy = TableBudget(budget) if page.options.columns else TokenBudget(budget)
    return Pruner(scorer, policy, on_empty="drop")


def _time_pruning(item: PageItem, scorer: Scorer, options: HtmlOptions) -> float:
    """Seconds to prune a page that was not read before; counting the tokens of the budget is not timed."""
    budget = JudgedPage(item, options).tokens * _TIMED // 100
    started = perf_counter()
    page = HtmlPage(item.html, options)
    build_budget_pruner(scorer, page, budget).prune(item.question or "", page)
    return perf_counter() - started


def _measure_speed(items: Sequence[PageItem]) -> float:
    """Megabytes of source a second from source to units."""
    started = perf_counter()
    for item in items:
        _ = HtmlPage(item.html).units
    return round(sum(len(item.html.encode()) for item in items) / 1e6 / (perf_counter() - started), 2)


def normalize_text(text: str) -> str:
    """Fold case and white space: the form in which answers are searched for."""
    return " ".join(text.casefold().split())
