"""Where the values of a record stand in the source, or that they do not."""

from __future__ import annotations

import re
from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from ctxprune.text.words import Folded, fold, fold_with_offsets

from .values import find_typed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .schema import RecordField

__all__ = ["Places", "Source", "list_leaves", "walk_leaves"]

Span = tuple[int, int]
_STEP = 350  # characters of a window in which typed values are read
_OVERLAP = 50
_BESIDE = 60  # characters
_MOST_READ = 200_000  # characters in which numbers and dates are read


class Places:
    """Places of labels, indexed, so that the distance to the nearest one takes no look at all of them.

    Args:
        spans: Characters [start, end) in any order; they may overlap.
    """

    def __init__(self, spans: Sequence[Span] = ()) -> None:
        rising = sorted(spans)
        self._starts = [start for start, _ in rising]
        # The last end so far, since a long place may reach beyond the ones that begin after it.
        self._ends = [*accumulate((end for _, end in rising), max)]

    def __len__(self) -> int:
        return len(self._starts)

    def distance(self, span: Span) -> int:
        """Characters between `span` and the nearest place; 0 where they overlap, and without places."""
        at = bisect_left(self._starts, span[0])
        after = [max(self._starts[at] - span[1], 0)] if at < len(self._starts) else []
        before = [max(span[0] - self._ends[at - 1], 0)] if at else []
        return min(after + before, default=0)


class Source:
    """The kept characters of a chunk, searched for values.

    Args:
        text: Of the chunk.
        spans: Characters [start, end) that the model saw, rising.
    """

    def __init__(self, text: str, spans: Sequence[Span]) -> None:
        self.text, self.spans = text, tuple(spans)
        self._folded: list[tuple[int, Folded]] | None = None
        self._typed: dict[tuple[str, tuple[str, ...]], list[tuple[Any, Span]]] = {}
        self._places: dict[tuple[type, Any, str], list[Span]] = {}
        self._nearest: dict[tuple[type, Any, str, Places], Span | None] = {}

    def find(self, value: Any, field: RecordField | None, near: Sequence[Span] | Places = ()) -> Span | None:
        """Characters [start, end) that say `value`; of several the place nearest to one of `near`, else the first.

        A text is found whatever its case, accents and white space; a number or a date in any form that says the same.
        Yes and no count within 60 characters of a label alone. None where it is not there; for None, too.
        """
        if value is None or value == "" or isinstance(value, (dict, list)):
            return None
        places = near if isinstance(near, Places) else Places(near)
        key = (type(value), value, field.kind if field else "")
        # An answer may say the same value in each of a thousand records.
        if (*key, places) not in self._nearest:
            if key not in self._places:
                self._places[key] = self._find_all(value, field)
            self._nearest[*key, places] = _choose_nearest(self._places[key], places, beside=isinstance(value, bool))
        return self._nearest[*key, places]

    def _find_all(self, value: Any, field: RecordField | None) -> list[Span]:
        kind = field.kind if field else ""
        if isinstance(value, bool):
            return [span for said, span in self._read_typed("boolean", ()) if said == value]
        if isinstance(value, (int, float)):
            return [span for said, span in self._read_typed("number", ()) if _equal(said, value)]
        text = str(value)
        places = list(self._find_text(text))
        if not places and kind in ("date", "datetime") and field is not None:
            places = [span for said, span in self._read_typed(kind, ()) if _same_time(said, text)]
        return places

    def _find_text(self, text: str) -> Iterator[Span]:
        words = [re.escape(word) for word in fold(text).split()]
        if not words:
            return
        edge_before = r"(?<!\w)" if fold(text).strip()[:1].isalnum() else ""
        edge_after = r"(?!\w)" if fold(text).strip()[-1:].isalnum() else ""
        pattern = re.compile(edge_before + r"\s+".join(words) + edge_after)
        for start, folded in self._fold():
            for found in pattern.finditer(folded.text):
                left, right = folded.span(*found.span())
                yield start + left, start + right

    def _fold(self) -> list[tuple[int, Folded]]:
        if self._folded is None:
            self._folded = [(start, fold_with_offsets(self.text[start:end])) for start, end in self.spans]
        return self._folded

    def _read_typed(self, kind: str, choices: tuple[str, ...]) -> list[tuple[Any, Span]]:
        from .schema import RecordField

        key = (kind, choices)
        if key not in self._typed:
            field, found = RecordField("value", kind, choices=choices), dict[Span, Any]()
            left = _MOST_READ
            for start, end in self.spans:
                # Windows overlap, so that a value over a border is read whole in one of them; the longer one counts.
                for at in range(start, max(end - _OVERLAP, start + 1), _STEP):
                    if left <= 0:
                        break
                    left -= _STEP
                    for one in find_typed(self.text, at, min(at + _STEP + _OVERLAP, end), field):
                        found[one.start, one.end] = one.value
            self._typed[key] = sorted(((value, span) for span, value in found.items()), key=lambda entry: entry[1])
        return self._typed[key]


def list_leaves(data: Any) -> Iterator[tuple[str, Any]]:
    """Paths and values of whatever is no object and no list, items by their number: ("tags.0", "red")."""
    return ((path, value) for path, _, value in walk_leaves(data))


def walk_leaves(data: Any, prefix: str = "", above: str = "") -> Iterator[tuple[str, str, Any]]:
    """As `list_leaves`, with the path of the field between the two: ("tags.0", "tags", "red")."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from walk_leaves(value, f"{prefix}{key}.", f"{above}{key}.")
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from walk_leaves(value, f"{prefix}{index}.", above)
    else:
        yield prefix[:-1], above[:-1], data


def _choose_nearest(found: Sequence[Span], near: Places, *, beside: bool) -> Span | None:
    """The place nearest to a label, of equal ones the first; with `beside` only one within 60 characters of a label."""
    if beside:
        # "No" stands in most texts: only beside the field's label does it say something of the field.
        found = [span for span in found if len(near) and near.distance(span) <= _BESIDE]
    return min(found, key=lambda span: (near.distance(span), span[0]), default=None)


def _equal(said: Any, value: float) -> bool:
    if isinstance(said, int) and isinstance(value, int):
        return said == value  # a long number differs in its last digit, too
    try:
        return isinstance(said, (int, float)) and abs(said - value) <= 1e-9 * max(abs(value), 1.0)
    except OverflowError:
        return False


def _same_time(said: str, value: str) -> bool:
    """Whether the text says the date; a time of midnight that it does not say is no other date."""
    return said == value or (
        value.startswith(said) and re.fullmatch(r"T?[ T]?00:00(?::00)?(?:Z|\.0+)?", value[len(said) :]) is not None
    )
