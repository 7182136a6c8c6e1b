"""Who may ask, and what is compared how."""

from __future__ import annotations

import hmac
from typing import Any

import pytest

from ctxprune.serve import ServiceConfig
from ctxprune.serve.config import KeyConfig
from ctxprune.serve.keys import Keys

from .conftest import ALL, SOME, Client, error_of, hashed

ASKED = {"query": "Who?", "text": "Cats sleep."}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Basic {ALL}"},
        {"authorization": ALL},
        {"authorization": "Bearer "},
        {"authorization": f"Bearer {ALL} {ALL}"},
        {"x-api-key": ""},
        {"x-api-key": "wrong"},
        {"authorization": f"Bearer {hashed(ALL)}"},
    ],
)
@pytest.mark.parametrize("path", ["/v1/prune", "/v1/databases", "/v1/nothing"])
def test_without_a_good_key_nothing_is_told(client: Client, headers: dict[str, str], path: str) -> None:
    response = client.ask("POST", path, key="", headers=headers, json=ASKED)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    error = error_of(response)
    assert ("Authorization" in error["hint"]) == (error["message"] == "there is no key")


@pytest.mark.parametrize("headers", [{"x-api-key": SOME}, {"authorization": f"bearer  {SOME}"}])
def test_both_headers_are_read(client: Client, headers: dict[str, str]) -> None:
    assert client.ask("POST", "/v1/prune", key="", headers=headers, json=ASKED).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/openapi.json"])
def test_operation_needs_no_key(client: Client, path: str) -> None:
    assert client.get(path, key="").status_code != 401


def test_every_digest_is_compared_whichever_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: seen.append(len(a) == len(b)) or a == b)
    keys = Keys([KeyConfig(name, hashed(name)) for name in "abc"], [])
    assert keys.of({b"x-api-key": b"a"}).name == "a"
    assert seen == [True] * 3


def test_without_keys_everybody_sees_everything(shop: Any) -> None:
    from ctxprune.serve.config import DatabaseConfig, ModelConfig

    client = Client(ServiceConfig(databases=(DatabaseConfig("shop", str(shop)),), model=ModelConfig("lexical")))
    assert client.get("/v1/databases", key="").json()["databases"][0]["name"] == "shop"
    client.close()
