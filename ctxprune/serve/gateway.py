"""What every request goes through before and after its route: id, key, limits, deadline, log, metrics, span."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ctxprune.errors import CtxpruneError, RequestError
from ctxprune.serve import errors, replies
from ctxprune.serve.call import Call
from ctxprune.serve.cost import estimate_seconds, is_short
from ctxprune.serve.limits import (
    ClientGoneError,
    Reservation,
    check_headers,
    check_host,
    check_origin,
    has_body,
    read_body,
    wait_until_gone,
)
from ctxprune.serve.logs import cause, log, request_id
from ctxprune.serve.long import GUARDRAIL_PATH, LARGE_PATHS
from ctxprune.serve.spans import describe_reply, start_request_span

if TYPE_CHECKING:
    from ctxprune.serve.service import Service
    from ctxprune.serve.settings import LimitsConfig

__all__ = ["Gateway"]

_GONE = 499  # nginx's status for a client that went away, in logs and metrics only
_GUARDED = ("/v1/", "/beta/")
_PART_BYTES = 65_536
_LAST = (400, 408)  # statuses after which it is not known where a further request would begin
_QUESTION_BYTES = 131_072  # question and evidence, 10,000 characters each, fit in whatever way they are escaped in JSON


class Gateway:
    """ASGI middleware around all routes. Those under /v1/ and /beta/ need a key, a turn, and must end in time."""

    def __init__(self, app: Any, service: Service) -> None:
        self._app, self._service = app, service

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Reversed, so that of several headers of one name the first counts.
        headers = dict(reversed(scope["headers"]))
        call = Call(request_id(headers.get(b"x-request-id", b"")), headers, unread=has_body(headers))
        scope.setdefault("state", {})["call"] = call
        reply = _Reply(send, call)
        start = time.perf_counter()
        # Paths that do not exist share one label; a scanner would fill the metrics with labels otherwise.
        route = scope["path"] if scope["path"] in self._service.routes else "other"
        with start_request_span(scope["method"], route, headers) as span:
            try:
                await self._serve(scope, receive, reply)
            except ClientGoneError:
                call.status = _GONE
            except asyncio.CancelledError:  # the grace time is over; the task ends here in any case
                await reply.error(RequestError("the service stopped", status=503, hint="ask another instance"))
            except Exception as error:  # noqa: BLE001 - the last handler: an answer without particulars, and a log line
                call.log_fields["cause"] = cause(error)
                await reply.error(error)
            finally:
                seconds = time.perf_counter() - start
                describe_reply(span, call.status)
                self._service.metrics.request(route, call.status, seconds)
                fields = {
                    "method": scope["method"],
                    "route": route,
                    "status": call.status,
                    "key": call.key.name or None,
                }
                log("request", request_id=call.id, **fields, ms=round(seconds * 1e3, 2), **call.log_fields)

    async def _serve(self, scope: Any, receive: Any, reply: _Reply) -> None:
        limits = self._service.config.limits
        # First what costs nothing and needs no key.
        check_headers(scope["headers"], limits.header_bytes)
        if self._service.names is not None:
            check_host(scope["headers"], self._service.names)
            check_origin(scope["headers"])
        if not scope["path"].startswith(_GUARDED):
            await self._app(scope, receive, reply)
            return
        reply.call.key = self._service.keys.of(reply.call.headers)
        try:
            # One deadline for reading, waiting and work together, which is what the client sees.
            await asyncio.wait_for(self._serve_in_turn(scope, receive, reply), limits.seconds)
        # QueryTimeoutError is a TimeoutError too, and keeps its own code.
        except CtxpruneError:
            raise
        except TimeoutError as error:
            hint = f"requests may take {limits.seconds:g} seconds; send or ask for less"
            raise RequestError("the request took too long", status=504, hint=hint) from error

    async def _serve_in_turn(self, scope: Any, receive: Any, reply: _Reply) -> None:
        """The body is read before the request has its turn: one that does not arrive keeps no other out."""
        service, call = self._service, reply.call
        reservation = Reservation(service.ledger, call.key.name)
        call.reserve = reservation.resize
        try:
            service.gate.check_open()
            limits = _limits_of(scope["path"], service.config.limits)
            call.body, call.mark = await read_body(receive, call.headers, limits, reservation)
            call.unread = False
            call.log_fields["bytes"] = len(call.body)
            call.cost = estimate_seconds(call.body)
            call.short = is_short(call.body, call.cost)
            gate = service.gate if call.short else service.long_gate
            async with gate.turn(call.key.name, call.cost):
                await _while_connected(self._app(scope, _nothing_more, reply), receive)
        finally:
            call.body = b""
            reservation.resize(0)


def _limits_of(path: str, limits: LimitsConfig) -> LimitsConfig:
    """Requests that are not worked on in a process of their own are parsed in this one, so they may not be as large.
    Only a proxy sends images with what is to be pruned.
    """
    if path == GUARDRAIL_PATH:
        return limits
    most = limits.body_bytes if path in LARGE_PATHS else min(limits.body_bytes, _QUESTION_BYTES)
    return replace(limits, body_bytes=most, attachment_bytes=0)


async def _nothing_more() -> Any:
    """ASGI's receive for the routes: the gateway read the body, and it watches the client."""
    await asyncio.get_running_loop().create_future()


async def _while_connected(work: Any, receive: Any) -> None:
    """Runs `work`, and stops it when the client goes away."""
    tasks = [asyncio.ensure_future(work), asyncio.ensure_future(wait_until_gone(receive))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not tasks[0].done():
            raise ClientGoneError
        # Raises what the work raised.
        tasks[0].result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Reply:
    """ASGI's send with the request's id in the headers; remembers the status."""

    def __init__(self, send: Any, call: Call) -> None:
        self._send, self.call = send, call
        self._streams = self._ended = False

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.call.status = message["status"]
            message["headers"] = [*message.get("headers", ()), (b"x-request-id", self.call.id.encode())]
            if self.call.unread or message["status"] in _LAST:
                message["headers"].append((b"connection", b"close"))
            self._streams = (b"content-type", b"text/event-stream; charset=utf-8") in message["headers"]
        elif message["type"] == "http.response.body":
            message = await self._send_all_but_last(message)
            self._ended = not message.get("more_body", False)
        await self._send(message)

    async def _send_all_but_last(self, message: Any) -> Any:
        """Sends a long body in parts, each when the client took those before, so that the deadline is that of sending,
        too; the last one is given back.
        """
        body = memoryview(message.get("body", b""))
        while len(body) > _PART_BYTES:
            await self._send({"type": "http.response.body", "body": bytes(body[:_PART_BYTES]), "more_body": True})
            body = body[_PART_BYTES:]
        return {**message, "body": bytes(body)}

    async def error(self, error: Exception) -> None:
        """The error as an answer; as the last event where a stream has begun."""
        document = errors.document(error, self.call.id)
        status = errors.status_of(error) if isinstance(error, CtxpruneError) else 500
        if self._streams and not self._ended:
            await self(
                {"type": "http.response.body", "body": replies.encode_event("error", document), "more_body": False}
            )
        if self.call.status:
            return
        headers = errors.headers_of(error) if isinstance(error, CtxpruneError) else {}
        given = [(name.encode(), value.encode()) for name, value in headers.items()]
        body = replies.encode(document)
        given += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await self({"type": "http.response.start", "status": status, "headers": given})
        await self({"type": "http.response.body", "body": body})
