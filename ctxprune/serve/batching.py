"""Requests that come at the same time share one run: while one runs, the next ones gather."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from ctxprune.serve.fairness import FairQueue, Shares

if TYPE_CHECKING:
    from concurrent.futures import Executor

__all__ = ["Batcher"]

T = TypeVar("T")
R = TypeVar("R")
_GATHER_PASSES = 10  # of the event loop, which take 0.2 ms together; in each, others that have come are read


@dataclass(frozen=True, eq=False, slots=True)
class _Entry(Generic[T, R]):
    item: T
    future: asyncio.Future[R]
    cost: float


class Batcher(Generic[T, R]):
    """Hands whatever waits to `run`, in threads; a request that comes alone does not wait for others.

    While some run, those that come are gathered for a moment, and shared out evenly over the places. A run holds items
    of one key, so that nobody waits for the work of others in it, and the keys take turns. Cheap and expensive items
    wait in queues of their own. An expensive one runs by itself, and where there are several places one is never taken
    by an expensive item: a run cannot be interrupted, so cheap items would wait for the whole of it.

    Args:
        run: From items to a result or an exception for each, in their order.
        pool: Where it runs.
        most: Items in one run at most; 1 for no sharing.
        runs: Runs at the same time.
        cheap: Estimated seconds beyond which an item is an expensive one.
        most_cost: Estimated seconds of all cheap items in one run. Where there is such a bound, cheap items of one key
            may take every place; else one stays free for other keys.
    """

    def __init__(
        self,
        run: Callable[[Sequence[T]], Sequence[R | Exception]],
        pool: Executor,
        *,
        most: int,
        runs: int,
        cheap: float = math.inf,
        most_cost: float = math.inf,
    ) -> None:
        self._run, self._pool, self._most = run, pool, most
        self._cheap_cost, self._most_cost = cheap, most_cost
        self._shares = Shares(runs)
        self._cheap: FairQueue[_Entry[T, R]] = FairQueue()
        self._expensive: FairQueue[_Entry[T, R]] = FairQueue()
        self._expensive_free = self._most_expensive = max(1, runs - 1)
        self._places, self._running = runs, 0  # cheap items that run
        self._gathering = False

    async def submit(self, item: T, key: str = "", cost: float = 0.0) -> R:
        """The item's result; once cancelled, it is taken into no run.

        Args:
            item: What `run` takes.
            key: Name of the key of the request.
            cost: Estimated seconds of work.

        Raises:
            Exception: What `run` gave or raised.
        """
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._shares.ask(key)
        queue = self._expensive if cost > self._cheap_cost else self._cheap
        queue.push(key, _Entry(item, future, cost), cost)
        if not self._running:
            self._start()
        elif not self._gathering:
            self._gathering = True
            self._gather(_GATHER_PASSES)
        return await future

    def _gather(self, passes: int) -> None:
        """Starts what waits after so many passes of the event loop."""
        # The clients of a run that has ended ask again all at once; without this the first one's request would have the
        # place to itself, and the others would wait for the next.
        if passes:
            asyncio.get_running_loop().call_soon(self._gather, passes - 1)
            return
        self._gathering = False
        self._start()

    def _start(self) -> None:
        while (turn := self._next_turn()) is not None:
            queue, key = turn
            batch = self._next_batch(queue, key)
            if not batch:
                continue
            expensive = queue is self._expensive
            self._shares.take(key)
            self._expensive_free -= expensive
            self._running += 0 if expensive else len(batch)
            running = asyncio.get_running_loop().run_in_executor(self._pool, self._run, [entry.item for entry in batch])
            running.add_done_callback(partial(self._finish, key, expensive, [entry.future for entry in batch]))

    def _next_turn(self) -> tuple[FairQueue[_Entry[T, R]], str] | None:
        """The queue and the key whose turn it is. The ranks of both queues are compared, so that an expensive item that
        has waited long enough comes before cheap ones.
        """
        # Others wait for a bounded run no longer than its bound, so no place is kept free for them. On two cores that
        # would leave a key with one of them as soon as any other key asks for anything.
        bounded = self._most_cost < math.inf
        found = [(self._cheap, self._cheap.next_key(self._shares.has_free if bounded else self._shares.may_take))]
        if self._expensive_free:
            found.append((self._expensive, self._expensive.next_key(self._shares.may_take)))
        turns = [(queue, key) for queue, key in found if key is not None]
        return min(turns, key=lambda turn: turn[0].rank(turn[1]), default=None)

    def _next_batch(self, queue: FairQueue[_Entry[T, R]], key: str) -> list[_Entry[T, R]]:
        batch: list[_Entry[T, R]] = []
        most = 1 if queue is self._expensive else min(self._most, self._even_part())
        total = 0.0
        while len(batch) < most and (entry := queue.first(key)) is not None:
            if batch and total + entry.cost > self._most_cost:
                break
            queue.pop(key)
            if not entry.future.done():  # not cancelled
                batch.append(entry)
                total += entry.cost
        return batch

    def _even_part(self) -> int:
        """Of all cheap items there are, for each place without an expensive one: no place is left with nothing while
        another has a long run.
        """
        places = self._places - (self._most_expensive - self._expensive_free)
        return math.ceil((len(self._cheap) + self._running) / max(places, 1))

    def _finish(
        self,
        key: str,
        expensive: bool,
        futures: Sequence[asyncio.Future[R]],
        running: asyncio.Future[Sequence[R | Exception]],
    ) -> None:
        self._shares.give_back(key)
        self._expensive_free += expensive
        self._running -= 0 if expensive else len(futures)
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
