"""A paid endpoint that misbehaves, as a real HTTP server on loopback."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ctxprune.cli import main
from ctxprune.errors import ModelError, UsageError
from ctxprune.llm.base import Message, Sampling
from ctxprune.llm.cache import CachedModel, GenerationCache
from ctxprune.llm.calls import ask_model
from ctxprune.llm.chat_models import CallLimits, LimitedModel, OpenAIModel, Prices
from ctxprune.llm.rate_limit import Timer
from ctxprune.sql import ChatGenerator, Database, Pipeline

TURN = [Message("user", "how many?")]
KEY = "sk-secret-0123456789"


class Quick(Timer):
    """Pauses a hundred times shorter; a pause is told to the gate in real seconds."""

    def now(self) -> float:
        return time.monotonic() * 100

    def wait(self, turn: threading.Condition, seconds: float) -> None:
        turn.wait(seconds / 100)


class Endpoint(ThreadingHTTPServer):
    """Does what its script says, one entry a request, then answers well."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[Callable[[Handler], None]] = []
        self.bodies: list[dict[str, Any]] = []
        self.lock = threading.Lock()
        self.now = self.most = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, *_args: object) -> None:
        return


class Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.bodies.append(body)
            step = self.server.script.pop(0) if self.server.script else well
            self.server.now += 1
            self.server.most = max(self.server.most, self.server.now)
        try:
            step(self)
        finally:
            with self.server.lock:
                self.server.now -= 1

    def reply(self, status: int, text: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_args: object) -> None:
        return


