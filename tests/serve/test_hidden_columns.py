"""A key that may see some columns is answered the same, byte for byte, whatever the other columns hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from ctxprune.serve.config import DatabaseConfig, KeyConfig
from ctxprune.sql.database.database import Database
from ctxprune.sql.schema.schema import ColumnRef
from ctxprune.sql.values import ValueIndex
from ctxprune.sql.values.redis_index import RedisIndex

from ..sql.values.hidden_columns import ACCESS, BAIT, FILLINGS, fill, questions
from .conftest import SOME, Client, config_for, hashed

FEW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
LONG = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def client_of(path: Path, **parts: Any) -> Client:
    database = DatabaseConfig("people", str(path), **{k: v for k, v in parts.items() if k != "redis"})
    keys = (KeyConfig("some", hashed(SOME), {"people": ACCESS}),)
    redis = {"redis": parts["redis"]} if "redis" in parts else {}
    return Client(config_for(path, databases=(database,), keys=keys, **redis))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Client]]:
    """A service for each filling of the hidden columns, whose index in a folder holds all columns."""
    folder = tmp_path_factory.mktemp("served")
    clients = []
    for name in FILLINGS:
        path = fill(folder / f"{name}.sqlite", name)
        with Database(path, name="people") as database:
            ValueIndex.for_database(database, folder / f"{name}.index")
        clients.append(client_of(path, index=str(folder / f"{name}.index")))
    yield clients
    for client in clients:
        client.close()


@pytest.fixture
def published(tmp_path: Path, redis_url: str) -> Iterator[list[Client]]:
    clients = []
    for name in FILLINGS:
        path = fill(tmp_path / f"{name}.sqlite", name)
        with Database(path, name="people") as database:
            RedisIndex(redis_url, name).publish(ValueIndex.build(database))
        clients.append(client_of(path, published=name, redis=redis_url))
    yield clients
    for client in clients:
        client.close()


def timeless(content: Any) -> Any:
    """An answer without the times that it took."""
    if isinstance(content, dict):
        return {key: timeless(value) for key, value in content.items() if key not in {"ms", "execution_ms"}}
    return [timeless(value) for value in content] if isinstance(content, list) else content


def told(client: Client, question: str) -> list[Any]:
    asked = {"database": "people", "question": question}
    requests = (("/v1/sql/link", asked), ("/v1/sql/ask", asked | {"trace": True}))
    replies = [client.post(path, request, key=SOME) for path, request in requests]
    assert [reply.status_code for reply in replies] == [200, 200]
    return [timeless(reply.json()) for reply in replies]


def same(clients: list[Client], question: str) -> list[Any]:
    replies = [told(client, question) for client in clients]
    assert all(reply == replies[0] for reply in replies)
    return replies[0]


@FEW
@given(question=questions)
def test_answers_do_not_depend_on_hidden_values(folders: list[Client], question: str) -> None:
    same(folders, question)


@pytest.mark.parametrize("value", [*BAIT[:9], "height of 170 on 2021-03-04"])
def test_neither_do_those_to_a_hidden_value_itself(folders: list[Client], value: str) -> None:
    link, ask = same(folders, f"Which people are called {value}?")
    assert link["tables"]
    assert ask["trace"]


def test_the_visible_value_is_found_where_a_hidden_one_is_equal_to_the_question(folders: list[Client]) -> None:
    link, _ask = same(folders, "Which people live in Shelbyvile?")
    assert [(hit["column"], hit["value"]) for hit in link["hits"]] == [("city", "Shelbyville")]


def test_so_it_is_with_a_published_index(published: list[Client]) -> None:
    for question in ("Which people live in Shelbyvile?", "people called moore, Margret Olson", "height of 170"):
        same(published, question)


@pytest.mark.parametrize("stream", [False, True])
def test_the_reply_names_words_that_the_key_may_not_see(folders: list[Client], stream: bool) -> None:
    question = {"database": "people", "question": "What is the diagnosis of each person?", "stream": stream}
    reply = folders[1].post("/v1/sql/ask", question, key=SOME)
    answer = json.loads(reply.text.split("event: answer\ndata: ")[-1]) if stream else reply.json()
    assert [doubt["text"] for doubt in answer["doubts"]] == ["diagnosis"]
    assert "no table, column or value that you may see" in answer["doubts"][0]["message"]
    assert "a part of this database is withheld from you" in answer["doubts"][0]["message"]
    assert answer["outcome"] != "answered"


@pytest.mark.long
@LONG
@given(question=questions)
def test_long_form(folders: list[Client], question: str) -> None:
    same(folders, question)


def test_an_index_that_masks_a_hidden_column_serves_a_key_that_may_not_see_it(tmp_path: Path) -> None:
    path = fill(tmp_path / "people.sqlite", "bait")
    with Database(path, name="people") as database:
        masked = [ColumnRef("person", "nick"), ColumnRef("secret", "word")]
        ValueIndex.for_database(database, tmp_path / "index", mask=masked)
    client = client_of(path, index=str(tmp_path / "index"))
    link, ask = told(client, "Which people live in Shelbyvile?")
    assert "nick" not in str(link) + str(ask)
    client.close()
