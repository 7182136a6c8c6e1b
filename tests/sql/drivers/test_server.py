"""What holds for every database on a server. A new kind adds its fixture to KINDS."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from ctxprune.errors import DatabaseError, QueryError, QueryTimeoutError, UsageError
from ctxprune.sql import Database, Limits
from ctxprune.utils.cancellation import Stop, cancellation

KINDS = ["mariadb", "postgres"]
SLEEP = {"mariadb": "SELECT SLEEP(30)", "postgres": "SELECT pg_sleep(30)"}
MANY = {
    "mariadb": "SELECT repeat('x', 1000) AS v FROM seq_1_to_3000",
    "postgres": "SELECT repeat('x', 1000) AS v FROM generate_series(1, 3000)",
}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def server(kind, request):
    return request.getfixturevalue(kind)


@pytest.fixture
def urls(kind, request):
    return request.getfixturevalue(f"{kind}_database")


@pytest.fixture
def database(urls):
    with Database(urls.reader_url, workers=2) as database:
        yield database


@contextmanager
def frozen(server):
    """The server neither answers nor refuses."""
    pids = [server.pid, *map(int, _children(server.pid))]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def _children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return file.read().split()


def test_neither_messages_nor_reprs_show_the_password(urls, server):
    secret = urls.reader_url.split(":")[2].partition("@")[0]
    with Database(urls.reader_url) as database:
        assert secret not in repr(database) + repr(vars(database)) + repr(database._driver.url) + database.file_stem
    wrong = urls.reader_url.replace(secret, "wr0ng-secret")
    with Database(wrong) as database, pytest.raises(DatabaseError) as caught:
        database.execute("SELECT 1")
    error = caught.value
    assert type(error) is DatabaseError
    assert error.hint == "check the user and the password of the URL"
    while error is not None:
        assert "wr0ng-secret" not in f"{error} {error!r}"
        error = error.__cause__


@pytest.mark.parametrize(
    "url",
    [
        "{kind}://u:s3cret@@h/d",
        "{kind}://u:s3cret@h:x/d",
        "{kind}://u:x@s3cret:s3cret@h/d",
        "{kind}://u:s3cret@h",
        "{kind}://u:s3cret@h/d?local_infile=1",
    ],
)
def test_a_bad_url_is_refused_without_showing_it(url, kind):
    scheme = {"postgres": "postgresql"}.get(kind, kind)
    with pytest.raises(UsageError) as caught:
        Database(url.format(kind=scheme))
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


def test_two_servers_behind_sockets_are_two_databases(kind):
    url = {
        "mariadb": "mariadb://u:s3cret@/shop?unix_socket=/run/{}",
        "postgres": "postgresql://u:s3cret@/shop?host=/run/{}",
    }[kind]
    with Database(url.format("a")) as one, Database(url.format("b")) as other, Database(url.format("a")) as again:
        assert one.file_stem == again.file_stem != other.file_stem
        assert "/run/a" in repr(one)


def test_a_question_may_be_cancelled_twice(database, kind):
    stop = Stop()

    def ask():
        with cancellation(stop):
            database.execute(SLEEP[kind])

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask)
        time.sleep(0.5)
        stop.set()
        stop.set()
        with pytest.raises(asyncio.CancelledError):
            asked.result(10)


def test_the_server_keeps_the_deadline(database, kind):
    started = time.monotonic()
    with pytest.raises(QueryTimeoutError):
        database.execute(SLEEP[kind], limits=Limits(seconds=0.5))
    assert time.monotonic() - started < 5  # the query would sleep for thirty
    assert database.execute("SELECT 1").rows == ((1,),)


def test_the_deadline_holds_where_the_server_hangs(database, server):
    database.execute("SELECT 1")
    with frozen(server):
        started = time.monotonic()
        with pytest.raises(QueryTimeoutError):
            database.execute("SELECT 1", limits=Limits(seconds=0.5))
        assert time.monotonic() - started < 5
    assert database.execute("SELECT 1").rows == ((1,),)


def test_cancelling_the_task_ends_the_query(database, kind):
    async def ask():
        task = asyncio.create_task(database.aexecute(SLEEP[kind], limits=Limits(seconds=20)))
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    started = time.monotonic()
    asyncio.run(ask())  # which waits for its threads
    assert time.monotonic() - started < 5


def test_rows_and_bytes_are_cut_off(database, kind):
    few = database.execute(MANY[kind], limits=Limits(rows=10))
    assert (len(few.rows), few.truncated, few.columns) == (10, True, ("v",))
    small = database.execute(MANY[kind], limits=Limits(bytes=100_500))
    assert (len(small.rows), small.truncated) == (100, True)
    whole = database.execute(MANY[kind])
    assert (len(whole.rows), whole.truncated) == (3000, False)


def test_a_lost_idle_connection_is_replaced_and_a_lost_query_is_an_error(database, server, kind):
    assert database.execute("SELECT 1").rows == ((1,),)
    server.restart()
    assert database.execute("SELECT 1").rows == ((1,),)
    failed = []

    def ask():
        try:
            database.execute(SLEEP[kind])
        except DatabaseError as error:
            failed.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.5)
    server.kill()
    thread.join()
    assert [type(error) for error in failed] == [DatabaseError]
    with pytest.raises(DatabaseError):
        database.execute("SELECT 1")
    server.start()
    assert database.execute("SELECT 1").rows == ((1,),)


def test_closing_ends_what_runs_and_the_next_query_connects_again(database, kind):
    failed = []

    def ask():
        try:
            database.execute(SLEEP[kind])
        except DatabaseError as error:
            failed.append(error.what)

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.5)
    database.close()
    thread.join(5)
    assert failed == ["the database was closed during the query"]
    assert database.execute("SELECT 1").rows == ((1,),)


def test_a_fork_opens_connections_of_its_own(database):
    database.execute("SELECT 1")
    child = os.fork()
    if child == 0:
        os._exit(0 if database.execute("SELECT 2").rows == ((2,),) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert database.execute("SELECT 3").rows == ((3,),)


def test_more_questions_than_connections_wait_their_turn(database):
    found = []
    threads = [
        threading.Thread(target=lambda i=i: found.append(database.execute(f"SELECT {i}").rows[0][0])) for i in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(20))


def test_a_second_statement_is_refused(database):
    for sql in (
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE x",
        "COMMIT",
        "SET search_path = x",
        "",
        "SELECT \0",
        "SELECT '\ud800'",
    ):
        with pytest.raises(QueryError):
            database.execute(sql)
    assert database.execute("SELECT 1").rows == ((1,),)
