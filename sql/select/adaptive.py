"""The adaptive generator: further candidates are drawn only where the first ones do not read back as the question."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ctxprune.errors import ModelError
from ctxprune.llm.base import Sampling
from ctxprune.llm.langchain import as_chat_model
from ctxprune.utils.validation import check_range, check_whole

from ..generate.base import GENERATORS, Candidate, Generator, as_generator
from .back_verify import measure_agreement, read_back

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..generate.base import Request
    from ..guard.execution import GuardedRunner

__all__ = ["AdaptiveGenerator"]


@GENERATORS.register("adaptive.v1")
@dataclass(frozen=True)
class AdaptiveGenerator(Generator):
    """Wraps a generator: its first candidates are read back, and the others drawn only where none agrees with the
    question.

    After BEATS ("BEATS: Optimizing LLM Mathematical Capabilities with BackVerify and Adaptive Disambiguate based
    Efficient Tree Search", 2024), which searches on only where back-verification disagrees. Of its tree of rewriting,
    one-step and answer nodes nothing is here.

    It costs the calls of `first` candidates and as many short ones that read them back, at most; where none agrees,
    those of all candidates as well, since a generator draws its first ones again: wrap its model in `CachedModel`. A
    request for no more than `first` candidates goes to the generator as it is. Where the verifying model fails, or the
    first candidates hold no SQL, the others are drawn; where the generator's own model fails, it is not asked again.

    Attributes:
        base: The generator; its candidates keep its name.
        model: The `ChatModel`, or LangChain chat model, that reads a query back; it sees the SQL alone, not a row.
        agree: 0..1; agreement (`measure_agreement`) from which on a query counts as verified. It has no default, as it
            depends on the model: read back a few queries that are known to be right, and take a value under theirs.
        first: How many candidates are drawn and read back at first, 1 or more.
        seconds: Deadline of each reading back.

    Raises:
        UsageError: A number is out of its range, `model` is not a chat model, or `base` is not a generator.
    """

    base: Generator
    model: Any
    agree: float
    first: int = 1
    seconds: float = 60.0

    name = "adaptive.v1"

    def __post_init__(self) -> None:
        object.__setattr__(self, "base", as_generator(self.base))
        object.__setattr__(self, "model", as_chat_model(self.model))
        check_range("agree", self.agree)
        check_whole("first", self.first)
        Sampling(seconds=self.seconds)

    @property
    def paths(self) -> tuple[str, ...]:
        """Those of the generator."""
        return self.base.paths

    @property
    def wants_examples(self) -> bool:
        """Whether the generator reads stored values beside columns."""
        return self.base.wants_examples

    @property
    def wants_samples(self) -> bool:
        """Whether the generator reads samples."""
        return self.base.wants_samples

    @property
    def is_small(self) -> bool:
        """Whether the generator's model is; the verifying one writes no SQL."""
        return self.base.is_small

    @property
    def members(self) -> tuple[Generator, ...]:
        """The generator, and those that it calls."""
        return (self.base, *self.base.members)

    def with_runner(self, runner: GuardedRunner, *, private: bool) -> AdaptiveGenerator:
        """The same around the generator with a runner."""
        return replace(self, base=self.base.with_runner(runner, private=private))

    def generate(self, request: Request) -> Sequence[Candidate]:
        """The first candidates where one of them is verified, else all of them, `request.n` at most; the notes of what
        was read back say how far it agrees.
        """
        if request.n <= self.first:
            return self.base.generate(request)
        drawn = list(self.base.generate(replace(request, n=self.first)))
        if any(one.failure is not None and one.failure.is_model for one in drawn):
            return drawn  # a model that hangs or refuses would do so again
        checked, verified = self._verify(request.question, drawn)
        if verified:
            return checked
        others = _without(self.base.generate(request), drawn)
        return [*checked, *others][: request.n]

    def _verify(self, question: str, drawn: Sequence[Candidate]) -> tuple[list[Candidate], bool]:
        """The candidates with notes, and whether one agrees; those after it, and repeated texts, are not read back."""
        found: list[Candidate] = []
        seen: set[str] = set()
        verified = False
        for one in drawn:
            text = " ".join(one.sql.split())
            if verified or not text or text in seen:
                found.append(one)
                continue
            seen.add(text)
            try:
                agreement = measure_agreement(question, read_back(self.model, one.sql, self.seconds))
            except ModelError:  # its words stand in the trace
                noted = replace(one, notes=(*one.notes, "not read back, the model failed"))
                return [*found, noted, *drawn[len(found) + 1 :]], False
            verified = agreement >= self.agree
            note = f"read back, it agrees to {agreement:.2f} with the question"
            found.append(replace(one, notes=(*one.notes, note)))
        return found, verified


def _without(candidates: Sequence[Candidate], drawn: Sequence[Candidate]) -> list[Candidate]:
    """The candidates that were not drawn before: each earlier one takes one with its text out, wherever it stands.

    A generator draws its first candidates again, and counted twice they would vote twice; a mixture of generators puts
    them at other places.
    """
    left = list(candidates)
    for one in drawn:
        same = (place for place, new in enumerate(left) if (new.sql, new.generator) == (one.sql, one.generator))
        place = next(same, None)
        if place is not None:
            del left[place]
    return left
