"""JSON over HTTP, by httpx: pooled connections, proxies of the environment, one deadline a request, bounded replies."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import threading
import weakref
from http.cookiejar import CookieJar, DefaultCookiePolicy
from time import monotonic
from typing import TYPE_CHECKING, Any

from ctxprune.errors import ModelError
from ctxprune.utils.extras import require

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

__all__ = ["JsonClient"]

_MAX_REPLY = 16_000_000  # bytes of one reply
_MAX_ERROR = 400  # bytes of an error's text
# Servers close idle connections after 5 s (uvicorn, llama.cpp) or later. Ours go before that, so that no request is
# sent into a connection which is being closed.
_KEEPALIVE_SECONDS = 3.0


class JsonClient:
    """Requests to one server. Safe to share between threads, and with processes that are forked.

    Redirects are not followed, since they would carry the key to another host, and cookies are not stored. Environment
    variables for proxies (HTTPS_PROXY, NO_PROXY) are read at the first request.

    Args:
        url: Base URL, without a slash at its end.
        key: Bearer token; "" for none. It stands in no error.

    Raises:
        MissingExtraError: At the first request: httpx is not installed (extra `llm`).
    """

    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = url, key
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None
        self._process = 0
        self._tls: ssl.SSLContext | None = None

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self._url, self._key)  # a copy opens connections of its own

    def request(self, path: str, body: dict[str, Any] | None, seconds: float) -> dict[str, Any]:
        """The JSON object that the server replies: GET without a body, else POST.

        Raises:
            ModelError: The server cannot be reached, refuses, is late, or replies in another form.
        """
        httpx = require("httpx", "llm")
        call, reply, malformed = self._call(path, body, seconds), _Reply(monotonic() + seconds), ""
        try:
            with self._pooled().stream(**call) as response:
                reply.begin(response)
                for piece in response.iter_raw():
                    if reply.add(piece):
                        break
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            malformed = self._malformed(error, reply)
        return self._result(reply, malformed)

    async def arequest(self, path: str, body: dict[str, Any] | None, seconds: float) -> dict[str, Any]:
        """As `request`, for asyncio.

        The connection is closed afterwards: a pool would belong to one event loop, and nobody would close it with it.

        Raises:
            ModelError: As `request`.
        """
        httpx = require("httpx", "llm")
        call, reply, malformed = self._call(path, body, seconds), _Reply(monotonic() + seconds), ""
        try:
            async with (
                asyncio.timeout(seconds),
                self._new_client(httpx.AsyncClient) as client,
                client.stream(**call) as response,
            ):
                reply.begin(response)
                await _read_all(response.aiter_raw(), reply)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            malformed = self._malformed(error, reply)
        return self._result(reply, malformed)

    def _pooled(self) -> httpx.Client:
        with self._lock:
            # Sockets are shared with a parent process after a fork, so each process opens its own.
            if self._client is None or self._process != os.getpid():
                self._client, self._process = self._new_client(require("httpx", "llm").Client), os.getpid()
                weakref.finalize(self, self._client.close)
            return self._client

    def _new_client(self, kind: Any) -> Any:
        httpx = require("httpx", "llm")
        # Without a maximum: how many requests run at once is for `LimitedModel` to say.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=_KEEPALIVE_SECONDS)
        # The system's certificates, as other programs use them, rather than those that httpx brings; read once.
        self._tls = self._tls or ssl.create_default_context()
        headers = {"Accept-Encoding": "identity", "User-Agent": "ctxprune"}
        cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        try:
            return kind(headers=headers, limits=limits, verify=self._tls, cookies=cookies)
        except (ImportError, ValueError, httpx.InvalidURL) as error:
            raise ModelError(f"the proxy of the environment cannot be used: {error}", where=self._url) from error

    def _call(self, path: str, body: dict[str, Any] | None, seconds: float) -> dict[str, Any]:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        content = None if body is None else json.dumps(body).encode()
        return {
            "method": "GET" if body is None else "POST",
            "url": self._url + path,
            "content": content,
            "headers": headers,
            "timeout": seconds,
        }

    def _malformed(self, error: Exception, reply: _Reply) -> str:
        """What is wrong with a reply that is not HTTP; it is raised apart from `error`, since a server that does not
        speak HTTP is not a broken connection, which callers would retry.

        Raises:
            ModelError: The failure is any other one, with `error` as its cause.
        """
        httpx = require("httpx", "llm")
        if isinstance(error, (httpx.TimeoutException, TimeoutError)):
            raise self._failure("timed out") from error
        # httpcore reports a lost connection by itself, but bytes that are not HTTP while it handles the parser's error.
        parser_error = error.__cause__.__context__ if error.__cause__ is not None else None
        if isinstance(error, httpx.RemoteProtocolError) and reply.status == 0 and parser_error is not None:
            return str(error)
        raise self._failure(str(error) or type(error).__name__) from error

    def _result(self, reply: _Reply, malformed: str) -> dict[str, Any]:
        if malformed:
            raise self._failure(malformed)
        if reply.response is not None and not 200 <= reply.status < 300:
            text = " ".join(bytes(reply.raw[:_MAX_ERROR]).decode("utf-8", "replace").split())
            hint = "its key is missing: give api_key, or set CTXPRUNE_API_KEY for the command line"
            hint = hint if reply.status in {401, 403} and not self._key else ""
            text, response = self._safe(text), reply.response
            # The cause carries status and Retry-After to `find_transient_fault`.
            cause = require("httpx", "llm").HTTPStatusError(text, request=response.request, response=response)
            raise ModelError(f"HTTP {reply.status}: {text}", where=self._url, hint=hint) from cause
        return _json_object(bytes(reply.raw), self._url)

    def _failure(self, why: str) -> ModelError:
        return ModelError(f"the server cannot be reached: {self._safe(why)}", where=self._url)

    def _safe(self, text: str) -> str:
        """`text` without the key, which some servers repeat."""
        return text.replace(self._key, "***") if self._key else text


class _Reply:
    """What has arrived of one reply: its status and bytes, up to the limits of size and time."""

    def __init__(self, end: float) -> None:
        self.raw = bytearray()
        self.status = 0
        self.response: httpx.Response | None = None
        self._end = end

    def begin(self, response: httpx.Response) -> None:
        self.response, self.status = response, response.status_code

    def add(self, piece: bytes) -> bool:
        """Store a piece; True once enough has arrived.

        Raises:
            TimeoutError: The deadline has passed; the timeout of the socket begins anew with each piece.
        """
        self.raw += piece
        if monotonic() > self._end:
            raise TimeoutError("timed out")
        most = _MAX_REPLY if 200 <= self.status < 300 else _MAX_ERROR
        return len(self.raw) > most


async def _read_all(pieces: AsyncIterator[bytes], reply: _Reply) -> None:
    async for piece in pieces:
        if reply.add(piece):
            break


def _json_object(raw: bytes, where: str) -> dict[str, Any]:
    reply: Any = None
    try:
        # A reply over the limit was cut, so it is refused without being read.
        reply = json.loads(raw) if len(raw) <= _MAX_REPLY else None
    except (ValueError, RecursionError) as error:
        raise ModelError("the server's answer is not JSON", where=where) from error
    if not isinstance(reply, dict):
        raise ModelError("the server's answer is too long or not a JSON object", where=where)
    return reply
