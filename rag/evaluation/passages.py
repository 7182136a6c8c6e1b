"""How much of the evidence and of the answers is kept when a scorer keeps a given share of the characters."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from ctxprune.context.scores import as_scores
from ctxprune.errors import InputError
from ctxprune.text.words import fold
from ctxprune.train.contexts import DocumentsContext
from ctxprune.utils.percent import percent

from .report import Report

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctxprune.scorers import Scorer
    from ctxprune.train.sentence_sets import Item

__all__ = ["SHARES", "PassageReport", "find_answer_strings", "measure", "normalize_text", "select_within"]

SHARES = (10, 20, 30, 50)
# Answers that are in almost any text by chance, so that finding them in what was kept proves nothing.
_UNSEARCHABLE_ANSWERS = frozenset({"yes", "no", "true", "false", "noanswer", "maybe"})


@dataclass(frozen=True, slots=True)
class PassageReport(Report):
    """Figures of one scorer on one set; each figure in percent, by kept share of characters in percent.

    Attributes:
        evidence_recall: Mean share of an item's evidence sentences that were kept.
        all_evidence: Share of items all of whose evidence was kept.
        answer_retention: Share of items with an answer string in what was kept, among those with one in all sentences;
            yes, no and the like do not count as answer strings. None where no item has one.
        f2: Mean F2 of the kept sentences against the evidence (recall counts four times precision).
        items: Number of items with at least one sentence that is evidence and one that is not.
        answered: Number of items that count for answer retention.
        ms_per_passage: Milliseconds of scoring, divided by the number of documents.
    """

    evidence_recall: dict[str, float]
    all_evidence: dict[str, float]
    answer_retention: dict[str, float | None]
    f2: dict[str, float]
    items: int
    answered: int
    ms_per_passage: float


def measure(
    items: Sequence[Item], scorer: Scorer, *, progress: Callable[[int, int], None] | None = None
) -> PassageReport:
    """Score every item that has both evidence and other sentences.

    Raises:
        InputError: There is no such item.
        UsageError: The scorer gives something other than one finite score a unit.
    """
    chosen = [item for item in items if item.mixed]
    if not chosen:
        raise InputError("no question has both a sentence that is evidence and one that is not")
    rows: list[list[_Row]] = []
    seconds, documents = 0.0, 0
    for done, item in enumerate(chosen, start=1):
        context = DocumentsContext(item.documents)
        started = perf_counter()  # scoring only: reading the documents costs every scorer the same
        scores = scorer.score(item.question, context)
        seconds += perf_counter() - started
        documents += len(item.documents)
        # Checked outside the timed part: a scorer that gives NaN fails here and is not ranked.
        checked = as_scores(scores, len(context.units), source=type(scorer).__name__)
        rows.append(_measure_item(item, context, checked.tolist()))
        if progress is not None:
            progress(done, len(chosen))
    return _summarize(rows, 1000 * seconds / documents)


def select_within(sizes: Sequence[int], scores: Sequence[float], budget: float) -> list[int]:
    """Select sentences by falling score until one exceeds the budget; ties go to the earlier, the best is always kept.

    Args:
        sizes: Characters of each sentence.
        scores: One for each sentence.
        budget: Characters.
    """
    kept: list[int] = []
    left = budget
    for index in sorted(range(len(sizes)), key=lambda index: (-scores[index], index)):
        # Stops at the first that does not fit: filling up with short sentences would reward length, not relevance.
        if kept and sizes[index] > left:
            break
        kept.append(index)
        left -= sizes[index]
    return kept


@dataclass(frozen=True, slots=True)
class _Row:
    """Figures of one item at one share."""

    recall: float
    complete: bool
    retained: bool | None
    f2: float


def _measure_item(item: Item, context: DocumentsContext, scores: list[float]) -> list[_Row]:
    texts = [unit.text for unit in context.units]
    sizes = [len(text) for text in texts]
    positives = sum(context.labels)
    answers = find_answer_strings(item)
    # An answer that is not in the documents word for word cannot be retained, so such items do not count.
    answered = bool(answers) and _contains_answer(texts, answers)
    rows = []
    for share in SHARES:
        kept = sorted(select_within(sizes, scores, sum(sizes) * share / 100))
        hits = sum(context.labels[index] for index in kept)
        retained = _contains_answer([texts[index] for index in kept], answers) if answered else None
        rows.append(_Row(hits / positives, hits == positives, retained, 5 * hits / (4 * positives + len(kept))))
    return rows


def _summarize(rows: list[list[_Row]], ms: float) -> PassageReport:
    columns = dict(zip(map(str, SHARES), zip(*rows, strict=True), strict=True))
    retained = {
        share: [row.retained for row in column if row.retained is not None] for share, column in columns.items()
    }
    return PassageReport(
        evidence_recall={share: percent(row.recall for row in column) for share, column in columns.items()},
        all_evidence={share: percent(row.complete for row in column) for share, column in columns.items()},
        answer_retention={share: percent(flags) if flags else None for share, flags in retained.items()},
        f2={share: percent(row.f2 for row in column) for share, column in columns.items()},
        items=len(rows),
        answered=len(retained[str(SHARES[0])]),
        ms_per_passage=round(ms, 3),
    )


def find_answer_strings(item: Item) -> list[str]:
    """The normalized answers that can be searched for in a text; yes, no and the like cannot."""
    plain = [normalize_text(answer) for answer in item.answers]
    return [answer for answer in plain if answer and answer not in _UNSEARCHABLE_ANSWERS]


def _contains_answer(texts: Sequence[str], answers: Sequence[str]) -> bool:
    whole = normalize_text(" ".join(texts))
    return any(answer in whole for answer in answers)


def normalize_text(text: str) -> str:
    """Fold a text and reduce white space to single spaces: the form in which answers are searched for."""
    return " ".join(fold(text).split())
