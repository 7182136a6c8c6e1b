"""What a request will cost is known well enough before anything of it is parsed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ctxprune.serve.cost import CHEAP_SECONDS, MODERATE_SECONDS, SHORT_BYTES, estimate_seconds, is_short

from .conftest import Client

QUERY = "When did the bridge open?"


def body_of(**parts: object) -> bytes:
    return json.dumps({"query": QUERY, **parts}).encode()


def filled(unit: str, **parts: object) -> bytes:
    """A body of at most 4 KB, full of one thing."""
    room = SHORT_BYTES - len(body_of(text="", **parts))
    return body_of(text=unit * (room // (len(json.dumps(unit)) - 2)), **parts)


PROSE = "It opened in 1933, the old bridge of the bay, and cats sleep near it all day long. "


@pytest.mark.parametrize(
    "body",
    [
        body_of(text="The bridge is long. It opened in 1933. Cats sleep."),
        body_of(documents=["The bridge is long.", {"title": "Cats", "text": "They sleep."}], budget=20),
        body_of(text=PROSE * 12, top_k=1),
        body_of(text="Мост открыт в 1933 году. Кошки спят весь день. " * 4),
    ],
    ids=["sentences", "documents", "a paragraph", "escaped letters"],
)
def test_what_most_clients_send_is_cheap(body: bytes) -> None:
    assert 0 < estimate_seconds(body) <= CHEAP_SECONDS
    assert is_short(body, estimate_seconds(body))


@pytest.mark.parametrize("text", [PROSE, "Мост открыт. ", "bridge ", "a ", "語"])
def test_prose_of_every_script_is_short_up_to_the_bound_of_bytes(text: str) -> None:
    body = filled(text)
    assert estimate_seconds(body) > CHEAP_SECONDS
    assert is_short(body, estimate_seconds(body))


@pytest.mark.parametrize(
    "body",
    [
        filled(",", kind="csv"),
        filled("a,", kind="csv"),
        filled("a\n", kind="csv"),
        filled("\t", kind="tsv"),
        filled("|a", kind="csv"),
        filled("<td>", kind="html"),
        filled("1,", kind="json"),
        filled("{},", kind="json"),
        body_of(documents=["a"] * 700),
        body_of(kind="csv", text="").replace(b'""', b'"' + b"\\u002c" * 600 + b'"'),
    ],
    ids=["commas", "cells", "rows", "tabs", "bars", "elements", "numbers", "objects", "documents", "escaped commas"],
)
def test_many_small_parts_are_expensive_for_their_size(body: bytes) -> None:
    assert len(body) <= SHORT_BYTES
    assert not is_short(body, estimate_seconds(body))
    assert estimate_seconds(body) < MODERATE_SECONDS


def test_more_of_the_same_never_costs_less() -> None:
    for unit in (b",", b"a", b"\\u00e9", b"\\u0434", b"\xd0\xb4", b"a. "):
        costs = [estimate_seconds(unit * size) for size in (0, 1, 10, 1000, 20_000, 1_000_000)]
        assert costs[0] == 0
        assert costs == sorted(costs)


def test_megabytes_are_long_whatever_they_hold() -> None:
    assert estimate_seconds(b"a" * 4_000_000) > MODERATE_SECONDS
    assert not is_short(b"a" * (SHORT_BYTES + 1), 0.0)


def test_a_short_body_that_is_expensive_goes_to_a_worker_process(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, bytes, float]] = []
    do = client.service.long.do

    async def watched(path: str, call: Any) -> Any:
        asked.append((path, call.body, call.cost))
        assert (client.service.gate.inside, client.service.long_gate.inside) == (0, 1)
        return await do(path, call)

    monkeypatch.setattr(client.service.long, "do", watched)
    table = "Year,City\n1896,Athens\n1900,Paris\n" + "1904,Ulm\n" * 330
    expensive = {"query": "When was Paris?", "kind": "csv", "text": table, "top_k": 1}
    answer = client.post("/v1/prune", expensive)
    assert answer.json()["output"] == "Year,City\n1900,Paris\n"
    (path, body, cost) = asked.pop()
    assert (path, len(body) < SHORT_BYTES) == ("/v1/prune", True)
    assert cost == estimate_seconds(body)
    assert client.post("/v1/prune", {"query": QUERY, "text": "Cats sleep. It opened in 1933."}).status_code == 200
    assert not asked
