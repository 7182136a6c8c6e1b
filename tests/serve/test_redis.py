"""A service whose value index and generation cache lie in Redis: new versions, and a Redis that is not there."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ctxprune.serve.config import DatabaseConfig, ModelConfig
from ctxprune.sql.database.database import Database
from ctxprune.sql.schema.schema import ColumnRef
from ctxprune.sql.values import ValueIndex
from ctxprune.sql.values.redis_index import RedisIndex

from ..servers import Redis
from .conftest import Client, config_for, error_of

QUESTION = {"database": "shop", "question": "How many cities are in Brazil?"}
CITY = ColumnRef("city", "country")


def publish(shop: Path, url: str, **options: Any) -> None:
    with Database(shop) as database:
        RedisIndex(url, "shop").publish(ValueIndex.build(database, **options))


@pytest.fixture
def shared(shop: Path, redis_url: str) -> Iterator[Client]:
    publish(shop, redis_url)
    client = client_of(shop, redis_url)
    yield client
    client.close()


def client_of(shop: Path, url: str, **parts: Any) -> Client:
    return Client(
        config_for(shop, databases=(DatabaseConfig("shop", str(shop), published="shop"),), redis=url, **parts)
    )


def found(client: Client) -> list[str]:
    return [hit["value"] for hit in client.post("/v1/sql/link", QUESTION).json()["hits"]]


def ready(client: Client) -> tuple[int, str]:
    """Status, and what is said of the database, once the service has loaded its scorer."""
    client.loop.run_until_complete(client.service.warm())
    response = client.get("/readyz")
    return response.status_code, response.json()["databases"]["shop"]


def test_a_new_version_is_used_without_a_restart(shared: Client, shop: Path, redis_url: str) -> None:
    assert found(shared) == ["Brazil"]
    with closing(sqlite3.connect(shop)) as connection, connection:
        connection.execute("UPDATE city SET country = 'Brasil' WHERE country = 'Brazil'")
    publish(shop, redis_url)
    assert found(shared) != ["Brazil"]
    assert "Brasil" in str(shared.post("/v1/sql/link", QUESTION | {"question": "Cities of Brasil?"}).json()["hits"])


def test_a_version_that_hides_a_column_hides_it_at_once(shared: Client, shop: Path, redis_url: str) -> None:
    def told() -> str:
        link = shared.post("/v1/sql/link", QUESTION).json()
        question = QUESTION | {"question": "Show the country of every city", "trace": True}
        ask = shared.post("/v1/sql/ask", question).json()
        return json.dumps([link, ask["trace"]["prompts"]], ensure_ascii=False)

    assert "Poland" in told()  # an example in a prompt
    publish(shop, redis_url, exclude=[CITY])
    assert "Poland" not in told()
    publish(shop, redis_url)
    assert "Poland" in told()


def test_a_redis_that_is_down_at_the_start_and_lost_in_the_middle(
    shop: Path, redis_server: Redis, redis_url: str
) -> None:
    redis_server.stop()
    client = client_of(shop, redis_url)
    try:
        for _ in range(2):
            assert ready(client) == (503, "Redis cannot be reached")
            for path in ("/v1/sql/link", "/v1/sql/ask"):
                response = client.post(path, QUESTION)
                assert (response.status_code, error_of(response)["code"]) == (503, "CP007")
                assert redis_server.password not in response.text
            redis_server.start()
            assert ready(client) == (503, "there is no value index")
            assert client.post("/v1/sql/ask", QUESTION).status_code == 503
            publish(shop, redis_url)
            assert ready(client) == (200, "ok")
            assert client.post("/v1/sql/ask", QUESTION).json()["rows"] == [[1]]
            redis_server.stop()
    finally:
        redis_server.start()
        client.close()


def test_a_generation_cache_in_redis(shop: Path, redis_server: Redis, redis_url: str) -> None:
    model = ModelConfig("lexical.v1", generator="chat:http://127.0.0.1:9/v1#m", cache="generations")
    client = client_of(shop, redis_url, model=model)
    publish(shop, redis_url)
    try:
        assert ready(client) == (200, "ok")
        redis_server.stop()
        assert client.get("/readyz").json()["cache"] == "Redis cannot be reached"
    finally:
        redis_server.start()
        client.close()
