"""Spans for OpenTelemetry where its API is installed; which exporter they go to is the operator's choice."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["request_span"]


@contextmanager
def request_span(name: str, headers: Mapping[bytes, bytes]) -> Iterator[dict[str, Any]]:
    """A span of one request, child of the caller's (`traceparent`); what is put into the dict becomes attributes."""
    attributes: dict[str, Any] = {}
    try:
        from opentelemetry import propagate, trace
    except ModuleNotFoundError:
        yield attributes
        return
    carrier = {key: headers[key.encode()].decode("latin-1") for key in _CARRIED if key.encode() in headers}
    tracer = trace.get_tracer("ctxprune.serve")
    context = propagate.extract(carrier)
    with tracer.start_as_current_span(name, context=context, kind=trace.SpanKind.SERVER) as span:
        try:
            yield attributes
        finally:
            span.set_attributes(attributes)


_CARRIED = ("traceparent", "tracestate")
