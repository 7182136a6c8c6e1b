"""How much of the evidence is kept of whole documents, each pruned as `ctxprune prune FILE -q QUESTION` prunes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from time import perf_counter
from typing import Any

import numpy as np

from ctxprune.context.base import Context
from ctxprune.context.grid import column_units
from ctxprune.context.scores import Scores
from ctxprune.errors import BudgetError, InputError
from ctxprune.policies import TableBudget, TokenBudget
from ctxprune.pruning.pruner import Pruner
from ctxprune.scorers import SCORERS
from ctxprune.scorers.base import Scorer, score_batch
from ctxprune.scorers.combined.structured import structured
from ctxprune.tokens import as_counter
from ctxprune.utils.metrics import bootstrap_means, sign_test
from ctxprune.utils.percent import percent

from ..kinds import KINDS, TABLES, guess_kind
from .field_set import FieldItem, evidence_text
from .report import Report, mean_milliseconds
from .tools import PlainBm25

__all__ = [
    "DEFAULT_SCORER",
    "SHARES",
    "FieldDocument",
    "FieldReport",
    "FirstUnits",
    "ItemResult",
    "Method",
    "compare_methods",
    "default_methods",
    "measure_field",
]

SHARES = (5, 10, 25)
"""Percent of a document's tokens that are kept."""
DEFAULT_SCORER = "mixture"
"""The default of `ctxprune prune --scorer`."""
_TIMED = 10  # percent: the share at which pruning is timed
_CONFIDENCE = 0.95
_HEAD = 20_000  # bytes by which a kind is guessed, as the command line does


@dataclass(frozen=True, slots=True)
class Method:
    """A way to prune documents.

    Attributes:
        scorer: Scores the units, of every kind of document.
        whole_rows: Whether tables keep all their columns; else columns are chosen too.
    """

    scorer: Scorer
    whole_rows: bool = False


class FirstUnits(Scorer):
    """Baseline: units in the order of the document."""

    def score(self, query: str, context: Context[Any]) -> Scores:
        """Falling from 0, float32 (n_units,)."""
        del query
        return -np.arange(len(context.units), dtype=np.float32)


def default_methods(scorer: Scorer | None = None) -> dict[str, Method]:
    """The default, what `--scorer lexical` does, bm25s with its own defaults, and the first units.

    The last two keep whole rows of tables: they are what one would write without this library.

    Args:
        scorer: Used in the place of the default.
    """
    return {
        "default": Method(structured(scorer if scorer is not None else SCORERS.get(DEFAULT_SCORER)())),
        "lexical": Method(SCORERS.get("lexical")()),
        "bm25s": Method(PlainBm25(), whole_rows=True),
        "first": Method(FirstUnits(), whole_rows=True),
    }


