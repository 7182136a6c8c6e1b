"""Metadata about pruning for the documents of frameworks: the kept spans, and how to rebuild the text from them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

from ctxprune.errors import InputError
from ctxprune.rag.passages.pieces import Layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ctxprune.pruning.verdicts import Verdict
    from ctxprune.rag.passages.passages import Passages
    from ctxprune.rag.ranking import PassagePruner, RankedPassages

__all__ = ["PREFIX", "accounts", "order_of", "read_account", "restored", "titles_of"]

PREFIX = "ctxprune_"


def accounts(
    ranked: RankedPassages, passages: Passages, before: Sequence[Mapping[str, Any]] = ()
) -> list[dict[str, Any]]:
    """For each text, under `PREFIX`: its score; the kept spans, what stands between them (gaps) and around them (ends);
    the spans of sentences of which only pieces are kept (cut); and its length.

    Args:
        ranked: The result.
        passages: What was pruned.
        before: The metadata that came with each text. Where it tells how an earlier pruning made that text, the new
            account is of the source of that one.
    """
    rows = []
    layouts = _lay_out(ranked, passages)
    earlier = before or [{}] * len(layouts)
    for text, score, layout, metadata in zip(passages.texts, ranked.relevance, layouts, earlier, strict=True):
        account = _Account(layout.spans, layout.marks or ["", ""], [*layout.cut], len(text))
        if (source := read_account(metadata, text)) is not None:
            account = _compose(account, source)
        own = {
            "score": score,
            "spans": [list(span) for span in account.spans],
            "gaps": account.marks[1:-1],
            "ends": [account.marks[0], account.marks[-1]],
            "cut": [list(span) for span in account.cut],
            "length": account.length,
        }
        rows.append({f"{PREFIX}{name}": value for name, value in own.items()})
    return rows


def order_of(ranked: RankedPassages, passages: Passages, pruner: PassagePruner, *, keep_emptied: bool) -> list[int]:
    """Indices of the texts to give back, in the pruner's order; those that lost everything only with `keep_emptied`.

    Texts without a single word lose nothing; where there is nothing else, leaving them out would be a surprise.
    """
    if not keep_emptied and (passages.units or pruner.pruner.on_empty == "drop"):
        return list(ranked.order)
    everything = range(len(passages.texts))
    return sorted(everything, key=lambda index: -ranked.relevance[index]) if pruner.reorder else [*everything]


def _lay_out(ranked: RankedPassages, passages: Passages) -> list[Layout]:
    """How the text that is kept of each passage is put together."""
    members: list[list[Verdict]] = [[] for _ in passages.texts]
    for unit in ranked.pruned.units:
        if unit.span is not None:
            members[unit.source or 0].append(unit)
    spans = [[unit.span for unit in own if unit.span is not None] for own in members]
    kept = [[place for place, unit in enumerate(own) if unit.kept] for own in members]
    # A text without units is white space or signs: it stays where all stays, as the rendering does.
    whole = all(unit.kept for unit in ranked.pruned.units)
    layouts = passages.lay_out(spans, kept)
    return [
        layout if own or (whole and text) else Layout([], [])
        for text, own, layout in zip(passages.texts, members, layouts, strict=True)
    ]


class _Account(NamedTuple):
    """How a pruned text was made of its source.

    Attributes:
        spans: Characters [start, end) of the source that are kept, rising and without overlap.
        marks: What stands before, between and behind these: one more than there are spans; two without spans.
        cut: Characters [start, end) of the source's sentences of which only pieces are kept.
        length: Characters of the source.
    """

    spans: list[tuple[int, int]]
    marks: list[str]
    cut: list[tuple[int, int]]
    length: int

    def segments(self) -> Iterator[tuple[str, tuple[int, int] | None]]:
        """The parts of the pruned text, in order: a mark, or a span of the source."""
        yield self.marks[0], None
        for span, mark in zip(self.spans, self.marks[1:], strict=False):
            yield "", span
            yield mark, None
        if not self.spans:
            yield self.marks[-1], None


def read_account(metadata: Mapping[str, Any], text: str | None = None) -> _Account | None:
    """The account in a document's metadata; None where there is none, or it is not that of the pruned `text`."""
    try:
        spans = [(int(start), int(end)) for start, end in metadata[f"{PREFIX}spans"]]
        gaps, ends = list(metadata[f"{PREFIX}gaps"]), list(metadata.get(f"{PREFIX}ends") or ("", ""))
        cut = [(int(start), int(end)) for start, end in metadata.get(f"{PREFIX}cut") or ()]
        length = int(metadata[f"{PREFIX}length"])
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
        return None
    account = _Account(spans, [ends[0], *gaps, ends[-1]] if len(ends) == 2 else [], cut, length)
    edges = [0, *(edge for span in spans for edge in span), length]
    sound = len(account.marks) == max(len(spans), 1) + 1 and all(isinstance(mark, str) for mark in account.marks)
    inside = all(0 <= start <= end <= length for start, end in cut)
    if not sound or not inside or edges != sorted(edges):
        return None
    return account if text is None or _matches(account, text) else None


