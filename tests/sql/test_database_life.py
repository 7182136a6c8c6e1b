"""Threads, tasks, processes and the end of things. Scripts run with every warning an error."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ctxprune.errors import DatabaseError
from ctxprune.sql.database.database import Database, Limits
from ctxprune.sql.schema.schema import ColumnRef

ENDLESS = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r"
HEAD = f"""
import gc, os, sys, threading, time
from ctxprune.sql.database.database import Database, Limits
from ctxprune.sql.schema.schema import ColumnRef
ENDLESS = {ENDLESS!r}
def children(database):
    return [server._process.pid for server in database._driver._pool._state.all]
def gone(pid):
    for _ in range(1000):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False
database = Database(sys.argv[1])
database.execute("SELECT 1")
"""


def script(shop: Path, body: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", HEAD + body, str(shop)]
    return subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)


@pytest.mark.parametrize(
    ("body", "out"),
    [
        ("", ""),
        ("database.close(); print(database.execute('SELECT 2').rows)", "((2,),)\n"),
        ("pid = children(database)[0]; del database; gc.collect(); print(gone(pid))", "True\n"),
        ("stream = database.distinct_values(ColumnRef('city', 'name'), batch=1); print(len(next(stream)))", "1\n"),
        (
            "threading.Thread(target=database.execute, args=(ENDLESS,), daemon=True).start()\n"
            "time.sleep(0.2)\n"
            "print('x')",
            "x\n",
        ),
        (
            "import atexit; atexit.register(lambda: print(database.execute('SELECT 3').rows))",
            "((3,),)\n",
        ),
        ("os.kill(children(database)[0], 9); time.sleep(0.1); print(database.execute('SELECT 4').rows)", "((4,),)\n"),
        (
            "pid = os.fork()\n"
            "if pid == 0:\n"
            "    sys.exit(0 if database.execute('SELECT 5').rows == ((5,),) else 9)\n"
            "print(os.waitpid(pid, 0)[1], database.execute('SELECT 6').rows)",
            "0 ((6,),)\n",
        ),
        (
            "before = len(os.listdir('/proc/self/fd'))\n"
            "for _ in range(5):\n"
            "    with Database(sys.argv[1]) as other:\n"
            "        other.execute('SELECT 1')\n"
            "print(len(os.listdir('/proc/self/fd')) - before)",
            "0\n",
        ),
    ],
    ids=["exit", "reopen", "collected", "stream_left", "daemon", "atexit", "killed", "fork", "descriptors"],
)
def test_no_warning_and_no_process_remains(shop, body, out):
    done = script(shop, body)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", out)


@pytest.mark.parametrize("sql", ["ENDLESS", "'SELECT 1'"])
def test_children_end_when_their_parent_is_killed(shop, sql):
    body = f"""
limits = Limits(seconds=1.0)
threading.Thread(target=lambda: database.execute({sql}, limits=limits), daemon=True).start()
time.sleep(0.2)
print(*children(database), flush=True)
os.kill(os.getpid(), 9)
"""
    done = script(shop, body)
    assert done.returncode == -signal.SIGKILL
    pids = [int(word) for word in done.stdout.split()]
    assert pids
    until = time.monotonic() + 30
    while any(map(running, pids)):
        assert time.monotonic() < until
        time.sleep(0.05)


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("isolated", [True, False])
def test_a_hundred_threads(shop, isolated):
    with Database(shop, isolated=isolated) as database:

        def work(number: int) -> bool:
            found = [
                database.execute(f"SELECT {number}, count(*), {turn} FROM city").rows == ((number, 4, turn),)
                for turn in range(5)
            ]
            values = sum(map(len, database.distinct_values(ColumnRef("city", "name"), batch=2)))
            return all(found) and values == 4 and database.table("city").name == "city"

        with ThreadPoolExecutor(100) as pool:
            assert all(pool.map(work, range(100)))


def test_at_most_so_many_queries_run_at_once(shop):
    with Database(shop, workers=2) as database:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: database.execute(f"SELECT {n}"), range(40)))
        assert 1 <= len(database._driver._pool._state.all) <= 2


def test_streams_do_not_starve_queries(shop):
    with Database(shop, workers=1) as database:
        streams = [database.distinct_values(ColumnRef("city", "name"), batch=1) for _ in range(3)]
        assert [len(next(stream)) for stream in streams] == [1, 1, 1]
        assert database.execute("SELECT 1").rows == ((1,),)
        for stream in streams:
            stream.close()


def test_other_memory_limits_take_another_process(shop):
    with Database(shop) as database:
        for memory in (64_000_000, 32_000_000, 64_000_000):
            assert database.execute("SELECT 1", limits=Limits(memory=memory)).rows == ((1,),)
        assert len(database._driver._pool._state.all) == 1


def test_asyncio(shop):
    async def main() -> None:
        with Database(shop) as database:
            results = await asyncio.gather(*(database.aexecute(f"SELECT {n}") for n in range(30)))
            assert [result.rows[0][0] for result in results] == list(range(30))

    asyncio.run(main())


@pytest.mark.parametrize("isolated", [True, False])
def test_cancelling_a_task_ends_its_query(shop, isolated):
    async def main(database: Database) -> None:
        task = asyncio.create_task(database.aexecute(ENDLESS, limits=Limits(seconds=60)))
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await database.aexecute("SELECT 1")).rows == ((1,),)

    with Database(shop, isolated=isolated) as database:
        started = time.monotonic()
        asyncio.run(main(database))  # its end waits for the thread of the query
        assert time.monotonic() - started < 30


@pytest.mark.parametrize("isolated", [True, False])
def test_closing_ends_running_queries(shop, isolated):
    failures: list[str] = []

    def query() -> None:
        try:
            database.execute(ENDLESS, limits=Limits(seconds=60))
        except DatabaseError as error:
            failures.append(error.what)

    with Database(shop, isolated=isolated) as database:
        thread = threading.Thread(target=query)
        thread.start()
        time.sleep(0.3)
        database.close()
        thread.join(30)
        assert not thread.is_alive()
        assert len(failures) == 1
        assert database.execute("SELECT 1").rows == ((1,),)


def test_interrupting_the_parent_leaves_a_working_database(shop):
    with Database(shop) as database:
        main = threading.get_ident()
        timer = threading.Timer(0.3, lambda: signal.pthread_kill(main, signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            database.execute(ENDLESS, limits=Limits(seconds=30))
        timer.join()
        assert database.execute("SELECT 1").rows == ((1,),)


def test_ctrl_c_does_not_reach_the_children(shop):
    with Database(shop) as database:
        database.execute("SELECT 1")
        (child,) = database._driver._pool._state.all
        os.kill(child._process.pid, signal.SIGINT)
        time.sleep(0.1)
        assert database.execute("SELECT 2").rows == ((2,),)
        assert database._driver._pool._state.all == {child}
