"""A real server on loopback: clients that go away, send too much or come too many at once, and its end."""

from __future__ import annotations

import json
import re
import signal
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from .conftest import ALL, hashed
from .process import Served

KEY = {"authorization": f"Bearer {ALL}"}
LONG = {
    "query": "When did the bridge open?",
    "text": "It opened in 1933, the old bridge of the bay. " * 15_000,
    "top_k": 3,
}
CONFIG = f"""
[server]
drain_seconds = 15
[limits]
concurrency = 4
queue = 4
header_bytes = 8000
[[databases]]
name = "shop"
path = "shop.sqlite"
[[databases]]
name = "gone"
path = "gone.sqlite"
[[keys]]
name = "app"
sha256 = "{hashed(ALL)}"
databases = {{ shop = "*", gone = "*" }}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import sqlite3

    folder = tmp_path_factory.mktemp("served")
    with sqlite3.connect(folder / "shop.sqlite") as connection:
        connection.executescript(
            "CREATE TABLE city (name TEXT PRIMARY KEY, country TEXT);"
            "INSERT INTO city VALUES ('São Paulo', 'Brazil'), ('Paris', 'France');"
        )
    connection.close()
    (folder / "service.toml").write_text(CONFIG)
    return folder


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Served]:
    with Served(folder / "service.toml", ready=False) as served:
        until = time.monotonic() + 60
        while httpx.get(f"{served.url}/readyz", timeout=30).json()["scorer"] != "ok":
            assert time.monotonic() < until
        yield served


def connect(served: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", served.port), timeout=30)


def head(path: str, **headers: object) -> bytes:
    given = {"host": "x", "authorization": f"Bearer {ALL}", "content-type": "application/json", **headers}
    lines = [f"POST {path} HTTP/1.1", *(f"{name.replace('_', '-')}: {value}" for name, value in given.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def status(connection: socket.socket) -> int:
    return int(connection.recv(65_536).split()[1])


def until_inside(served: Served) -> None:
    """Returns once a request is being worked on."""
    until = time.monotonic() + 30
    while "ctxprune_requests_in_progress 0.0" in httpx.get(f"{served.url}/metrics", timeout=30).text:
        assert time.monotonic() < until


def test_a_database_that_is_missing_is_told_and_the_others_answer(served: Served) -> None:
    ready = httpx.get(f"{served.url}/readyz", headers=KEY)
    assert ready.status_code == 503
    assert ready.json()["databases"]["shop"] == "ok"
    assert ready.json()["databases"]["gone"] != "ok"
    asked = {"database": "gone", "question": "How many?"}
    gone = httpx.post(f"{served.url}/v1/sql/ask", json=asked, headers=KEY, timeout=30)
    assert gone.status_code == 503
    assert "gone.sqlite" not in gone.text
    answer = httpx.post(
        f"{served.url}/v1/sql/ask", json={"database": "shop", "question": "How many cities?"}, headers=KEY, timeout=30
    )
    assert answer.json()["rows"] == [[2]]


def test_100_mb_are_refused_and_held_nowhere(served: Served) -> None:
    before = served.memory()
    with connect(served) as connection:
        connection.sendall(head("/v1/prune", content_length=100_000_000, expect="100-continue"))
        assert status(connection) == 413
    with connect(served) as connection:
        connection.sendall(head("/v1/prune", transfer_encoding="chunked"))
        part = b"10000\r\n" + b"a" * 65_536 + b"\r\n"
        for _ in range(1600):
            connection.sendall(part)
        connection.sendall(b"0\r\n\r\n")
        assert status(connection) == 413
    assert served.memory("VmHWM") < before + 40


def test_10_000_documents_are_refused(served: Served) -> None:
    asked = {"query": "Who?", "documents": ["Cats sleep."] * 10_000}
    for path in ("/v1/rerank", "/v1/prune"):
        response = httpx.post(f"{served.url}{path}", json=asked, headers=KEY, timeout=30)
        assert response.status_code == 422
        assert response.json()["error"]["message"] == "there are 10000 documents"


@pytest.mark.parametrize("size", [10_000, 90_000, 500_000])
def test_large_headers_are_refused(served: Served, size: int) -> None:
    with connect(served) as connection:
        connection.sendall(head("/v1/prune", content_length=2, x_large="a" * size) + b"{}")
        assert status(connection) == (431 if size < 100_000 else 400)


def test_what_is_no_http_is_refused(served: Served) -> None:
    for data in (b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"\x00" * 100 + b"\r\n\r\n"):
        with connect(served) as connection:
            connection.sendall(data + b"\r\n\r\n")
            assert status(connection) == 400
    assert httpx.get(f"{served.url}/healthz").status_code == 200


def test_a_client_that_goes_away_is_worked_for_no_longer(served: Served) -> None:
    body = json.dumps(LONG).encode()
    connections = [connect(served) for _ in range(4)]
    for number, connection in enumerate(connections):
        connection.sendall(head("/v1/prune", content_length=len(body), x_request_id=f"gone-{number}") + body)
    time.sleep(0.3)
    for connection in connections:
        connection.close()
    for number in range(4):
        assert served.line("request", request_id=f"gone-{number}")["status"] == 499
    half = connect(served)
    half.sendall(head("/v1/prune", content_length=1000, x_request_id="half") + b'{"query"')
    half.close()
    assert served.line("request", request_id="half")["status"] == 499
    answer = httpx.post(f"{served.url}/v1/prune", json=LONG | {"text": "It opened in 1933."}, headers=KEY, timeout=30)
    assert answer.json()["output"] == "It opened in 1933."


def test_of_many_at_once_each_gets_its_own_answer_or_is_told_to_wait(served: Served) -> None:
    def ask(number: int) -> tuple[int, bool]:
        text = f"Bridge {number} opened in {number + 1000}. Cats sleep. The sun shines on the bay."
        asked = {"query": f"When did bridge {number} open?", "text": text, "top_k": 1}
        response = httpx.post(f"{served.url}/v1/prune", json=asked, headers=KEY, timeout=60)
        right = (
            response.status_code == 200 and response.json()["output"] == f"Bridge {number} opened in {number + 1000}."
        )
        return response.status_code, right

    with ThreadPoolExecutor(40) as pool:
        found = list(pool.map(ask, range(200)))
    assert {code for code, _ in found} == {200, 429}
    assert all(right for code, right in found if code == 200)
    text = httpx.get(f"{served.url}/metrics").text
    assert "ctxprune_requests_in_progress 0.0" in text
    assert "ctxprune_requests_waiting 0.0" in text


def test_a_slow_reader_of_a_stream_keeps_nobody(served: Served) -> None:
    body = json.dumps({"database": "shop", "question": "Which cities are in Brazil?", "stream": True}).encode()
    with connect(served) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        slow.sendall(head("/v1/sql/ask", content_length=len(body)) + body)
        for _ in range(3):
            assert httpx.get(f"{served.url}/v1/databases", headers=KEY).status_code == 200
        text = b""
        while b"event: answer" not in text or not text.endswith(b"0\r\n\r\n"):
            text += slow.recv(100)
            time.sleep(0.001)
    assert "São Paulo" in text.decode()


def test_the_log_is_lines_of_json_without_contents(served: Served) -> None:
    asked = {"query": "When was the bridge opened?", "text": "It opened in Brazil. Cats sleep."}
    httpx.post(f"{served.url}/v1/prune", json=asked, headers=KEY, timeout=60).raise_for_status()
    assert served.line("request", route="/v1/prune")
    for words in ("opened", "Brazil", "Cats", "bridge", ALL, hashed(ALL), "gone.sqlite", "Traceback"):
        assert words not in served.raw


def test_sigterm_lets_requests_finish_and_takes_no_new_ones(folder: Path) -> None:
    with Served(folder / "service.toml", ready=False) as served, ThreadPoolExecutor(1) as pool:
        httpx.post(f"{served.url}/v1/prune", json=LONG | {"text": "a"}, headers=KEY, timeout=60)
        body = json.dumps(LONG)
        inside = pool.submit(
            httpx.post,
            f"{served.url}/v1/prune",
            content=body,
            headers=KEY | {"content-type": "application/json"},
            timeout=60,
        )
        until_inside(served)
        assert served.stop() == 0
        assert inside.result().status_code == 200
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{served.url}/healthz")
        assert served.line("stopped")


def test_the_grace_time_has_an_end(folder: Path) -> None:
    hasty = CONFIG.replace("drain_seconds = 15", "drain_seconds = 1").replace(
        "[limits]", "[limits]\nbody_bytes = 40000000"
    )
    (folder / "hasty.toml").write_text(hasty)
    with Served(folder / "hasty.toml", ready=False) as served, ThreadPoolExecutor(1) as pool:
        body = json.dumps(LONG | {"text": LONG["text"] * 20})
        headers = KEY | {"content-type": "application/json"}
        inside = pool.submit(httpx.post, f"{served.url}/v1/prune", content=body, headers=headers, timeout=60)
        until_inside(served)
        start = time.monotonic()
        assert served.stop(signal.SIGINT) == 0  # Ctrl-C
        assert time.monotonic() - start < 6
        assert inside.result().status_code == 503
        assert "unfinished" not in served.line("stopped")


def test_a_port_that_is_taken(folder: Path) -> None:
    import subprocess

    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = [
            "-m",
            "ctxprune",
            "serve",
            "--config",
            str(folder / "service.toml"),
            "--port",
            str(taken.getsockname()[1]),
        ]
        done = subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]  # before it stand lines of the log
    assert re.fullmatch(r"ctxprune: CP001 cannot listen \(.+\) \[127.0.0.1, port \d+\]: name another by --port", last)
    assert "Traceback" not in done.stderr


def test_a_key_that_names_a_table_that_is_not_there(folder: Path) -> None:
    from ctxprune.cli import main

    (folder / "wrong.toml").write_text(CONFIG.replace('shop = "*", gone = "*"', 'shop = { town = "*" }'))
    assert main(["serve", "--config", str(folder / "wrong.toml"), "--port", "0"]) == 1
