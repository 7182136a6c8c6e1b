"""Requests that come at the same time share one run: while one runs, the next ones gather."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from ctxprune.serve.fairness import FairQueue, Shares

if TYPE_CHECKING:
    from concurrent.futures import Executor

__all__ = ["Batcher"]

T = TypeVar("T")
R = TypeVar("R")


class Batcher(Generic[T, R]):
    """Hands whatever waits to `run`, in threads; a request that comes alone does not wait for others.

    A run holds items of one key, so that nobody waits for the work of others in it, and the keys take turns.

    Args:
        run: From items to a result or an exception for each, in their order.
        pool: Where it runs.
        most: Items in one run at most; 1 for no sharing.
        runs: Runs at the same time.
        sizes: What an item counts, and what all of one run may count; a larger item runs by itself.
    """

    def __init__(
        self,
        run: Callable[[Sequence[T]], Sequence[R | Exception]],
        pool: Executor,
        *,
        most: int,
        runs: int,
        sizes: tuple[Callable[[T], int], int] = (lambda _: 0, 0),
    ) -> None:
        self._run, self._pool, self._most = run, pool, most
        self._size, self._most_size = sizes
        self._shares = Shares(runs)
        self._waiting: FairQueue[tuple[T, asyncio.Future[R]]] = FairQueue()

    async def submit(self, item: T, key: str = "") -> R:
        """The item's result; once cancelled, it is taken into no run.

        Args:
            item: What `run` takes.
            key: Who asks.

        Raises:
            Exception: What `run` gave or raised.
        """
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._shares.ask(key)
        self._waiting.push(key, (item, future))
        self._start()
        return await future

    def _start(self) -> None:
        while (key := self._waiting.next_key(self._shares.may_take)) is not None:
            batch = self._next(key)
            if not batch:
                continue
            self._shares.take(key)
            running = asyncio.get_running_loop().run_in_executor(self._pool, self._run, [item for item, _ in batch])
            running.add_done_callback(partial(self._finish, key, [future for _, future in batch]))

    def _next(self, key: str) -> list[tuple[T, asyncio.Future[R]]]:
        batch: list[tuple[T, asyncio.Future[R]]] = []
        total = 0
        while len(batch) < self._most and (entry := self._waiting.first(key)) is not None:
            total += self._size(entry[0])
            if batch and total > self._most_size:
                break
            self._waiting.pop(key)
            if entry[1].done():  # cancelled
                total -= self._size(entry[0])
            else:
                batch.append(entry)
        return batch

    def _finish(
        self, key: str, futures: Sequence[asyncio.Future[R]], running: asyncio.Future[Sequence[R | Exception]]
    ) -> None:
        self._shares.give_back(key)
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
