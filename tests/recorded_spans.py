"""Spans of a test, as OpenTelemetry's SDK records them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


class Spans:
    """What was recorded since the test began, or since `clear`."""

    def __init__(self, exporter: Any) -> None:
        self._exporter = exporter
        self.clear = exporter.clear

    def written(self) -> list[Any]:
        """All spans in the order in which they were written."""
        return list(self._exporter.get_finished_spans())

    def all(self, name: str = "") -> list[Any]:
        """The spans of that name, or all, in the order in which they began."""
        found = [span for span in self._exporter.get_finished_spans() if not name or span.name == name]
        return sorted(found, key=lambda span: span.start_time)

    def one(self, name: str) -> dict[str, Any]:
        """The attributes of the one span of that name."""
        (span,) = self.all(name)
        return dict(span.attributes)

    def tree(self) -> list[str]:
        """Names, with a dot for each step from the root."""
        spans = self.all()
        known = {span.context.span_id for span in spans}
        children: dict[int, list[Any]] = {}
        for span in spans:
            parent = span.parent.span_id if span.parent is not None and span.parent.span_id in known else 0
            children.setdefault(parent, []).append(span)

        def walk(parent: int, depth: int) -> Iterator[str]:
            for span in children.get(parent, []):
                yield "." * depth + span.name
                yield from walk(span.context.span_id, depth + 1)

        return list(walk(0, 0))

    def text(self) -> str:
        """Everything that would be sent to whoever collects spans."""
        return "\n".join(span.to_json() for span in self.all())


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Spans:
    """An application that records all spans in memory."""
    sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="OpenTelemetry's SDK is not installed")
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    monkeypatch.delenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", raising=False)
    provider, exporter = sdk.TracerProvider(shutdown_on_exit=False), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    # `set_tracer_provider` works once a process.
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", provider)
    return Spans(exporter)
