"""Several generators on one budget: different preferences, as many candidates as one generator would give."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ctxprune.errors import FailureKind, GenerationError, UsageError

from .base import GENERATORS, Candidate, Generator, as_generator
from .chat import ChatGenerator

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from ..guard.execution import GuardedRunner
    from .base import Request

__all__ = ["MixedGenerator"]

# Which generator begins on which path, so that with one candidate a path each gets its turn.
_TURN = {"full": 0, "linked": 1, "linked+values": 2, "full+values": 3}


@GENERATORS.register("mixed.v1")
@dataclass(frozen=True)
class MixedGenerator(Generator):
    """Shares a request's candidates among generators (XiYan-SQL, arXiv:2411.08599: several generators with different
    preferences) whose paths and samples (Feather-SQL) it leaves to the pipeline.

    Where there are fewer candidates than generators the paths take turns: with three paths of one candidate each, each
    of three generators gets one. Generators that would send one model the same prompt count as one, with the candidates
    of both.

    Attributes:
        generators: Two or more, in the order of asking.

    Raises:
        UsageError: There are fewer.
    """

    generators: tuple[Generator, ...]

    name = "mixed.v1"

    def __post_init__(self) -> None:
        if len(self.generators) < 2:
            raise UsageError(f"two or more generators are needed, got {len(self.generators)}", where="generators")
        object.__setattr__(self, "generators", tuple(map(as_generator, self.generators)))

    @property
    def is_small(self) -> bool:
        """Whether every generator's model is."""
        return all(generator.is_small for generator in self.generators)

    @property
    def wants_examples(self) -> bool:
        """Whether one of the generators reads stored values beside columns."""
        return any(generator.wants_examples for generator in self.generators)

    @property
    def wants_samples(self) -> bool:
        """Whether one of them reads samples."""
        return any(generator.wants_samples for generator in self.generators)

    @property
    def members(self) -> tuple[Generator, ...]:
        """The generators that share the candidates."""
        return self.generators

    def with_runner(self, runner: GuardedRunner, *, private: bool) -> MixedGenerator:
        """The same with a runner for those generators that read results."""
        bound = tuple(generator.with_runner(runner, private=private) for generator in self.generators)
        return replace(self, generators=bound)

    def generate(self, request: Request) -> Sequence[Candidate]:
        """All their candidates, `request.n` at most; a generator that fails leaves a candidate with `error`."""
        candidates: list[Candidate] = []
        for generator, n in self._shares(request):
            try:
                made = generator.generate(replace(request, n=n))
            except GenerationError as error:
                made = [Candidate.failed(error, generator.name, request.path)]
            candidates += made
            if any(candidate.failure is FailureKind.TIMEOUT for candidate in made):
                break  # a model that hangs would hang on every prompt
        return candidates

    def _shares(self, request: Request) -> list[tuple[Generator, int]]:
        """Which generators are asked, and for how many candidates."""
        count = len(self.generators)
        first = _TURN.get(request.path, 0) % count
        shares: dict[Hashable, tuple[Generator, int]] = {}
        for place in range(min(count, request.n)):
            number = (first + place) % count
            n = request.n // count + (place < request.n % count)
            generator = self.generators[number]
            # The same prompt to the same model would only be paid twice.
            key = _sent(generator, request) or number
            asked, before = shares.get(key, (generator, 0))
            shares[key] = (asked, before + n)
        return list(shares.values())


def _sent(generator: Generator, request: Request) -> Hashable:
    """What a chat generator would send to which model; () where that cannot be told."""
    if not isinstance(generator, ChatGenerator):
        return ()
    try:
        messages = tuple(generator.messages(request))
    except GenerationError:
        return ()
    return id(generator.model.origin), generator.name, generator.temperature, generator.max_tokens, messages
