"""Requests made to cost much: they end soon, take little memory, and keep nobody else waiting."""

from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from ctxprune.errors import RequestError, UsageError
from ctxprune.serve import ServiceConfig, load_config
from ctxprune.serve.config import KeyConfig, ModelConfig, ServerConfig
from ctxprune.serve.limits import check_origin

from .conftest import ALL, SOME, Client, config_for, error_of, hashed
from .process import Served

ASKED = {"query": "What opened in 1933?", "text": "The bridge is long. It opened in 1933.", "top_k": 1}
JSON = {"content-type": "application/json"}
SECONDS = 4.0
MEGABYTES = 40  # that the service itself may take more for a body of 4; those here take 7 at most
KEYS = f"""
[[keys]]
name = "all"
sha256 = "{hashed(ALL)}"
[[keys]]
name = "some"
sha256 = "{hashed(SOME)}"
"""
CONFIG = f"""
[model]
scorer = "sleepy.v1"
threads = 2
[limits]
seconds = {SECONDS}
read_seconds = 1.5
connections = 400
workers = 1
{KEYS}
"""
PATIENT = f"""
[model]
scorer = "sleepy.v1"
[limits]
seconds = 300
read_seconds = 300
workers = 2
{KEYS}
"""
# A scorer that works far longer than any test waits, or takes 10 GB, where the question asks for it; else the lexical
# one. Texts that cost so much are refused, one kind after the other, before they are scored.
SLEEPY = """
import time
from dataclasses import dataclass
from ctxprune.scorers.lexical.words import LexicalScorer

@dataclass(frozen=True)
class SleepyScorer(LexicalScorer):
    def score(self, query, context):
        time.sleep(300 if query == "sleep" else 0)
        hoard = [bytes(1_000_000) for _ in range(10_000 if query == "hoard" else 0)]
        until = time.monotonic() + (300 if query == "spin" else 0)
        while time.monotonic() < until:
            pass
        return super().score(query, context)
"""


