"""The read-only proof: hostile.sql goes straight to the executor, in a child process and in this one."""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ctxprune.errors import CtxpruneError, QueryError
from ctxprune.sql.database.database import Database, Limits

CASES = Path(__file__).with_name("hostile.sql")
TIGHT = Limits(seconds=0.08, rows=100, bytes=1_000_000, memory=64_000_000)
HARD_FAMILIES = {"recursion", "blob", "pattern", "join", "window", "deep", "json"}

SCHEMA = """
CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT, b TEXT, c REAL);
INSERT INTO t VALUES (1, 'one', 1.5), (2, 'two', 2.5), (3, NULL, NULL);
CREATE INDEX i ON t (b);
CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET c = 0 WHERE a = new.a; END;
CREATE VIEW v AS SELECT a, b FROM t;
CREATE VIEW broken AS SELECT * FROM missing;
CREATE VIEW evil AS SELECT load_extension('evil') AS x FROM t;
CREATE TABLE "odd name" ("a b" TEXT, "q""q" TEXT);
CREATE TABLE big (n INTEGER);
INSERT INTO big SELECT value FROM json_each('[' || rtrim(replace(hex(zeroblob(1500)), '0', '7,'), ',') || ']');
CREATE VIRTUAL TABLE ft USING fts5 (x);
INSERT INTO ft VALUES ('word by word'), ('another word');
CREATE VIRTUAL TABLE rt USING rtree (id, x0, x1);
INSERT INTO rt VALUES (1, 0, 1);
CREATE VIEW bomb0 AS SELECT 1 AS x;
"""


def cases() -> list[tuple[str, str, str]]:
    """(family, allowed outcomes, text) of every case."""
    text = CASES.read_bytes().decode("utf-8")
    parts = re.split(r"^-- case: (\w+) -> (\S+)\n", text, flags=re.MULTILINE)[1:]
    return [(parts[i], parts[i + 1], parts[i + 2].removesuffix("\n")) for i in range(0, len(parts), 3)]


def expand(text: str, path: Path) -> str:
    text = re.sub(r"\{\{(\d+)\*(.*?)\}\}", lambda match: match[2] * int(match[1]), text, flags=re.DOTALL)
    for mark, value in (("NUL", "\0"), ("surrogate", "'\ud800'"), ("DIR", str(path.parent)), ("DB", str(path))):
        text = text.replace("{{" + mark + "}}", value)
    return text


@pytest.fixture
def victim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    path = folder / "victim.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA)
        for level in range(1, 13):
            one = f"bomb{level - 1}"
            connection.execute(f"CREATE VIEW bomb{level} AS SELECT p.x FROM {one} p, {one} q, {one} r")
        connection.execute("ANALYZE")
        connection.commit()
    cwd = tmp_path / "cwd"
    cwd.mkdir()
    monkeypatch.chdir(cwd)
    return path


def snapshot(path: Path) -> tuple[str, list[str], list[str], list[str]]:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return digest, sorted(os.listdir(path.parent)), os.listdir(), sorted(os.listdir(path.parent.parent))


def outcome(database: Database, sql: str, limits: Limits) -> str:
    try:
        return type(database.execute(sql, limits=limits)).__name__
    except CtxpruneError as error:
        return type(error).__name__ if error.what else "an error without a message"


def test_the_corpus_is_large_and_has_no_doubles():
    texts = [text for _, _, text in cases()]
    assert len(texts) >= 700
    assert len(set(texts)) == len(texts)


def test_nothing_changes_and_every_outcome_is_defined(victim: Path):
    before = snapshot(victim)
    wrong = []
    with Database(victim) as database:
        for family, allowed, text in cases():
            found = outcome(database, expand(text, victim), TIGHT)
            if found not in allowed.split("|"):
                wrong.append((family, text[:100], found, allowed))
            if family not in HARD_FAMILIES:
                assert snapshot(victim) == before, text
        assert wrong == []
        assert database.execute("SELECT count(*) FROM t").rows == ((3,),)
    assert snapshot(victim) == before


def test_nothing_changes_in_process_either(victim: Path):
    before = snapshot(victim)
    with Database(victim, isolated=False) as database:
        for family, _, text in cases():
            if family not in HARD_FAMILIES:
                outcome(database, expand(text, victim), TIGHT)
    assert snapshot(victim) == before


@pytest.mark.parametrize("isolated", [True, False])
def test_a_database_in_wal_mode_gets_no_companion_files(victim: Path, isolated: bool):
    with closing(sqlite3.connect(victim)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        for level in range(13):
            connection.execute(f"DROP VIEW bomb{level}")
        connection.commit()
    before = snapshot(victim)
    with Database(victim, isolated=isolated) as database:
        for family, _, text in cases():
            if family in {"insert", "pragma", "attach", "maintenance", "multi"}:
                with pytest.raises(QueryError):
                    database.execute(expand(text, victim), limits=TIGHT)
        assert database.execute("SELECT count(*) FROM t").rows == ((3,),)
        assert "t" in database.schema()
    assert snapshot(victim) == before
