"""Calls the generators, each on its paths."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ctxprune.errors import FailureKind, GenerationError, UsageError
from ctxprune.utils.validation import check_number

from ...generate.base import Candidate, Request, as_generator
from .base import Refusal, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...generate.base import Generator
    from ...schema.hits import ValueHit
    from .base import State

__all__ = ["PATHS", "Generate", "ask_generator", "label_generators"]

PATHS = ("full", "linked", "linked+values")
_KNOWN = (*PATHS, "full+values")


@dataclass(frozen=True)
class Generate(Step):
    """Calls every generator on its paths.

    A path decides what a generator sees: "full" the whole schema, "linked" the linked one, "linked+values" the linked
    one with example values, and the value hits, "full+values" the whole schema and the value hits. Paths on which it
    would see the same are asked once, for all their candidates together.

    Attributes:
        generators: In the order of calls. Each votes for itself, also where several have one name (see
            `label_generators`).
        paths: The paths of a generator that names none of its own.
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
        check_number("candidates", self.candidates, minimum=1)
        object.__setattr__(self, "generators", tuple(map(as_generator, self.generators)))
        for paths in [self.paths, *(generator.paths for generator in self.generators)]:
            for path in paths:
                if path not in _KNOWN:
                    raise UsageError(f"no path is named {path!r}", where="paths", hint=f"known: {', '.join(_KNOWN)}")
        if not self.paths:
            raise UsageError("at least one path is needed", where="paths")

    def run(self, state: State) -> State:
        """Adds `candidates`, or refuses when there is none."""
        made: list[Candidate] = []
        for label, generator in zip(label_generators(self.generators), self.generators, strict=True):
            for request in self._requests(generator, state):
                answers = ask_generator(generator, request, label)
                made += answers
                if any(candidate.failure is FailureKind.TIMEOUT for candidate in answers):
                    break  # a model that hangs would hang on every path
        if any(candidate.sql for candidate in made):
            return replace(state, candidates=tuple(made))
        return replace(state, candidates=tuple(made), refusal=_no_sql(made))

    def _requests(self, generator: Generator, state: State) -> list[Request]:
        paths = generator.paths or self.paths
        # Unless a generator has no other path: a long prompt is better than none.
        if state.linked is not None and state.linked.tokens_before > self.full_budget:
            paths = tuple(path for path in paths if not path.startswith("full")) or paths
        shares = {path: self.candidates // len(paths) for path in paths}
        # What does not divide evenly goes to the richest paths, which come last.
        for path in list(reversed(paths))[: self.candidates % len(paths)]:
            shares[path] += 1
        merged: dict[object, Request] = {}
        for path in paths:
            if not shares[path]:
                continue
            request = _request(state, path, shares[path], self.seed)
            valued = bool(request.hits) or (path == "linked+values" and state.shown is not None)
            # Paths that show the same schema and values would give the same prompt.
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
        ranges=state.ranges if path.endswith("+values") else (),
        samples=state.samples,
        today=state.today,
        evidence=state.evidence_text,
        path=path,
        n=n,
        seed=seed,
        examples=state.known.examples if state.known is not None else (),
    )


def ask_generator(generator: Generator, request: Request, label: str) -> Sequence[Candidate]:
    """Its candidates, under the name that `label_generators` gave it; a failure is a candidate with an error."""
    try:
        made = generator.generate(request)
    except GenerationError as error:
        return [Candidate.failed(error, label, request.path)]
    if label == generator.name:
        return made
    return [replace(candidate, generator=label) for candidate in made]


def label_generators(generators: Sequence[Generator]) -> list[str]:
    """A name for each generator: its own, and from the second of one name on with its number ("chat.v1#2").

    Two models behind one kind of generator are two voters (PET-SQL), so their candidates must be told apart.
    """
    names = [generator.name for generator in generators]
    # The number of times that the name occurs up to here.
    counts = [names[: place + 1].count(name) for place, name in enumerate(names)]
    return [name if count == 1 else f"{name}#{count}" for name, count in zip(names, counts, strict=True)]


def _no_sql(made: Sequence[Candidate]) -> Refusal:
    if made and all(candidate.failure is not None and candidate.failure.is_model for candidate in made):
        return Refusal("model", "The language model failed, so there is no answer; the trace says why.")
    return Refusal("unanswerable", "I could not turn this question into a query on this database.")
