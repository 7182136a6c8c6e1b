"""Requests that come at the same time share one run: while one runs, the next ones gather."""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor

__all__ = ["Batcher"]

T = TypeVar("T")
R = TypeVar("R")


class Batcher(Generic[T, R]):
    """Hands whatever waits to `run`, in threads; a request that comes alone does not wait for others.

    Args:
        run: From items to a result or an exception for each, in their order.
        pool: Where it runs.
        most: Items in one run at most; 1 for no sharing.
        runs: Runs at the same time.
    """

    def __init__(
        self, run: Callable[[Sequence[T]], Sequence[R | Exception]], pool: Executor, *, most: int, runs: int
    ) -> None:
        self._run, self._pool, self._most, self._free = run, pool, most, runs
        self._waiting: deque[tuple[T, asyncio.Future[R]]] = deque()

    async def submit(self, item: T) -> R:
        """The item's result; once cancelled, it is taken into no run.

        Raises:
            Exception: What `run` gave or raised.
        """
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._start()
        return await future

    def _start(self) -> None:
        while self._free and (batch := self._next()):
            self._free -= 1
            running = asyncio.get_running_loop().run_in_executor(self._pool, self._run, [item for item, _ in batch])
            running.add_done_callback(partial(self._finish, [future for _, future in batch]))

    def _next(self) -> list[tuple[T, asyncio.Future[R]]]:
        batch: list[tuple[T, asyncio.Future[R]]] = []
        while self._waiting and len(batch) < self._most:
            entry = self._waiting.popleft()
            if not entry[1].done():  # cancelled
                batch.append(entry)
        return batch

    def _finish(self, futures: Sequence[asyncio.Future[R]], running: asyncio.Future[Sequence[R | Exception]]) -> None:
        self._free += 1
        error = running.exception()
        results: Sequence[R | BaseException] = [error] * len(futures) if error is not None else running.result()
        for future, result in zip(futures, results, strict=True):
            if future.done():
                continue
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)
        self._start()
