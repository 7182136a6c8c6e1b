"""What all requests of one service share."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from ctxprune.errors import CtxpruneError, FormatError, SchemaError, StoreError, UsageError
from ctxprune.pruning.pruner import Pruner
from ctxprune.rag import Passage
from ctxprune.serve.answers import Answers
from ctxprune.serve.batching import Batcher
from ctxprune.serve.fairness import Ledger
from ctxprune.serve.guardrail import TrafficPruner
from ctxprune.serve.keys import Keys
from ctxprune.serve.limits import ClientGoneError, Gate
from ctxprune.serve.logs import cause, log
from ctxprune.serve.long import LongRequests
from ctxprune.serve.metrics import Metrics
from ctxprune.serve.scoring import Scoring, make_scorer
from ctxprune.serve.settings import ModelConfig
from ctxprune.utils.cancellation import Stop, cancellation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctxprune.llm.redis_cache import RedisGenerationCache
    from ctxprune.serve.config import ServiceConfig
    from ctxprune.serve.databases import Databases
    from ctxprune.serve.keys import Key
    from ctxprune.sql.generate.base import Generator

__all__ = ["Service"]

T = TypeVar("T")
_THREADS = "ctxprune-serve"
_ASKERS = 8  # threads of questions to databases, which mostly wait for these or for a model's server
_MAX_BUFFERED_BODIES = 16  # bodies of the largest size, for which there is memory at once; answers count, too
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_LOOK_SECONDS = 5.0  # between two looks at whether data have changed


class Service:
    """State of one service: keys, limits, scorer, databases and metrics.

    Args:
        config: As read from the file.
        generators: SQL generators; default as configured.

    Raises:
        CtxpruneError: The scorer or the generator cannot be made.
    """

    def __init__(self, config: ServiceConfig, generators: Sequence[Generator] | None = None) -> None:
        threads = config.model.threads or os.cpu_count() or 1
        self.config = config
        self.keys = Keys(config.keys, [database.name for database in config.databases])
        several, limits = len(config.keys) > 1, config.limits
        # A quarter of the places is kept for other keys, so that one key cannot fill all of them.
        most_of_one = limits.concurrency - limits.concurrency // 4 if several else limits.concurrency
        self.gate = Gate(limits.concurrency, limits.queue, most_of_one)
        self.long_gate = Gate(limits.concurrency, limits.queue, most_of_one)
        # Bodies wait in memory for their turn, so their sum is bounded, and half of it for one key.
        held = _MAX_BUFFERED_BODIES * limits.body_bytes
        self.ledger = Ledger(held, held // 2 if several else held)
        self.names = None if config.keys else _LOOPBACK_NAMES | set(map(str.lower, config.server.names))
        self.metrics = Metrics(
            lambda: self.gate.inside + self.long_gate.inside, lambda: self.gate.waiting + self.long_gate.waiting
        )
        self._scorers = ThreadPoolExecutor(threads, f"{_THREADS}-score")
        self._askers = ThreadPoolExecutor(_ASKERS, f"{_THREADS}-ask")
        self._checker = ThreadPoolExecutor(1, f"{_THREADS}-check")
        self.scoring = Scoring(
            make_scorer(config.model), self._scorers, runs=threads, batching=config.batching, metrics=self.metrics
        )
        self.traffic = TrafficPruner(self.scoring.scorer, config.model.gateway_characters)
        self.answers = Answers(config.batching.remembered_bytes if config.batching.enabled else 0)
        self.long = LongRequests(config, threads, self.metrics)
        # One question a run: they mostly wait for a server, so sharing a run would gain nothing.
        self._asking: Batcher[Callable[[], Any], Any] = Batcher(_call_each, self._askers, most=1, runs=_ASKERS)
        self._cache = _open_cache(config)
        self._databases = _open_databases(config, generators, self._cache)
        self._unusable: dict[tuple[str, str], str] = {}  # why, by the names of key and database
        self._down: frozenset[str] = frozenset()  # databases that failed when readiness was last asked for
        self.routes: frozenset[str] = frozenset()
        self._scorer = "loading"
        self._readiness_check: asyncio.Future[tuple[dict[str, str], str]] | None = None

    @property
    def databases(self) -> Databases:
        """The databases; requests get here only with the name of one."""
        if self._databases is None:
            raise UsageError("the service has no databases", hint="name them on the command line or in its file")
        return self._databases

    async def run_blocking(self, function: Callable[[], T], key: Key | None = None) -> T:
        """Run a function that waits for a database or a model server. Cancelling stops it; keys take turns."""
        cancelled = Stop()
        with cancellation(cancelled):
            context = contextvars.copy_context()
        try:
            found: tuple[T] = await self._asking.submit(partial(context.run, function), "" if key is None else key.name)
            return found[0]
        finally:
            cancelled.set()

    async def _run_check(self, function: Callable[[], T]) -> T:
        """As `run_blocking`, in a thread that serves checks alone, so that no request delays them."""
        cancelled = Stop()
        with cancellation(cancelled):
            context = contextvars.copy_context()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._checker, context.run, function)
        finally:
            cancelled.set()

    def check(self) -> None:
        """That the scorer can be loaded, and that keys name tables and columns that are there.

        Raises:
            UsageError: A key names a table or column that does not exist. Databases that cannot be used are reported by
                `/readyz`.
            CtxpruneError: The scorer's model is missing or damaged.
        """
        self._load()
        for key, name in self._key_databases():
            self._check(key, name)

    def _check(self, key: Key, name: str) -> None:
        try:
            self.databases.schema(name, key)
        except SchemaError as error:
            raise UsageError(f"the key {key.name!r}: {error.what}", where=name, hint=error.hint) from error
        except CtxpruneError as error:
            _log_unavailable(name, error)

    async def warm(self, *, workers: bool = True) -> None:
        """Loads the scorer and opens the databases, so that the first request does not wait for it.

        Args:
            workers: Whether a process for long requests is started as well.
        """
        try:
            await asyncio.get_running_loop().run_in_executor(self._scorers, self._load)
        except CtxpruneError as error:
            self._scorer = "unavailable"
            log("scorer unavailable", level=logging.ERROR, cause=cause(error))
            return
        self._scorer = "ok"
        await self._freshen()
        if not workers:
            return
        try:
            await self._run_check(self.long.warm)
        except CtxpruneError as error:  # it is tried again with the first long request
            log("no process for long requests", level=logging.ERROR, cause=cause(error))
        except ClientGoneError:  # the service has ended meanwhile
            pass

    async def run(self, *, workers: bool = True) -> None:
        """Warms up; then, until cancelled, what was made of data that have changed is made anew, and what could not be
        made is tried again. This takes a tenth of the time at most, however fast the data change.

        Args:
            workers: See `warm`.
        """
        await self.warm(workers=workers)
        pause = _LOOK_SECONDS
        while True:
            await asyncio.sleep(pause)
            start = time.monotonic()
            await self._freshen()
            pause = max(_LOOK_SECONDS, 9 * (time.monotonic() - start))

    async def _freshen(self) -> None:
        for key, name in self._key_databases():
            failed = await self.run_blocking(partial(self._freshen_one, key, name))
            if failed is None:
                self._unusable.pop((key.name, name), None)
                continue
            why = f"what a key may see of it cannot be made ready ({failed.code}); the log says why"
            if self._unusable.get((key.name, name)) != why:
                _log_unavailable(name, failed)
            self._unusable[key.name, name] = why

    def _freshen_one(self, key: Key, name: str) -> CtxpruneError | None:
        try:
            self.databases.freshen(name, key)
        except CtxpruneError as error:
            return error
        return None

    def _load(self) -> None:
        Pruner(self.scoring.scorer).prune("ready?", Passage("Ready."))

    def _key_databases(self) -> list[tuple[Key, str]]:
        return [(key, name) for key in self.keys.all for name in key.databases]

    async def report_readiness(self, key: Key | None) -> dict[str, Any]:
        """Whether requests should come, and what is missing, without error messages of servers, which may name hosts
        and users.

        Args:
            key: Of the request; the answer names the databases that this key may use, and none without a key.
        """
        if self._readiness_check is None or self._readiness_check.done():  # those that come meanwhile share it
            self._readiness_check = asyncio.ensure_future(self._check_readiness())
        failures, cache = await asyncio.shield(self._readiness_check)
        state = {
            "ready": self._scorer == "ok" and not failures and not cache and not self.gate.closed,
            "scorer": self._scorer,
            "cache": cache or "ok",
            "stopping": self.gate.closed,
        }
        known = [database.name for database in self.config.databases]
        names = [] if key is None else [name for name in known if name in key.databases]
        return state if key is None else state | {"databases": {name: failures.get(name, "ok") for name in names}}

    async def _check_readiness(self) -> tuple[dict[str, str], str]:
        """Why databases cannot be used, and why the cache cannot."""
        failures = {name: why for (_key, name), why in self._unusable.items()}
        # In a thread of its own: readiness must answer when all askers wait for a slow database.
        down = {} if self._databases is None else await self._run_check(self._databases.failures)
        # Only new failures are logged, not one line for each probe.
        for name in down.keys() - failures.keys() - self._down:
            _log_unavailable(name, down[name])
        self._down = frozenset(down)
        return failures | {name: _public_reason(error) for name, error in down.items()}, await self._run_check(
            self._cache_failure
        )

    def _cache_failure(self) -> str:
        try:
            if self._cache is not None:
                self._cache.server.check()
        except StoreError as error:
            return error.what
        return ""

    def stop(self) -> None:
        """Refuse new requests; running ones are finished."""
        self.gate.closed = self.long_gate.closed = True

    def close(self) -> None:
        """Close databases, worker processes and threads; running queries are stopped."""
        if self._databases is not None:
            self._databases.close()
        self.long.close()
        for pool in (self._scorers, self._askers, self._checker):
            pool.shutdown(wait=False, cancel_futures=True)

    def unfinished(self, seconds: float) -> bool:
        """After `close`: whether a thread still runs after this many seconds."""
        threads = [thread for thread in threading.enumerate() if thread.name.startswith(_THREADS)]
        until = time.monotonic() + seconds
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        return any(thread.is_alive() for thread in threads)


def _call_each(functions: Sequence[Callable[[], Any]]) -> list[Any]:
    return [_result_of(function) for function in functions]


def _result_of(function: Callable[[], Any]) -> tuple[Any] | Exception:
    try:
        return (function(),)  # since the function may return an exception
    except Exception as error:  # noqa: BLE001 - handed to whoever asked
        return error


def _public_reason(error: CtxpruneError) -> str:
    of_index = isinstance(error, (StoreError, FormatError))  # in our own words
    return error.what if of_index else f"it cannot be used ({error.code}); the log says why"


def _log_unavailable(name: str, error: CtxpruneError) -> None:
    """Log it; the next request for it tries again."""
    log("database unavailable", level=logging.WARNING, database=name, cause=cause(error))


def _open_cache(config: ServiceConfig) -> RedisGenerationCache | None:
    from ctxprune.llm.redis_cache import RedisGenerationCache

    return RedisGenerationCache(config.redis, config.model.cache) if config.model.cache else None


def _open_databases(
    config: ServiceConfig, generators: Sequence[Generator] | None, cache: RedisGenerationCache | None
) -> Databases | None:
    """The databases with what writes SQL for them; None where none is configured, and nothing has to be checked."""
    if not config.databases and config.model.generator == ModelConfig().generator:
        return None  # what asks databases takes as long to load as all the rest
    from ctxprune.serve.databases import Databases
    from ctxprune.sql.pipeline.factory import make_generators

    made = make_generators(config.model.generator, cache=cache) if generators is None else generators
    return Databases(config, made, queries=_ASKERS + 1)  # one more for readiness
