"""The chat generator: a chat model writes the SQL."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ctxprune.errors import FailureKind, GenerationError, ModelError
from ctxprune.llm.base import Sampling
from ctxprune.llm.calls import ask_model
from ctxprune.llm.langchain import as_chat_model

from .base import GENERATORS, Candidate, Generator
from .extract import extract_sql
from .prompts.base import prompt_text
from .prompts.small import SmallPrompt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.llm.base import ChatAnswer, Message

    from .base import Request
    from .extract import Extracted
    from .prompts.base import Prompt

__all__ = ["ChatGenerator"]


@GENERATORS.register("chat.v1")
@dataclass(frozen=True)
class ChatGenerator(Generator):
    """Asks a chat model; the first candidate is drawn at temperature 0, the others at `temperature`.

    Attributes:
        model: A `ChatModel`, or a LangChain chat model; wrap it in `CachedModel` to keep its answers.
        prompt: How a request is written as messages.
        temperature: Of all candidates but the first, 0 or more; at 0 only one candidate is drawn.
        max_tokens: Tokens of one answer at most.
        seconds: Deadline of one request to the model; past it the request becomes a candidate with an error.
        paths: The only paths that it is called on; () for those of the pipeline. A model in this process does not
            compute again what a prompt shares with the one before, so that where many questions are asked of one small
            database, ("full+values",) is the cheapest: every prompt begins with the same schema.

    Raises:
        UsageError: A number is out of its range, or `model` is not a chat model.
    """

    model: Any
    prompt: Prompt = field(default_factory=SmallPrompt)
    temperature: float = 0.7
    max_tokens: int = 256
    seconds: float = 120.0
    paths: tuple[str, ...] = ()

    name = "chat.v1"
    wants_examples = True  # tells the pipeline that stored values beside columns are read

    def __post_init__(self) -> None:
        object.__setattr__(self, "model", as_chat_model(self.model))
        Sampling(temperature=self.temperature, max_tokens=self.max_tokens, seconds=self.seconds)

    @property
    def is_small(self) -> bool:
        """Whether its model is."""
        return bool(self.model.is_small)

    def generate(self, request: Request) -> Sequence[Candidate]:
        """One candidate per answer; an answer without SQL, a failing model, or a request that does not fit the prompt's
        budget, gives a candidate with `error`.
        """
        try:
            messages = self.messages(request)
        except GenerationError as error:
            return [replace(Candidate.failed(error, self.name, request.path), notes=self._notes)]
        greedy = Sampling(max_tokens=self.max_tokens, seed=request.seed, stop=self.prompt.stop, seconds=self.seconds)
        # The first candidate is greedy, so that it is the same however many are requested.
        draws = [greedy]
        if request.n > 1 and self.temperature > 0:
            draws.append(replace(greedy, n=request.n - 1, temperature=self.temperature))
        candidates: list[Candidate] = []
        for sampling in draws:
            # Two requests, because all answers of one share their temperature.
            drawn = self._draw(request, messages, sampling)
            candidates += drawn
            if drawn[0].failure is not None and drawn[0].failure.is_model:
                break  # the model failed; asking it again would only cost another deadline
        return candidates

    def messages(self, request: Request) -> Sequence[Message]:
        """What the model would be sent.

        Raises:
            GenerationError: As the prompt.
        """
        return self.prompt.messages(request)

    def read(self, text: str) -> Extracted:
        """The SQL of one answer."""
        return extract_sql(text)

    @property
    def _notes(self) -> tuple[str, ...]:
        return (f"prompt: {self.prompt.name}",)

    def _draw(self, request: Request, messages: Sequence[Message], sampling: Sampling) -> list[Candidate]:
        start = perf_counter()
        text = prompt_text(messages)
        try:
            answers = ask_model(self.model, messages, sampling)
        except ModelError as error:
            ms = (perf_counter() - start) * 1e3
            failed = Candidate.failed(error, self.name, request.path)
            return [replace(failed, prompt=text, ms=ms, notes=self._notes)]
        ms = (perf_counter() - start) * 1e3 / len(answers)
        return [self._candidate(request, text, answer, ms) for answer in answers]

    def _candidate(self, request: Request, prompt: str, answer: ChatAnswer, ms: float) -> Candidate:
        found = self.read(answer.text)
        return Candidate(
            sql=found.sql,
            generator=self.name,
            path=request.path,
            prompt=prompt,
            raw=answer.text,
            tokens_in=answer.tokens_in,
            tokens_out=answer.tokens_out,
            ms=ms,
            cached=answer.cached,
            error=found.error,
            notes=self._notes,
            failure=FailureKind.NO_SQL if found.error else None,
        )
