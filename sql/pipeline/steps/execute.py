"""Guarding, running and repairing candidates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING

from ctxprune.utils.validation import check_number

from ...repair.base import Failure, as_repairer
from ...select.base import Executed
from .base import Step
from .spans import describe_executed, start_candidate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...generate.base import Candidate
    from ...guard.execution import GuardedRunner, Outcome
    from ...repair.base import Repairer
    from ...schema.hits import ValueHit
    from .base import State
    from .context import RetrieveValues

__all__ = ["Execute"]

_TEXTS = 6  # of a statement that are looked up


@dataclass(frozen=True)
class Execute(Step):
    """Guards, runs and repairs every candidate.

    Attributes:
        runner: Guards and runs a text. Its guard knows the caller's whole schema, not the linked one: a candidate may
            bring back a pruned column, and nothing outside the caller's set.
        repairers: In order; () for none.
        rounds: How many repaired texts may run for one candidate, 0 or more.
        values: Finds the stored values that are near the texts of a statement with a hollow result; None for only those
            that the question mentions.
    """

    runner: GuardedRunner
    repairers: tuple[Repairer, ...] = ()
    rounds: int = 2
    values: RetrieveValues | None = None
    name: str = "execute"

    def __post_init__(self) -> None:
        check_number("rounds", self.rounds, minimum=0)
        object.__setattr__(self, "repairers", tuple(map(as_repairer, self.repairers)))

    def run(self, state: State) -> State:
        """Adds `executed`, in the order of `candidates`; the same text runs, and is repaired, once a question."""
        # Samples of a model repeat each other, and so do repairs.
        done: dict[str, Outcome] = {}
        mended: dict[tuple[int, str], str] = {}
        executed = tuple(self._one(candidate, state, done, mended) for candidate in state.candidates)
        return replace(state, executed=executed)

    def _one(
        self, candidate: Candidate, state: State, done: dict[str, Outcome], mended: dict[tuple[int, str], str]
    ) -> Executed:
        with start_candidate(candidate) as span:
            return describe_executed(span, self._run_and_repair(candidate, state, done, mended))

    def _run_and_repair(
        self, candidate: Candidate, state: State, done: dict[str, Outcome], mended: dict[tuple[int, str], str]
    ) -> Executed:
        if not candidate.sql:
            return Executed(candidate, "", error=candidate.error or "the generator gave no SQL")
        start = perf_counter()
        outcome = best = self._run(candidate.sql, done)
        tried = [candidate.sql]
        for _ in range(self.rounds):
            sql = "" if outcome.rank == 0 else self._mend(outcome, tried, state, mended)
            if not sql:
                break
            outcome = self._run(sql, done)
            tried.append(sql)
            # The best outcome so far: a repair may make matters worse.
            best = min(best, outcome, key=lambda outcome: outcome.rank)
        ms = (perf_counter() - start) * 1e3
        before = tuple(tried[: tried.index(best.asked)])
        return Executed(candidate, best.sql, best.result, best.error, ms, before)

    def _run(self, sql: str, done: dict[str, Outcome]) -> Outcome:
        if sql not in done:
            done[sql] = self.runner.run(sql)
        return done[sql]

    def _mend(self, outcome: Outcome, tried: Sequence[str], state: State, mended: dict[tuple[int, str], str]) -> str:
        """The first repairer's text that is new."""
        # As the guard wrote it, where it could: repairs then parse one dialect.
        sql = outcome.sql or outcome.asked
        failure = Failure(
            sql,
            outcome.error,
            state.question,
            state.schema,
            self._hits(outcome, state),
            state.evidence_text,
            result=outcome.result,
            linked=state.linked.schema if state.linked is not None else None,
        )
        for number, repairer in enumerate(self.repairers):
            if (number, sql) not in mended:
                mended[number, sql] = repairer.repair(failure)
            text = mended[number, sql]
            if text and text not in (*tried, sql):
                return text
        return ""

    def _hits(self, outcome: Outcome, state: State) -> Sequence[ValueHit]:
        if self.values is None or outcome.result is None:
            return state.hits
        from ...repair.tree import parse, text_literals

        tree = parse(outcome.sql, state.schema.dialect)
        found = (
            []
            if tree is None
            else [hit for text in text_literals(tree)[:_TEXTS] for hit in self.values.find(text, state)]
        )
        return tuple(dict.fromkeys([*state.hits, *found]))
