"""The decomposing generator: a chat model answers sub-questions first, and sees their results."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ctxprune.errors import FailureKind, ModelError, UsageError
from ctxprune.llm.base import Sampling, model_name
from ctxprune.llm.calls import ask_model
from ctxprune.llm.deadline import Deadline, timeout_error
from ctxprune.llm.langchain import as_chat_model

from .base import GENERATORS, Candidate, Generator
from .extract import extract_sql
from .prompts.base import prompt_text
from .prompts.decompose import DecomposePrompt, SubQuestion, format_outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.llm.base import ChatAnswer, ChatModel, Message

    from ..guard.execution import GuardedRunner, Outcome
    from .base import Request

__all__ = ["CallSequence", "DecomposeGenerator"]


@GENERATORS.register("decompose.v1")
@dataclass(frozen=True)
class DecomposeGenerator(Generator):
    """Splits the question into parts, answers them in order, and returns the query of the last part, the question.

    After MAG-SQL (Xie et al., 2024, arXiv:2408.07930): the prompt of a part shows the earlier queries and their
    results. It costs one call and one for each part; a question of one part costs two.

    Attributes:
        model: A `ChatModel`, or a LangChain chat model.
        prompt: Writes the prompts.
        runner: Guards and runs the queries of parts; None for no feedback. A pipeline gives its own.
        private: Show the model only the number of rows of a result, since a cell may come from a private column under
            any name.
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

    @property
    def is_small(self) -> bool:
        """Whether its model is."""
        return bool(self.model.is_small)

    def with_runner(self, runner: GuardedRunner, *, private: bool) -> DecomposeGenerator:
        """The same generator with a runner, unless it has its own; `private` can only be switched on."""
        own = self.runner if self.runner is not None else runner
        return replace(self, runner=own, private=self.private or private)

    def generate(self, request: Request) -> Sequence[Candidate]:
        """One candidate per answer to the last part; a failing model leaves a candidate with `error`."""
        draw = Sampling(max_tokens=self.max_tokens, seed=request.seed, stop=self.prompt.stop, seconds=self.seconds)
        calls = CallSequence(self.model, self.name, request, draw)
        try:
            (split,) = calls.ask(self.prompt.split(request))[:1]
            parts = self.prompt.read_parts(split.text, request.question)
            done: list[SubQuestion] = []
            for part in parts[:-1]:
                done.append(self._answered(calls, done, part))
            # A question of one part is asked without the frame of parts, as other prompts do.
            last = self.prompt.answer(request, done, parts[-1]) if done else self.prompt.messages(request)
            calls.add_candidates(calls.ask(last), [part.note for part in done])
            if request.n > 1 and self.temperature > 0:
                calls.add_candidates(calls.ask(last, n=request.n - 1, temperature=self.temperature))
        except ModelError as error:
            calls.add_failure(error)
        return calls.results

    def _answered(self, calls: CallSequence, done: Sequence[SubQuestion], question: str) -> SubQuestion:
        (answer,) = calls.ask(self.prompt.answer(calls.request, done, question))[:1]
        found = extract_sql(answer.text)
        if not found.sql:
            return SubQuestion(question, failed=True)
        if self.runner is None:
            return SubQuestion(question, found.sql)
        return self._checked(calls, question, self.runner.run(found.sql))

    def _checked(self, calls: CallSequence, question: str, outcome: Outcome) -> SubQuestion:  # noqa: ARG002 - for subclasses
        """A part whose query ran or failed; here as it is."""
        return self._ran(question, outcome)

    def _ran(self, question: str, outcome: Outcome, refined: int = 0) -> SubQuestion:
        told = format_outcome(outcome, **({"rows": 0} if self.private else {}))
        return SubQuestion(question, outcome.asked, told, outcome.result is None, refined)


class CallSequence:
    """The calls to a model for one request, and their candidates: one deadline, and one account of tokens.

    Args:
        model: The chat model.
        name: Name of the generator.
        request: What the generator was asked.
        draw: How answers are drawn; its `seconds` are for all calls together, without the waiting for rate limits.
    """

    def __init__(self, model: ChatModel, name: str, request: Request, draw: Sampling) -> None:
        self.request = request
        self.results: list[Candidate] = []
        self._model, self._name, self._draw = model, name, draw
        self._deadline = Deadline(draw.seconds)
        self._since = perf_counter()
        self._tokens_in = self._tokens_out = 0
        self._prompt = ""

    def ask(self, messages: Sequence[Message], *, n: int = 1, temperature: float = 0.0) -> Sequence[ChatAnswer]:
        """The model's answers.

        Raises:
            ModelError: It failed, or the deadline has passed.
        """
        left = self._deadline.left()
        self._prompt = prompt_text(messages)
        if left <= 0:
            raise timeout_error(self._draw.seconds, where=model_name(self._model))
        sampling = replace(self._draw, n=n, temperature=temperature, seconds=left)
        answers = ask_model(self._model, messages, sampling, deadline=self._deadline)
        self._tokens_in += sum(answer.tokens_in for answer in answers)
        self._tokens_out += sum(answer.tokens_out for answer in answers)
        return answers

    def add_candidates(self, answers: Sequence[ChatAnswer], notes: Sequence[str] = ()) -> None:
        """Store the answers of the last call as candidates; the first carries the tokens of the calls before it."""
        ms = (perf_counter() - self._since) * 1e3 / len(answers)
        for turn, answer in enumerate(answers):
            found = extract_sql(answer.text)
            before = self._tokens_out - sum(other.tokens_out for other in answers)
            self.results.append(
                Candidate(
                    sql=found.sql,
                    generator=self._name,
                    path=self.request.path,
                    prompt=self._prompt,
                    raw=answer.text,
                    tokens_in=0 if turn else self._tokens_in,
                    tokens_out=answer.tokens_out + (0 if turn else before),
                    ms=ms,
                    cached=answer.cached,
                    error=found.error,
                    failure=FailureKind.NO_SQL if found.error else None,
                    notes=tuple(notes),
                )
            )
        self._since = perf_counter()
        self._tokens_in = self._tokens_out = 0

    def add_failure(self, error: ModelError) -> None:
        """Store a candidate with the error, which carries the tokens that were spent."""
        self.results.append(
            replace(
                Candidate.failed(error, self._name, self.request.path),
                prompt=self._prompt,
                tokens_in=self._tokens_in,
                tokens_out=self._tokens_out,
                ms=(perf_counter() - self._since) * 1e3,
            )
        )
