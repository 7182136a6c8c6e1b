"""Scores of selection: how often the chosen candidate is right, beside single systems, majority and any."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ctxprune.errors import UsageError
from ctxprune.utils.percent import percent_or_none

from ..database.database import Database, Limits
from ..generate.base import Candidate, Request
from ..select.base import Executed
from ..select.features import collect_evidence
from .executions import CachedRunner
from .spider import equal_results, order_matters, prepare_gold, prepare_prediction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..database.database import ResultSet
    from ..select.features import Evidence
    from .candidates import Candidates
    from .datasets import Benchmark, Item
    from .executions import ExecutionCache

    Run = Callable[[str], ResultSet | None]

__all__ = [
    "SelectionCase",
    "SelectionReport",
    "allowed_systems",
    "gather_known",
    "is_bird",
    "majority_is_right",
    "measure",
    "selection_cases",
]

_SAW_GOLD = ("uses-gold-schema", "goldfilter", "goldschemainfo")
_LIMITS = Limits(seconds=10.0, rows=20_000)


@dataclass(frozen=True)
class SelectionCase:
    """One question with what every system answered.

    Attributes:
        item: The question.
        executed: One a system, in the order of `systems`.
        right: Verdict of each by the set's own rule.
        groups: Equal numbers mean equal results by that rule; -1 for a failure.
        empty: Which returned no row.
        known: Links, values and our own answers.
    """

    item: Item
    executed: tuple[Executed, ...]
    right: tuple[bool, ...]
    groups: tuple[int, ...]
    empty: tuple[bool, ...]
    known: Evidence


@dataclass(frozen=True)
class SelectionReport:
    """Figures in percent of `items`.

    Attributes:
        ex: Of the selector; an abstention is wrong.
        best_single: The best system's, known only afterwards.
        majority: The largest group of equal results, non-empty ones first, ties to the earlier system.
        any_correct: Questions on which some system is right.
        ex_sure: Of the selector on the 80 % of items with the highest confidence.
        ece: Expected calibration error: how far confidence and the share of right choices lie apart, the mean over ten
            equal ranges of confidence, weighted by their items.
        items: Items whose database is present.
        systems: Systems whose candidates were used.
    """

    ex: float
    best_single: float
    majority: float
    any_correct: float
    ex_sure: float
    ece: float
    items: int
    systems: int

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def allowed_systems(candidates: Candidates) -> list[str]:
    """All systems of a file but those that saw gold schema items, by their names."""
    return [name for name in candidates.systems if not any(mark in name.lower() for mark in _SAW_GOLD)]


def is_bird(bench: Benchmark) -> bool:
    """Whether the set is scored as sets of rows (BIRD) rather than by Spider's rule."""
    return any(item.question_id for item in bench.items)


