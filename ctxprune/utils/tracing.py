"""Spans of the library's steps: for OpenTelemetry, and for whoever observes the steps of one call (LangChain).

OpenTelemetry is never imported here. An application that wants spans has imported its API and set a tracer provider;
where it has not, `start_span` gives one shared object that does nothing.

By default spans hold numbers, names of the application's own making (models, scorers, tables) and types of errors, but
no question, value, row or message. The environment variable `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`
("true", "span_only" or "span_and_event") adds questions, prompts, answers and whole queries.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections import deque
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from threading import RLock
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from ctxprune._version import __version__
from ctxprune.errors import CtxpruneError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

__all__ = [
    "CONTENT_VARIABLE",
    "NO_SPAN",
    "Observer",
    "Span",
    "captures_content",
    "has_tracer",
    "is_traced",
    "observe_spans",
    "record_span",
    "start_span",
]

Attributes: TypeAlias = "Callable[[], Mapping[str, Any]]"
Name: TypeAlias = "str | Callable[[], str]"

CONTENT_VARIABLE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_opening = RLock()  # threads below one span may open it at the same time
_logger = logging.getLogger(__name__)
_MOST_HELD = 256  # spans that wait to be written; the SDK's batch processor drops those beyond 2,048 at once
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
        tracer: Of OpenTelemetry; None where the application has set no provider.
        whole: Whether only calls to others are told below it.
    """

    recording = False
    name = ""
    observer: Observer | None = None
    tracer: Any = None
    whole = False

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
        self.name, self.observer, self.whole, self._outer = outer.name, outer.observer, outer.whole, outer

    @property
    def recording(self) -> bool:  # type: ignore[override]
        return self._outer.recording

    def set(self, attributes: Mapping[str, Any]) -> None:
        self._outer.set(attributes)

    def fail(self, kind: str) -> None:
        self._outer.fail(kind)


class _Recorded(Span):
    """A span that is current while its block runs.

    Most spans are written together, when the live span above them ends or some hundreds have come together: between the
    steps of a question, whose work has cleared the processor's caches, starting and ending one takes three times as
    long as in one loop. Only live spans, and those without a parent of ours, are spans of OpenTelemetry from the start,
    below which spans of other libraries can hang.
    """

    _failed = _written = False
    _begin = _end = 0
    _span: Any = None  # once it is one of OpenTelemetry

    def __init__(self, name: Name, attributes: Attributes | None, kind: str, parent: _Recorded | None) -> None:
        self._name, self._known, self._kind, self._parent = name, attributes, kind, parent
        if isinstance(name, str):
            self.name = name
        self._attributes: dict[str, Any] = {}
        self._children: deque[_Recorded] = deque()  # those that have ended and are not written yet
        self._held = 0  # how many these are, with those below them
        # From the monotonic clock to wall time, in nanoseconds: one for a whole trace, since the wall clock may be set
        # meanwhile, and a thread may lose the processor between reading the one and the other.
        self.offset: int = time.time_ns() - time.perf_counter_ns() if parent is None else parent.offset
        # The context of the nearest live span: itself, or one above; and whether that one is recorded.
        self.anchor: Any = None if parent is None else parent.anchor
        self._sampled: bool = parent is not None and parent._sampled

    @property
    def recording(self) -> bool:  # type: ignore[override]
        return self.observer is not None or self._sampled

    def set(self, attributes: Mapping[str, Any]) -> None:
        self._attributes.update(_without_none(attributes))

    def fail(self, kind: str) -> None:
        self._attributes["error.type"], self._failed = kind, True

    def resolve(self) -> None:
        """Name and first attributes, which are only computed for spans that somebody sees."""
        try:
            if not isinstance(self._name, str):
                self.name = self._name = self._name()
            if self._known is not None:
                # What was set since then counts.
                self._attributes = _without_none(self._known()) | self._attributes
        except Exception as error:  # noqa: BLE001 - an object of the user, a model say, that cannot tell its name
            # What is traced must not fail for being traced.
            _logger.warning("a span lacks its attributes: %s", type(error).__name__)
            self.name = self._name = self.name or "unknown"
        self._known = None

    def begin(self, tracer: Any, *, live: bool) -> object:
        """The beginning of its block; what a live span gives back ends its being current."""
        self._begin = self.offset + time.perf_counter_ns()
        if self._parent is not None and not live:
            return None
        self.open(tracer)
        self.anchor = self._make_context()
        return sys.modules["opentelemetry.context"].attach(self.anchor)

    def _make_context(self) -> Any:
        """A context in which it is the current span."""
        return sys.modules["opentelemetry.trace"].set_span_in_context(self._span)

    def open(self, tracer: Any) -> None:
        """Make it a span of OpenTelemetry now, and those above it before."""
        if self._span is not None:
            return
        with _opening:
            if self._parent is not None:
                self._parent.open(tracer)
            if self._span is None:
                self._start(tracer, None if self._parent is None else self._parent._make_context())

    def _start(self, tracer: Any, above: Any) -> None:
        self.resolve()
        self._span = tracer.start_span(
            self.name,
            context=above,  # None for that of the application
            kind=getattr(sys.modules["opentelemetry.trace"].SpanKind, self._kind),
            attributes=self._attributes,  # in the constructor, where samplers look at them
            start_time=self._begin,
        )
        self._sampled = self._span.is_recording()

    def end(self, tracer: Any) -> None:
        """The end of its block: a span that is open is written, any other one later."""
        self._end = self.offset + time.perf_counter_ns()
        if self._span is not None:
            self._span.set_attributes(self._attributes)
            self._write(tracer)
        elif self._sampled and self._parent is not None:
            self._parent.adopt(self, tracer)

    def adopt(self, child: _Recorded, tracer: Any) -> None:
        """Take a child that has ended."""
        self._children.append(child)
        self._held += 1 + child._held
        # A thread may go on after the span that began it has ended.
        if self._written or self._held >= _MOST_HELD:
            self.open(tracer)
            self._write_children(tracer)

    def _write_children(self, tracer: Any) -> None:
        self._held = 0
        context = self._make_context()
        # Threads may do so at the same time; each child is taken by one of them.
        while self._children:
            try:
                child = self._children.popleft()
            except IndexError:
                return
            child.write_below(context, tracer)

    def write_below(self, above: Any, tracer: Any) -> None:
        """Write it as a child of the span that is current in the context `above`."""
        if self._span is None:
            self._start(tracer, above)
        else:  # a thread that goes on has opened it since
            self._span.set_attributes(self._attributes)
        self._write(tracer)

    def _write(self, tracer: Any) -> None:
        self._written = True
        if self._children:
            self._write_children(tracer)
        if self._failed:
            self._span.set_status(sys.modules["opentelemetry.trace"].StatusCode.ERROR)
        self._span.end(self._end)


