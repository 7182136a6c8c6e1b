"""The steps of a pipeline: each takes a state and gives the next one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

from ctxprune.errors import GenerationError, ModelError, UsageError

from .generate.base import Candidate, Request
from .generate.model import LATE
from .intent import write_request
from .repair.base import Failure
from .schema import ColumnRef
from .select.base import Executed

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from .execution import GuardedRunner, Outcome
    from .generate.base import Generator
    from .linking.base import Linked, Linker
    from .repair.base import Repairer
    from .schema import Schema
    from .select.base import Selection, Selector
    from .values.base import ValueHit, ValueLookup

__all__ = [
    "PATHS",
    "Execute",
    "Generate",
    "LinkSchema",
    "Refusal",
    "RetrieveValues",
    "Screen",
    "SelectAnswer",
    "ShowValues",
    "State",
    "Step",
    "with_values",
    "without_examples",
]

PATHS = ("full", "linked", "linked+values")
_KNOWN = (*PATHS, "full+values")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no answer.

    Attributes:
        kind: "write_request" (the question asks for a change), "unanswerable" (no generator found a query), "failed"
            (no candidate could be run), or "model" (every model failed).
        reason: A polite sentence for the person who asked.
    """

    kind: str
    reason: str


@dataclass(frozen=True)
class State:
    """What is known about one question so far; a step never changes it, it makes the next one.

    `shown` is the linked schema with example values.
    """

    question: str
    schema: Schema
    evidence: str = ""
    hits: Sequence[ValueHit] = ()
    linked: Linked | None = None
    shown: Schema | None = None
    candidates: Sequence[Candidate] = ()
    executed: Sequence[Executed] = ()
    selection: Selection | None = None
    refusal: Refusal | None = None


class Step(Protocol):
    """One step. Safe to share between threads. After a refusal no further step runs."""

    @property
    def name(self) -> str:
        """For traces."""
        ...

    def run(self, state: State) -> State:
        """The next state."""
        ...


class Sampler(Protocol):
    """Reads example values; a `Database`."""

    def with_examples(self, schema: Schema, *, n: int) -> Schema:
        """`schema` with up to n stored values in every `Column.examples`."""
        ...


@dataclass(frozen=True)
class Screen:
    """Refuses questions that ask to change the database; a courtesy, the guard is what protects it."""

    name: str = "screen"

    def run(self, state: State) -> State:
        """The same state, or a refusal."""
        found = write_request(state.question)
        if not found:
            return state
        reason = f"I can only read this database, so I left it as it is: the question asks for a change ({found!r})."
        return replace(state, refusal=Refusal("write_request", reason))


@dataclass(frozen=True)
class RetrieveValues:
    """Finds stored values that the question mentions.

    Attributes:
        values: Where they are looked up.
        private: Columns whose values are never shown; hits on them, and on columns outside the caller's schema, are
            dropped.
    """

    values: ValueLookup
    private: tuple[ColumnRef, ...] = ()
    name: str = "values"

    def run(self, state: State) -> State:
        """Adds `hits`."""
        allowed = {_fold(ref) for ref in state.schema.refs()} - {_fold(ref) for ref in self.private}
        hits = self.values.lookup(state.question, state.evidence)
        return replace(state, hits=tuple(hit for hit in hits if _fold(hit.ref) in allowed))


@dataclass(frozen=True)
class LinkSchema:
    """Cuts the schema to what the question needs."""

    linker: Linker
    name: str = "link"

    def run(self, state: State) -> State:
        """Adds `linked`."""
        linked = self.linker.link(state.question, state.schema, hits=state.hits, evidence=state.evidence)
        return replace(state, linked=linked)


