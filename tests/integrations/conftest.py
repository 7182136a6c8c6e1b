"""What the tests of several frameworks need."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from ctxprune.sql.database.drivers.base import Cancel


class RunningQueries:
    """The queries that an engine works on: those that wait for a worker are none."""

    def __init__(self) -> None:
        self._running: set[Cancel] = set()

    def note(self, query: Cancel, stop: Callable[[], object] | None) -> None:
        """A query has begun (`stop` ends it) or is over (None)."""
        if stop is None:
            self._running.discard(query)
        else:
            self._running.add(query)

    async def wait_for(self, count: int) -> None:
        """Until so many are running."""
        for _ in range(600):
            if len(self._running) == count:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"{len(self._running)} queries are running, not {count}")


@pytest.fixture
def running_queries(monkeypatch: pytest.MonkeyPatch) -> RunningQueries:
    queries, watch = RunningQueries(), Cancel.watch

    def noted(query: Cancel, stop: Callable[[], object] | None) -> None:
        watch(query, stop)
        queries.note(query, stop)

    monkeypatch.setattr(Cancel, "watch", noted)
    return queries
