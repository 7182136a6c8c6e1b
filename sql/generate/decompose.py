"""The decomposing generator: a chat model answers sub-questions first, and sees what the database says to them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ctxprune.errors import ModelError, UsageError
from ctxprune.llm.base import Sampling
from ctxprune.llm.langchain import as_chat_model

from .base import GENERATORS, Generator
from .extract import extract_sql
from .prompts.decompose import DecomposePrompt, Part, outcome_line, parts_of
from .talk import Talk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..guard.execution import GuardedRunner
    from .base import Candidate, Request

__all__ = ["DecomposeGenerator"]


@GENERATORS.register("decompose.v1")
@dataclass(frozen=True)
class DecomposeGenerator(Generator):
    """Splits the question, answers part after part, and gives the query of the last part, which is the question.

    After MAG-SQL (Xie et al., 2024, arXiv:2408.07930): a part is answered in sight of the queries before it and of how
    the database answered them. It costs one call and one for each part; a question of one part costs two.

    Attributes:
        model: A `ChatModel`, or a LangChain chat model.
        prompt: Writes the requests.
        runner: Guards and runs the queries of parts; None for no feedback. A pipeline gives its own.
        private: Tell the model of a result no more than how many rows it has, since a cell may come from a private
            column under any name.
        temperature: Of all candidates but the first, 0 or more; they differ in the last query only.
        max_tokens: Tokens of one answer at most.
        seconds: Deadline of one request, all of its calls together; past it the request becomes a candidate with an
            error.

    Raises:
        UsageError: A number is out of its range, or `model` is not a chat model.
    """

    model: Any
    prompt: DecomposePrompt = field(default_factory=DecomposePrompt)
    runner: GuardedRunner | None = None
    private: bool = False
    temperature: float = 0.7
    max_tokens: int = 256
    seconds: float = 120.0

    name = "decompose.v1"
    wants_examples = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "model", as_chat_model(self.model))
        Sampling(temperature=self.temperature, max_tokens=self.max_tokens, seconds=self.seconds)
        if self.prompt.most < 2:
            raise UsageError(f"most must be at least 2, got {self.prompt.most}", where="prompt")

    def with_runner(self, runner: GuardedRunner, *, private: bool) -> DecomposeGenerator:
        """The same with a runner, where it has none of its own; what is private stays so in any case."""
        own = self.runner if self.runner is not None else runner
        return replace(self, runner=own, private=self.private or private)

    def generate(self, request: Request) -> Sequence[Candidate]:
        """One candidate per answer to the last part; a failing model leaves a candidate with `error`."""
        draw = Sampling(max_tokens=self.max_tokens, seed=request.seed, stop=self.prompt.stop, seconds=self.seconds)
        talk = Talk(self.model, self.name, request, draw)
        try:
            (split,) = talk.ask(self.prompt.split(request))[:1]
            parts = parts_of(split.text, request.question, self.prompt.most)
            done: list[Part] = []
            for part in parts[:-1]:
                done.append(self._answered(talk, done, part))
            last = self.prompt.answer(request, done, parts[-1]) if done else self.prompt.messages(request)
            talk.candidates(talk.ask(last), [f"part: {part.question}" for part in done])
            if request.n > 1 and self.temperature > 0:
                talk.candidates(talk.ask(last, n=request.n - 1, temperature=self.temperature))
        except ModelError as error:
            talk.fail(error)
        return talk.made

    def _answered(self, talk: Talk, done: Sequence[Part], question: str) -> Part:
        (answer,) = talk.ask(self.prompt.answer(talk.request, done, question))[:1]
        found = extract_sql(answer.text)
        if not found.sql:
            return Part(question)
        if self.runner is None:
            return Part(question, found.sql)
        outcome = self.runner.run(found.sql)
        return Part(question, found.sql, outcome_line(outcome, **({"rows": 0} if self.private else {})))
