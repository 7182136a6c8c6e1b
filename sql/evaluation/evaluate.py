"""A system's predictions scored over a set: official or safe mode, in parallel, with a log to go on from."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError, UsageError
from ctxprune.storage.sealed import parse_json

from ..database.limits import check_whole_number
from .bird import time_ratio
from .datasets import no_database
from .exact_match import exact_match, foreign_key_map
from .hardness import hardness
from .journal import Journal
from .official import OfficialScorer
from .outcome import Outcome, Result
from .report import Evaluation
from .rules import ExecutionRule
from .safe import SAFE_LIMITS, SafeScorer
from .spider_structure import EMPTY, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from ..database.database import Limits
    from .datasets import Benchmark, Item
    from .predictions import Prediction, Predictions
    from .spider_structure import Structure

__all__ = ["RunConfig", "evaluate"]

_EMPTY_LINE = "SELECT 1"  # what Spider's own scripts write instead of nothing
_SAFE_PROBLEMS = ("empty", "no_separator", "not_text")


@dataclass(frozen=True, slots=True)
class RunConfig:
    """How a run is done.

    Attributes:
        rule: The official script's rules.
        mode: "official" or "safe".
        workers: Items at the same time, 1 or more. Results do not depend on it; times (R-VES) do.
        repeat: Repetitions for R-VES, official mode only; 0 for none.
        limits: Of each query in safe mode.
        memory: Bytes that the process of official mode may have.

    Raises:
        UsageError: A value is out of its range.
    """

    rule: ExecutionRule
    mode: str = "official"
    workers: int = 1
    repeat: int = 0
    limits: Limits = SAFE_LIMITS
    memory: int = 4_000_000_000

    def __post_init__(self) -> None:
        if self.mode not in {"official", "safe"}:
            raise UsageError(f"mode {self.mode!r} is not one of: official, safe")
        whole = (("workers", self.workers, 1), ("repeat", self.repeat, 0), ("memory", self.memory, 200_000_000))
        for name, value, least in whole:
            check_whole_number(name, value, least)
        if self.repeat and self.mode == "safe":
            raise UsageError("R-VES is measured in official mode only")

    def describe(self) -> dict[str, Any]:
        """What the results depend on, JSON-safe."""
        limits = asdict(self.limits) if self.mode == "safe" else {"memory": self.memory}
        return {"mode": self.mode, "rule": asdict(self.rule), "repeat": self.repeat, "limits": limits}


def evaluate(
    benchmark: Benchmark,
    predictions: Predictions,
    config: RunConfig,
    *,
    log: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Score every item whose database is present; the n-th prediction belongs to the n-th item of the set.

    Predictions beyond the last item are left out, as the official scripts do. Items beyond the last prediction are
    wrong, with the class "missing": the official scripts would leave them out, or end, and a file that was cut off
    would score higher than a whole one.

    Args:
        benchmark: The set.
        predictions: One system's.
        config: Rules, mode, workers.
        log: File that keeps each item's result; a run that was killed goes on from it.
        progress: Told (done, total) after each item.

    Raises:
        UsageError: No item has a database, or no such item has a prediction.
        InputError: Official mode, and the official script would end on this file; or the log belongs to another run.
        FormatError: The log is damaged.
        DatabaseError: A database cannot be copied, or no process can be started.
    """
    if config.mode == "official" and predictions.stops:
        raise InputError(
            f"the official script ends on these predictions: {predictions.stops}", hint="--mode safe scores them"
        )
    jobs = list(_jobs(benchmark, predictions, config))
    if not jobs:
        raise no_database(benchmark)
    if all(job.problem == "missing" for job in jobs):
        hint = "the n-th prediction belongs to the n-th item of the set, whatever its key; fill the file up"
        raise UsageError("no item that has a database has a prediction", where=benchmark.name, hint=hint)
    run = {"set": benchmark.name, "data": benchmark.fingerprint, "predictions": predictions.digest, **config.describe()}
    with ExitStack() as stack:
        journal = stack.enter_context(Journal(log, run, Result.load)) if log is not None else None
        done = dict(journal.done) if journal is not None else {}
        left = [job for job in jobs if job.item.index not in done]
        results = _Results(done, journal, progress, len(jobs))
        _work(stack, left, config, results, _Structures(benchmark, config))
    found = tuple(results.found[job.item.index] for job in jobs)
    counts = {
        "skipped": len(benchmark.items) - len(benchmark.present),
        "unpredicted": max(len(benchmark.items) - len(predictions.entries), 0),
        "extra_predictions": max(len(predictions.entries) - len(benchmark.items), 0),
    }
    return Evaluation(found, counts=counts, run=run)


