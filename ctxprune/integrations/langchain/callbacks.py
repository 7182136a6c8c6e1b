"""The library's steps as child runs of the LangChain run that they are a part of, so that LangSmith shows them."""

from __future__ import annotations

import asyncio
import inspect
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import asynccontextmanager, contextmanager
from contextvars import copy_context
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from langchain_core.callbacks import CallbackManager, CallbackManagerForChainRun
from langchain_core.runnables.config import (
    ensure_config,
    get_callback_manager_for_config,
    patch_config,
    var_child_runnable_config,
)

from ctxprune.errors import CtxpruneError
from ctxprune.utils.tracing import captures_content, observe_spans

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from concurrent.futures import Future
    from contextvars import Token

    from langchain_core.runnables import RunnableConfig

__all__ = ["StepError", "report_steps"]

F = TypeVar("F", bound="Callable[..., Any]")


class StepError(Exception):
    """What a failed step's run ends with: type and code of the exception, without its message, cause and traceback.

    Attributes:
        kind: Name of the exception's type.
        code: Of an error of this library ("CP002"); "" for any other.
    """

    def __init__(self, kind: str, code: str = "") -> None:
        super().__init__(f"{kind} ({code})" if code else kind)
        self.kind, self.code = kind, code

    def __reduce__(self) -> tuple[type[StepError], tuple[str, str]]:
        return type(self), (self.kind, self.code)


def report_steps(function: F) -> F:
    """`function`, whose steps become child runs of the runnable or tool that calls it.

    It has to run where LangChain calls it: as the function, or coroutine function, of a runnable or tool. What a step
    is told of is what its span holds (`ctxprune.utils.tracing`). Of a coroutine function, handlers are called outside
    of the event loop's thread, and all have been called when it returns.

    Raises:
        Exception: When run: what a handler with `raise_error` raised.
    """

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        with _observe_steps():
            return function(*args, **kwargs)

    @wraps(function)
    async def arun(*args: Any, **kwargs: Any) -> Any:
        async with _aobserve_steps():
            return await function(*args, **kwargs)

    return cast("F", arun if inspect.iscoroutinefunction(function) else run)


@contextmanager
def _observe_steps() -> Iterator[None]:
    config, manager = _read_config()
    if not manager.handlers:
        yield
        return
    with observe_spans(_Run(config, manager)):
        yield


@asynccontextmanager
async def _aobserve_steps() -> AsyncIterator[None]:
    config, manager = _read_config()
    if not manager.handlers:
        yield
        return
    queue = _Queue()
    try:
        with observe_spans(_Run(config, manager, queue)):
            yield
    finally:
        await queue.drain()


def _read_config() -> tuple[RunnableConfig, CallbackManager]:
    config = ensure_config()  # that of the run which is current here
    return config, get_callback_manager_for_config(config)


class _Queue:
    """Calls of handlers for the steps that begin or end in an event loop's thread, made in order in another thread.

    Spans begin and end in plain functions, which cannot await a handler. To wait for it there would block the loop, for
    ever if the handler itself waits for something that runs in the loop.
    """

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._calls: list[Future[Any]] = []

    def add(self, call: Callable[[], Any]) -> None:
        """Make the call after those that were added before; only from the loop's thread."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="ctxprune-callbacks")
        self._calls.append(self._pool.submit(copy_context().run, call))

    def flush(self) -> None:
        """Wait until all calls so far are made; only from other threads."""
        wait(self._calls)

    async def drain(self) -> None:
        """Wait for all calls, and raise what the first failed one raised."""
        if self._pool is None:
            return
        self._pool.shutdown(wait=False)
        # A task that outlives the function gets another thread.
        self._pool, calls, self._calls = None, self._calls, []
        for call in calls:
            await asyncio.wrap_future(call)


class _Run:
    """A run of LangChain whose children are steps; an `Observer`.

    Args:
        config: Of the run.
        manager: Of its children.
        queue: For steps in the event loop's thread; None where nothing else runs in it meanwhile.
        run: Of LangChain; None for the one that was there before the first step.
    """

    def __init__(
        self,
        config: RunnableConfig,
        manager: CallbackManager,
        queue: _Queue | None = None,
        run: CallbackManagerForChainRun | None = None,
    ) -> None:
        self._config, self._manager, self._queue, self._run = config, manager, queue, run
        self._token: Token[RunnableConfig | None] | None = None

    def start(self, name: str, attributes: Mapping[str, Any]) -> _Run:
        # Made here and not by the manager's `on_chain_start`, which gives it once all handlers were called.
        run = CallbackManagerForChainRun(
            run_id=CallbackManager([]).on_chain_start(None, {}).run_id,  # of the kind that LangChain gives
            handlers=self._manager.handlers,
            inheritable_handlers=self._manager.inheritable_handlers,
            parent_run_id=self._manager.parent_run_id,
            tags=self._manager.tags,
            inheritable_tags=self._manager.inheritable_tags,
            metadata=self._manager.metadata,
            inheritable_metadata=self._manager.inheritable_metadata,
        )
        call = partial(self._manager.on_chain_start, None, dict(attributes), run_id=run.run_id, name=name)
        self._tell(call)
        manager = run.get_child()
        child = _Run(patch_config(self._config, callbacks=manager), manager, self._queue, run)
        # Runnables that the step calls, a chat model say, find their parent there.
        child._token = var_child_runnable_config.set(child._config)
        return child

    def end(self, attributes: Mapping[str, Any], error: BaseException | None) -> None:
        if self._token is not None:
            var_child_runnable_config.reset(self._token)
        if self._run is None:
            return
        if error is None:
            self._tell(partial(self._run.on_chain_end, dict(attributes)))
        else:
            self._tell(partial(self._run.on_chain_error, error if captures_content() else _without_content(error)))

    def _tell(self, call: Callable[[], Any]) -> None:
        """Make a call of handlers, or queue it in an event loop's thread."""
        if self._queue is None:
            call()
        elif _is_in_loop():
            self._queue.add(call)
        else:
            # Steps in worker threads keep their place among those in the loop's: no child begins before its parent.
            self._queue.flush()
            call()


def _is_in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _without_content(error: BaseException) -> StepError:
    # A message may quote values, hosts and paths; a traceback shows source lines, and what caused the error.
    return StepError(type(error).__qualname__, error.code if isinstance(error, CtxpruneError) else "")