ANSWER = json.dumps(
    {
        "choices": [{"message": {"content": "SELECT count(*) FROM city"}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20},
    }
).encode()


def well(handler: Handler) -> None:
    time.sleep(0.02)
    handler.reply(200, ANSWER)


def slowly(handler: Handler) -> None:
    time.sleep(0.5)  # long enough for another to arrive, also on a busy machine
    handler.reply(200, ANSWER)


def busy(handler: Handler) -> None:
    handler.reply(429, b'{"error": "rate limit"}', Retry_After="0.2")


def broken(handler: Handler) -> None:
    handler.reply(500, b"oops")


def cut(handler: Handler) -> None:
    handler.connection.close()


def cut_inside(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "5000")
    handler.end_headers()
    handler.wfile.write(b'{"choices"')


def dribble(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "5000")
    handler.end_headers()
    for _ in range(500):
        handler.wfile.write(b" ")
        time.sleep(0.02)


def garbage(handler: Handler) -> None:
    handler.reply(200, b"<html>busy</html>")


def refused(handler: Handler) -> None:
    said = handler.headers["Authorization"]
    handler.reply(401, f"Incorrect API key provided: {said.split()[1]}".encode())


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def test_what_passes_by_itself_is_tried_again(endpoint: Endpoint) -> None:
    for step in (busy, broken, cut, cut_inside):
        endpoint.script, endpoint.bodies = [step], []
        model = LimitedModel(OpenAIModel(endpoint.url, "m", api_key=KEY), timer=Quick())
        assert ask_model(model, TURN, Sampling(seconds=20))[0].text == "SELECT count(*) FROM city"
        assert len(endpoint.bodies) == 2, step.__name__


def test_an_answer_that_dribbles_in_is_given_up_at_the_deadline(endpoint: Endpoint) -> None:
    endpoint.script = [dribble, dribble]
    start = time.monotonic()
    with pytest.raises(ModelError, match="timed out"):
        OpenAIModel(endpoint.url, "m").complete(TURN, Sampling(seconds=0.2))
    assert time.monotonic() - start < 5.0  # the whole answer would take 10
    model = LimitedModel(OpenAIModel(endpoint.url, "m"), CallLimits(try_seconds=1.0), timer=Quick())
    assert ask_model(model, TURN, Sampling(seconds=30))[0].tokens_in == 100


def test_garbage_and_refusals_are_not_paid_twice(endpoint: Endpoint) -> None:
    for step, message in ((garbage, "not JSON"), (refused, r"HTTP 401: Incorrect API key provided: \*\*\*")):
        endpoint.script, endpoint.bodies = [step], []
        model = LimitedModel(OpenAIModel(endpoint.url, "m", api_key=KEY), timer=Quick())
        with pytest.raises(ModelError, match=message) as caught:
            ask_model(model, TURN, Sampling(seconds=20))
        assert KEY not in str(caught.value)
        assert len(endpoint.bodies) == 1


def test_an_endpoint_that_stays_down_costs_as_many_tries_as_allowed(endpoint: Endpoint) -> None:
    endpoint.script = [broken] * 9
    model = LimitedModel(OpenAIModel(endpoint.url, "m"), CallLimits(tries=3), timer=Quick())
    with pytest.raises(ModelError, match="gave up after 3 tries: HTTP 500: oops"):
        ask_model(model, TURN, Sampling(seconds=20))
    assert len(endpoint.bodies) == 3


def test_many_questions_keep_to_the_limits_and_add_up_their_costs(
    endpoint: Endpoint, shop: Path, tmp_path: Path
) -> None:
    endpoint.script = [busy, broken, slowly, slowly]
    limits = CallLimits(concurrency=2)
    inner = LimitedModel(OpenAIModel(endpoint.url, "m", api_key=KEY), limits, Prices(3.0, 15.0), timer=Quick())
    path = tmp_path / "answers.sqlite"
    model = CachedModel(inner, GenerationCache(path))
    questions = ["How many cities are there?", "How many towns are there?", "How many cities are there?"]
    with Database(shop) as database:
        pipeline = Pipeline(database, generators=[ChatGenerator(model, temperature=0)])
        answers = pipeline.ask_many(questions * 2, workers=6)
    assert [answer.rows for answer in answers] == [((4,),)] * 6
    assert endpoint.most == 2
    asked = {body["messages"][0]["content"] for body in endpoint.bodies}
    assert len(endpoint.bodies) == len(asked) + 2  # each prompt once, and the two that failed
    paid = sum(answer.trace.cost or 0.0 for answer in answers)
    assert paid == pytest.approx(len(asked) * (100 * 3 + 20 * 15) / 1e6)
    document = answers[0].to_dict()
    assert document["tokens_in"] == document["trace"]["tokens_in"] == answers[0].trace.tokens_in > 0
    assert (
        document["cost"] == document["trace"]["cost"] == sum(step["cost"] or 0 for step in document["trace"]["steps"])
    )
    everything = json.dumps([answer.to_dict() for answer in answers]).encode() + path.read_bytes()
    assert KEY.encode() not in everything


def test_the_command_line_takes_prices_and_limits(
    endpoint: Endpoint,
    shop: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CTXPRUNE_API_KEY", KEY + "\n")
    monkeypatch.setenv("CTXPRUNE_PRICE_OUT", "15")
    words = ["sql", "ask", str(shop), "How many cities are there?", "--generator", f"chat:{endpoint.url}#m"]
    trace = tmp_path / "trace.json"
    assert main([*words, "--price-in", "3", "--rpm", "600", "--trace", str(trace), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["cost"] > 0
    assert json.loads(trace.read_text())["cost"] == document["cost"]
    assert KEY not in trace.read_text()
    assert main([*words]) == 0
    assert "cost 0" in capsys.readouterr().err  # all of it comes from the cache
    for wrong in ("many", "0", "1.5", "inf", "nan"):
        monkeypatch.setenv("CTXPRUNE_RPM", wrong)
        assert main(words) == 2
        assert "CTXPRUNE_RPM" in capsys.readouterr().err


def test_keys_stay_out_of_urls_and_headers_stay_whole() -> None:
    for url in ("https://user:pw@host/v1", "https://host/v1?key=abc", "https://host/v1#frag"):
        with pytest.raises(UsageError, match="holds a password") as caught:
            OpenAIModel(url)
        assert "pw" not in str(caught.value)
    with pytest.raises(UsageError, match="no header can carry") as caught:
        OpenAIModel("https://host/v1", api_key="sk abc\r\nX: y")
    assert "abc" not in str(caught.value)
    assert OpenAIModel("https://host/v1", api_key=f" {KEY}\n").api_key == KEY


def test_a_benchmark_adds_up_what_it_cost(
    endpoint: Endpoint,
    shop: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CTXPRUNE_PRICE_IN", "3")
    data = tmp_path / "spider"
    (data / "database" / "shop").mkdir(parents=True)
    shop.rename(data / "database" / "shop" / "shop.sqlite")
    tables = {
        "db_id": "shop",
        "table_names_original": ["city"],
        "table_names": ["city"],
        "column_names_original": [[-1, "*"], [0, "name"], [0, "country"], [0, "population"]],
        "column_names": [[-1, "*"], [0, "name"], [0, "country"], [0, "population"]],
        "column_types": ["text", "text", "text", "number"],
        "primary_keys": [1],
        "foreign_keys": [],
    }
    (data / "tables.json").write_text(json.dumps([tables]))
    item = {"db_id": "shop", "question": "How many cities are there?", "query": "SELECT count(*) FROM city"}
    (data / "dev.json").write_text(json.dumps([item]))
    words = ["bench", "spider", "--data", str(data), "--generator", f"chat:{endpoint.url}#m", "--json"]
    assert main(words) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["ex"] == 100
    assert document["tokens_out"] == 20 * len(endpoint.bodies)
    assert document["cost"] == pytest.approx(len(endpoint.bodies) * 100 * 3 / 1e6)
