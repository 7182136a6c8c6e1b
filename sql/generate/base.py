"""The interface of SQL generators: their requests, candidates and registry."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ctxprune.errors import UsageError
from ctxprune.registry import Registry
from ctxprune.utils.foreign import check_method, optional_member

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from ctxprune.errors import FailureKind, GenerationError

    from ..guard.execution import GuardedRunner
    from ..schema.hits import RangeHit, ValueHit
    from ..schema.linked import Linked
    from ..schema.schema import ColumnRef, Schema
    from .examples import Example

__all__ = ["GENERATORS", "Candidate", "Generator", "Request", "as_generator"]


@dataclass(frozen=True)
class Request:
    """One question to a generator.

    Attributes:
        question: The user's words.
        schema: The schema to write SQL for: full or linked, as the path says.
        linked: Scores and reasons of the linker, where one ran.
        hits: Stored values that the question mentions.
        ranges: Columns that its numbers and days may be compared with, the likeliest first.
        samples: By column, a few stored values, for generators that want them (`Generator.wants_samples`).
        today: The day that "last month" counts from; None for the clock's.
        evidence: Extra knowledge that came with the question (BIRD); "" if none.
        path: "full", "linked", "linked+values" or "full+values": which context this is.
        n: How many candidates are wanted, 1 or more.
        seed: Same seed, same answer, where the generator can promise that.
        examples: Answered questions like this one, most similar first.

    Examples:
        ```python
        from ctxprune.sql import Database, Request, SketchGenerator

        with Database("shop.sqlite") as database:
            request = Request("How many cities are there?", database.schema())
        print(SketchGenerator().generate(request)[0].sql)  # SELECT COUNT(*) FROM city
        ```
    """

    question: str
    schema: Schema
    linked: Linked | None = None
    hits: Sequence[ValueHit] = ()
    ranges: Sequence[RangeHit] = ()
    samples: Mapping[ColumnRef, tuple[object, ...]] = field(default_factory=dict)
    today: date | None = None
    evidence: str = ""
    path: str = "linked+values"
    n: int = 4
    seed: int = 0
    examples: Sequence[Example] = ()


@dataclass(frozen=True)
class Candidate:
    """One SQL text that may answer the question.

    Attributes:
        sql: As generated; nothing has checked it yet.
        generator: Registered name of the generator.
        path: The request's path.
        score: The generator's own score, higher is better; comparable only within one generator.
        prompt: What a model was sent; "" where there is none.
        raw: What a model answered; "" where there is none.
        tokens_in, tokens_out: As counted by the model's server, else by our counter.
        ms: Milliseconds spent on it.
        cached: True when the answer came from the generation cache.
        error: "" or why no SQL could be taken from the answer (then `sql` is "").
        failure: The kind of that error; None without one. The pipeline decides by it and never by the text, so a
            generator of your own should set it, most easily by `Candidate.failed`.
        notes: Explanations for people ("filter: country.name = 'Spain'").
        doubts: Conditions of the question that cannot hold, as clauses ("there is no day 2023-02-31").
    """

    sql: str
    generator: str
    path: str = ""
    score: float = 0.0
    prompt: str = ""
    raw: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    ms: float = 0.0
    cached: bool = False
    error: str = ""
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    failure: FailureKind | None = None

    @classmethod
    def failed(cls, error: GenerationError, generator: str, path: str) -> Candidate:
        """The candidate of a request that failed; its `error` begins with the error's code."""
        return cls("", generator, path, error=f"{error.code} {error}", failure=error.kind)


