"""Checks the names of candidates before they run: pruned names are restored, and their generator is called again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ctxprune.errors import FailureKind

from ...generate.base import Request, as_generator
from ...schema.schema import ColumnRef
from .base import Step
from .context import with_values
from .generate import ask_generator, label_generators

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...generate.base import Candidate, Generator
    from ...repair.name_check import NameIssue
    from ...schema.schema import Schema
    from .base import State

__all__ = ["RESTORED", "CheckNames"]

RESTORED = "restored"  # the path of a candidate that was written for the restored schema


@dataclass(frozen=True)
class CheckNames(Step):
    """Notes for every candidate which of its names the prompt did not show, and why; see `NameIssue`.

    A candidate that names a pruned column in its own table runs as it is. Where pruned names break candidates, they are
    restored, with the keys that join them, and each generator that wrote such a candidate is asked once more, for one
    candidate, unless it was late before. The others are left to repair.

    Attributes:
        generators: The same, in the same order, as those of `Generate`.
        seed: Handed to the generators.
    """

    generators: tuple[Generator, ...] = ()
    seed: int = 0
    name: str = "names"

    def __post_init__(self) -> None:
        object.__setattr__(self, "generators", tuple(map(as_generator, self.generators)))

    def run(self, state: State) -> State:
        """`candidates` with notes, and with those of the second round behind them."""
        from ...repair.name_check import check_names

        known: dict[tuple[str, bool], tuple[NameIssue, ...]] = {}
        checked: list[Candidate] = []
        broken: dict[str, list[NameIssue]] = {}
        for candidate in state.candidates:
            shown = _shown(state, candidate)
            # Samples repeat texts, and to parse one takes a millisecond.
            key = candidate.sql, shown is None
            if key not in known:
                known[key] = check_names(candidate.sql, state.schema, shown) if candidate.sql else ()
            notes = tuple(f"{issue.kind} name: {issue}" for issue in known[key])
            checked.append(replace(candidate, notes=(*candidate.notes, *notes)) if notes else candidate)
            if any(issue.breaks and issue.kind == "pruned" for issue in known[key]):
                broken.setdefault(candidate.generator, []).extend(known[key])
        for label, generator in zip(label_generators(self.generators), self.generators, strict=True):
            voices = _voices(generator, label)
            # Popped, so that a generator whose members failed is asked once and not for each of them.
            issues = [issue for name in voices for issue in broken.pop(name, ())]
            late = any(one.generator in voices and one.failure is FailureKind.TIMEOUT for one in state.candidates)
            if issues and not late:
                checked += ask_generator(generator, self._request(state, issues), label)
        return replace(state, candidates=tuple(checked))

    def _request(self, state: State, issues: Sequence[NameIssue]) -> Request:
        from ...repair.name_check import restore_columns

        linked = state.schema if state.linked is None else state.linked.schema
        schema = restore_columns(linked, issues, state.schema)
        if state.shown is not None:
            values = {ColumnRef(t.name, c.name): c.examples for t in state.shown.tables for c in t.columns}
            schema = with_values(schema, values)
        return Request(
            question=state.question,
            schema=schema,
            linked=state.linked,
            hits=state.hits,
            evidence=state.evidence_text,
            path=RESTORED,
            n=1,
            seed=self.seed,
            examples=state.known.examples if state.known is not None else (),
        )


def _shown(state: State, candidate: Candidate) -> Schema | None:
    """What a candidate's generator saw of the schema; None for all of it."""
    whole = state.linked is None or candidate.path.startswith("full")
    return None if whole or state.linked is None else state.linked.schema


def _voices(generator: Generator, label: str) -> list[str]:
    """The names that its candidates carry: its own, and those of the generators that it asks."""
    return [label, *(member.name for member in generator.members)]
