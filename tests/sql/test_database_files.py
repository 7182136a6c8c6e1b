"""What lies beside a database and who else uses it: write-ahead logs, journals, locks, fingerprints."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from ctxprune.errors import DatabaseError
from ctxprune.sql.database.database import Database

COUNT = "SELECT count(*) FROM t"
CRASH = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    connection.execute(statement)
os.kill(os.getpid(), 9)
"""
FILL = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 20000) INSERT INTO t SELECT n FROM r"


def make(path: Path, mode: str) -> Path:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA journal_mode={mode}")
        connection.execute("CREATE TABLE t (a)")
        connection.execute("INSERT INTO t VALUES (1)")
    return path


def crash(path: Path, *statements: str) -> None:
    assert subprocess.run([sys.executable, "-c", CRASH, str(path), *statements], check=False).returncode == -9


@pytest.fixture(params=[True, False], ids=["isolated", "in_process"])
def isolated(request: pytest.FixtureRequest) -> bool:
    return request.param


@pytest.mark.parametrize("mode", ["WAL", "DELETE", "TRUNCATE", "PERSIST", "MEMORY"])
def test_a_quiet_database_gets_no_file_beside_it(tmp_path, mode, isolated):
    path = make(tmp_path / "x.db", mode)
    before = sorted(os.listdir(tmp_path))
    with Database(path, isolated=isolated) as database:
        assert database.execute(COUNT).rows == ((1,),)
        assert database.schema().n_columns == 1
        database.data_fingerprint()
        assert sorted(os.listdir(tmp_path)) == before
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_every_commit_of_a_writer_is_seen_at_once(tmp_path, mode, isolated):
    path = make(tmp_path / "x.db", mode)
    writer = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for line in sys.stdin:
    if line.strip() == "again":
        connection.close()
        connection = sqlite3.connect(sys.argv[1], isolation_level=None)
    else:
        connection.execute(line)
    print("done", flush=True)
connection.close()
"""
    steps = ["INSERT INTO t VALUES (1)"] * 4 + ["PRAGMA wal_checkpoint(TRUNCATE)", "INSERT INTO t VALUES (1)", "again"]
    command = [sys.executable, "-c", writer, str(path)]
    with (
        Database(path, isolated=isolated) as database,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process,
    ):
        expected = 1
        for step in steps * 2:
            print(step, file=process.stdin, flush=True)
            assert process.stdout.readline() == "done\n"
            expected += step.startswith("INSERT")
            assert database.execute(COUNT).rows == ((expected,),)
        process.stdin.close()
        process.wait()
        assert os.listdir(tmp_path) == ["x.db"]  # the writer could clear its log away: no reader stayed connected
        assert database.execute(COUNT).rows == ((expected,),)
    assert os.listdir(tmp_path) == ["x.db"]


def test_a_log_left_by_a_crash_is_read(tmp_path, isolated):
    path = make(tmp_path / "x.db", "WAL")
    crash(path, "INSERT INTO t VALUES (2)", "INSERT INTO t VALUES (3)")
    before = {name: (tmp_path / name).read_bytes() for name in sorted(os.listdir(tmp_path))}
    assert set(before) == {"x.db", "x.db-shm", "x.db-wal"}
    with Database(path, isolated=isolated) as database:
        assert database.execute(COUNT).rows == ((3,),)
        assert "t" in database.schema()
    assert {name: (tmp_path / name).read_bytes() for name in sorted(os.listdir(tmp_path))} == before


def test_a_log_without_its_index_is_a_clear_error(tmp_path, isolated):
    path = make(tmp_path / "x.db", "WAL")
    crash(path, "INSERT INTO t VALUES (2)")
    (tmp_path / "x.db-shm").unlink()
    with Database(path, isolated=isolated) as database:
        with pytest.raises(DatabaseError, match=r"write-ahead log.*wal_checkpoint"):
            database.execute(COUNT)
        with pytest.raises(DatabaseError, match=r"write-ahead log.*wal_checkpoint"):
            database.schema()
    assert sorted(os.listdir(tmp_path)) == ["x.db", "x.db-wal"]


def test_a_hot_journal_is_a_clear_error(tmp_path, isolated):
    path = make(tmp_path / "x.db", "DELETE")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(FILL)
    crash(path, "PRAGMA cache_size=5", "BEGIN", "UPDATE t SET a = a + 1")
    before = {name: (tmp_path / name).read_bytes() for name in sorted(os.listdir(tmp_path))}
    assert set(before) == {"x.db", "x.db-journal"}
    with Database(path, isolated=isolated) as database:
        for use in (lambda: database.execute(COUNT), database.schema):
            with pytest.raises(DatabaseError, match=r"died while writing.*sqlite3 FILE"):
                use()
    assert {name: (tmp_path / name).read_bytes() for name in sorted(os.listdir(tmp_path))} == before
    with closing(sqlite3.connect(path)) as recovering:  # what the hint says
        recovering.execute("SELECT 1 FROM sqlite_master").fetchall()
    with Database(path, isolated=isolated) as database:
        assert database.execute(COUNT).rows == ((20_001,),)


def test_the_locks_of_other_connections_in_this_process_hold(tmp_path):
    """POSIX drops a process's locks on a file when any descriptor of it is closed."""
    path = make(tmp_path / "x.db", "DELETE")
    intruder = f"import sqlite3; sqlite3.connect({str(path)!r}, timeout=0).execute('BEGIN IMMEDIATE')"
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with Database(path) as database:
            assert database.execute(COUNT).rows == ((1,),)
            database.schema()
            database.data_fingerprint()
        stopped = subprocess.run([sys.executable, "-c", intruder], capture_output=True, text=True, check=False)
        assert "database is locked" in stopped.stderr


