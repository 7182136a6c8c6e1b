"""How much of the evidence, and of the answer, is left when a scorer keeps a given share of the characters."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ctxprune.context.scores import as_scores
from ctxprune.errors import InputError
from ctxprune.text.words import fold
from ctxprune.train.contexts import DocumentsContext
from ctxprune.utils.percent import percent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctxprune.scorers import Scorer
    from ctxprune.train.sentence_sets import Item

__all__ = ["SHARES", "PassageReport", "answer_strings", "kept_within", "measure", "plain_text"]

SHARES = (10, 20, 30, 50)
_PLAIN_ANSWERS = frozenset({"yes", "no", "true", "false", "noanswer", "maybe"})


@dataclass(frozen=True, slots=True)
class PassageReport:
    """Figures of one scorer on one set; each figure in percent, by kept share of characters in percent.

    Attributes:
        evidence_recall: Mean share of an item's evidence sentences that were kept.
        all_evidence: Share of items all of whose evidence was kept.
        answer_retention: Share of items with an answer string in what was kept, among those with one in all sentences;
            yes and no are no answer strings. None where no item has one.
        f2: Mean F2 of the kept sentences against the evidence (recall counts four times precision).
        items: Those with at least one sentence that is evidence and one that is not.
        answered: Items that count for answer retention.
        ms_per_passage: Milliseconds of scoring over documents.
    """

    evidence_recall: dict[str, float]
    all_evidence: dict[str, float]
    answer_retention: dict[str, float | None]
    f2: dict[str, float]
    items: int
    answered: int
    ms_per_passage: float

    def to_dict(self) -> dict[str, Any]:
        """As plain numbers."""
        return {name: getattr(self, name) for name in self.__slots__}


def measure(
    items: Sequence[Item], scorer: Scorer, *, progress: Callable[[int, int], None] | None = None
) -> PassageReport:
    """Score every item that has evidence and something else.

    Raises:
        InputError: No item has.
        UsageError: The scorer gives something other than one finite score a unit.
    """
    chosen = [item for item in items if item.mixed]
    if not chosen:
        raise InputError("no question has both a sentence that is evidence and one that is not")
    rows: list[list[_Row]] = []
    seconds, documents = 0.0, 0
    for done, item in enumerate(chosen, start=1):
        context = DocumentsContext(item.documents)
        started = perf_counter()
        scores = scorer.score(item.question, context)
        seconds += perf_counter() - started
        documents += len(item.documents)
        checked = as_scores(scores, len(context.units), source=type(scorer).__name__)
        rows.append(_item_rows(item, context, checked.tolist()))
        if progress is not None:
            progress(done, len(chosen))
    return _report(rows, 1000 * seconds / documents)


def kept_within(sizes: Sequence[int], scores: Sequence[float], budget: float) -> list[int]:
    """Indices by falling score, ties earlier first, until one does not fit into the budget; the first is always there.

    Args:
        sizes: Characters of each sentence.
        scores: One each.
        budget: Characters.
    """
    kept: list[int] = []
    left = budget
    for index in sorted(range(len(sizes)), key=lambda index: (-scores[index], index)):
        if kept and sizes[index] > left:
            break
        kept.append(index)
        left -= sizes[index]
    return kept


@dataclass(frozen=True, slots=True)
class _Row:
    recall: float
    complete: bool
    retained: bool | None
    f2: float


def _item_rows(item: Item, context: DocumentsContext, scores: list[float]) -> list[_Row]:
    texts = [unit.text for unit in context.units]
    sizes = [len(text) for text in texts]
    positives = sum(context.labels)
    answers = answer_strings(item)
    answered = bool(answers) and _holds(texts, answers)
    rows = []
    for share in SHARES:
        kept = sorted(kept_within(sizes, scores, sum(sizes) * share / 100))
        hits = sum(context.labels[index] for index in kept)
        retained = _holds([texts[index] for index in kept], answers) if answered else None
        rows.append(_Row(hits / positives, hits == positives, retained, 5 * hits / (4 * positives + len(kept))))
    return rows


def _report(rows: list[list[_Row]], ms: float) -> PassageReport:
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


def answer_strings(item: Item) -> list[str]:
    """The answers that can be looked for in a text, in plain form; yes, no and the like cannot."""
    plain = [plain_text(answer) for answer in item.answers]
    return [answer for answer in plain if answer and answer not in _PLAIN_ANSWERS]


def _holds(texts: Sequence[str], answers: Sequence[str]) -> bool:
    whole = plain_text(" ".join(texts))
    return any(answer in whole for answer in answers)


def plain_text(text: str) -> str:
    """Folded, with single spaces: the form in which answers are looked for."""
    return " ".join(fold(text).split())