@dataclass(frozen=True)
class ShowValues:
    """Puts a few stored values beside every detailed column of the linked schema, for prompts.

    Attributes:
        database: Where they are stored; each column is read once.
        n: Values per column, 1 or more.
        private: Columns whose values are never shown.
    """

    database: Sampler
    n: int = 3
    private: tuple[ColumnRef, ...] = ()
    name: str = "examples"
    _seen: dict[ColumnRef, tuple[object, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def run(self, state: State) -> State:
        """Adds `shown`, where a linker ran."""
        if state.linked is None:
            return state
        schema = state.linked.schema
        private = {_fold(ref) for ref in self.private}
        worth = state.linked.detailed
        wanted = [ref for ref in schema.refs() if worth is None or ref in worth]
        missing = [ref for ref in wanted if ref not in self._seen and _fold(ref) not in private]
        if missing:
            filled = self.database.with_examples(schema.subset(missing), n=self.n)
            self._seen.update({ColumnRef(t.name, c.name): c.examples for t in filled.tables for c in t.columns})
        return replace(state, shown=with_values(schema, {ref: self._seen.get(ref, ()) for ref in wanted}))


def with_values(schema: Schema, values: Mapping[ColumnRef, tuple[object, ...]]) -> Schema:
    """`schema` with exactly these examples."""
    tables = []
    for table in schema.tables:
        columns = (replace(c, examples=values.get(ColumnRef(table.name, c.name), ())) for c in table.columns)
        tables.append(replace(table, columns=tuple(columns)))
    return replace(schema, tables=tuple(tables))


def without_examples(schema: Schema, hidden: Collection[ColumnRef]) -> Schema:
    """`schema` without the examples that stand beside some columns.

    Raises:
        SchemaError: There is no such column.
    """
    names = {(schema.table(ref.table).name, schema.table(ref.table).column(ref.column).name) for ref in hidden}
    if not names:
        return schema
    shown = {ref: schema.table(ref.table).column(ref.column).examples for ref in schema.refs() if ref not in names}
    return with_values(schema, shown)


def _fold(ref: ColumnRef) -> tuple[str, str]:
    return ref.table.casefold(), ref.column.casefold()


@dataclass(frozen=True)
class Generate:
    """Asks every generator on its paths.

    A path decides what a generator sees: "full" the whole schema, "linked" the linked one, "linked+values" the linked
    one with example values, and the value hits, "full+values" the whole schema and the value hits. Paths on which it
    would see the same are asked once, for all their candidates together.

    Attributes:
        generators: In the order of asking.
        paths: The paths of a generator that has no attribute `paths` of its own.
        candidates: Candidates per generator over all its paths, 1 or more; the later, richer paths get what is left.
        seed: Handed to the generators.
        full_budget: Tokens of a schema, by the linker's count, above which "full" and "full+values" are left to the
            other paths.
    """

    generators: tuple[Generator, ...]
    paths: tuple[str, ...] = PATHS
    candidates: int = 4
    seed: int = 0
    full_budget: int = 4_000
    name: str = "generate"

    def __post_init__(self) -> None:
        if not self.generators:
            raise UsageError("a pipeline needs at least one generator", where="generators")
        if self.candidates < 1:
            raise UsageError(f"candidates must be at least 1, got {self.candidates}", where="candidates")
        for paths in [self.paths, *(getattr(generator, "paths", ()) for generator in self.generators)]:
            for path in paths:
                if path not in _KNOWN:
                    raise UsageError(f"no path is named {path!r}", where="paths", hint=f"known: {', '.join(_KNOWN)}")
        if not self.paths:
            raise UsageError("at least one path is needed", where="paths")

    def run(self, state: State) -> State:
        """Adds `candidates`, or refuses when there is none."""
        made: list[Candidate] = []
        for generator in self.generators:
            for request in self._requests(generator, state):
                answers = _ask(generator, request)
                made += answers
                if any(LATE in candidate.error for candidate in answers):
                    break  # a model that hangs would hang on every path
        if any(candidate.sql for candidate in made):
            return replace(state, candidates=tuple(made))
        return replace(state, candidates=tuple(made), refusal=_no_sql(made))

    def _requests(self, generator: Generator, state: State) -> list[Request]:
        paths = tuple(getattr(generator, "paths", ())) or self.paths
        if state.linked is not None and state.linked.tokens_before > self.full_budget:
            paths = tuple(path for path in paths if not path.startswith("full")) or paths
        shares = {path: self.candidates // len(paths) for path in paths}
        for path in list(reversed(paths))[: self.candidates % len(paths)]:
            shares[path] += 1
        merged: dict[object, Request] = {}
        for path in paths:
            if not shares[path]:
                continue
            request = _request(state, path, shares[path], self.seed)
            valued = bool(request.hits) or (path == "linked+values" and state.shown is not None)
            key = (tuple(request.schema.refs()), tuple(t.name for t in request.schema.tables), valued)
            if key in merged:
                before = merged[key]
                request = replace(before, n=before.n + request.n)
            merged[key] = request
        return list(merged.values())


def _request(state: State, path: str, n: int, seed: int) -> Request:
    schema = state.schema if path.startswith("full") or state.linked is None else state.linked.schema
    hits: Sequence[ValueHit] = state.hits if path.endswith("+values") else ()
    if path == "linked+values":
        schema = state.shown or schema
    return Request(
        question=state.question,
        schema=schema,
        linked=state.linked,
        hits=hits,
        evidence=state.evidence,
        path=path,
        n=n,
        seed=seed,
    )


def _ask(generator: Generator, request: Request) -> Sequence[Candidate]:
    try:
        return generator.generate(request)
    except GenerationError as error:
        name = str(getattr(generator, "name", type(generator).__name__))
        return [Candidate("", name, request.path, error=f"{error.code} {error}")]


def _no_sql(made: Sequence[Candidate]) -> Refusal:
    errors = [candidate.error for candidate in made if candidate.error]
    if errors and len(errors) == len(made) and all(error.startswith(ModelError.code) for error in errors):
        return Refusal("model", "The language model failed, so there is no answer; the trace says why.")
    return Refusal("unanswerable", "I could not turn this question into a query on this database.")


@dataclass(frozen=True)
class Execute:
    """Guards, runs and repairs every candidate.

    Attributes:
        runner: Guards and runs a text. Its guard knows the caller's whole schema, not the linked one: a candidate may
            bring back a pruned column, and nothing outside the caller's set.
        repairers: In order; () for none.
        rounds: How many repaired texts may run for one candidate, 0 or more.
    """

    runner: GuardedRunner
    repairers: tuple[Repairer, ...] = ()
    rounds: int = 2
    name: str = "execute"

    def __post_init__(self) -> None:
        if self.rounds < 0:
            raise UsageError(f"rounds must be at least 0, got {self.rounds}", where="rounds")

    def run(self, state: State) -> State:
        """Adds `executed`, in the order of `candidates`; the same text runs, and is repaired, once a question."""
        done: dict[str, Outcome] = {}
        mended: dict[tuple[int, str], str] = {}
        executed = tuple(self._one(candidate, state, done, mended) for candidate in state.candidates)
        return replace(state, executed=executed)

    def _one(
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
        sql = outcome.sql or outcome.asked
        failure = Failure(
            sql,
            outcome.error,
            state.question,
            state.schema,
            state.hits,
            state.evidence,
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


@dataclass(frozen=True)
class SelectAnswer:
    """Chooses one of the executed candidates."""

    selector: Selector
    name: str = "select"

    def run(self, state: State) -> State:
        """Adds `selection`, or refuses when nothing could be run."""
        selection = self.selector.select(state.question, state.executed)
        if selection.index is not None:
            return replace(state, selection=selection)
        errors = [item.error for item in state.executed if item.error and item.candidate.sql]
        reason = "I found no query for this question that this database can run"
        detail = f" ({errors[0]})." if errors else "."
        return replace(state, selection=selection, refusal=Refusal("failed", reason + detail))
