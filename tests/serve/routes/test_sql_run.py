"""POST /v1/sql/run: guarded like questions, limited like them, and cut to a budget that holds."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from servers.victims import ENDLESS

from ctxprune.serve.config import DatabaseConfig, KeyConfig, LimitsConfig
from ctxprune.tokens import as_counter

from ...sql.test_guard_cases import SHOP, cases
from ..conftest import ALL, SOME, Client, config_for, error_of, hashed

SQL = {"database": "shop", "sql": "SELECT name FROM city WHERE country = 'Brazil'"}
CITIES = {"database": "large", "sql": "SELECT * FROM station ORDER BY id"}


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A table of 400 rows, one of whose cells is long, behind a key that may see all of it."""
    path = tmp_path_factory.mktemp("run") / "large.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE station (id INTEGER PRIMARY KEY, name TEXT, note TEXT, height REAL)")
        rows = [(n, f"station {n}", "quiet, near the river" if n != 300 else "the lighthouse keeper", n / 7)
                for n in range(400)]  # fmt: skip
        connection.executemany("INSERT INTO station VALUES (?, ?, ?, ?)", rows)
        connection.execute("CREATE TABLE page (body TEXT)")
        connection.execute("INSERT INTO page VALUES (?)", ["word " * 5_000])
        connection.execute("CREATE TABLE odd (a TEXT, b BLOB, c REAL, d INTEGER)")
        connection.execute(
            "INSERT INTO odd VALUES (NULL, x'00ff', 9e999, 9007199254740993), ('a\nb,\"c\"', x'', 0.5, 1)"
        )
    connection.close()
    keys = (KeyConfig("all", hashed(ALL), {"large": "*"}),)
    config = config_for(path, databases=(DatabaseConfig("large", str(path)),), keys=keys, limits=LimitsConfig(rows=350))
    client = Client(config)
    yield client
    client.close()


def cells(body: dict[str, Any]) -> list[list[str]]:
    """The table of an answer's text."""
    text = body["text"].partition("\n")[2] if body["note"] else body["text"]
    return list(csv.reader(io.StringIO(text)))


def check(body: dict[str, Any], budget: int) -> None:
    """What holds for every answer."""
    assert as_counter().count(body["text"]) == body["tokens_after"] <= budget
    assert body["text"].startswith(f"# {body['note']}\n") or not body["note"]
    if body["rows"]:
        assert cells(body)[0] == body["columns"]
        assert len(cells(body)) == len(body["rows"]) + 1
    assert all(len(row) == len(body["columns"]) for row in body["rows"])


def test_all_rows_where_they_fit(client: Client) -> None:
    body = client.post("/v1/sql/run", SQL).json()
    assert (body["columns"], body["rows"], body["note"]) == (["name"], [["São Paulo"]], "")
    assert body["text"] == "name\nSão Paulo\n"
    assert (body["rows_read"], body["truncated"]) == (1, False)
    assert body["tokens_before"] == body["tokens_after"]
    check(body, 2_000)


def test_null_is_an_empty_field(client: Client) -> None:
    body = client.post("/v1/sql/run", SQL | {"sql": "SELECT NULL AS a, 'x' AS b"}).json()
    assert (body["rows"], body["text"]) == ([[None, "x"]], "a,b\n,x\n")
    body = client.post("/v1/sql/run", SQL | {"sql": "SELECT NULL AS a"}).json()
    assert (body["rows"], body["text"]) == ([[None]], 'a\n""\n')  # a blank line would be no record
    assert list(csv.reader(body["text"].splitlines())) == [["a"], [""]]


def test_the_first_rows_where_nothing_is_asked(large: Client) -> None:
    body = large.post("/v1/sql/run", CITIES | {"budget": 200}).json()
    check(body, 200)
    assert [row[0] for row in body["rows"]] == list(range(len(body["rows"])))
    assert 5 < len(body["rows"]) < 30
    assert (
        body["note"] == f"(kept {len(body['rows'])} of 350 rows; the query gives more than the 350 rows that were read)"
    )
    assert body["truncated"]
    assert body["tokens_before"] > 2_000


def test_the_rows_that_a_question_needs(large: Client) -> None:
    body = large.post("/v1/sql/run", CITIES | {"budget": 200, "question": "Where is the lighthouse keeper?"}).json()
    check(body, 200)
    assert "the lighthouse keeper" in body["text"]
    assert "of 350 rows" in body["note"]


def test_few_rows_are_cut_in_this_process(large: Client) -> None:
    asked = {"database": "large", "sql": "SELECT name, note FROM station WHERE id BETWEEN 290 AND 310"}
    body = large.post("/v1/sql/run", asked | {"budget": 60, "question": "Where is the lighthouse keeper?"}).json()
    check(body, 60)
    assert "the lighthouse keeper" in body["text"]


@pytest.mark.parametrize("question", ["", "What is on the page?"])
def test_a_row_that_fits_no_budget_is_left_out_and_told(large: Client, question: str) -> None:
    asked = {"database": "large", "sql": "SELECT body FROM page", "budget": 100, "question": question}
    body = large.post("/v1/sql/run", asked).json()
    check(body, 100)
    assert body["rows"] == []
    assert body["note"].startswith("(kept 0 of 1 rows")


