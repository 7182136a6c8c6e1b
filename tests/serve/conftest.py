"""A service in this process, asked through ASGI."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the serve extra is not installed")
httpx = pytest.importorskip("httpx")

from ctxprune.serve import ServiceConfig, create_app  # noqa: E402
from ctxprune.serve.config import DatabaseConfig, KeyConfig, LimitsConfig, ModelConfig  # noqa: E402

ALL, SOME = "key-of-all", "key-of-some"


def hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def config_for(shop: Path, **parts: Any) -> ServiceConfig:
    """One database, one key that may see all of it and one that may see two columns."""
    keys = (
        KeyConfig("all", hashed(ALL), {"shop": "*"}, metrics=True),
        KeyConfig("some", hashed(SOME), {"shop": {"city": ("name", "country")}}),
    )
    given = {"databases": (DatabaseConfig("shop", str(shop)),), "keys": keys, "model": ModelConfig("lexical.v1")}
    return ServiceConfig(**(given | parts))


class Client:
    """Asks an application in one event loop; without a lifespan, so that nothing is warmed up."""

    def __init__(self, config: ServiceConfig, **options: Any) -> None:
        self.app = create_app(config, **options)
        self.service = self.app.state.service
        self.loop = asyncio.new_event_loop()

    def ask(self, method: str, path: str, *, key: str = ALL, **options: Any) -> Any:
        return self.loop.run_until_complete(self.aask(method, path, key=key, **options))

    async def aask(self, method: str, path: str, *, key: str = ALL, **options: Any) -> Any:
        headers = ({"authorization": f"Bearer {key}"} if key else {}) | options.pop("headers", {})
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, path, headers=headers, **options)

    def post(self, path: str, json: Any, **options: Any) -> Any:
        return self.ask("POST", path, json=json, **options)

    def get(self, path: str, **options: Any) -> Any:
        return self.ask("GET", path, **options)

    def close(self) -> None:
        self.service.close()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


@pytest.fixture
def client(shop: Path) -> Iterator[Client]:
    client = Client(config_for(shop))
    yield client
    client.close()


@pytest.fixture
def small(shop: Path) -> Iterator[Client]:
    """One with tight limits."""
    client = Client(config_for(shop, limits=LimitsConfig(body_bytes=10_000, header_bytes=2_000, documents=3)))
    yield client
    client.close()


def error_of(response: Any) -> dict[str, str]:
    """The error part, after a look at its shape."""
    error = response.json()["error"]
    assert set(error) == {"code", "message", "hint", "request_id"}
    assert error["request_id"] == response.headers["x-request-id"]
    assert "Traceback" not in response.text
    assert "/" not in error["message"]
    return error