@dataclass(frozen=True, slots=True)
class _Job:
    item: Item
    path: Path
    sql: str
    problem: str = ""


def _jobs(benchmark: Benchmark, predictions: Predictions, config: RunConfig) -> Iterable[_Job]:
    entries = predictions.entries
    for position, item in enumerate(benchmark.items):
        if item.db_id not in benchmark.databases:
            continue
        path = benchmark.databases[item.db_id]
        if position < len(entries):
            yield _job(item, path, entries[position], benchmark, config)
        else:
            yield _Job(item, path, "", "missing")


def _job(item: Item, path: Path, entry: Prediction, benchmark: Benchmark, config: RunConfig) -> _Job:
    rule = config.rule
    sql = entry.sql
    if rule.text.value_as_one:  # Spider: one line of text
        sql = sql.replace("\n", " ").replace("\t", " ").strip() or _EMPTY_LINE
    if config.mode == "safe":
        problem = entry.problem if entry.problem in _SAFE_PROBLEMS else ""
        if entry.db_id and entry.db_id != item.db_id and not problem:
            problem = "wrong_database"
        return _Job(item, path, entry.sql if problem else sql, problem)
    if entry.problem == "no_separator" and not rule.lost_separator:
        raise InputError(
            f"the official script ends on prediction {item.index}: it has no separator", hint="--mode safe scores it"
        )
    if rule.database_of_prediction and entry.db_id and entry.db_id != item.db_id:
        other = benchmark.databases.get(entry.db_id)
        return _Job(item, other or path, sql, "" if other is not None else "no_database")
    return _Job(item, path, sql)


class _Results:
    """What is done so far; for many threads."""

    def __init__(
        self,
        done: dict[int, Result],
        journal: Journal[Result] | None,
        progress: Callable[[int, int], None] | None,
        total: int,
    ) -> None:
        self.found, self._journal, self._progress, self._total = done, journal, progress, total
        self._lock = threading.Lock()
        self._report_progress()

    def add(self, result: Result) -> None:
        with self._lock:
            if self._journal is not None:
                self._journal.add(result)
            self.found[result.index] = result
            self._report_progress()

    def _report_progress(self) -> None:
        if self._progress is not None:
            self._progress(len(self.found), self._total)


class _Structures:
    """Spider's structures of queries: hardness of references, exact match of predictions. For many threads.

    Only where the rule is Spider's; the schema file gives the foreign keys, the database the tables.
    """

    def __init__(self, benchmark: Benchmark, config: RunConfig) -> None:
        self._wanted = config.rule.text.value_as_one
        self._keys = _foreign_keys(benchmark) if self._wanted else {}
        self._tables: dict[str, Mapping[str, list[str]] | InputError] = {}
        self._lock = threading.Lock()
        self._scorer: OfficialScorer | None = None
        self._rule = config.rule

    def close(self) -> None:
        if self._scorer is not None:
            self._scorer.close()

    def of(self, job: _Job, scorer: OfficialScorer | SafeScorer) -> dict[str, Any]:
        """Attributes of a `Result`: level, exact, parts; and stop, where the official script cannot read the item."""
        if not self._wanted:
            return {"level": job.item.difficulty}
        try:
            tables = self._schema(job, scorer)
            gold = parse(job.item.gold, tables)
        except InputError as error:
            return {"level": "", "stop": error.what[:300]}
        found: dict[str, Any] = {"level": hardness(gold)}
        keys = self._keys.get(job.item.db_id)
        if keys is not None and job.problem != "missing":
            try:
                match = exact_match(self._predicted(job.sql, tables), gold, keys=keys, schema=tables)
                parts = {name: [agrees, *match.sides[name]] for name, agrees in match.parts.items()}
                found |= {"exact": match.exact, "parts": parts}
            except InputError as error:
                found |= {"exact": False, "stop": error.what}
        return found

    def _predicted(self, sql: str, tables: Mapping[str, Sequence[str]]) -> Structure:
        try:
            return parse(sql.replace("value", "1"), tables)
        except InputError:
            return EMPTY

    def _schema(self, job: _Job, scorer: OfficialScorer | SafeScorer) -> Mapping[str, list[str]]:
        with self._lock:
            name = job.item.db_id
            if name not in self._tables:
                self._tables[name] = self._read(job.path, scorer)
            found = self._tables[name]
        if isinstance(found, InputError):
            raise found
        return found

    def _read(self, path: Path, scorer: OfficialScorer | SafeScorer) -> Mapping[str, list[str]] | InputError:
        if isinstance(scorer, SafeScorer):  # what is only read, and read in the official way, needs a process once
            self._scorer = scorer = self._scorer or OfficialScorer(self._rule)
        try:
            return scorer.tables(path)
        except InputError as error:
            return error


