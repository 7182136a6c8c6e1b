"""Hostile statements straight to the executor: nothing changes, the server lives, deadlines hold."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, suppress

import pytest
from servers import MissingServerError
from servers.victims import VICTIMS, cases

from ctxprune.errors import CtxpruneError
from ctxprune.sql import Database, Limits

LIMITS = Limits(seconds=0.3, rows=1000, bytes=1_000_000, memory=64_000_000)
GRACE = 3.0  # seconds that a statement may be late on a busy machine


@pytest.fixture(params=["postgres"])
def thrown(request):
    """(victim, its statements)."""
    with ExitStack() as stack:
        try:
            victim = stack.enter_context(VICTIMS[request.param]())
        except MissingServerError as error:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(str(error))
        yield victim, cases(request.param, victim.marks)


@pytest.mark.slow
def test_nothing_changes(thrown):
    victim, texts = thrown
    before = victim.state()
    assert len(texts) >= 100
    late = []
    with Database(victim.target) as database:
        for family, sql in texts:
            started = time.monotonic()
            with suppress(CtxpruneError):
                database.execute(sql, limits=LIMITS)
            if time.monotonic() - started > LIMITS.seconds + GRACE:
                late.append(sql[:80])
            if family in {"write", "schema", "second", "setting"}:
                assert victim.state() == before, sql
            assert database.execute("SELECT count(*) FROM t", limits=Limits(seconds=10)).rows == ((3,),), sql
    assert victim.state() == before
    assert late == []
