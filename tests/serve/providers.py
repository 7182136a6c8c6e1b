"""A server that stands for OpenAI and Anthropic: it keeps each request, and answers "In 1933.", also as a stream."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["ANSWER", "Providers"]

ANSWER = "In 1933."
OPENAI_PATH = "/v1/chat/completions"
_USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
_OPENAI = {"id": "c", "created": 1, "model": "m"}
_ANTHROPIC = {
    "id": "m",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "stop_reason": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


class Providers:
    """The running server.

    Attributes:
        requests: What it got: paths and bodies.
        url: Where it listens.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self.requests))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)

    def __enter__(self) -> Providers:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


def _handler(requests: list[tuple[str, dict[str, Any]]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_words: object) -> None:
            pass

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            requests.append((self.path, body))
            openai = self.path == OPENAI_PATH
            if body.get("stream"):
                kind, text = "text/event-stream", _openai_stream() if openai else _anthropic_stream()
            else:
                kind, text = "application/json", json.dumps(_openai_reply() if openai else _anthropic_reply())
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

    return Handler


def _openai_reply() -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": ANSWER}}
    return _OPENAI | {"object": "chat.completion", "choices": [choice], "usage": _USAGE}


def _openai_stream() -> str:
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": part} for part in (ANSWER[:3], ANSWER[3:])]
    chunks = []
    for delta in (*deltas, {}):
        choice = {"index": 0, "delta": delta, "finish_reason": None if delta else "stop"}
        chunks.append(json.dumps(_OPENAI | {"object": "chat.completion.chunk", "choices": [choice]}))
    return "".join(f"data: {chunk}\n\n" for chunk in (*chunks, "[DONE]"))


def _anthropic_reply() -> dict[str, Any]:
    return _ANTHROPIC | {"content": [{"type": "text", "text": ANSWER}], "stop_reason": "end_turn"}


def _anthropic_stream() -> str:
    texts = [{"type": "text_delta", "text": part} for part in (ANSWER[:3], ANSWER[3:])]
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": _ANTHROPIC | {"content": []}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *({"type": "content_block_delta", "index": 0, "delta": text} for text in texts),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}},
        {"type": "message_stop"},
    ]
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