class Generator(ABC):
    """Writes candidate SQL. Safe to share between threads.

    A subclass writes `generate`; everything else has a default. `as_generator` accepts any other object that has this
    method.

    Examples:
        ```python
        from ctxprune.sql import (
            GENERATORS,
            Candidate,
            Database,
            Generator,
            Pipeline,
            Request,
        )


        class CountGenerator(Generator):  # counts the rows of the first table
            def generate(self, request: Request) -> list[Candidate]:
                return [
                    Candidate(
                        f"SELECT COUNT(*) FROM {request.schema.tables[0].name}", "count.v1"
                    )
                ]


        generators = [CountGenerator(), GENERATORS.get("sketch")()]
        with Database("shop.sqlite") as database:
            print(
                Pipeline(database, generators=generators)
                .ask("How many cities are there?")
                .rows
            )
            # ((3,),)
        ```
    """

    @abstractmethod
    def generate(self, request: Request) -> Sequence[Candidate]:
        """Up to `request.n` candidates, best first; an empty sequence when the question cannot be answered.

        A failing model does not raise here: it becomes a candidate with `error` and `failure`, so that other paths go
        on.
        """

    @property
    def name(self) -> str:
        """The generator's name in traces."""
        return type(self).__name__

    @property
    def paths(self) -> tuple[str, ...]:
        """The only paths that it is called on; () for those of the pipeline."""
        return ()

    @property
    def wants_examples(self) -> bool:
        """Whether it reads stored values beside columns."""
        return False

    @property
    def wants_samples(self) -> bool:
        """Whether it reads `Request.samples`, a few stored values of every column."""
        return False

    @property
    def is_small(self) -> bool:
        """Whether a model of few parameters writes, which the generators that need no model outweigh."""
        return False

    @property
    def members(self) -> tuple[Generator, ...]:
        """The generators that it calls, whose candidates keep their own names."""
        return ()

    def with_runner(self, runner: GuardedRunner, *, private: bool) -> Generator:  # noqa: ARG002 - for subclasses
        """The same generator with access to the database, where it reads results while it writes.

        Args:
            runner: Guards and runs a statement.
            private: Whether cells are secret.
        """
        return self


@dataclass(frozen=True)
class _AdaptedGenerator(Generator):
    """An object of the user with the method `generate`, and perhaps optional members of `Generator`."""

    generator: Any

    def generate(self, request: Request) -> Sequence[Candidate]:
        candidates = self.generator.generate(request)
        kind = type(self.generator).__name__
        if not isinstance(candidates, Sequence) or not all(isinstance(one, Candidate) for one in candidates):
            raise UsageError(f"{kind}.generate must return a sequence of Candidate objects", where="generate")
        return candidates

    @property
    def name(self) -> str:
        return str(optional_member(self.generator, "name", type(self.generator).__name__))

    @property
    def paths(self) -> tuple[str, ...]:
        paths = optional_member(self.generator, "paths", ())
        if isinstance(paths, str):  # its letters would be taken for paths
            raise UsageError(f"{self.name}.paths must be a tuple of paths, got {paths!r}", where="paths")
        return tuple(paths)

    @property
    def wants_examples(self) -> bool:
        return bool(optional_member(self.generator, "wants_examples", False))

    @property
    def wants_samples(self) -> bool:
        return bool(optional_member(self.generator, "wants_samples", False))

    @property
    def is_small(self) -> bool:
        return bool(optional_member(self.generator, "is_small", False))

    @property
    def members(self) -> tuple[Generator, ...]:
        return tuple(map(as_generator, optional_member(self.generator, "generators", ())))

    def with_runner(self, runner: GuardedRunner, *, private: bool) -> Generator:
        bind = optional_member(self.generator, "with_runner", None)
        return self if bind is None else as_generator(bind(runner, private=private))


def as_generator(generator: object) -> Generator:
    """`generator` itself where it is a `Generator`, else an adapter of an object with the method `generate`.

    Raises:
        UsageError: It has no such method.
    """
    if isinstance(generator, Generator):
        return generator
    check_method(generator, "generate", "a generator")
    return _AdaptedGenerator(generator)


GENERATORS: Registry[type[Generator]] = Registry(
    "generator",
    {
        "adaptive.v1": "ctxprune.sql.select.adaptive:AdaptiveGenerator",
        "chat.v1": "ctxprune.sql.generate.chat:ChatGenerator",
        "decompose.v1": "ctxprune.sql.generate.decompose:DecomposeGenerator",
        "incremental.v1": "ctxprune.sql.generate.incremental:IncrementalGenerator",
        "learned.v1": "ctxprune.sql.generate.learned:LearnedGenerator",
        "mixed.v1": "ctxprune.sql.generate.mixed:MixedGenerator",
        "phrases.v1": "ctxprune.sql.generate.phrases.generator:PhraseGenerator",
        "skeleton.v1": "ctxprune.sql.generate.skeleton:SkeletonGenerator",
        "sketch.v1": "ctxprune.sql.generate.sketch.generator:SketchGenerator",
    },
)
