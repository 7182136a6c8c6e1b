"""What every store does: each item for one owner, within limits, for several threads and processes."""

from __future__ import annotations

import itertools
import os
import pickle
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ctxprune.errors import FormatError, InputError, StoreError, UsageError
from ctxprune.integrations.recall import (
    LangGraphStore,
    MemoryStore,
    Owner,
    RedisStore,
    SQLiteStore,
    StoredCut,
    StoredMessage,
    StoredText,
    StoreLimits,
)
from ctxprune.integrations.recall.items import decode_item, encode_item

from ...servers import Redis

ONE = Owner("key", "one")
Make = Callable[..., Any]


@pytest.fixture(params=["memory", "sqlite", "redis", "langgraph"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Makes a store of one kind with such limits."""
    numbers = itertools.count()

    def build(**limits: Any) -> Any:
        match request.param:
            case "memory":
                return MemoryStore(StoreLimits(**limits))
            case "sqlite":
                return SQLiteStore(tmp_path / f"{next(numbers)}.sqlite", StoreLimits(**limits))
            case "redis":
                url = request.getfixturevalue("redis_url")
                return RedisStore(url, f"test{next(numbers)}", StoreLimits(**limits))
            case _:
                memory = pytest.importorskip("langgraph.store.memory", reason="langgraph is not installed")
                return LangGraphStore(memory.InMemoryStore(), StoreLimits(**limits))

    return build


def text(size: int, letter: str = "x") -> StoredText:
    return StoredText(letter * (size // 4), "text")


def test_items_come_back_as_they_were(make: Make) -> None:
    store = make()
    items = [
        StoredText("Zażółć 🦆 \x00 \ud800 \"'", "csv"),
        StoredMessage(("one", "", "łódź"), "search"),
        StoredMessage(()),
        StoredCut(("one",)),
    ]
    keys = [store.put(ONE, item) for item in items]
    assert [store.get(ONE, key) for key in keys] == items
    assert store.items(ONE) == list(zip(keys, items, strict=True))


def test_a_key_gives_nothing_to_another_owner(make: Make) -> None:
    store = make()
    key = store.put(ONE, text(40))
    foreign = [Owner("key", "two"), Owner("key"), Owner("other", "one"), Owner("keyone"), Owner("key", "one\ud800")]
    words = []
    unknown = [(ONE, key[:-1]), (ONE, "nope"), (ONE, ""), (ONE, "\udc80")]
    for owner, asked in [(owner, key) for owner in foreign] + unknown:
        assert store.find(owner, asked) is None
        with pytest.raises(InputError) as caught:
            store.get(owner, asked)
        words.append(str(caught.value))
    assert len(set(words)) == 1
    assert all(store.items(owner) == [] for owner in foreign)
    assert len({store.put(ONE, text(4)) for _ in range(50)}) == 50
    assert len(key) >= 20


def test_names_that_could_run_together_do_not(make: Make) -> None:
    store = make()
    names = [("a", "bc"), ("ab", "c"), ("a:b", "c"), ("a", "b:c"), ("*", ""), ("", "\\udc80")]
    owners = [Owner(*pair) for pair in names]
    for number, owner in enumerate(owners):
        assert store.put(owner, StoredText(str(number), "text"), "same key:*") == "same key:*"
    assert [store.get(owner, "same key:*").text for owner in owners] == [str(number) for number in range(len(owners))]
    assert store.find(Owner("", "\udc80"), "same key:*") is None


def test_the_first_item_of_a_key_stays(make: Make) -> None:
    store = make()
    assert store.put(ONE, StoredText("first", "text"), "k") == "k"
    assert store.put(ONE, StoredText("second", "text"), "k") == "k"
    assert store.get(ONE, "k").text == "first"
    assert len(store.items(ONE)) == 1


def test_the_oldest_of_an_account_go_first(make: Make) -> None:
    store = make(account_items=3)
    kept = store.put(Owner("other"), text(400))
    keys = [store.put(Owner("key", f"session {number}"), text(100)) for number in range(5)]
    found = [store.find(Owner("key", f"session {number}"), key) is not None for number, key in enumerate(keys)]
    assert found == [False, False, True, True, True]
    assert store.find(Owner("other"), kept)


def test_bytes_are_bounded(make: Make) -> None:
    store = make(account_bytes=20_000)
    assert store.put(ONE, StoredText("x" * 30_000, "text")) == ""
    assert store.items(ONE) == []
    for number in range(40):
        store.put(ONE, StoredText("x" * 1_000, "text"), str(number))
    keys = [key for key, _ in store.items(ONE)]
    assert 3 <= len(keys) < 20
    assert keys == [str(number) for number in range(40 - len(keys), 40)]


class Clock:
    """Time that goes on when a test says so, for the stores, and for what Redis lets expire by itself."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.passed = 0.0
        for name in ("time", "monotonic"):
            real = getattr(time, name)
            monkeypatch.setattr(time, name, lambda real=real: real() + self.passed)

    def advance(self, store: Any, seconds: float) -> None:
        self.passed += seconds
        if isinstance(store, RedisStore):
            client = store._server.client
            for key in client.keys("ctxprune:*:*:*:*"):
                left = client.pttl(key) - int(1_000 * seconds)
                if left > 0:
                    client.pexpire(key, left)
                else:
                    client.delete(key)


def test_items_expire(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, store = Clock(monkeypatch), make(seconds=3_600)
    key = store.put(ONE, text(40))
    clock.advance(store, 3_000)
    assert store.find(ONE, key)
    clock.advance(store, 700)
    assert store.find(ONE, key) is None
    assert store.items(ONE) == []
    assert store.put(ONE, StoredText("new", "text"), key) == key
    assert store.get(ONE, key).text == "new"


def test_threads(make: Make) -> None:
    store, failed = make(), []

    def work(number: int) -> None:
        owner = Owner(f"key {number % 2}", str(number))
        try:
            for turn in range(20):
                key = store.put(owner, StoredText(f"{number} {turn}", "text"))
                if store.get(owner, key).text != f"{number} {turn}":
                    failed.append(number)
        except Exception as error:  # noqa: BLE001 - a thread's error would go unseen
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def test_nothing_of_the_contents_is_shown(make: Make) -> None:
    store = make()
    store.put(ONE, StoredMessage(("secret",)))
    assert "secret" not in repr(store)
    for item in (StoredMessage(("secret",)), StoredCut(("secret",)), StoredText("secret", "text")):
        assert "secret" not in repr(item)


PUT = """
import sys
from ctxprune.integrations.recall import Owner, SQLiteStore, StoredText
store = SQLiteStore(sys.argv[1])
for number in range(50):
    store.put(Owner("key", "one"), StoredText(sys.argv[2], "text"), str(number))
"""


def test_processes_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "recall.sqlite"
    running = [subprocess.Popen([sys.executable, "-c", PUT, str(path), name]) for name in ("a", "b")]
    assert [process.wait(60) for process in running] == [0, 0]
    with SQLiteStore(path) as store:
        items = dict(store.items(ONE))
        assert set(items) == {str(number) for number in range(50)}
        assert {item.text for item in items.values() if isinstance(item, StoredText)} <= {"a", "b"}
        assert pickle.loads(pickle.dumps(store)).items(ONE) == store.items(ONE)
    assert path.stat().st_mode & 0o077 == 0
    assert store.find(ONE, "1")  # opened again


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database, but long enough to be looked at " * 30)
    with closing(sqlite3.connect(tmp_path / "other")) as connection:
        connection.execute("CREATE TABLE city (name TEXT)")
    for name in ("text", "other"):
        with pytest.raises(FormatError):
            SQLiteStore(tmp_path / name)
    with pytest.raises(InputError):
        SQLiteStore(tmp_path / "missing" / "file")


def test_a_file_has_a_total(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "file", StoreLimits(total_bytes=20_000, account_bytes=15_000))
    for number in range(30):
        store.put(Owner(str(number)), StoredText("x" * 1_000, "text"), "k")
    left = [number for number in range(30) if store.find(Owner(str(number)), "k")]
    assert 3 <= len(left) < 20
    assert left == list(range(30 - len(left), 30))


def sums(path: Path) -> tuple[list[Any], list[Any]]:
    """The totals that a file keeps, and those of its items."""
    with closing(sqlite3.connect(path)) as connection:
        kept = connection.execute("SELECT account, size, items FROM totals ORDER BY account").fetchall()
        found = connection.execute(
            "SELECT '', COALESCE(SUM(size), 0), COUNT(*) FROM items UNION ALL "
            "SELECT * FROM (SELECT account, SUM(size), COUNT(*) FROM items GROUP BY account ORDER BY account)"
        ).fetchall()
    return kept, found


def test_a_file_keeps_its_totals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    store = SQLiteStore(tmp_path / "file", StoreLimits(20_000, 6_000, 5, seconds=100))
    chance = random.Random(3)
    for number in range(300):
        owner = Owner(f"key {chance.randrange(6)}", str(chance.randrange(3)))
        store.put(owner, text(chance.randrange(4, 4_000)), str(chance.randrange(60)))
        clock.advance(store, chance.choice([0, 0, 1, 30]))
        if number % 10 == 0:
            kept, found = sums(tmp_path / "file")
            assert kept == found
            assert kept[0][1] <= 20_000
            assert all(size <= 6_000 and items <= 5 for _, size, items in kept[1:])
    clock.advance(store, 200)
    last = store.put(ONE, text(4))
    assert [key for key, _ in store.items(ONE)] == [last]
    assert sums(tmp_path / "file")[0][0][2] == 1


def test_a_file_without_totals_gets_them(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with SQLiteStore(path) as store:
        store.put(ONE, text(40))
    with closing(sqlite3.connect(path)) as connection:
        for statement in ("TRIGGER added", "TRIGGER deleted", "TABLE totals"):
            connection.execute(f"DROP {statement}")
    SQLiteStore(path).put(Owner("other"), text(40))
    kept, found = sums(path)
    assert kept == found
    assert [items for _, _, items in kept] == [2, 1, 1]


def test_a_put_takes_no_longer_for_many_items(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "file", StoreLimits(account_items=100_000))
    connection = store._opened()
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    counts = []
    for more in (10, 20_000):
        rows = ((f"account {n % 5_000}", "s", b"%d-%d" % (more, n), 400, time.time(), "x" * 100) for n in range(more))
        insert = "INSERT INTO items (account, session, key, size, time, item) VALUES (?, ?, ?, ?, ?, ?)"
        connection.execute("BEGIN")
        connection.executemany(insert, rows)
        connection.commit()
        connection.set_progress_handler(count, 100)
        steps = 0
        for _ in range(20):
            store.put(ONE, text(40))
        counts.append(steps)
        connection.set_progress_handler(None, 0)
    assert counts[1] <= counts[0] + 10  # hundreds of the database's instructions


def test_damaged_totals_are_told(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "file")
    store.put(ONE, text(40))
    with closing(sqlite3.connect(tmp_path / "file", isolation_level=None)) as connection:
        connection.execute("UPDATE totals SET size = 999999999999 WHERE account = ''")
        with pytest.raises(FormatError, match="totals"):
            store.put(ONE, text(40))
    assert len(store.items(ONE)) == 1


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    path.chmod(0o644)
    store = SQLiteStore(path)
    store.put(ONE, text(40))
    files = [file for file in tmp_path.iterdir() if file.name.startswith("file")]
    assert len(files) >= 2  # the log beside it
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)
    # What is no store keeps its mode.
    other = tmp_path / "other"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE city (name TEXT)")
    other.chmod(0o644)
    with pytest.raises(FormatError):
        SQLiteStore(other)
    assert other.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    "damaged",
    [{}, {"x": 1}, {"item": 1, "time": 1.0, "key": "k"}, {"item": "x", "key": "k"},
     {"item": "x", "time": "now", "key": "k"}, {"item": "x", "time": 1.0, "key": None}],
)  # fmt: skip
@pytest.mark.parametrize("seconds", [None, 60])
def test_damaged_values_of_langgraph_are_told(damaged: dict[str, Any], seconds: float | None) -> None:
    memory = pytest.importorskip("langgraph.store.memory", reason="langgraph is not installed").InMemoryStore()
    store = LangGraphStore(memory, StoreLimits(seconds=seconds))
    key = store.put(ONE, text(40))
    for namespace in memory.list_namespaces():
        for found in memory.search(namespace):
            memory.put(namespace, found.key, damaged)
    calls = (lambda: store.find(ONE, key), lambda: store.items(ONE), lambda: store.put(ONE, text(40), "new"))
    for call in calls:
        with pytest.raises(FormatError, match="damaged"):
            call()


def test_a_redis_that_is_lost(redis_server: Redis, redis_url: str) -> None:
    store = RedisStore(redis_url)
    key = store.put(ONE, text(40))
    assert store.find(ONE, key) == text(40)
    assert redis_server.password not in repr(store)
    redis_server.stop()
    try:
        for call in (lambda: store.put(ONE, text(40)), lambda: store.find(ONE, key), lambda: store.items(ONE)):
            with pytest.raises(StoreError) as caught:
                call()
            assert redis_server.password not in str(caught.value)
    finally:
        redis_server.start()


@pytest.mark.parametrize(
    "damaged",
    ["", "[]", "null", "{", "[" * 5_000, '{"format": "ctxprune.recall", "version": 2, "type": "text"}',
     encode_item(StoredText("x", "text")).replace('"x"', "1"), encode_item(StoredCut(("x",))).replace('["x"]', "[1]"),
     encode_item(StoredCut(("x",))).replace('"cut"', '"code"'), encode_item(StoredCut(("x",)))[:-1] + ', "more": 1}'],
)  # fmt: skip
def test_damaged_items_are_told(damaged: str) -> None:
    with pytest.raises(FormatError):
        decode_item(damaged)


def test_wrong_limits() -> None:
    for name in ("total_bytes", "account_bytes", "account_items", "seconds"):
        with pytest.raises(UsageError, match=name):
            StoreLimits(**{name: 0})
