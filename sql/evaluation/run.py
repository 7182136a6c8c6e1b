"""A run of a pipeline over a benchmark, scored by execution accuracy: Spider's rule, or BIRD's."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from statistics import fmean, median
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ctxprune.errors import DatabaseError, InputError, ModelError
from ctxprune.utils.percent import percent_or_none

from ..database.database import Database, Limits
from .datasets import no_database
from .equality import equal_results, equal_sets
from .journal import Journal
from .rules import SPIDER
from .spider import order_matters, prepare, this_year

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ..pipeline.pipeline import Answer, Pipeline
    from ..pipeline.trace import Trace
    from ..schema.schema import Schema
    from .datasets import Benchmark, Item
    from .rules import ExecutionRule

__all__ = ["EVALUATION_LIMITS", "ModelWatch", "Report", "Verdict", "run", "score"]

_DEAD_AFTER = 3  # items in a row without a single model answer: whatever is scored then is not the model
# An evaluation must not cut a correct result short, so these are wider than those of a service.
EVALUATION_LIMITS = Limits(seconds=30.0, rows=2_000_000, bytes=512_000_000, memory=2_000_000_000)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One item.

    Attributes:
        index, db_id: Which item.
        sql: The prediction; "" where the pipeline refused.
        correct: Its result equals the reference's.
        executable: It ran.
        ms: Milliseconds from question to answer; the value index of a database is built before its first question.
        tokens_in: Tokens that the generators read: of prompts, or of the linked schema where there was no prompt.
        error: Why it is not executable, or why the reference failed; "" otherwise.
        model_error: Why a model call failed, whatever came of the item; "" where none did.
        tokens_out: Tokens that models wrote.
        cost: What the models cost by the caller's prices; None without.
    """

    index: int
    db_id: str
    sql: str
    correct: bool
    executable: bool
    ms: float
    tokens_in: int
    error: str = ""
    model_error: str = ""
    tokens_out: int = 0
    cost: float | None = None

    def record(self) -> dict[str, Any]:
        """For the log: everything."""
        return asdict(self)

    @classmethod
    def load(cls, record: Any, *, where: str = "") -> Verdict:
        """A verdict out of a log's line.

        Raises:
            InputError: It is none.
        """
        whole = isinstance(record, dict) and record.keys() == cls.__dataclass_fields__.keys()
        if whole and type(record["index"]) is int and isinstance(record["correct"], bool):
            return cls(**record)
        raise InputError("not the verdict on an item", where=where)


@dataclass(frozen=True)
class Report:
    """All verdicts of a run.

    Attributes:
        verdicts: One for each item that was asked.
        skipped: Items whose database is absent, of the whole set, also where only some of its items were asked.
    """

    verdicts: tuple[Verdict, ...]
    skipped: int

    def to_dict(self, *, items: bool = False) -> dict[str, Any]:
        """Figures: `ex` and `executable` in percent of `items`, times in milliseconds; with `items`, each verdict.

        `ms_p95` is the nearest rank; tokens are means, `cost` is the sum; `model_failures` counts the items on which a
        model call failed.
        """
        rows = self.verdicts
        times = sorted(row.ms for row in rows)
        costs = [row.cost for row in rows if row.cost is not None]
        figures: dict[str, Any] = {
            "ex": percent_or_none(row.correct for row in rows),
            "items": len(rows),
            "skipped": self.skipped,
            "executable": percent_or_none(row.executable for row in rows),
            "ms_per_question": round(median(times), 2) if times else None,
            "ms_p95": round(times[math.ceil(0.95 * len(times)) - 1], 2) if times else None,
            "tokens_in": round(fmean(row.tokens_in for row in rows), 1) if rows else None,
            "tokens_out": round(fmean(row.tokens_out for row in rows), 1) if rows else None,
            "cost": round(sum(costs), 6) if costs else None,
            "seconds": round(sum(times) / 1e3, 2),
            "model_failures": sum(bool(row.model_error) for row in rows),
            "failed_references": sum(row.error.startswith("reference:") for row in rows),
        }
        return figures | ({"verdicts": [asdict(row) for row in rows]} if items else {})


