"""The servers themselves: they start, serve, break, come back, and never outlive the tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

psycopg = pytest.importorskip("psycopg")
pymysql = pytest.importorskip("pymysql")
redis = pytest.importorskip("redis")
ONCE = pytest.importorskip("redis.retry").Retry(pytest.importorskip("redis.backoff").NoBackoff(), 0)

OWNER = """
import sys, time
from servers import KIND
with KIND() as server:
    print(server.pid, server.folder, flush=True)
    time.sleep(60)
"""


def mysql(url):
    parts = urlsplit(url)
    return pymysql.connect(
        host=parts.hostname, port=parts.port, user=parts.username, password=parts.password, database=parts.path[1:]
    )


def test_postgres_readers_select_and_no_more(postgres_database):
    with psycopg.connect(postgres_database.admin_url) as admin:
        admin.execute("CREATE TABLE t (a int)")
        admin.execute("INSERT INTO t VALUES (1)")
    with psycopg.connect(postgres_database.reader_url, autocommit=True) as reader:
        assert reader.execute("SELECT a FROM t").fetchall() == [(1,)]
        for statement in (
            "INSERT INTO t VALUES (2)",
            "DROP TABLE t",
            "CREATE TABLE u (a int)",
            "CREATE TEMP TABLE u (a int)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(statement)


def test_mariadb_readers_select_and_no_more(mariadb_database):
    with mysql(mariadb_database.admin_url) as admin, admin.cursor() as cursor:
        cursor.execute("CREATE TABLE t (a int)")
        cursor.execute("INSERT INTO t VALUES (1)")
        admin.commit()
    with mysql(mariadb_database.reader_url) as reader, reader.cursor() as cursor:
        cursor.execute("SELECT a FROM t")
        assert cursor.fetchall() == ((1,),)
        for statement in (
            "INSERT INTO t VALUES (2)",
            "DROP TABLE t",
            "CREATE TABLE u (a int)",
            "SELECT * FROM mysql.user",
        ):
            with pytest.raises(pymysql.err.OperationalError):
                cursor.execute(statement)


def test_postgres_keeps_its_data_over_a_crash(postgres, postgres_database):
    with psycopg.connect(postgres_database.admin_url) as admin:
        admin.execute("CREATE TABLE t (a int)")
        admin.commit()
        postgres.kill()
        with pytest.raises(psycopg.OperationalError):
            admin.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(postgres_database.reader_url)
    postgres.start()
    with psycopg.connect(postgres_database.reader_url) as reader:
        assert reader.execute("SELECT * FROM t").fetchall() == []


def test_mariadb_keeps_its_data_over_a_crash(mariadb, mariadb_database):
    with mysql(mariadb_database.admin_url) as admin, admin.cursor() as cursor:
        cursor.execute("CREATE TABLE t (a int)")
    mariadb.kill()
    with pytest.raises(pymysql.err.OperationalError):
        mysql(mariadb_database.reader_url)
    mariadb.restart()
    with mysql(mariadb_database.reader_url) as reader, reader.cursor() as cursor:
        assert cursor.execute("SELECT * FROM t") == 0


def test_redis_is_empty_for_each_test_and_wants_its_password(redis_server, redis_url):
    with redis.Redis.from_url(redis_url, retry=ONCE) as client:
        assert client.dbsize() == 0
        client.set("a", "b")
        redis_server.kill()
        with pytest.raises(redis.ConnectionError):
            client.ping()
        redis_server.start()
        assert client.dbsize() == 0
    with (
        redis.Redis(port=redis_server.port, retry=ONCE) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()


@pytest.mark.parametrize(
    ("kind", "fixture", "how"),
    [
        ("Postgres", "postgres", signal.SIGKILL),
        ("MariaDB", "mariadb", signal.SIGKILL),
        ("Redis", "redis_server", signal.SIGKILL),
        ("Redis", "redis_server", signal.SIGINT),
    ],
)
def test_a_server_dies_with_its_process(kind, fixture, how, request):
    request.getfixturevalue(fixture)  # skips where it is not installed
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER.replace("KIND", kind)],
        cwd=Path(__file__).parent.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with owner:
        pid, folder = owner.stdout.readline().split()
        owner.send_signal(how)
    end = time.monotonic() + 60
    while (Path("/proc") / pid).exists() or Path(folder).exists():
        assert time.monotonic() < end, "the server or its folder is still there"
        time.sleep(0.05)


@pytest.mark.parametrize(("ci", "word"), [("", "1 skipped"), ("true", "1 error")])
def test_a_missing_server_skips_here_and_fails_in_ci(ci, word, tmp_path):
    (tmp_path / "test_it.py").write_text("def test_it(redis_url): pass\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rs", "-p", "servers.fixtures", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "PATH": "/nowhere", "CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )
    assert word in done.stdout
    assert "apt-get install redis-server" in done.stdout