def _matches(account: _Account, text: str) -> bool:
    """Whether a text may be what the account tells of: one that was edited or split since is another text."""
    place = 0
    for mark, span in account.segments():
        if not text.startswith(mark, place):
            return False
        place += len(mark) if span is None else span[1] - span[0]
    return place == len(text)


def _compose(account: _Account, source: _Account) -> _Account:
    """The account of a text that was pruned twice: of the first source, where `account` is of what `source` made."""
    spans: list[tuple[int, int]] = []
    marks: list[str] = []
    written: list[str] = []  # since the last span
    segments = _Segments(source)
    for mark, span in account.segments():
        for sign, part in [(mark, None)] if span is None else segments.cut(*span):
            written.append(sign)
            if part is None:
                continue
            between = "".join(written)
            written.clear()
            if spans and not between and spans[-1][1] == part[0]:
                spans[-1] = (spans[-1][0], part[1])
            else:
                spans.append(part)
                marks.append(between)
    marks += ["".join(written)] if spans else ["".join(written), ""]
    return _Account(spans, marks, _compose_cut(account, source, segments, spans), source.length)


def _compose_cut(
    account: _Account, source: _Account, segments: _Segments, spans: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """The sentences of the first source that were cut in either pruning and of which something is left in `spans`."""
    cut = set()
    for whole in account.cut:
        parts = [span for _, span in segments.cut(*whole) if span is not None]
        if parts:
            cut.add((parts[0][0], parts[-1][1]))
    starts = [start for start, _ in spans]
    for whole in source.cut:
        # Spans rise and do not overlap: the last one that starts before the end also ends last.
        before = bisect_left(starts, whole[1])
        if before and spans[before - 1][1] > whole[0]:
            cut.add(whole)
    outer: list[tuple[int, int]] = []
    # Of a sentence that was cut twice the larger one is named: it comes first in this order.
    for whole in sorted(cut, key=lambda own: (own[0], -own[1])):
        if not outer or whole[1] > outer[-1][1]:
            outer.append(whole)
    return outer


class _Segments:
    """The segments of an account by their places in the pruned text, so that a span of it is found without a walk over
    all of them: documents come with thousands, and their number is the caller's."""

    def __init__(self, account: _Account) -> None:
        self._segments = [*account.segments()]
        sizes = (len(mark) if span is None else span[1] - span[0] for mark, span in self._segments)
        self._places = [*accumulate(sizes, initial=0)]

    def cut(self, start: int, end: int) -> Iterator[tuple[str, tuple[int, int] | None]]:
        """What the characters [start, end) of the pruned text are made of."""
        for index in range(max(bisect_right(self._places, start) - 1, 0), len(self._segments)):
            place, after = self._places[index], self._places[index + 1]
            if place >= end:
                return
            first, last = max(start, place) - place, min(end, after) - place
            if first < last:
                mark, span = self._segments[index]
                yield (mark[first:last], None) if span is None else ("", (span[0] + first, span[0] + last))


def restored(text: str, metadata: Mapping[str, Any]) -> str:
    """The pruned content once more, made of the original `text` and the account in a pruned document's metadata.

    Raises:
        InputError: The metadata holds none, or it is not of this text.
    """
    account = read_account(metadata) if isinstance(metadata, Mapping) else None
    if account is None:
        raise InputError("the metadata holds no spans", hint=f"give that of a pruned document ({PREFIX}spans)")
    # Offsets of another text would cut it anywhere.
    if account.length != len(text):
        raise InputError(f"the spans are of a text of {account.length} characters, not {len(text)}")
    return "".join(mark if span is None else text[slice(*span)] for mark, span in account.segments())


def titles_of(metadata: Sequence[Mapping[str, Any]], key: str | None) -> tuple[str, ...]:
    """The texts under `key`, "" where there is none; () if there is none at all, or no key."""
    titles = [] if key is None else [entry.get(key) for entry in metadata]
    texts = tuple(title if isinstance(title, str) else "" for title in titles)
    return texts if any(texts) else ()
