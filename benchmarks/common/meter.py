"""What a chat model's answers cost, counted on their way through."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

from ctxprune.llm.cache import CachedModel


@dataclass
class Meter:
    """A chat model that counts what its answers cost when they were made, cached or not.

    Attributes:
        model: Gives the answers.
        calls: Requests.
        fresh: Those of them that were not in the cache.
        tokens_in, tokens_out, ms: Of all answers, when they were made.
        waited: Seconds that the requests took now.
    """

    model: CachedModel
    calls: int = 0
    fresh: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    ms: float = 0.0
    waited: float = 0.0

    @property
    def fingerprint(self):
        return self.model.fingerprint

    def complete(self, messages, sampling):
        start = perf_counter()
        answers = self.model.complete(messages, sampling)
        self.waited += perf_counter() - start
        self.calls += 1
        self.fresh += not all(answer.cached for answer in answers)
        self.tokens_in += sum(answer.tokens_in for answer in answers)
        self.tokens_out += sum(answer.tokens_out for answer in answers)
        self.ms += sum(answer.ms for answer in answers)
        return answers