@pytest.mark.parametrize("question", ["", "Where is the lighthouse keeper?"])
def test_a_budget_too_small_for_the_note_is_an_error(large: Client, question: str) -> None:
    response = large.post("/v1/sql/run", CITIES | {"budget": 3, "question": question})
    assert response.status_code == 422
    assert "fits into the 3 tokens" in error_of(response)["message"]


@pytest.mark.parametrize("question", ["", "Which height?"])
@pytest.mark.parametrize("budget", [47, 64, 101, 333, 1_000])
def test_no_budget_is_exceeded(large: Client, budget: int, question: str) -> None:
    check(large.post("/v1/sql/run", CITIES | {"budget": budget, "question": question}).json(), budget)


def test_cells_that_json_lacks(large: Client) -> None:
    body = large.post("/v1/sql/run", {"database": "large", "sql": "SELECT * FROM odd"}).json()
    assert body["rows"] == [[None, "00ff", "inf", 9007199254740993], ['a\nb,"c"', "", 0.5, 1]]
    check(body, 2_000)


def test_no_rows(large: Client) -> None:
    body = large.post("/v1/sql/run", {"database": "large", "sql": "SELECT name FROM station WHERE id < 0"}).json()
    assert (body["columns"], body["rows"], body["note"], body["text"]) == (["name"], [], "", "name\n")


@pytest.mark.parametrize(
    "sql", ["DROP TABLE city", "SELECT 1; SELECT 2", "PRAGMA writable_schema = 1", "nonsense (", ";"]
)
def test_what_the_guard_refuses(client: Client, sql: str) -> None:
    response = client.post("/v1/sql/run", SQL | {"sql": sql})
    assert response.status_code == 422
    assert error_of(response)["code"] == "CP110"


def test_attacks_on_the_guard_get_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "shop.sqlite"
    with sqlite3.connect(path) as connection:
        for table, columns in SHOP.items():
            connection.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
    connection.close()
    before = path.read_bytes()
    client = Client(config_for(path, keys=(KeyConfig("all", hashed(ALL), {"shop": "*"}),)))
    attacks = [case["sql"] for case in cases("attacks") if case["dialect"] == "sqlite"]
    ordinary = next(case["sql"] for case in cases("ordinary") if case["dialect"] == "sqlite")
    assert client.post("/v1/sql/run", SQL | {"sql": ordinary}).status_code == 200
    for sql in attacks:
        body = json.dumps(SQL | {"sql": sql})  # as ASCII: some attacks are no UTF-8
        response = client.ask("POST", "/v1/sql/run", content=body, headers={"content-type": "application/json"})
        assert response.status_code == 422, sql
    assert path.read_bytes() == before
    client.close()


@pytest.mark.parametrize(
    "sql", ["SELECT population FROM city", 'SELECT price FROM "order items"', "SELECT * FROM sqlite_master"]
)
def test_a_key_runs_nothing_on_what_it_may_not_see(client: Client, sql: str) -> None:
    response = client.post("/v1/sql/run", SQL | {"sql": sql}, key=SOME)
    unknown = client.post("/v1/sql/run", SQL | {"sql": sql.replace("population", "weight")}, key=SOME)
    assert response.status_code == unknown.status_code == 422
    assert error_of(response)["message"].replace("population", "weight") == error_of(unknown)["message"]


def test_a_star_stands_for_what_the_key_may_see(client: Client) -> None:
    asked = SQL | {"sql": "SELECT * FROM city"}
    assert client.post("/v1/sql/run", asked, key=SOME).json()["columns"] == ["name", "country"]


def test_a_query_without_an_end_is_stopped_at_its_limit(shop: Path) -> None:
    client = Client(config_for(shop, limits=LimitsConfig(query_seconds=0.5)))
    response = client.post("/v1/sql/run", SQL | {"sql": ENDLESS})
    error = error_of(response)
    assert (response.status_code, error["code"]) == (504, "CP102")
    assert error["message"] == "the query ran past its deadline"
    assert error["hint"].startswith("simplify it")
    client.close()


def test_a_client_that_goes_away_stops_its_query(client: Client) -> None:
    assert client.post("/v1/sql/run", SQL).status_code == 200  # the view is made

    async def leave() -> None:
        task = asyncio.ensure_future(client.aask("POST", "/v1/sql/run", json=SQL | {"sql": ENDLESS}))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    start = time.monotonic()
    client.loop.run_until_complete(leave())
    client.service._askers.shutdown(wait=True)  # its thread is free, long before the query's own ten seconds
    assert time.monotonic() - start < 6


@pytest.mark.parametrize("more", [{"sql": ""}, {"budget": 0}, {"budget": "all"}, {"sq": 1}, {"database": "shp"}])
def test_a_wrong_request(client: Client, more: dict[str, Any]) -> None:
    assert client.post("/v1/sql/run", SQL | more).status_code == 422
