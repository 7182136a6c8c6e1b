"""Pruning and reranking for many clients: what comes at the same time goes to the scorer together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ctxprune.scorers import SCORERS
from ctxprune.scorers.relevance import score_documents_batch
from ctxprune.scorers.structured import structured
from ctxprune.serve.batching import Batcher
from ctxprune.serve.limits import ClientGoneError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor

    from ctxprune.context import Context
    from ctxprune.scorers.base import Scorer, Scores
    from ctxprune.serve.config import BatchingConfig, ModelConfig
    from ctxprune.serve.metrics import Metrics

__all__ = ["Scored", "Scoring", "Task", "make_scorer"]

R = TypeVar("R")
_LONG = 32_000  # characters; a longer request runs by itself, so that short ones do not wait for it


@dataclass(frozen=True)
class Scored:
    """A context with what the scorer says of it.

    Attributes:
        context: What is pruned or ranked.
        units: float32 (n_units,).
        documents: float32 (n_documents,), those at the end without units left out.
        seconds: Share of the run.
    """

    context: Any
    units: Scores
    documents: Scores
    seconds: float


@dataclass(frozen=True)
class Task(Generic[R]):
    """One request.

    Attributes:
        query: The question.
        size: Characters of what is read.
        make: Cuts the text into units.
        finish: From scores to the answer; both run off the event loop.
        stopped: Set once nobody waits for the answer; then no further part of the work is begun.
    """

    query: str
    size: int
    make: Callable[[], Context[Any]]
    finish: Callable[[Scored], R]
    stopped: threading.Event = field(default_factory=threading.Event)


class Scoring:
    """The scorer with its queue.

    Args:
        scorer: Reads all requests.
        pool: Threads it runs in.
        runs: Runs at the same time.
        batching: Whether and how requests share runs.
        metrics: Told of the sizes of runs.
    """

    def __init__(
        self, scorer: Scorer, pool: Executor, *, runs: int, batching: BatchingConfig, metrics: Metrics
    ) -> None:
        self.scorer, self._metrics = scorer, metrics
        self._short: Batcher[Task[Any], Any] = Batcher(
            self._run, pool, most=batching.most if batching.enabled else 1, runs=runs
        )
        self._long: Batcher[Task[Any], Any] = Batcher(self._run, pool, most=1, runs=max(1, runs - 1))

    async def do(self, task: Task[R]) -> R:
        """The answer to one request, the same whoever else asks at the time.

        Raises:
            CtxpruneError: Whatever the task's functions or the scorer raise.
        """
        try:
            result: R = await (self._long if task.size > _LONG else self._short).submit(task)
            return result
        finally:
            task.stopped.set()

    def _run(self, tasks: Sequence[Task[Any]]) -> list[Any]:
        self._metrics.batch(len(tasks))
        contexts = [_caught(task, task.make) for task in tasks]
        good = [number for number, context in enumerate(contexts) if not isinstance(context, Exception)]
        results = list(contexts)
        for number, scored in zip(good, self._scored([(tasks[i].query, contexts[i]) for i in good]), strict=True):
            if isinstance(scored, Scored):
                results[number] = _caught(tasks[number], partial(tasks[number].finish, scored))
            else:
                results[number] = scored
        return results

    def _scored(self, pairs: Sequence[tuple[str, Any]]) -> list[Scored | Exception]:
        """All in one run; where that fails each by itself, so that one's fault stays with it."""
        start = time.perf_counter()
        try:
            found = score_documents_batch(self.scorer, [query for query, _ in pairs], [one for _, one in pairs])
        except Exception as error:  # noqa: BLE001 - handed to the request it belongs to
            return [error] if len(pairs) == 1 else [self._scored([pair])[0] for pair in pairs]
        seconds = (time.perf_counter() - start) / max(len(pairs), 1)
        return [Scored(context, *scores, seconds) for (_, context), scores in zip(pairs, found, strict=True)]


def make_scorer(config: ModelConfig) -> Scorer:
    """The configured scorer for running text, and the scorers of other forms around it.

    Raises:
        UnknownNameError: None has that name.
        UsageError: It needs more than its name and a model, or takes no model.
    """
    import dataclasses

    from ctxprune.errors import UsageError

    kind: Any = SCORERS.get(config.scorer)
    given = {"model": config.path} if config.path else {}
    if given and not any(field.name == "model" for field in dataclasses.fields(kind)):
        raise UsageError(f"the scorer {config.scorer} takes no path", where="model")
    try:
        scorer: Scorer = kind(**given)
    except TypeError as error:
        raise UsageError(f"the scorer {config.scorer} needs more than its name ({error})", where="model") from error
    return structured(scorer)


def _caught(task: Task[Any], function: Callable[[], Any]) -> Any:
    """What it gives, or the exception that it raises: one request's fault is no other's."""
    if task.stopped.is_set():
        return ClientGoneError()
    try:
        return function()
    except Exception as error:  # noqa: BLE001 - handed to the request it belongs to
        return error
