"""The library's steps as child runs of the LangChain run that they are a part of, so that LangSmith shows them."""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from langchain_core.runnables.config import (
    ensure_config,
    get_callback_manager_for_config,
    patch_config,
    var_child_runnable_config,
)

from ctxprune.utils.tracing import observe_spans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextvars import Token

    from langchain_core.callbacks import CallbackManager, CallbackManagerForChainRun
    from langchain_core.runnables import RunnableConfig

__all__ = ["report_steps"]

F = TypeVar("F", bound="Callable[..., Any]")


def report_steps(function: F) -> F:
    """`function`, whose steps become child runs of the runnable or tool that calls it.

    It has to run where LangChain calls it: as the function, or coroutine function, of a runnable or tool. What a step
    is told of is what its span holds (`ctxprune.utils.tracing`).
    """

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        with _observe_steps():
            return function(*args, **kwargs)

    @wraps(function)
    async def arun(*args: Any, **kwargs: Any) -> Any:
        with _observe_steps():
            return await function(*args, **kwargs)

    return cast("F", arun if inspect.iscoroutinefunction(function) else run)


@contextmanager
def _observe_steps() -> Iterator[None]:
    config = ensure_config()  # that of the run which is current here
    manager = get_callback_manager_for_config(config)
    if not manager.handlers:
        yield
        return
    with observe_spans(_Run(config, manager)):
        yield


class _Run:
    """A run of LangChain whose children are steps; an `Observer`."""

    def __init__(
        self, config: RunnableConfig, manager: CallbackManager, run: CallbackManagerForChainRun | None = None
    ) -> None:
        self._config, self._manager, self._run = config, manager, run
        self._token: Token[RunnableConfig | None] | None = None

    def start(self, name: str, attributes: Mapping[str, Any]) -> _Run:
        run = self._manager.on_chain_start(None, dict(attributes), name=name)
        manager = run.get_child()
        child = _Run(patch_config(self._config, callbacks=manager), manager, run)
        # Runnables that the step calls, a chat model say, find their parent there.
        child._token = var_child_runnable_config.set(child._config)
        return child

    def end(self, attributes: Mapping[str, Any], error: BaseException | None) -> None:
        if self._token is not None:
            var_child_runnable_config.reset(self._token)
        if self._run is None:
            return
        if error is None:
            self._run.on_chain_end(dict(attributes))
        else:
            self._run.on_chain_error(error)
