"""What a SQL generator is, what it is asked and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ctxprune.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..guard.execution import GuardedRunner
    from ..linking.base import Linked
    from ..schema.schema import Schema
    from ..values.base import RangeHit, ValueHit
    from .examples import Example

__all__ = ["GENERATORS", "Candidate", "Generator", "Request", "generator_name", "reads_values", "with_runner"]


@dataclass(frozen=True)
class Request:
    """One question to a generator.

    Attributes:
        question: The user's words.
        schema: The schema to write SQL for: full or linked, as the path says.
        linked: Scores and reasons of the linker, where one ran.
        hits: Stored values that the question mentions.
        ranges: Columns that its numbers and days may be compared with, the likeliest first.
        evidence: Extra knowledge that came with the question (BIRD); "" if none.
        path: "full", "linked", "linked+values" or "full+values": which context this is.
        n: How many candidates are wanted, 1 or more.
        seed: Same seed, same answer, where the generator can promise that.
        examples: Answered questions like this one, most similar first.
    """

    question: str
    schema: Schema
    linked: Linked | None = None
    hits: Sequence[ValueHit] = ()
    ranges: Sequence[RangeHit] = ()
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
        notes: Explanations for people ("filter: country.name = 'Spain'").
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
    notes: tuple[str, ...] = field(default=())


class Generator(Protocol):
    """Writes candidate SQL. Safe to share between threads.

    It may also have: `name`; `paths`, the only ones that it is asked on; `wants_examples`, True where it reads stored
    values beside columns; and `with_runner(runner, *, private)`, which gives the same generator with a way to the
    database, where `private` says that cells are secret.
    """

    def generate(self, request: Request) -> Sequence[Candidate]:
        """Up to `request.n` candidates, best first; an empty sequence when the question cannot be answered.

        A failing model does not raise here: it becomes a candidate with `error` set, so that other paths go on.
        """
        ...


def generator_name(generator: Generator) -> str:
    """What traces call it: its attribute `name` where it has one, else its class."""
    return str(getattr(generator, "name", type(generator).__name__))


def reads_values(generator: Generator) -> bool:
    """Whether it reads stored values beside columns."""
    return bool(getattr(generator, "wants_examples", False))


def with_runner(generator: Generator, runner: GuardedRunner, *, private: bool) -> Generator:
    """The generator, with a way to the database where it looks at results while it writes."""
    bind = getattr(generator, "with_runner", None)
    bound: Generator = generator if bind is None else bind(runner, private=private)
    return bound


GENERATORS: Registry[type[Generator]] = Registry(
    "generator",
    {
        "chat.v1": "ctxprune.sql.generate.chat:ChatGenerator",
        "decompose.v1": "ctxprune.sql.generate.decompose:DecomposeGenerator",
        "learned.v1": "ctxprune.sql.generate.learned:LearnedGenerator",
        "mixed.v1": "ctxprune.sql.generate.mixed:MixedGenerator",
        "skeleton.v1": "ctxprune.sql.generate.skeleton:SkeletonGenerator",
        "sketch.v1": "ctxprune.sql.generate.sketch.generator:SketchGenerator",
    },
)