class TestFingerprint:
    def test_reading_does_not_change_it(self, shop):
        with Database(shop) as database:
            before = database.data_fingerprint()
            database.schema()
            database.with_examples()
            assert database.data_fingerprint() == before
        with Database(shop, isolated=False) as database:
            assert database.data_fingerprint() == before
        assert len(before) == 16
        int(before, 16)

    @pytest.mark.parametrize("mode", ["WAL", "DELETE"])
    def test_rapid_changes_of_equal_size_all_change_it(self, tmp_path, mode):
        path = make(tmp_path / "x.db", mode)
        seen = set()
        with Database(path) as database, closing(sqlite3.connect(path, isolation_level=None)) as writer:
            for value in range(12):
                writer.execute("UPDATE t SET a = ?", (value,))
                seen.add(database.data_fingerprint())
        assert len(seen) == 12

    def test_a_change_that_hides_its_time_changes_it(self, shop):
        with Database(shop) as database:
            before = database.data_fingerprint()
            status = shop.stat()
            with closing(sqlite3.connect(shop)) as writer:
                writer.execute("UPDATE city SET population = population + 1")
                writer.commit()
            os.utime(shop, ns=(status.st_atime_ns, status.st_mtime_ns))
            assert shop.stat().st_size == status.st_size
            assert database.data_fingerprint() != before

    def test_a_file_under_constant_change_never_matches(self, shop, monkeypatch):
        monkeypatch.setattr("ctxprune.sql.database.drivers._file._settling", lambda _: 0.001)
        with Database(shop) as database:
            assert database.data_fingerprint() != database.data_fingerprint()

    def test_whole_second_time_stamps_are_waited_for(self, shop):
        from ctxprune.sql.database.drivers import _file

        whole = 1_800_000_000 * 10**9
        assert _file._settling((1, 1, whole, whole)) == 0.0  # in the future or long ago: no tick to wait for
        assert _file._settling(None) == 0.0

    def test_a_copy_may_differ_but_is_stable(self, shop, tmp_path):
        shutil.copy(shop, tmp_path / "copy.db")
        with Database(tmp_path / "copy.db") as copy:
            assert copy.data_fingerprint() == copy.data_fingerprint()
