"""`OpenAIModel` against a real HTTP server on loopback: pooled connections, and replies that are slow, cut, huge or
not HTTP."""

from __future__ import annotations

import asyncio
import json
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ctxprune.errors import MissingExtraError, ModelError
from ctxprune.llm.base import ChatAnswer, Message, Sampling
from ctxprune.llm.calls import ask_model
from ctxprune.llm.chat_models import LimitedModel, OpenAIModel
from ctxprune.llm.retries import find_transient_fault

pytest.importorskip("httpx")

TURN = [Message("user", "hi")]
ANSWER = json.dumps({"choices": [{"message": {"content": "fine"}}]}).encode()


class Server(ThreadingHTTPServer):
    """Keeps connections open, and answers each request by `step`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.step: Callable[[Handler], None] = answer
        self.lock = threading.Lock()
        self.connections = 0
        self.requests: list[tuple[str, dict[str, str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def process_request(self, request: object, client_address: object) -> None:
        self.connections += 1
        super().process_request(request, client_address)

    def handle_error(self, *_args: object) -> None:
        return


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.server.lock:
            self.server.requests.append((self.path, dict(self.headers)))
        self.server.step(self)

    def reply(self, body: bytes, *, status: int = 200, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        return


def answer(handler: Handler) -> None:
    handler.reply(ANSWER)


def hang(handler: Handler) -> None:
    time.sleep(1.0)
    handler.close_connection = True


def dribble(handler: Handler) -> None:
    handler.close_connection = True
    handler.reply(b"", length=5000)
    for _ in range(100):
        handler.wfile.write(b" ")
        time.sleep(0.02)


def cut_before(handler: Handler) -> None:
    handler.close_connection = True


def cut_within(handler: Handler) -> None:
    handler.close_connection = True
    handler.reply(b'{"choices"', length=5000)


def cut_chunk(handler: Handler) -> None:
    handler.close_connection = True
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{")


def not_http(handler: Handler) -> None:
    handler.close_connection = True
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")


def huge(handler: Handler) -> None:
    handler.close_connection = True
    handler.reply(b"", length=1 << 40)
    piece = b"x" * (1 << 20)
    for _ in range(64):  # the client has left before
        handler.wfile.write(piece)


def cookie(handler: Handler) -> None:
    handler.reply(ANSWER, Set_Cookie="session=1")


def busy(handler: Handler) -> None:
    handler.reply(b"x" * 100_000, status=429, Retry_After="7")


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def ask(model: OpenAIModel, way: str, sampling: Sampling) -> Sequence[ChatAnswer]:
    """One request, by `complete` or `acomplete`."""
    return model.complete(TURN, sampling) if way == "complete" else asyncio.run(model.acomplete(TURN, sampling))


def test_requests_share_connections(server: Server) -> None:
    model = OpenAIModel(server.url, "m")
    for _ in range(5):
        assert model.complete(TURN, Sampling())[0].text == "fine"
    assert (len(server.requests), server.connections) == (5, 1)


def test_threads_share_the_pool(server: Server) -> None:
    model = OpenAIModel(server.url, "m")
    texts: list[str] = []

    def ask() -> None:
        texts.extend(model.complete(TURN, Sampling())[0].text for _ in range(5))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == ["fine"] * 20
    assert server.connections <= 4


def test_copies_open_connections_of_their_own(server: Server) -> None:
    model = OpenAIModel(server.url, "m", api_key="sk-12345678")
    model.complete(TURN, Sampling())
    again = pickle.loads(pickle.dumps(model))
    assert again == model
    assert again.complete(TURN, Sampling())[0].text == "fine"
    assert server.connections == 2
    assert server.requests[1][1]["Authorization"] == "Bearer sk-12345678"


def test_cookies_are_not_kept_and_nothing_compressed_is_requested(server: Server) -> None:
    server.step = cookie
    model = OpenAIModel(server.url, "m")
    model.complete(TURN, Sampling())
    model.complete(TURN, Sampling())
    headers = {name.lower(): value for name, value in server.requests[1][1].items()}
    assert "cookie" not in headers
    assert headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("step", "message", "transient"),
    [
        (hang, "cannot be reached: timed out", True),
        (dribble, "cannot be reached: timed out", True),
        (cut_before, "cannot be reached: Server disconnected", True),
        (cut_within, "cannot be reached: peer closed connection", True),
        (cut_chunk, "cannot be reached: peer closed connection", True),
        (not_http, "cannot be reached: illegal status line", False),
        (huge, "too long or not a JSON object", False),
    ],
)
@pytest.mark.parametrize("way", ["complete", "acomplete"])
def test_bad_replies_are_model_errors(
    server: Server, step: Callable[[Handler], None], message: str, transient: bool, way: str
) -> None:
    server.step = step
    model = OpenAIModel(server.url, "m")
    sampling = Sampling(seconds=0.4 if step in {hang, dribble} else 20)
    start = time.monotonic()
    with pytest.raises(ModelError, match=message) as caught:
        ask(model, way, sampling)
    assert time.monotonic() - start < 15
    assert (find_transient_fault(caught.value) is not None) == transient
    assert str(caught.value).endswith(f"[{server.url}]")
    server.step = answer
    assert model.complete(TURN, Sampling())[0].text == "fine"  # the pool is not spoilt


@pytest.mark.parametrize("way", ["complete", "acomplete"])
def test_a_busy_server_says_when_to_retry(server: Server, way: str) -> None:
    server.step = busy
    model = OpenAIModel(server.url, "m")
    with pytest.raises(ModelError, match=r"HTTP 429: x{300}") as caught:
        ask(model, way, Sampling())
    assert len(str(caught.value)) < 500
    assert find_transient_fault(caught.value).retry_after == 7.0


def test_a_refused_connection_is_not_retried() -> None:
    with pytest.raises(ModelError, match="cannot be reached") as caught:
        OpenAIModel("http://127.0.0.1:9/v1", "m").complete(TURN, Sampling(seconds=5))
    assert find_transient_fault(caught.value) is None


def test_the_key_stands_in_no_error(server: Server) -> None:
    server.step = lambda handler: handler.reply(b"bad key topsecret", status=401)
    with pytest.raises(ModelError, match=r"HTTP 401: bad key \*\*\*") as caught:
        OpenAIModel(server.url, "m", api_key="topsecret").complete(TURN, Sampling())
    assert "topsecret" not in repr(caught.value.__cause__)


def test_asyncio_requests_run_at_the_same_time(server: Server) -> None:
    together = threading.Barrier(3)

    def meet(handler: Handler) -> None:
        together.wait(10)
        answer(handler)

    server.step = meet
    model = OpenAIModel(server.url, "m")

    async def main() -> list[str]:
        replies = await asyncio.gather(*(model.acomplete(TURN, Sampling(seconds=20)) for _ in range(3)))
        return [answers[0].text for answers in replies]

    assert asyncio.run(main()) == ["fine"] * 3


def test_asyncio_asks_for_the_model_name_once(server: Server) -> None:
    server.step = lambda handler: (
        handler.reply(b'{"data": [{"id": "tiny"}]}') if handler.path.endswith("/models") else answer(handler)
    )
    model = OpenAIModel(server.url)

    async def main() -> None:
        await model.acomplete(TURN, Sampling())
        await model.acomplete(TURN, Sampling())

    asyncio.run(main())
    assert [path for path, _ in server.requests] == ["/v1/models", "/v1/chat/completions", "/v1/chat/completions"]


def test_a_cancelled_task_leaves_at_once(server: Server) -> None:
    server.step = hang
    model = OpenAIModel(server.url, "m")

    async def main() -> None:
        task = asyncio.create_task(model.acomplete(TURN, Sampling(seconds=30)))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    start = time.monotonic()
    asyncio.run(main())
    assert time.monotonic() - start < 0.9


def test_proxies_of_the_environment_are_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url.removesuffix("/v1"))
    monkeypatch.setenv("http_proxy", server.url.removesuffix("/v1"))
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert OpenAIModel("http://model.invalid/v1", "m").complete(TURN, Sampling())[0].text == "fine"
    assert server.requests[0][0] == "http://model.invalid/v1/chat/completions"
    monkeypatch.setenv("no_proxy", "model.invalid")
    with pytest.raises(ModelError, match="cannot be reached"):
        OpenAIModel("http://model.invalid/v1", "m").complete(TURN, Sampling(seconds=5))


def test_a_proxy_that_cannot_be_used_is_a_model_error(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "gopher://127.0.0.1:1")
    with pytest.raises(ModelError, match="the proxy of the environment cannot be used"):
        OpenAIModel(server.url, "m").complete(TURN, Sampling())


def test_without_httpx_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'ctxprune-middleware\[llm\]'"):
        ask_model(LimitedModel(OpenAIModel("http://127.0.0.1:9/v1", "m")), TURN, Sampling())


def test_httpx_is_imported_by_the_first_request() -> None:
    code = "import sys, ctxprune.llm.chat_models as m; m.OpenAIModel('http://x/v1'); print('httpx' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
