"""What was understood of a question: its words, and the parts of a query that they explain."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["KINDS", "Contested", "Part", "Reading", "Span", "describe"]

KINDS = (
    "table", "column", "value", "number", "date", "aggregate", "comparison", "order", "negation", "grouping", "limit",
    "distinct", "function",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a query.

    Attributes:
        kind: One of `KINDS`.
        text: As SQL with the real names of tables: "AVG(employee.salary)", "city.name = 'Rome'".
    """

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Span:
    """Neighbouring words of the question that the same parts explain, or that nothing explains.

    Attributes:
        start, end: Characters [start, end) of the question.
        text: Those characters.
        parts: What of the query they stand for; () where nothing does.
        content: They must be explained; False for words that only carry the grammar.
    """

    start: int
    end: int
    text: str
    parts: tuple[Part, ...]
    content: bool


@dataclass(frozen=True, slots=True)
class Contested:
    """Words that the query explains and the question speaks against.

    Attributes:
        start, end: Characters [start, end) of the question.
        text: Those characters.
        why: The reason as a clause.
    """

    start: int
    end: int
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class Reading:
    """The account of one question and one query.

    Attributes:
        spans: The words of the question in order, disjoint.
        extra: Parts of the query that no word asks for.
        bridges: Tables of events that the query goes through, where a verb of the question may mean others.
        contested: Words whose explanation the question speaks against.
    """

    spans: tuple[Span, ...]
    extra: tuple[Part, ...]
    bridges: tuple[Part, ...] = ()
    contested: tuple[Contested, ...] = ()

    @property
    def unused(self) -> tuple[Span, ...]:
        """Content spans that nothing explains."""
        return tuple(span for span in self.spans if span.content and not span.parts)

    @property
    def coverage(self) -> float:
        """Share of the words with content that are explained, 0..1; 1.0 for a question without such words."""
        sizes = [(len(span.text.split()), bool(span.parts)) for span in self.spans if span.content]
        total = sum(size for size, _ in sizes)
        return sum(size for size, explained in sizes if explained) / total if total else 1.0

    def to_dict(self) -> dict[str, Any]:
        """Spans, extra parts, unused texts and the coverage as JSON-ready data."""
        return {
            "spans": [{**asdict(span), "parts": [asdict(part) for part in span.parts]} for span in self.spans],
            "extra": [asdict(part) for part in self.extra],
            "bridges": [asdict(part) for part in self.bridges],
            "contested": [asdict(one) for one in self.contested],
            "unused": [span.text for span in self.unused],
            "coverage": round(self.coverage, 4),
        }


def describe(reading: Reading) -> str:
    """One line for people: "'average salary' → AVG(employee.salary); not used: 'IT department'"; "" for no words.

    Parts of the query that nobody asked for follow as "not asked for: …".
    """
    told = [f"{span.text!r} → {_shown(span.parts)}" for span in reading.spans if span.parts]
    if reading.unused:
        told.append("not used: " + ", ".join(repr(span.text) for span in reading.unused))
    if reading.extra:
        told.append("not asked for: " + ", ".join(part.text for part in reading.extra))
    return "; ".join(told)


def _shown(parts: tuple[Part, ...]) -> str:
    """The parts, but for those whose text another one holds."""
    texts = list(dict.fromkeys(part.text for part in parts))
    return ", ".join(text for text in texts if not any(text != other and text in other for other in texts))
