"""Results that are kept on disk."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from ctxprune.errors import FormatError, InputError
from ctxprune.sql.database.database import Database, Limits
from ctxprune.sql.evaluation.executions import CachedRunner, ExecutionCache, database_fingerprint

if TYPE_CHECKING:
    from pathlib import Path

SQL = "SELECT 1, 2.5, 'a', NULL, x'00ff', 1e999, 9223372036854775807"


def _run(shop: Path, cache: ExecutionCache, *texts: str, limits: Limits | None = None) -> list:
    with Database(shop, limits=limits or Limits(), isolated=False) as database:
        runner = CachedRunner(database, cache)
        return [runner(text) for text in texts]


def test_a_second_run_reads_what_the_first_has_kept(shop: Path, tmp_path: Path) -> None:
    texts = [SQL, "SELECT name FROM city", "SELECT nothing", ""]
    with ExecutionCache(tmp_path / "deep" / "x.sqlite") as cache:
        first = _run(shop, cache, *texts)
        assert (cache.hits, cache.misses) == (0, 3)
    with ExecutionCache(tmp_path / "deep" / "x.sqlite") as cache:
        second = _run(shop, cache, *texts)
        assert (cache.hits, cache.misses) == (3, 0)
    assert [None if one is None else (one.columns, one.rows, one.truncated) for one in first] == [
        None if one is None else (one.columns, one.rows, one.truncated) for one in second
    ]
    assert first[0].rows[0][4] == b"\x00\xff"
    assert first[2:] == [None, None]


def test_another_content_or_limit_is_another_key(shop: Path, tmp_path: Path) -> None:
    text, before = "SELECT count(*) FROM city", database_fingerprint(shop)
    with ExecutionCache(tmp_path / "x.sqlite") as cache:
        count = _run(shop, cache, text)[0].rows[0][0]
        _run(shop, cache, text, limits=Limits(rows=7))
        assert cache.hits == 0
        with closing(sqlite3.connect(shop)) as connection, connection:
            connection.execute("DELETE FROM city")
        assert database_fingerprint(shop) != before
        assert _run(shop, cache, text)[0].rows[0][0] == 0 != count


def test_what_changes_or_ran_out_of_time_is_not_kept(shop: Path, tmp_path: Path) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    texts = [
        *("SELECT random()", "SELECT date('now')", "SELECT date()", "SELECT strftime('%Y')", "SELECT total_changes()"),
        endless,
    ]
    with ExecutionCache(tmp_path / "x.sqlite") as cache:
        found = _run(shop, cache, *texts, limits=Limits(seconds=0.05))
        assert found[-1] is None
        _run(shop, cache, *texts, limits=Limits(seconds=0.05))
        assert cache.hits == 0


def test_two_may_write_at_once(shop: Path, tmp_path: Path) -> None:
    with ExecutionCache(tmp_path / "x.sqlite") as one, ExecutionCache(tmp_path / "x.sqlite") as other:
        for cache, text in ((one, "SELECT 1"), (other, "SELECT 2"), (one, "SELECT 3")):
            _run(shop, cache, text)
        assert _run(shop, one, "SELECT 1")[0].rows == ((1,),)
        assert one.hits == 1
    with ExecutionCache(tmp_path / "x.sqlite") as cache:
        _run(shop, cache, "SELECT 1", "SELECT 2", "SELECT 3")
        assert cache.hits == 3


def test_a_kill_leaves_a_file_that_can_be_read(shop: Path, tmp_path: Path) -> None:
    code = f"""
        from ctxprune.sql.evaluation.executions import ExecutionCache
        cache = ExecutionCache({str(tmp_path / "x.sqlite")!r})
        for place in range(150):
            cache.put(str(place), None)
        print("ready", flush=True)
        import time; time.sleep(60)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == b"ready\n"
        os.kill(child.pid, signal.SIGKILL)
    with ExecutionCache(tmp_path / "x.sqlite") as cache:
        assert cache.get("99") == (True, None)
        assert cache.get("149") == (False, None)


@pytest.mark.parametrize("content", [b"no database at all, but long enough to be told from one" * 20, None])
def test_another_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.sqlite"
    if content is None:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("CREATE TABLE mine (a)")
    else:
        path.write_bytes(content)
    with pytest.raises(FormatError):
        ExecutionCache(path)


def test_another_version_is_refused(tmp_path: Path) -> None:
    ExecutionCache(tmp_path / "x.sqlite").close()
    with closing(sqlite3.connect(tmp_path / "x.sqlite")) as connection, connection:
        connection.execute("UPDATE meta SET version = 9")
    with pytest.raises(FormatError, match="unknown cache format"):
        ExecutionCache(tmp_path / "x.sqlite")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InputError):
        ExecutionCache(tmp_path / "file" / "x.sqlite")


def test_a_damaged_entry_is_told(shop: Path, tmp_path: Path) -> None:
    with ExecutionCache(tmp_path / "x.sqlite") as cache:
        _run(shop, cache, "SELECT 1")
    with closing(sqlite3.connect(tmp_path / "x.sqlite")) as connection, connection:
        connection.execute("UPDATE execution SET result = x'00'")
    with ExecutionCache(tmp_path / "x.sqlite") as cache, pytest.raises(FormatError, match="damaged"):
        _run(shop, cache, "SELECT 1")


def test_a_missing_database_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        database_fingerprint(tmp_path / "none.sqlite")