def start(folder: Path, config: str) -> Served:
    """The service with the scorer above as a plug-in."""
    (folder / "service.toml").write_text(config)
    (folder / "sleepy.py").write_text(SLEEPY)
    points = folder / "sleepy-1.dist-info"
    points.mkdir()
    (points / "METADATA").write_text("Metadata-Version: 2.1\nName: sleepy\nVersion: 1\n")
    (points / "entry_points.txt").write_text("[ctxprune.scorers]\nsleepy.v1 = sleepy:SleepyScorer\n")
    return Served(folder / "service.toml", plugins=folder)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with start(tmp_path_factory.mktemp("abused"), CONFIG) as served:
        post(served, b"x" * 5000)  # the process for long requests is there
        yield served


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Of a deadline that no test waits for: what is answered did not wait for what never ends."""
    with start(tmp_path_factory.mktemp("patient"), PATIENT) as served:
        yield served


def post(served: Served, body: bytes, key: str = ALL, path: str = "/v1/prune") -> Any:
    headers = JSON | {"x-api-key": key}
    return httpx.post(f"{served.url}{path}", content=body, headers=headers, timeout=60)


def is_well(served: Served, key: str) -> bool:
    answer = post(served, json.dumps(ASKED).encode(), key)
    return answer.status_code == 200 and answer.json()["output"] == "It opened in 1933."


def connect(served: Served, key: str, *lines: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", served.port), timeout=30)
    head = "\r\n".join(["POST /v1/prune HTTP/1.1", "host: localhost", f"x-api-key: {key}", *lines])
    connection.sendall(head.encode())
    return connection


def is_open(connection: socket.socket) -> bool:
    """Whether a further byte is taken."""
    try:
        connection.sendall(b"a")
        return bool(connection.recv(1))
    except TimeoutError:
        return True
    except OSError:
        return False


def answered(connections: list[socket.socket]) -> list[socket.socket]:
    """Those on which something has come."""
    return select.select(connections, [], [], 0)[0]


@pytest.mark.parametrize(
    ("body", "path", "said"),
    [
        (b'{"query": "a", "documents": [' + b"1," * 1_900_000 + b"1]}", "/v1/prune", "there are 1900001 documents"),
        (b'{"query": "a", "documents": [' + b"1," * 900 + b'1], "text": ""}', "/v1/prune", "documents.0"),
        (b'{"query": "a", "documents": [' + b"{}," * 900 + b"{}]}" + b" " * 5000, "/v1/rerank", "documents.0"),
        (b"[" * 3_900_000, "/v1/prune", "the body cannot be read"),
        (b'{"a":' * 700_000, "/v1/rerank", "the body cannot be read"),
        (b"{" + b",".join(b'"k%d":0' % n for n in range(300_000)) + b"}", "/v1/prune", "no entry is named"),
        (b'{"database": "' + b"a" * 100_000 + b'"}', "/v1/sql/ask", "database: String should have at most 100"),
    ],
    ids=["numbers", "few numbers", "empty objects", "deep arrays", "deep objects", "entries", "database"],
)
def test_a_body_of_faults_costs_no_more_than_its_size(served: Served, body: bytes, path: str, said: str) -> None:
    served.forget_peak()
    before = served.memory("VmHWM")
    answer = post(served, body, path=path)
    assert answer.status_code in (400, 422)  # not 504: it ended before its deadline
    assert said in answer.json()["error"]["message"]
    assert len(answer.content) < 1000
    assert served.memory("VmHWM") - before < MEGABYTES
    assert is_well(served, SOME)


def test_a_deadline_is_kept_while_the_work_goes_on(served: Served) -> None:
    """The work takes 300 seconds: whatever is answered before it would end is answered at the deadline."""
    body = json.dumps({"query": "sleep", "text": "Cats sleep. " * 1000}).encode()
    start = time.monotonic()
    with ExitStack() as stack:
        line = f"content-length: {len(body)}\r\ncontent-type: application/json\r\n\r\n"
        asked = [stack.enter_context(connect(served, ALL, line)) for _ in range(3)]
        for connection in asked:
            connection.sendall(body)
        for connection in asked:
            connection.settimeout(100)
            assert connection.recv(65_536).startswith(b"HTTP/1.1 504 ")
        assert time.monotonic() - start >= SECONDS
    # The one worker is free again, and its process another; a request for which it were not would end with 504.
    assert post(served, json.dumps(ASKED | {"text": ASKED["text"] + " " * 5000}).encode()).status_code == 200


def test_much_work_keeps_no_other_waiting(patient: Served) -> None:
    body = json.dumps({"query": "spin", "text": "Cats sleep. " * 160_000}).encode()
    patient.forget_peak()
    before = patient.memory("VmHWM")
    with ExitStack() as stack:
        line = f"content-length: {len(body)}\r\ncontent-type: application/json\r\n\r\n"
        asked = [stack.enter_context(connect(patient, ALL, line)) for _ in range(3)]
        for connection in asked:
            connection.sendall(body)
        for _ in range(5):
            assert httpx.get(f"{patient.url}/healthz", timeout=30).status_code == 200
            assert is_well(patient, ALL)
            assert not answered(asked)
            time.sleep(0.1)
    # The clients are gone, and with them the work: a worker is free long before it would have ended.
    assert post(patient, json.dumps(ASKED | {"text": ASKED["text"] + " " * 5000}).encode()).status_code == 200
    assert patient.memory("VmHWM") - before < MEGABYTES


def test_what_takes_too_much_memory_is_refused(tmp_path: Path) -> None:
    with start(tmp_path, '[model]\nscorer = "sleepy"\n[limits]\nworker_bytes = 20000000\n') as served:
        body = {"query": "hoard", "text": "Cats sleep. " * 1000}
        answer = httpx.post(f"{served.url}/v1/prune", json=body, timeout=60)
        assert answer.status_code == 422
        assert answer.json()["error"]["message"] == "the request takes too much memory"
        text = ASKED["text"] + " Cats sleep." * 1000
        again = httpx.post(f"{served.url}/v1/prune", json=ASKED | {"text": text}, timeout=60)
        assert again.json()["output"] == "It opened in 1933."


def test_bodies_that_do_not_end_keep_nobody_out(patient: Served) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(connect(patient, ALL, "content-length: 1000000\r\n\r\n{")) for _ in range(192)]
        for key in (ALL, SOME):
            assert is_well(patient, key)
        assert not answered(slow)


def test_bodies_that_do_not_end_are_given_up(served: Served) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(connect(served, ALL, "content-length: 1000000\r\n\r\n{")) for _ in range(192)]
        for connection in slow:
            assert b" 408 " in connection.recv(65_536).partition(b"\r\n")[0]
            assert connection.recv(65_536)[-1:] in (b"", b"}")


@pytest.mark.parametrize("start", ["x-endless: ", "", "x: y\r\n"], ids=["in a header", "nothing", "headers"])
def test_headers_that_do_not_end_are_closed(served: Served, start: str) -> None:
    """Each byte comes soon after the one before, so that only a limit for all of them together ends it."""
    begun = time.monotonic()
    with connect(served, ALL, start) as connection:
        connection.settimeout(0.2)
        while is_open(connection):
            assert time.monotonic() - begun < 60
    assert time.monotonic() - begun > 1.3


def test_a_body_of_a_path_that_reads_none_is_not_waited_for(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n")
        assert b"200" in connection.recv(65_536)
        while connection.recv(65_536):  # ends by an error where it stays open, as idle connections do for 75 seconds
            pass


def test_more_connections_than_may_be_close_the_useless_ones(served: Served) -> None:
    with httpx.Client(base_url=served.url, timeout=30) as proven, ExitStack() as stack:
        assert proven.get("/healthz").status_code == 200
        for _ in range(500):
            stack.enter_context(socket.create_connection(("127.0.0.1", served.port), timeout=30))
        assert proven.get("/healthz").status_code == 200
        assert is_well(served, SOME)


def test_a_length_said_in_two_ways_is_refused(served: Served) -> None:
    smuggled = b"0\r\n\r\nGET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n"
    with connect(served, ALL, "content-length: 5", "transfer-encoding: chunked\r\n\r\n") as connection:
        connection.sendall(smuggled)
        answer = b""
        while part := connection.recv(65_536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"said in two ways" in answer
    assert answer.count(b"HTTP/1.1") == 1  # the second request is not looked at


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8080", "127.0.0.1:80", "[::1]:8080", "[::1]", "dev.example"])
def test_a_service_without_keys_answers_to_its_own_names(host: str) -> None:
    client = Client(ServiceConfig(server=ServerConfig(names=("Dev.Example",)), model=ModelConfig("lexical")))
    assert client.post("/v1/prune", ASKED, key="", headers={"host": host}).status_code == 200
    client.close()


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io:80", "", "[::2]", "::1"])
@pytest.mark.parametrize("path", ["/v1/prune", "/metrics", "/"])
def test_a_service_without_keys_answers_to_no_foreign_name(host: str, path: str) -> None:
    client = Client(ServiceConfig(model=ModelConfig("lexical")))
    answer = client.ask("POST" if path == "/v1/prune" else "GET", path, key="", headers={"host": host}, json=ASKED)
    assert answer.status_code == 421
    assert "localhost" in error_of(answer)["hint"]
    client.close()


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://evil.example", "localhost:8080"),
        ("http://localhost:3000", "localhost:8080"),  # another program of this machine
        ("http://localhost", "localhost:8080"),
        ("http://127.0.0.1:8080", "localhost:8080"),
        ("http://localhost:8080.evil.example", "localhost:8080"),
        ("http://evil.example/localhost:8080", "localhost:8080"),
        ("ftp://localhost:8080", "localhost:8080"),
        ("null", "localhost:8080"),  # a file, or a frame in a sandbox
        ("", "localhost"),
        ("localhost:8080", "localhost:8080"),
    ],
)
def test_a_service_without_keys_does_nothing_for_foreign_pages(origin: str, host: str) -> None:
    client = Client(ServiceConfig(model=ModelConfig("lexical")))
    for path in ("/v1/prune", "/metrics", "/"):
        method = "POST" if path == "/v1/prune" else "GET"
        answer = client.ask(method, path, key="", headers={"host": host, "origin": origin}, json=ASKED)
        assert answer.status_code == 403, path
        assert "another service's page" in error_of(answer)["message"]
    client.close()


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://localhost:8080", "LOCALHOST:8080"),
        ("http://127.0.0.1", "127.0.0.1:80"),
        ("https://dev.example", "dev.example"),  # behind a proxy that speaks TLS
        ("https://dev.example", "dev.example:443"),
        ("http://[::1]:8080", "[::1]:8080"),
        ("http://[::1]", "[::1]"),
    ],
)
def test_a_service_without_keys_answers_its_own_page(origin: str, host: str) -> None:
    client = Client(ServiceConfig(server=ServerConfig(names=("dev.example",)), model=ModelConfig("lexical")))
    answer = client.post("/v1/prune", ASKED, key="", headers={"host": host, "origin": origin})
    assert answer.status_code == 200
    client.close()


def test_a_page_is_named_once() -> None:
    own, foreign = (b"origin", b"http://localhost"), (b"origin", b"http://evil.example")
    for origins in ((own, foreign), (foreign, own)):
        with pytest.raises(RequestError) as raised:
            check_origin([(b"host", b"localhost"), *origins])
        assert raised.value.status == 403
    check_origin([(b"host", b"localhost"), own])


def test_keys_do_not_depend_on_the_page_that_asks(client: Client) -> None:
    assert client.post("/v1/prune", ASKED, headers={"origin": "http://evil.example"}).status_code == 200


def test_a_service_with_keys_may_have_any_name(client: Client) -> None:
    assert client.post("/v1/prune", ASKED, headers={"host": "prune.example"}).status_code == 200


def test_names_are_a_list_of_texts(tmp_path: Path) -> None:
    path = tmp_path / "service.toml"
    path.write_text('[server]\nnames = ["dev.example"]\n')
    assert load_config(path, {}).server.names == ("dev.example",)
    path.write_text("[server]\nnames = [3]\n")
    with pytest.raises(UsageError, match="names is no list of texts"):
        load_config(path, {})


def test_readiness_names_databases_to_keys_that_may_use_them(shop: Path) -> None:
    keys = (KeyConfig("all", hashed(ALL), {"shop": "*"}), KeyConfig("none", hashed(SOME)))
    client = Client(config_for(shop, keys=keys))
    assert client.get("/readyz").json()["databases"] == {"shop": "ok"}
    assert client.get("/readyz", key=SOME).json()["databases"] == {}
    for key in ("", "wrong"):
        answer = client.get("/readyz", key=key)
        assert answer.json().keys() == {"ready", "scorer", "cache", "stopping"}
        assert "shop" not in answer.text
    client.close()
