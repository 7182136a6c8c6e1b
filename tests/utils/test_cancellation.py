"""Cancelling work that waits: everybody is told, at once, whatever the others do."""

from __future__ import annotations

import asyncio
import time
from threading import Event
from typing import NoReturn

import pytest

from ctxprune.utils.cancellation import Stop, call_on_cancel, check_cancelled, run_cancellable


def test_one_call_that_fails_or_blocks_keeps_no_other_from_being_made(caplog: pytest.LogCaptureFixture) -> None:
    stop, go, reached = Stop(), Event(), Event()

    def fail() -> NoReturn:
        raise ConnectionError("to hunter2")

    with stop.calling(lambda: go.wait(10)), stop.calling(fail), stop.calling(reached.set):
        began = time.monotonic()
        stop.set()
        assert time.monotonic() - began < 5
        assert reached.wait(5)
        go.set()
    until = time.monotonic() + 5
    while not caplog.messages and time.monotonic() < until:
        time.sleep(0.01)
    assert caplog.messages == ["work could not be cancelled: ConnectionError"]


def test_what_is_late_is_called_at_once(caplog: pytest.LogCaptureFixture) -> None:
    stop, called = Stop(), []
    stop.set()
    with stop.calling(lambda: called.append(1)):
        assert called == [1]
    with stop.calling(lambda: 1 // 0):
        pass
    assert caplog.messages == ["work could not be cancelled: ZeroDivisionError"]


def test_the_event_loop_does_not_wait_for_a_cancel() -> None:
    begun, go, cancelled, ended = Event(), Event(), Event(), Event()

    def cancel() -> None:
        cancelled.set()
        go.wait(10)

    def work() -> None:
        with call_on_cancel(cancel):
            begun.set()
            cancelled.wait(10)
        ended.set()
        check_cancelled()

    async def main() -> float:
        task = asyncio.create_task(run_cancellable(work))
        await asyncio.to_thread(begun.wait, 10)
        start = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        seconds = time.monotonic() - start
        go.set()
        await asyncio.to_thread(ended.wait, 10)
        return seconds

    assert asyncio.run(main()) < 5
    assert cancelled.is_set()
    assert ended.is_set()