def _foreign_keys(benchmark: Benchmark) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for path in benchmark.schema_files:
        try:
            entries = parse_json(path.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError) as error:
            raise InputError(f"the schemas cannot be read ({error})", where=str(path)) from error
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and "db_id" in entry:
                found.setdefault(entry["db_id"], foreign_key_map(entry))
    return found


def _work(stack: ExitStack, jobs: list[_Job], config: RunConfig, results: _Results, structures: _Structures) -> None:
    """Do all jobs, database by database, so that a private copy serves many of them."""
    stack.callback(structures.close)
    safe = stack.enter_context(SafeScorer(config.rule, limits=config.limits, workers=config.workers))
    queue: SimpleQueue[list[_Job]] = SimpleQueue()
    for batch in _batches(jobs, config.workers):
        queue.put(batch)
    failures: list[BaseException] = []

    def serve() -> None:
        try:
            with OfficialScorer(config.rule, repeat=config.repeat, memory=config.memory) as official:
                _serve(queue, official if config.mode == "official" else safe, results, structures, failures)
        except BaseException as error:  # noqa: BLE001 - raised again by the caller's thread
            failures.append(error)

    threads = [threading.Thread(target=serve, daemon=True) for _ in range(min(config.workers, len(jobs)))]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except BaseException as error:
        failures.append(error)
        raise
    if failures:
        raise failures[0]


def _serve(
    queue: SimpleQueue[list[_Job]],
    scorer: OfficialScorer | SafeScorer,
    results: _Results,
    structures: _Structures,
    failures: list[BaseException],
) -> None:
    """Take batches until none is left or another thread has failed."""
    while True:
        try:
            batch = queue.get_nowait()
        except Empty:
            return
        for job in batch:
            if failures:
                return
            results.add(_result(job, scorer, structures))


def _batches(jobs: list[_Job], workers: int) -> Iterable[list[_Job]]:
    by_path: dict[Path, list[_Job]] = {}
    for job in jobs:
        by_path.setdefault(job.path, []).append(job)
    size = max(1, min(16, len(jobs) // (4 * workers) + 1))
    for group in by_path.values():
        for start in range(0, len(group), size):
            yield group[start : start + size]


def _result(job: _Job, scorer: OfficialScorer | SafeScorer, structures: _Structures) -> Result:
    start = time.perf_counter()
    official = isinstance(scorer, OfficialScorer)
    failed = Outcome(right=False, error=job.problem)
    outcome = failed if job.problem else scorer.score(job.path, job.item.gold, job.sql)
    times = None if outcome.times is None else time_ratio(outcome.times)
    result = Result(
        index=job.item.index,
        db_id=job.item.db_id,
        level="",
        sql=job.sql,
        right=outcome.right,
        error=outcome.error,
        message=outcome.message,
        rows=outcome.rows,
        gold_rows=outcome.gold_rows,
        soft_f1=outcome.soft_f1,
        gold_error=outcome.gold_error,
        changed=outcome.changed,
        ratio=times,
    )
    found = {"stop": "", **structures.of(job, scorer)}
    if official and outcome.error == "gold" and scorer.rule.gold_must_run:
        found["stop"] = outcome.message
    if not official:  # safe mode goes on where the official script ends
        found["stop"] = ""
    return replace(result, **found, seconds=round(time.perf_counter() - start, 6))
