"""Metadata about pruning for the documents of frameworks: the kept spans, and how to rebuild the text from them."""

from __future__ import annotations

from collections.abc import Mapping
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
    """How a pruned text was made of its source: spans of it, and what stands before, between and behind these."""

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
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    account = _Account(spans, [ends[0], *gaps, ends[-1]] if len(ends) == 2 else [], cut, length)
    edges = [0, *(edge for span in spans for edge in span), length]
    sound = len(account.marks) == max(len(spans), 1) + 1 and all(isinstance(mark, str) for mark in account.marks)
    if not sound or edges != sorted(edges):
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
    marks = [""]
    for mark, span in account.segments():
        if span is None:
            marks[-1] += mark
            continue
        for written, part in _cut_segments(source, *span):
            marks[-1] += written
            if part is None:
                continue
            if spans and not marks[-1] and spans[-1][1] == part[0]:
                spans[-1] = (spans[-1][0], part[1])
            else:
                spans.append(part)
                marks.append("")
    if not spans:
        marks.append("")
    cut = {(own[0][0], own[-1][1]) for whole in account.cut if (own := _find_parts(source, *whole))}
    cut |= {whole for whole in source.cut if any(whole[0] < end and start < whole[1] for start, end in spans)}
    # Of a sentence that was cut twice the larger one is named.
    inner = {own for own in cut for other in cut if own != other and other[0] <= own[0] and own[1] <= other[1]}
    return _Account(spans, marks, sorted(cut - inner), source.length)


def _cut_segments(source: _Account, start: int, end: int) -> Iterator[tuple[str, tuple[int, int] | None]]:
    """What the characters [start, end) of the pruned text are made of."""
    place = 0
    for mark, span in source.segments():
        size = len(mark) if span is None else span[1] - span[0]
        first, last = max(start - place, 0), min(end - place, size)
        if first < last:
            yield (mark[first:last], None) if span is None else ("", (span[0] + first, span[0] + last))
        place += size


def _find_parts(source: _Account, start: int, end: int) -> list[tuple[int, int]]:
    return [span for _, span in _cut_segments(source, start, end) if span is not None]


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