class FieldDocument:
    """A document as the command line reads it.

    Attributes:
        context: Its units.
        table: Whether columns can be dropped.
        tokens: Tokens of the document with everything kept, of the bundled tokenizer.

    Raises:
        InputError: It is not UTF-8 text, or not of the kind that its name or its content says.
    """

    def __init__(self, file: Path) -> None:
        try:
            data = file.read_bytes()
            kind = guess_kind(file.name, lambda: data[:_HEAD].decode("utf-8", "replace"))
            # A page may declare another encoding.
            self.context = KINDS[kind].read(data if kind == "html" else data.decode("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"the document cannot be read ({error})", where=file.name) from error
        self.table = kind in TABLES
        self.tokens = as_counter().count(self.context.render(range(len(self.context.units))))

    def prune(self, question: str, method: Method, scores: Scores, budget: int) -> str:
        """The text that is kept within so many tokens; "" where they hold no unit at all."""
        policy: TableBudget | TokenBudget
        if self.table and method.whole_rows:
            # A row without its columns is empty, so all columns come before the first row.
            policy, scores = TokenBudget(budget), scores.copy()
            scores[list(column_units(self.context.grids))] = scores.max(initial=0) + 1
        else:
            policy = TableBudget(budget) if self.table else TokenBudget(budget)
        try:
            return Pruner(method.scorer, policy).prune_scored(question, self.context, scores).output
        except BudgetError:  # `ctxprune prune` ends with this error and writes nothing
            return ""


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What one method kept for one question, by share of the tokens in percent.

    Attributes:
        item: The question.
        found: Share of the evidence strings in what was kept, 0 to 1; 0 where there is no evidence.
        tokens: Share of the document's tokens that were kept, 0 to 1.
        seconds: Of scoring the document and pruning it to 10 %.
    """

    item: FieldItem
    found: dict[int, float]
    tokens: dict[int, float]
    seconds: float


@dataclass(frozen=True, slots=True)
class FieldReport(Report):
    """Figures of several methods on the same questions, in percent, by share of the tokens.

    Attributes:
        items: Number of answerable questions by group, and of "all".
        unanswerable: Number of questions without evidence, which count for `empty` alone.
        evidence_kept: Method -> group -> share -> mean share of an item's evidence strings that are kept.
        all_evidence: Method -> group -> share -> share of the items of which every string is kept.
        tokens_kept: Method -> share -> mean share of the tokens that are kept.
        nothing_kept: Method -> share -> number of answerable questions for which the budget held no unit.
        empty: Method -> share -> number of unanswerable questions for which nothing was kept.
        difference: Group -> share -> comparison of the first two methods, see `compare_methods`.
        ms_per_question: Method -> milliseconds of scoring a document that was read, and pruning it to 10 %.
    """

    items: dict[str, int]
    unanswerable: int
    evidence_kept: dict[str, dict[str, dict[str, float]]]
    all_evidence: dict[str, dict[str, dict[str, float]]]
    tokens_kept: dict[str, dict[str, float]]
    nothing_kept: dict[str, dict[str, int]]
    empty: dict[str, dict[str, int]]
    difference: dict[str, dict[str, dict[str, float]]]
    ms_per_question: dict[str, float]


@dataclass(slots=True)
class _Open:
    """The document that was read last: questions about one follow each other."""

    file: Path | None = None
    document: FieldDocument | None = field(default=None, repr=False)

    def read(self, file: Path) -> FieldDocument:
        if self.document is None or self.file != file:
            self.file, self.document = file, FieldDocument(file)
        return self.document


def measure_field(
    items: Sequence[FieldItem],
    methods: Mapping[str, Method],
    *,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[FieldReport, dict[str, list[ItemResult]]]:
    """Prune the document of each question to 5, 10 and 25 % of its tokens by each method.

    Args:
        items: Questions.
        methods: By name; the first two are compared with each other.
        seed: Random seed of the bootstrap.
        progress: Called with the number of questions done and of all.

    Returns:
        The figures, and the results by method, in the order of the items.

    Raises:
        InputError: No question has evidence, or a document cannot be read.
    """
    if not any(item.evidence for item in items):
        raise InputError("no question has evidence")
    results: dict[str, list[ItemResult]] = {name: [] for name in methods}
    opened = _Open()
    for done, item in enumerate(items, start=1):
        document = opened.read(item.file)
        for name, method in methods.items():
            results[name].append(_run_item(item, document, method))
        if progress is not None:
            progress(done, len(items))
    return _summarize(results, seed), results


def compare_methods(ours: Sequence[float], theirs: Sequence[float], *, seed: int = 0) -> dict[str, float]:
    """Compare two methods on the same items by paired values from 0 to 1.

    Returns:
        Items, mean difference (ours minus theirs) in percent points with its 95 % bootstrap interval, the number of
        items on which ours is better and worse, and the one-sided p-value of the sign test that it is worse.
    """
    gain = np.asarray(ours, dtype=np.float64) - np.asarray(theirs, dtype=np.float64)
    low, high = np.quantile(bootstrap_means(gain, seed), [(1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2])
    better, worse = int((gain > 0).sum()), int((gain < 0).sum())
    return {
        "items": len(gain),
        "mean": round(100 * float(gain.mean()), 2),
        "low": round(100 * float(low), 2),
        "high": round(100 * float(high), 2),
        "better": better,
        "worse": worse,
        "p_worse": round(sign_test(better, worse), 4),
    }


def _run_item(item: FieldItem, document: FieldDocument, method: Method) -> ItemResult:
    started = perf_counter()
    # Scored once for all shares: only the selection depends on the budget.
    scores = score_batch(method.scorer, [item.question], [document.context])[0]
    seconds = perf_counter() - started
    found, tokens = {}, {}
    counter = as_counter()
    for share in SHARES:
        started = perf_counter()
        output = document.prune(item.question, method, scores, document.tokens * share // 100)
        if share == _TIMED:
            seconds += perf_counter() - started
        text = evidence_text(output, item.kind)
        found[share] = fmean(string in text for string in item.evidence) if item.evidence else 0.0
        tokens[share] = counter.count(output) / max(document.tokens, 1)
    return ItemResult(item, found, tokens, seconds)


def _summarize(results: Mapping[str, list[ItemResult]], seed: int) -> FieldReport:
    answerable = {name: [row for row in rows if row.item.evidence] for name, rows in results.items()}
    without = {name: [row for row in rows if not row.item.evidence] for name, rows in results.items()}
    first = next(iter(answerable.values()))
    groups = {"all": list(range(len(first)))}
    for place, row in enumerate(first):
        groups.setdefault(row.item.group, []).append(place)

    def figures(value: Callable[[ItemResult, int], float]) -> dict[str, dict[str, dict[str, float]]]:
        return {
            name: {group: _by_share([rows[place] for place in places], value) for group, places in groups.items()}
            for name, rows in answerable.items()
        }

    return FieldReport(
        items={group: len(places) for group, places in groups.items()},
        unanswerable=len(next(iter(without.values()))),
        evidence_kept=figures(lambda row, share: row.found[share]),
        all_evidence=figures(lambda row, share: row.found[share] == 1),
        tokens_kept={name: _by_share(rows, lambda row, share: row.tokens[share]) for name, rows in results.items()},
        nothing_kept={name: _count_empty(rows) for name, rows in answerable.items()},
        empty={name: _count_empty(rows) for name, rows in without.items()},
        difference=_compare(list(answerable.values()), groups, seed),
        ms_per_question={name: mean_milliseconds([row.seconds for row in rows]) for name, rows in results.items()},
    )


def _compare(
    rows: Sequence[Sequence[ItemResult]], groups: Mapping[str, Sequence[int]], seed: int
) -> dict[str, dict[str, dict[str, float]]]:
    if len(rows) < 2:
        return {}
    return {
        group: {
            str(share): compare_methods(*([row[place].found[share] for place in places] for row in rows[:2]), seed=seed)
            for share in SHARES
        }
        for group, places in groups.items()
    }


def _by_share(rows: Iterable[ItemResult], value: Callable[[ItemResult, int], float]) -> dict[str, float]:
    rows = list(rows)
    return {str(share): percent(value(row, share) for row in rows) for share in SHARES}


def _count_empty(rows: Sequence[ItemResult]) -> dict[str, int]:
    return {str(share): sum(row.tokens[share] == 0 for row in rows) for share in SHARES}