def selection_cases(
    bench: Benchmark,
    candidates: Candidates,
    *,
    with_known: bool = True,
    cache: ExecutionCache | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[SelectionCase]:
    """Run every distinct text once per database, and judge it.

    Args:
        bench: The set.
        candidates: The systems' predictions.
        with_known: Also link the schema, find values and run the sketch generator.
        cache: Where results are kept for the next time.
        progress: Told (done, total) after each item.

    Raises:
        UsageError: No item has both a database and a candidate.
    """
    systems = allowed_systems(candidates)
    texts = {system: candidates.of(system, bench.items) for system in systems}
    items = [item for item in bench.present if any(item.index in texts[system] for system in systems)]
    if not items:
        raise UsageError("no item has both a database here and a candidate", where=candidates.name)
    bird, made = is_bird(bench), []
    for name in dict.fromkeys(item.db_id for item in items):
        with Database(bench.databases[name], limits=_LIMITS, isolated=False) as database:
            runner = CachedRunner(database, cache)
            known = gather_known(bench, [item for item in items if item.db_id == name], runner) if with_known else {}
            for item in (one for one in items if one.db_id == name):
                sqls = [texts[system].get(item.index, "") for system in systems]
                made.append(_case(item, sqls, runner, bird=bird, known=known))
                if progress is not None:
                    progress(len(made), len(items))
    return sorted(made, key=lambda case: case.item.index)


def gather_known(bench: Benchmark, items: Sequence[Item], runner: Run) -> dict[int, Evidence]:
    """Links, values and the sketch generator's own answers, by the items' index; items without a schema have none."""
    from ..generate.sketch import SketchGenerator
    from ..linking.ranked import RankedLinker
    from .linking import linking_cases

    linker, writer, found = RankedLinker(), SketchGenerator(), {}
    for case in linking_cases(bench, evidence=True, items=items).cases:
        request = Request(case.item.question, case.schema, hits=case.hits, evidence=case.evidence, n=8)
        found[case.item.index] = collect_evidence(case.link(linker), writer.generate(request), runner)
    return found


def _case(item: Item, sqls: Sequence[str], runner: Run, *, bird: bool, known: dict[int, Evidence]) -> SelectionCase:
    from ..select.features import Evidence

    executed = tuple(Executed(Candidate(sql, "candidate"), sql, runner(sql)) for sql in sqls)
    judge = _bird if bird else _spider
    judged = judge(item, sqls, runner)
    return SelectionCase(item, executed, judged.right, judged.groups, judged.empty, known.get(item.index, Evidence()))


@dataclass(frozen=True)
class _Judged:
    right: tuple[bool, ...]
    groups: tuple[int, ...]
    empty: tuple[bool, ...]


def _bird(item: Item, sqls: Sequence[str], runner: Run) -> _Judged:
    gold = runner(item.gold)
    results = [runner(sql) for sql in sqls]
    keys = [None if result is None else frozenset(result.rows) for result in results]
    numbers = {key: place for place, key in reversed(list(enumerate(keys))) if key is not None}
    return _Judged(
        tuple(gold is not None and key == frozenset(gold.rows) for key in keys),
        tuple(-1 if key is None else numbers[key] for key in keys),
        tuple(not key for key in keys),
    )


def _spider(item: Item, sqls: Sequence[str], runner: Run) -> _Judged:
    gold = runner(prepare_gold(item.gold))
    results = [runner(prepare_prediction(sql)) if sql.strip() else None for sql in sqls]
    ordered = order_matters(item.gold)
    verdicts: dict[str, bool] = {}
    groups: list[int] = []
    for place, (sql, result) in enumerate(zip(sqls, results, strict=True)):
        if sql not in verdicts:
            verdicts[sql] = (
                gold is not None and result is not None and equal_results(gold.rows, result.rows, ordered=ordered)
            )
        firsts = [first for first in dict.fromkeys(groups) if first >= 0]
        same = next((first for first in firsts if _equal(sqls, results, first, place)), place)
        groups.append(-1 if result is None else same)
    empty = tuple(result is None or not result.rows for result in results)
    return _Judged(tuple(verdicts[sql] for sql in sqls), tuple(groups), empty)


def _equal(sqls: Sequence[str], results: Sequence[ResultSet | None], first: int, second: int) -> bool:
    left, right = results[first], results[second]
    ordered = order_matters(sqls[first]) and order_matters(sqls[second])
    return left is not None and right is not None and equal_results(left.rows, right.rows, ordered=ordered)


def measure(
    choose: Callable[[SelectionCase], tuple[int | None, float]], cases: Sequence[SelectionCase]
) -> SelectionReport:
    """Score a choice function, which gives an index into `executed` (None to abstain) and a confidence.

    Raises:
        UsageError: There is no case.
    """
    if not cases:
        raise UsageError("there is no case to score")
    chosen = [choose(case) for case in cases]
    flags = [index is not None and case.right[index] for (index, _), case in zip(chosen, cases, strict=True)]
    surest = sorted(range(len(cases)), key=lambda place: -chosen[place][1])[: max(round(0.8 * len(cases)), 1)]
    width = len(cases[0].right)
    return SelectionReport(
        ex=_percent(flags),
        best_single=max(_percent([case.right[system] for case in cases]) for system in range(width)),
        majority=_percent([majority_is_right(case) for case in cases]),
        any_correct=_percent([any(case.right) for case in cases]),
        ex_sure=_percent([flags[place] for place in surest]),
        ece=_calibration_error([sure for _, sure in chosen], flags),
        items=len(cases),
        systems=width,
    )


def _calibration_error(confidences: Sequence[float], flags: Sequence[bool]) -> float:
    bins: dict[int, list[float]] = {}
    for sure, flag in zip(confidences, flags, strict=True):
        bins.setdefault(min(int(10 * sure), 9), []).append(flag - sure)
    return round(100 * sum(abs(sum(gaps)) for gaps in bins.values()) / len(flags), 2)


def majority_is_right(case: SelectionCase) -> bool:
    """Whether the plain majority is right: the largest group, non-empty ones first, ties to the earlier system."""
    sizes = {first: case.groups.count(first) for first in dict.fromkeys(case.groups) if first >= 0}
    if not sizes:
        return False
    return case.right[min(sizes, key=lambda first: (case.empty[first], -sizes[first], first))]


def _percent(flags: Sequence[bool]) -> float:
    return percent_or_none(flags) or 0.0  # `measure` refuses an empty list of cases
