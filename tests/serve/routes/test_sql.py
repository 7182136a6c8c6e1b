"""Questions to databases: by name, within what the key may see."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from ..conftest import SOME, Client, error_of

QUESTION = {"database": "shop", "question": "How many cities are in Brazil?"}


TRACED = QUESTION | {"trace": True}


def test_an_answer(client: Client) -> None:
    body = client.post("/v1/sql/ask", QUESTION).json()
    assert body["rows"] == [[1]]
    assert not body["refused"]


def test_the_trace_is_there_where_it_is_asked_for(client: Client) -> None:
    plain, traced = (client.post("/v1/sql/ask", asked).json() for asked in (QUESTION, TRACED))
    assert "trace" not in plain
    assert traced.pop("trace")["format"] == "ctxprune-trace"
    assert traced == plain
    streamed = client.post("/v1/sql/ask", QUESTION | {"stream": True})
    assert "trace" not in events(streamed.text)[-1][1]


def events(text: str) -> list[tuple[str, Any]]:
    found = []
    for block in filter(None, text.split("\n\n")):
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


@pytest.mark.parametrize(("more", "headers"), [({"stream": True}, {}), ({}, {"accept": "text/event-stream"})])
def test_a_stream_of_steps_and_the_same_answer(client: Client, more: dict[str, bool], headers: dict[str, str]) -> None:
    response = client.post("/v1/sql/ask", TRACED | more, headers=headers)
    assert response.headers["content-type"].startswith("text/event-stream")
    told = events(response.text)
    assert [name for name, _ in told] == ["step"] * (len(told) - 1) + ["answer"]
    steps = [content["name"] for _, content in told[:-1]]
    assert steps == [step["name"] for step in told[-1][1]["trace"]["steps"]]
    assert told[1][1]["hits"][0]["value"] == "Brazil"
    plain = client.post("/v1/sql/ask", QUESTION).json()
    assert (told[-1][1]["sql"], told[-1][1]["rows"]) == (plain["sql"], plain["rows"])


def test_linking_says_why(client: Client) -> None:
    body = client.post("/v1/sql/link", QUESTION | {"form": "ddl"}).json()
    assert "CREATE TABLE" in body["text"]
    assert body["hits"][0]["value"] == "Brazil"
    assert body["tables"][0]["columns"][0]["reasons"]
    assert body["tokens_after"] <= body["tokens_before"]


def test_a_key_sees_no_more_than_it_may(client: Client) -> None:
    schema = client.get("/v1/databases", key=SOME).json()["databases"][0]["schema"]
    assert [(t["name"], [c["name"] for c in t["columns"]]) for t in schema["tables"]] == [("city", ["name", "country"])]
    body = client.post("/v1/sql/link", QUESTION, key=SOME).json()
    assert body["columns_before"] == 2
    assert "order" not in body["text"]
    asked = {"database": "shop", "question": "What is the population of Paris, and all prices of order items?"}
    answer = client.post("/v1/sql/ask", asked | {"trace": True}, key=SOME).json()
    ran = " ".join(candidate["ran"] for candidate in answer["trace"]["candidates"])
    assert "population" not in ran
    assert "price" not in ran
    assert "order items" not in json.dumps(answer["trace"]["prompts"])
    assert client.post("/v1/sql/ask", asked).json()["rows"]


@pytest.mark.parametrize("path", ["/v1/sql/ask", "/v1/sql/link"])
def test_an_unknown_database_names_those_of_the_key(client: Client, path: str) -> None:
    response = client.post(path, QUESTION | {"database": "shp"})
    assert response.status_code == 422
    assert error_of(response)["hint"] == "did you mean 'shop'? known: shop"
    assert client.post(path, QUESTION | {"database": "sqlite:///other.sqlite"}).status_code == 422


@pytest.mark.parametrize("path", ["/v1/sql/ask", "/v1/sql/link"])
@pytest.mark.parametrize("question", ["", " \n"])
def test_an_empty_question(client: Client, path: str, question: str) -> None:
    assert client.post(path, {"database": "shop", "question": question}).status_code == 422


def test_an_unknown_form(client: Client) -> None:
    assert "known: compact" in error_of(client.post("/v1/sql/link", QUESTION | {"form": "xml"}))["hint"]


def test_a_question_that_asks_for_a_change_is_refused(client: Client) -> None:
    body = client.post("/v1/sql/ask", {"database": "shop", "question": "Delete all cities"}).json()
    assert body["refused"]
    assert body["refusal"]["kind"] == "write_request"


def test_a_database_file_that_is_gone(client: Client, shop: Path) -> None:
    assert client.post("/v1/sql/ask", QUESTION).status_code == 200
    shop.unlink()
    response = client.post("/v1/sql/ask", QUESTION)
    assert response.status_code == 503
    assert error_of(response)["code"] == "CP100"
    assert str(shop) not in response.text
    assert client.get("/readyz").status_code == 503


def test_a_table_dropped_between_two_questions(client: Client, shop: Path) -> None:
    assert client.post("/v1/sql/ask", QUESTION).json()["rows"] == [[1]]
    with sqlite3.connect(shop) as connection:
        connection.execute("DROP TABLE city")
    connection.close()
    body = client.post("/v1/sql/ask", QUESTION).json()
    assert body["refused"]
    assert body["refusal"]["kind"] == "failed"
    names = [table["name"] for table in client.get("/v1/databases").json()["databases"][0]["schema"]["tables"]]
    assert names == ["order items"]
