"""What the service keeps of its databases: made anew when data change, tried again when it failed, told by /readyz."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from ctxprune.serve import service
from ctxprune.serve.config import DatabaseConfig, KeyConfig
from ctxprune.serve.databases import visible
from ctxprune.sql.database.database import Database
from ctxprune.sql.generate.base import Candidate
from ctxprune.sql.schema.schema import Column, ColumnRef, Schema, Table
from ctxprune.sql.values import ValueIndex

from .conftest import ALL, SOME, Client, config_for, error_of, hashed

QUESTION = {"database": "shop", "question": "How many cities are in Brazil?"}
NORWAY = {"database": "shop", "question": "How many cities are in Norway?"}


def change(shop: Path, sql: str) -> None:
    with closing(sqlite3.connect(shop)) as connection, connection:
        connection.execute(sql)


async def until(client: Client, path: str, asked: Any, good: Any) -> Any:
    """The first answer that is good, while the service looks after its databases."""
    running = asyncio.ensure_future(client.service.run())
    end = time.monotonic() + 30
    try:
        while True:
            response = await client.aask("POST" if asked else "GET", path, json=asked)
            if good(response):
                return response
            assert time.monotonic() < end, response.text
            await asyncio.sleep(0.05)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_LOOK_SECONDS", 0.05)


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("index", ["", "index"])
def test_values_stored_later_are_found(shop: Path, tmp_path: Path, index: str) -> None:
    folder = str(tmp_path / index) if index else ""
    client = Client(config_for(shop, databases=(DatabaseConfig("shop", str(shop), index=folder),)))
    client.loop.run_until_complete(client.service.warm())
    for key in (ALL, SOME):
        assert client.post("/v1/sql/link", NORWAY, key=key).json()["hits"] == []
    change(shop, "INSERT INTO city VALUES ('Oslo', 'Norway', 700000)")
    found = client.loop.run_until_complete(until(client, "/v1/sql/link", NORWAY, lambda r: r.json()["hits"]))
    assert found.json()["hits"][0]["value"] == "Norway"
    assert client.post("/v1/sql/ask", NORWAY).json()["rows"] == [[1]]
    client.close()


@pytest.mark.usefixtures("soon")
def test_a_column_that_an_index_hides_from_now_on(shop: Path, tmp_path: Path) -> None:
    databases = (DatabaseConfig("shop", str(shop), index=str(tmp_path / "index")),)
    client = Client(config_for(shop, databases=databases))
    client.loop.run_until_complete(client.service.warm())
    assert "Poland" in client.post("/v1/sql/link", QUESTION).json()["text"]  # an example
    with Database(shop, name="shop") as database:
        ValueIndex.for_database(database, tmp_path / "index", exclude=[ColumnRef("city", "country")])
    client.loop.run_until_complete(until(client, "/v1/sql/link", QUESTION, lambda r: "Poland" not in r.text))
    client.close()


def test_what_has_not_changed_is_kept_and_what_is_old_answers_meanwhile(
    client: Client, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    databases, key = client.service.databases, client.service.keys.all[0]
    old = databases.view("shop", key)
    databases.freshen("shop", key)
    assert databases.view("shop", key) is old
    change(shop, "INSERT INTO city VALUES ('Oslo', 'Norway', 700000)")
    make, go, begun = databases._view, threading.Event(), threading.Event()

    def slow(*given: Any) -> Any:
        begun.set()
        go.wait(30)
        return make(*given)

    monkeypatch.setattr(databases, "_view", slow)
    thread = threading.Thread(target=databases.freshen, args=("shop", key))
    thread.start()
    assert begun.wait(30)
    assert databases.view("shop", key) is old
    go.set()
    thread.join(30)
    assert databases.view("shop", key) is not old
    assert [hit.value for hit in databases.view("shop", key).hits("Norway")] == ["Norway"]


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize(("index", "code"), [("foreign", "CP006"), ("file/index", "CP120")])
def test_an_index_that_cannot_be_made(
    shop: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, index: str, code: str
) -> None:
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "manifest.json").write_text("not ours")
    (tmp_path / "foreign" / "letter.txt").write_text("not ours")
    (tmp_path / "file").write_text("")
    bad = DatabaseConfig("bad", str(shop), index=str(tmp_path / index))
    keys = (KeyConfig("all", hashed(ALL), {"bad": "*", "shop": "*"}),)
    client = Client(config_for(shop, databases=(bad, DatabaseConfig("shop", str(shop))), keys=keys))
    client.service.check()
    client.loop.run_until_complete(client.service.warm())
    assert client.service.databases._entries["shop"].views, "those after it are not made"
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["databases"]["shop"] == "ok"
    assert code in ready.json()["databases"]["bad"]
    assert str(tmp_path) not in ready.text
    for path in ("/v1/sql/ask", "/v1/sql/link"):
        response = client.post(path, QUESTION | {"database": "bad"})
        assert (response.status_code, error_of(response)["code"]) == (503, code)
    assert client.post("/v1/sql/ask", QUESTION).json()["rows"] == [[1]]
    (tmp_path / "foreign").rename(tmp_path / "elsewhere")
    (tmp_path / "file").unlink()
    client.loop.run_until_complete(until(client, "/readyz", None, lambda r: r.status_code == 200))
    assert caplog.messages.count("database unavailable") == 1, "one fault is told once"
    client.close()


def test_readiness_tells_everybody_no_words_of_a_server(shop: Path, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("psycopg", reason="the postgres extra is not installed")
    down = DatabaseConfig("sales", "postgresql://reader:hunter2@127.0.0.1:1/clinic")
    keys = (KeyConfig("all", hashed(ALL), {"sales": "*"}),)
    client = Client(config_for(shop, databases=(down,), keys=keys))
    for _ in range(2):
        ready = client.get("/readyz")
        assert ready.json()["databases"] == {"sales": "it cannot be used (CP100); the log says why"}
    (told,) = [record.fields for record in caplog.records if record.message == "database unavailable"]
    assert told["database"] == "sales"
    assert "port 1 " in told["cause"]
    assert "hunter2" not in str(told)
    client.close()


class Endless:
    """A generator whose query has no end."""

    name = "endless.v1"

    def __init__(self) -> None:
        self.asked = 0

    def generate(self, _request: Any) -> list[Candidate]:
        self.asked += 1
        return [Candidate(f"SELECT COUNT(*) FROM {', '.join(f'city AS c{n}' for n in range(20))}", self.name)]


def test_eight_slow_questions_do_not_hold_up_readiness(shop: Path) -> None:
    endless = Endless()
    client = Client(config_for(shop), generators=[endless])
    client.loop.run_until_complete(client.service.warm())

    async def main() -> None:
        questions = [asyncio.ensure_future(client.aask("POST", "/v1/sql/ask", json=QUESTION)) for _ in range(8)]
        while endless.asked < 8:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.5)  # until their queries run
        for _ in range(2):
            ready = await asyncio.wait_for(client.aask("GET", "/readyz"), 6)  # a query of theirs ends after 10
            assert not any(question.done() for question in questions)
            assert (ready.status_code, ready.json()["databases"]) == (200, {"shop": "ok"})
            await asyncio.sleep(0.2)
        for question in questions:
            question.cancel()
        await asyncio.gather(*questions, return_exceptions=True)

    client.loop.run_until_complete(main())
    client.close()


def test_a_table_of_which_a_key_lists_columns_never_counts_as_complete():
    tables = (Table("a", (Column("x"), Column("y")), complete=True), Table("b", (Column("z"),), complete=True))
    found = visible(Schema("shop", tables), {"a": ["x", "y"], "b": "*"})
    assert [table.complete for table in found.tables] == [False, True]
    assert visible(Schema("shop", tables), "*").tables == tables
