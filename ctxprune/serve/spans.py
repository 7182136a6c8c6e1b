"""Spans of requests that the service answers."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ctxprune.utils.tracing import NO_SPAN, has_tracer, start_span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ctxprune.utils.tracing import Span

__all__ = ["describe_reply", "start_request_span"]

_METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})


@contextmanager
def start_request_span(method: str, route: str, headers: Mapping[bytes, bytes]) -> Iterator[Span]:
    """The span of an HTTP request that is served, child of the caller's (`traceparent`).

    Args:
        method: Of the request.
        route: One of few.
        headers: Of the request, names in lower case.
    """
    if not has_tracer():
        yield NO_SPAN
        return
    from opentelemetry import context, propagate, trace

    # Middleware that an operator put around the service has made a span of the request, and read the headers.
    if trace.get_current_span().get_span_context().is_valid:
        yield NO_SPAN
        return
    # Without baggage, which instrumented clients would pass on to models' providers.
    names = propagate.get_global_textmap().fields - {"baggage"}
    known = {name: headers[name.encode()].decode("latin-1") for name in names if name.encode() in headers}
    token = context.attach(propagate.extract(known))
    # A client may send any word as the method, and as many as it likes.
    word, method = (method, method) if method in _METHODS else ("HTTP", "_OTHER")  # as the conventions say
    attributes = {"http.request.method": method, "http.route": route}
    try:
        with start_span(f"{word} {route}", lambda: attributes, kind="SERVER", live=True) as span:
            yield span
    finally:
        context.detach(token)


def describe_reply(span: Span, status: int) -> None:
    """The status of a request that was served; it is an error where it is the service's fault."""
    span.set({"http.response.status_code": status})
    if status >= 500:
        span.fail(str(status))