def run(
    benchmark: Benchmark,
    make_pipeline: Callable[[Database, Schema], Pipeline],
    *,
    items: Sequence[Item] | None = None,
    rule: ExecutionRule = SPIDER,
    log: Path | None = None,
    options: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Ask every item whose database is present, database by database; verdicts come back in the items' order.

    Args:
        benchmark: The loaded set.
        make_pipeline: Called once a database, with its schema as the set documents it; may build its value index.
        items: Which items; default: all of the benchmark.
        rule: When a result counts as right.
        log: File that keeps each verdict; a run that was stopped goes on from it.
        options: What the answers depend on beside the data (JSON-safe); a log of other options is refused.
        progress: Told (done, total) after each item.

    Raises:
        UsageError: No item has a database.
        InputError: The log belongs to another run, or cannot be written.
        FormatError: The log is damaged.
        ModelError: On three items in a row model calls failed and none gave an answer.
    """
    chosen = benchmark.items if items is None else tuple(items)
    present = [item for item in chosen if item.db_id in benchmark.databases]
    if not present:
        raise no_database(benchmark)
    header = {"set": benchmark.name, "data": benchmark.fingerprint, "rule": asdict(rule), **(options or {})}
    watch = ModelWatch()
    with ExitStack() as stack:
        journal = stack.enter_context(Journal(log, header, Verdict.load)) if log is not None else None
        wanted = {item.index for item in present}
        done = {index: one for index, one in (journal.done if journal else {}).items() if index in wanted}
        if progress is not None and done:
            progress(len(done), len(present))
        left = [item for item in present if item.index not in done]
        for name in dict.fromkeys(item.db_id for item in left):
            mine = [item for item in left if item.db_id == name]
            for verdict in _one_database(benchmark, mine, make_pipeline, watch, rule):
                done[verdict.index] = verdict
                if journal is not None:
                    journal.add(verdict)
                if progress is not None:
                    progress(len(done), len(present))
    verdicts = tuple(done[index] for index in sorted(done))
    return Report(verdicts, len(benchmark.items) - len(benchmark.present))


class ModelWatch:
    """Ends a run whose model is dead: the other generators' answers would pass for its own."""

    def __init__(self) -> None:
        self._row = 0

    def saw(self, trace: Trace) -> None:
        """Take note of one item.

        Raises:
            ModelError: It is the third in a row without a model's answer.
        """
        if trace.model_answered:
            self._row = 0
        elif trace.model_errors:
            self._row += 1
        if self._row >= _DEAD_AFTER:
            raise ModelError(f"the model gave no answer on {self._row} items in a row ({trace.model_errors[0]})")


def score(database: Database, gold: str, predicted: str, *, rule: ExecutionRule = SPIDER) -> bool:
    """Whether a prediction gives the reference's result by the rule, on this database; one that fails is wrong.

    Raises:
        DatabaseError: The reference fails, or its result exceeds the limits of an evaluation.
    """
    reference = database.execute(_text(gold, rule, predicted=False), limits=EVALUATION_LIMITS)
    if reference.truncated:
        raise DatabaseError("the reference's result is too large to compare", where=database.name)
    try:
        result = database.execute(_text(predicted, rule, predicted=True), limits=EVALUATION_LIMITS)
    except DatabaseError:
        return False
    if result.truncated:
        return False
    if not rule.bag:
        return equal_sets(reference.rows, result.rows)
    ordered = rule.ordered_like_gold and order_matters(gold)
    return equal_results(reference.rows, result.rows, ordered=ordered)


def _text(sql: str, rule: ExecutionRule, *, predicted: bool) -> str:
    text = prepare(sql, rule.text, predicted=predicted)
    return this_year(text) if rule.text.this_year else text


def _one_database(
    benchmark: Benchmark,
    items: Sequence[Item],
    make_pipeline: Callable[[Database, Schema], Pipeline],
    watch: ModelWatch,
    rule: ExecutionRule,
) -> Iterator[Verdict]:
    name = items[0].db_id
    with Database(benchmark.databases[name], name=name) as database:
        schema = database.schema()
        if name in benchmark.schemas:
            schema = schema.enriched(benchmark.schemas[name])
        pipeline = make_pipeline(database, schema)
        for item in items:
            start = perf_counter()
            answer = pipeline.ask(item.question, item.evidence)
            ms = (perf_counter() - start) * 1e3
            watch.saw(answer.trace)
            yield _verdict(database, item, answer, ms, rule)


def _verdict(database: Database, item: Item, answer: Answer, ms: float, rule: ExecutionRule) -> Verdict:
    model_error = next(iter(answer.trace.model_errors), "")
    error = ""
    if answer.refusal is not None:
        error = model_error if answer.refusal.kind == "model" else answer.reason
    correct = False
    if not answer.refused:
        try:
            correct = score(database, item.gold, answer.sql, rule=rule)
        except DatabaseError as failure:
            error = f"reference: {failure}"
    trace = answer.trace
    tokens = trace.tokens_in or (trace.linked.tokens_after if trace.linked is not None else 0)
    return Verdict(
        item.index,
        item.db_id,
        answer.sql,
        correct,
        not answer.refused,
        ms,
        tokens,
        error,
        model_error,
        trace.tokens_out,
        trace.cost,
    )
