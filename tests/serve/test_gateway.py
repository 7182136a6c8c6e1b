"""Ids, limits, deadlines, errors, logs and metrics of every request."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from ctxprune.serve.config import BatchingConfig, LimitsConfig
from ctxprune.serve.logs import JsonLines
from ctxprune.sql.generate.base import Candidate

from .conftest import ALL, Client, config_for, error_of

ASKED = {"query": "When did the bridge open?", "text": "The bridge is long. It opened in 1933."}
QUESTION = {"database": "shop", "question": "How many cities are in Brazil?"}


@pytest.mark.parametrize("given", ["abc-1.2_3:4", "a" * 64])
def test_a_well_formed_id_comes_back(client: Client, given: str) -> None:
    assert client.get("/healthz", headers={"x-request-id": given}).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "a b", "a" * 65, "<script>", "é"])
def test_any_other_id_is_replaced(client: Client, given: str) -> None:
    made = client.get("/healthz", headers={"x-request-id": given.encode()}).headers["x-request-id"]
    assert len(made) == 32
    assert made != given


def test_a_large_body_is_refused_by_its_length_and_by_its_bytes(small: Client) -> None:
    assert error_of(small.post("/v1/prune", ASKED | {"text": "a" * 20_000}))["hint"] == "at most 10000 bytes are taken"

    async def parts() -> Any:
        sent = 0
        while True:  # no Content-Length, and no end
            sent += 1
            assert sent < 100, "more was read than is taken"
            yield b"a" * 1000

    response = small.ask("POST", "/v1/prune", content=parts())
    assert response.status_code == 413
    lied = small.ask("POST", "/v1/prune", content=b"a" * 20_000, headers={"content-length": "5"})
    assert lied.status_code == 413


def test_large_headers_are_refused(small: Client) -> None:
    response = small.get("/healthz", headers={"x-large": "a" * 3000})
    assert response.status_code == 431
    error_of(response)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the body"),
        (b"{", "the body is not JSON"),
        (b"[]", "the body is no JSON object"),
        (b'"a"', "the body is no JSON object"),
        (b'{"query": "\xff\xfe", "text": "a"}', "the body is not UTF-8 (byte 11 is 0xff)"),
        (b"\x00\x01\x02", "the body is not JSON"),
        (b'{"query": "\\ud800", "text": "a"}', "query: "),
        (b"[" * 5000, "the body cannot be read"),
        (b'{"query": "a", "text": "b", "budget": 1e999}', "budget: "),
        (b'{"query": "a", "text": "b", "budget": NaN}', "budget: "),
    ],
)
def test_what_is_no_request_is_told_so(client: Client, content: bytes, said: str) -> None:
    response = client.ask("POST", "/v1/prune", content=content, headers={"content-type": "application/json"})
    assert response.status_code in (400, 422)
    assert error_of(response)["message"].startswith(said)


def test_no_such_path_and_no_such_method(client: Client) -> None:
    assert client.get("/nothing").status_code == 404
    assert client.get("/v1/prune").status_code == 405
    assert error_of(client.get("/v1/../etc/passwd"))["message"] == "there is no such path"


def test_nul_is_a_character_like_others(client: Client) -> None:
    body = client.post("/v1/prune", {"query": "a\x00 bridge", "text": "A\x00 bridge. Cats\x00."}).json()
    assert body["output"] == "A\x00 bridge."
    assert client.post("/v1/sql/ask", QUESTION | {"question": "How many\x00 cities?"}).status_code == 200


class Held:
    """A scorer's run that waits until it is let go."""

    def __init__(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go, self.runs = threading.Event(), 0
        self._score = client.service.scoring.scorer.score
        object.__setattr__(client.service.scoring, "scorer", self)

    def score(self, query: str, context: Any) -> Any:
        self.runs += 1
        self.go.wait(10)
        return self._score(query, context)


def test_too_many_at_once_are_told_to_come_again(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(config_for(shop, limits=LimitsConfig(concurrency=2, queue=1)))
    held = Held(client, monkeypatch)

    async def main() -> list[Any]:
        tasks = [asyncio.ensure_future(client.aask("POST", "/v1/prune", json=ASKED)) for _ in range(6)]
        await asyncio.sleep(0.2)
        told = [task.result() for task in tasks if task.done()]
        assert (await client.aask("GET", "/healthz")).status_code == 200
        held.go.set()
        return [told, await asyncio.gather(*tasks)]

    told, all_ = client.loop.run_until_complete(main())
    assert [response.status_code for response in told] == [429] * 3
    assert {response.headers["retry-after"] for response in told} == {"1"}
    assert sorted(response.status_code for response in all_) == [200] * 3 + [429] * 3
    assert client.post("/v1/prune", ASKED).status_code == 200
    client.close()


def test_a_deadline_ends_the_request_and_what_waits_is_not_begun(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A run that has begun goes on with all that share it.
    client = Client(config_for(shop, limits=LimitsConfig(seconds=1), batching=BatchingConfig(most=1)))
    client.service.check()
    held = Held(client, monkeypatch)

    async def main() -> list[Any]:
        return await asyncio.gather(*(client.aask("POST", "/v1/prune", json=ASKED) for _ in range(40)))

    start = time.monotonic()
    responses = client.loop.run_until_complete(main())
    assert time.monotonic() - start < 6
    assert {response.status_code for response in responses} == {504}
    assert "1 seconds" in error_of(responses[0])["hint"]
    held.go.set()
    begun = held.runs
    assert client.post("/v1/prune", ASKED).status_code == 200
    assert held.runs == begun + 1
    client.close()


def test_a_stopping_service_takes_nothing_new(client: Client) -> None:
    client.service.stop()
    response = client.post("/v1/prune", ASKED)
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert client.get("/readyz").json()["stopping"]
    assert client.get("/healthz").status_code == 200


def test_a_fault_of_ours_is_told_without_particulars(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret words of /home/me/file.py")

    monkeypatch.setattr(client.service.scoring, "do", broken)
    with caplog.at_level(logging.INFO):
        response = client.post("/v1/prune", ASKED)
    assert response.status_code == 500
    assert error_of(response)["message"] == "the service failed"
    assert "secret words" not in response.text
    line = json.loads(JsonLines().format(next(one for one in caplog.records if one.name == "ctxprune.serve")))
    assert line["cause"].startswith("RuntimeError (test_gateway.py:")
    assert "secret" not in json.dumps(line)


def test_logs_and_metrics_hold_no_contents_and_no_secrets(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        client.post("/v1/prune", ASKED)
        client.post("/v1/sql/ask", QUESTION)
        client.post("/v1/sql/link", QUESTION | {"question": "Where is Springfield?"})
        client.post("/v1/prune", ASKED | {"kind": "opened"})
        client.post("/v1/sql/ask", QUESTION | {"database": "Springfield"})
        client.get("/opened?Springfield")
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records if record.name == "ctxprune.serve"]
    assert [line["status"] for line in lines] == [200, 200, 200, 422, 422, 404]
    assert lines[0].keys() >= {"time", "level", "event", "request_id", "route", "key", "ms", "bytes", "tokens"}
    told = json.dumps(lines) + client.get("/metrics").text
    for content in ("opened", "bridge", "Brazil", "Springfield", "cities", ALL, "SELECT", "shop.sqlite"):
        assert content not in told


def test_metrics_by_their_names(client: Client) -> None:
    client.post("/v1/prune", ASKED)
    client.post("/v1/sql/ask", QUESTION)
    client.get("/anything/else")
    text = client.get("/metrics").text
    assert 'ctxprune_tokens_total{direction="in",stage="prune"} 12.0' in text
    assert 'ctxprune_tokens_total{direction="out",stage="link"}' in text
    assert 'ctxprune_request_duration_seconds_count{route="/v1/prune",status="200"} 1.0' in text
    assert 'ctxprune_request_duration_seconds_count{route="other",status="404"} 1.0' in text
    assert 'ctxprune_stage_duration_seconds_count{stage="execute"} 1.0' in text
    assert "ctxprune_requests_in_progress 0.0" in text


def test_openapi_has_an_example_for_every_endpoint(client: Client) -> None:
    document = client.get("/openapi.json").json()
    paths = {
        "/v1/prune",
        "/v1/rerank",
        "/v1/sql/link",
        "/v1/sql/ask",
        "/v1/databases",
        "/healthz",
        "/readyz",
        "/metrics",
    }
    assert set(document["paths"]) >= paths
    for path in paths:
        for method, said in document["paths"][path].items():
            answer = next(iter(said["responses"]["200"]["content"].values()))
            assert "example" in answer, path
            if method == "post":
                asked = said["requestBody"]["content"]["application/json"]["examples"]
                for example in asked.values():
                    assert client.post(path, example["value"]).status_code == 200, (path, example)


class Endless:
    """A generator whose query has no end."""

    name = "endless.v1"

    def generate(self, request: Any) -> list[Candidate]:
        sql = f"SELECT COUNT(*) FROM {', '.join(f'city AS c{n}' for n in range(20))}"
        return [Candidate(sql, self.name)]


def test_a_deadline_ends_the_query_that_runs(shop: Path) -> None:
    client = Client(config_for(shop, limits=LimitsConfig(seconds=1.5)), generators=[Endless()])
    client.loop.run_until_complete(client.service.warm())
    start = time.monotonic()
    assert client.post("/v1/sql/ask", QUESTION).status_code == 504
    streamed = client.post("/v1/sql/ask", QUESTION | {"stream": True})
    assert streamed.text.rpartition("event: error\ndata: ")[2].startswith('{"error": {"code": "CP140"')
    client.service._askers.shutdown(wait=True)  # its threads are free, long before the query's own ten seconds
    assert time.monotonic() - start < 8
    client.close()