class _Block(_Recorded):
    """A recorded span as a context manager."""

    def __init__(self, name: Name, attributes: Attributes | None, kind: str, tracer: Any, *, live: bool) -> None:
        outer = _current.get()
        super().__init__(name, attributes, kind, _parent_of(outer, tracer))
        self.tracer, self._live = tracer, live
        if outer.observer is not None:
            self.observer = outer.observer

    def __enter__(self) -> Span:
        if self.observer is not None:  # first: it may raise, and then nothing is to be undone
            self.resolve()
            self.observer = self.observer.start(self.name, dict(self._attributes))
        attached = None if self.tracer is None else self.begin(self.tracer, live=self._live)
        self._tokens = _current.set(self), attached
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            # The type alone: a message may quote values, and a traceback shows source lines with them.
            # So may the code of somebody else's exception.
            self.set({"ctxprune.error.code": error.code if isinstance(error, CtxpruneError) else None})
            self.fail(type(error).__qualname__)
        current, attached = self._tokens
        _current.reset(current)
        if attached is not None:
            sys.modules["opentelemetry.context"].detach(attached)
        if self.tracer is not None:
            self.end(self.tracer)
        if self.observer is not None:
            self.observer.end(self._attributes, error)


def _parent_of(outer: Span, tracer: Any) -> _Recorded | None:
    """The span of ours that is the parent of a new one; None where it is one of the application, or there is none."""
    if tracer is None or not isinstance(outer, _Recorded):
        return None
    # Within our span the application may have begun one of its own. Mostly nothing was attached since, and to compare
    # contexts is faster than to read spans out of them.
    current = sys.modules["opentelemetry.context"].get_current()
    if current is outer.anchor:
        return outer
    read = sys.modules["opentelemetry.trace"].get_current_span
    return outer if read(current) is read(outer.anchor) else None


def start_span(
    name: Name,
    attributes: Attributes | None = None,
    *,
    kind: str = "INTERNAL",
    live: bool = False,
    whole: bool = False,
) -> Span:
    """A span for a `with` block, child of the one that is current, which it replaces there.

    One function may call another that is traced under the same name; then both are one span.

    Args:
        name: One of few, "ctxprune.…" where it names a step of the library; or gives it, once somebody records.
        attributes: Gives what is known now; called only where somebody records, perhaps after the block.
        kind: "INTERNAL", "CLIENT" or "SERVER".
        live: Whether spans of other libraries hang here, and not at the next live span above.
        whole: Whether below it only live spans and calls to others ("CLIENT") are made, for a part whose steps matter
            less than what they cost.
    """
    outer = _current.get()
    tracer = _current_tracer() if outer.tracer is None else outer.tracer
    if tracer is None and outer.observer is None:
        return NO_SPAN
    if outer.name == name:
        return _Reentered(outer)
    if outer.whole and not live and kind == "INTERNAL":
        return NO_SPAN
    span = _Block(name, attributes, kind, tracer, live=live)
    span.whole = whole
    return span


def is_traced() -> bool:
    """Whether `start_span` would give a span that somebody may record; for what is only done for its sake."""
    return _current.get().observer is not None or _current_tracer() is not None


def has_tracer() -> bool:
    """Whether the application has set a tracer provider, so that OpenTelemetry's API is imported."""
    return _current_tracer() is not None


def record_span(name: str, start: float, end: float, attributes: Mapping[str, Any]) -> None:
    """A span of OpenTelemetry that has ended already, child of the current span; observers are not told.

    Args:
        name: As in `start_span`.
        start: A reading of `time.perf_counter`.
        end: The same.
        attributes: All of them.
    """
    tracer, outer = _current_tracer(), _current.get()
    parent = None if outer.whole else _parent_of(outer, tracer)
    if parent is not None and parent.recording:
        span = _Recorded(name, None, "INTERNAL", parent)
        span.set(attributes)
        span._begin, span._end = (parent.offset + int(at * 1e9) for at in (start, end))
        parent.adopt(span, tracer)


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
