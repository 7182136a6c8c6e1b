"""Spans of the library's steps: for OpenTelemetry, and for whoever observes the steps of one call (LangChain).

OpenTelemetry is never imported here. An application that wants spans has imported its API and set a tracer provider;
where it has not, `start_span` gives one shared object that does nothing.

By default spans hold numbers, names of the application's own making (models, scorers, tables) and types of errors, but
no question, value, row or message. The environment variable `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`
("true", "span_only" or "span_and_event") adds questions, prompts, answers and whole queries.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from ctxprune._version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

__all__ = [
    "CONTENT_VARIABLE",
    "NO_SPAN",
    "Observer",
    "Span",
    "captures_content",
    "describe_reply",
    "is_traced",
    "observe_spans",
    "record_span",
    "start_request_span",
    "start_span",
    "wall_nanoseconds",
]

CONTENT_VARIABLE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_WITH_CONTENT = frozenset({"true", "1", "span_only", "span_and_event"})


class Observer(Protocol):
    """Is told of the spans of one call, beside OpenTelemetry."""

    def start(self, name: str, attributes: Mapping[str, Any]) -> Observer:
        """A span begins; what is given back is told of its children, and of its end."""
        ...

    def end(self, attributes: Mapping[str, Any], error: BaseException | None) -> None:
        """The span ends: all its attributes, and the exception that left it."""
        ...


class Span:
    """A span that nobody records; also the base of those that are. Use it as a context manager.

    Attributes:
        recording: Whether attributes are worth computing.
        name: As given; "" where nobody records.
        observer: Is told of its children.
    """

    recording = False
    name = ""
    observer: Observer | None = None

    def __enter__(self) -> Span:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def set(self, attributes: Mapping[str, Any]) -> None:
        """Add attributes; those that are None are left out."""

    def fail(self, kind: str) -> None:
        """Mark it as failed without an exception; `kind` is a low-cardinality word."""


NO_SPAN = Span()
_current: ContextVar[Span] = ContextVar("ctxprune_span", default=NO_SPAN)


class _Reentered(Span):
    """The span that is current already; its end is that of the outer block."""

    def __init__(self, outer: Span) -> None:
        self.name, self.observer, self._outer = outer.name, outer.observer, outer

    @property
    def recording(self) -> bool:  # type: ignore[override]
        return self._outer.recording

    def set(self, attributes: Mapping[str, Any]) -> None:
        self._outer.set(attributes)

    def fail(self, kind: str) -> None:
        self._outer.fail(kind)


class _LiveSpan(Span):
    """A span that is current while its block runs."""

    def __init__(self, name: str, attributes: dict[str, Any], kind: str, tracer: Any) -> None:
        self.name, self._attributes, self._kind, self._tracer = name, attributes, kind, tracer
        self.observer = _current.get().observer
        self._span: Any = None
        self._tokens: tuple[Any, Any] = (None, None)

    @property
    def recording(self) -> bool:  # type: ignore[override]
        # A sampler may have dropped the span.
        return self.observer is not None or self._span.is_recording()

    def __enter__(self) -> Span:
        if self.observer is not None:  # first: it may raise, and then nothing is to be undone
            self.observer = self.observer.start(self.name, self._attributes)
        attached = None
        if self._tracer is not None:
            api = sys.modules["opentelemetry.trace"]
            kind = getattr(api.SpanKind, self._kind)
            # Attributes go into the constructor, where samplers look at them.
            self._span = self._tracer.start_span(self.name, kind=kind, attributes=self._attributes)
            attached = sys.modules["opentelemetry.context"].attach(api.set_span_in_context(self._span))
        self._tokens = _current.set(self), attached
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            # The type alone: a message may quote values, and a traceback shows source lines with them.
            self.set({"ctxprune.error.code": getattr(error, "code", None)})
            self.fail(type(error).__qualname__)
        current, attached = self._tokens
        _current.reset(current)
        if self._span is not None:
            sys.modules["opentelemetry.context"].detach(attached)
            self._span.end()
        if self.observer is not None:
            self.observer.end(self._attributes, error)

    def set(self, attributes: Mapping[str, Any]) -> None:
        known = _without_none(attributes)
        if self.observer is not None:
            self._attributes.update(known)
        if self._span is not None:
            self._span.set_attributes(known)

    def fail(self, kind: str) -> None:
        self.set({"error.type": kind})
        if self._span is not None:
            self._span.set_status(sys.modules["opentelemetry.trace"].StatusCode.ERROR)


def start_span(name: str, attributes: Callable[[], Mapping[str, Any]] | None = None, *, kind: str = "INTERNAL") -> Span:
    """A span for a `with` block, child of the one that is current, which it replaces there.

    One function may call another that is traced under the same name; then both are one span.

    Args:
        name: One of few, "ctxprune.…" where it names a step of the library.
        attributes: Gives what is known now, and what samplers see; called only where somebody records.
        kind: "INTERNAL", "CLIENT" or "SERVER".
    """
    tracer, outer = _current_tracer(), _current.get()
    if tracer is None and outer.observer is None:
        return NO_SPAN
    if outer.name == name:
        return _Reentered(outer)
    return _LiveSpan(name, {} if attributes is None else _without_none(attributes()), kind, tracer)


def is_traced() -> bool:
    """Whether `start_span` would give a span that somebody may record; for names that take work to make."""
    return _current.get().observer is not None or _current_tracer() is not None


def record_span(name: str, start: int, end: int, attributes: Mapping[str, Any]) -> None:
    """A span of OpenTelemetry that has ended already, child of the current one; observers are not told.

    Args:
        name: As in `start_span`.
        start: Of `wall_nanoseconds`.
        end: The same.
        attributes: All of them.
    """
    tracer = _current_tracer()
    if tracer is not None:
        tracer.start_span(name, start_time=start, attributes=_without_none(attributes)).end(end)


def wall_nanoseconds(counter: float) -> int:
    """The time since 1970 of a reading of `time.perf_counter`."""
    return time.time_ns() - int((time.perf_counter() - counter) * 1e9)


@contextmanager
def start_request_span(method: str, route: str, headers: Mapping[bytes, bytes]) -> Iterator[Span]:
    """The span of an HTTP request that is served, child of the caller's (`traceparent`).

    Args:
        method: Of the request.
        route: One of few.
        headers: Of the request, names in lower case.
    """
    if _current_tracer() is None:
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
    attributes = {"http.request.method": method, "http.route": route}
    try:
        with start_span(f"{method} {route}", lambda: attributes, kind="SERVER") as span:
            yield span
    finally:
        context.detach(token)


def describe_reply(span: Span, status: int) -> None:
    """The status of a request that was served; it is an error where it is the service's fault."""
    span.set({"http.response.status_code": status})
    if status >= 500:
        span.fail(str(status))


@contextmanager
def observe_spans(observer: Observer) -> Iterator[None]:
    """Tell `observer` of the spans that begin while the block runs, in this thread or task and in those it starts."""
    root = Span()
    root.observer = observer
    before = _current.set(root)
    try:
        yield
    finally:
        _current.reset(before)


def captures_content() -> bool:
    """Whether questions, prompts, answers and whole queries go into spans; see the module's docstring."""
    # Read each time, since it is asked only where somebody records.
    return os.environ.get(CONTENT_VARIABLE, "").strip().lower() in _WITH_CONTENT


def _current_tracer() -> Any:
    """The application's tracer; None where it has set none."""
    api = sys.modules.get("opentelemetry.trace")
    # Another thread may be in the middle of importing the module.
    provide = getattr(api, "get_tracer_provider", None)
    if api is None or provide is None:
        return None
    provider = provide()
    # Those of the API itself record nothing. They are abstract classes, for which `isinstance` takes ten times as long.
    return None if type(provider).__module__ == "opentelemetry.trace" else _tracer_of(provider)


@lru_cache(maxsize=1)
def _tracer_of(provider: Any) -> Any:
    # To make a tracer takes longer than to start a span.
    return provider.get_tracer("ctxprune", __version__)


def _without_none(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}
