"""Pruning and reranking for many clients: what comes at the same time goes to the scorer together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ctxprune.scorers import SCORERS
from ctxprune.scorers.base import score_documents_batch
from ctxprune.scorers.combined.structured import structured
from ctxprune.serve.batching import Batcher
from ctxprune.serve.cost import CHEAP_SECONDS
from ctxprune.serve.limits import ClientGoneError
from ctxprune.utils.tracing import is_traced

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores
    from ctxprune.scorers.base import Scorer
    from ctxprune.serve.config import BatchingConfig, ModelConfig
    from ctxprune.serve.keys import Key
    from ctxprune.serve.metrics import Metrics

__all__ = ["Outcome", "Scored", "Scoring", "Task", "make_scorer", "run_tasks"]

R = TypeVar("R")
_RUN_SECONDS = 0.32  # estimated, of all requests in one run, so that a run does not keep others waiting


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
class Outcome:
    """An answer and what it took.

    Attributes:
        body: JSON.
        stage: Of the metrics of tokens.
        tokens: Into this stage and out of it.
        seconds: By stage of the work.
        log_fields: What the log says of the request.
        texts: How many texts of a proxy's request were cut, and how many were not for which reason.
    """

    body: bytes
    stage: str
    tokens: tuple[int, int]
    seconds: Mapping[str, float]
    log_fields: Mapping[str, object]
    texts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Task(Generic[R]):
    """One request.

    Attributes:
        query: The question.
        make: Cuts the text into units.
        finish: From scores to the answer; both run off the event loop.
        stopped: Set once nobody waits for the answer; then no further part of the work is begun.
    """

    query: str
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
        metrics: Records the sizes of runs.
    """

    def __init__(
        self, scorer: Scorer, pool: Executor, *, runs: int, batching: BatchingConfig, metrics: Metrics
    ) -> None:
        self.scorer, self._metrics = scorer, metrics
        # A batch of one is the same code path, so results do not depend on the setting.
        most = batching.most if batching.enabled else 1
        self._batcher: Batcher[Task[Any], Any] = Batcher(
            self._run, pool, most=most, runs=runs, cheap=CHEAP_SECONDS, most_cost=_RUN_SECONDS
        )

    async def do(self, task: Task[R], key: Key, cost: float) -> R:
        """The answer to one request, the same whoever else asks at the time.

        Args:
            task: The request.
            key: The key of the request.
            cost: Estimated seconds of work.

        Raises:
            CtxpruneError: Whatever the task's functions or the scorer raise.
        """
        try:
            result: R = await self._batcher.submit(_in_context(task), key.name, cost)
            return result
        finally:
            task.stopped.set()

    def _run(self, tasks: Sequence[Task[Any]]) -> list[Any]:
        self._metrics.batch(len(tasks))
        return run_tasks(tasks, self.scorer)


def _in_context(task: Task[R]) -> Task[R]:
    """The task, whose functions run in the context of the request: what they do is a part of its trace."""
    if not is_traced():
        return task
    context = copy_context()
    return replace(
        task,
        make=lambda: context.run(task.make),
        finish=lambda scored: context.run(task.finish, scored),
    )


def run_tasks(tasks: Sequence[Task[R]], scorer: Scorer) -> list[R | Exception]:
    """The answers of tasks that share one run, in their order; in place of one that fails its exception."""
    contexts = [_caught(task, task.make) for task in tasks]
    good = [number for number, context in enumerate(contexts) if not isinstance(context, Exception)]
    results = list(contexts)
    for number, scored in zip(good, _scored([(tasks[i].query, contexts[i]) for i in good], scorer), strict=True):
        if isinstance(scored, Scored):
            results[number] = _caught(tasks[number], partial(tasks[number].finish, scored))
        else:
            results[number] = scored
    return results


def _scored(pairs: Sequence[tuple[str, Any]], scorer: Scorer) -> list[Scored | Exception]:
    """All in one run; where that fails each by itself, so that one's fault stays with it."""
    start = time.perf_counter()
    try:
        found = score_documents_batch(scorer, [query for query, _ in pairs], [one for _, one in pairs])
    except Exception as error:  # noqa: BLE001 - handed to the request it belongs to
        # One text that the scorer cannot take must not fail the requests that share its run.
        return [error] if len(pairs) == 1 else [_scored([pair], scorer)[0] for pair in pairs]
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
