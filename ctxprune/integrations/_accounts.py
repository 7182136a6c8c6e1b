"""Metadata about pruning for the documents of frameworks: the kept spans, and how to rebuild the text from them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ctxprune.pruning.verdicts import Verdict
    from ctxprune.rag.passages.passages import Passages
    from ctxprune.rag.ranking import PassagePruner, RankedPassages

__all__ = ["PREFIX", "accounts", "kept_spans", "order_of", "restored", "titles_of"]

PREFIX = "ctxprune_"


def accounts(ranked: RankedPassages, passages: Passages) -> list[dict[str, Any]]:
    """For each text its score, the kept spans, what stands between them, and its length, under `PREFIX`."""
    rows = []
    spans = kept_spans(passages.texts, ranked.pruned.units)
    for text, score, kept in zip(passages.texts, ranked.relevance, spans, strict=True):
        own = {
            "score": score,
            "spans": [list(span) for span in kept],
            "gaps": [_gap(text[end:start], passages) for (_, end), (start, _) in pairwise(kept)],
            "length": len(text),
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


def kept_spans(texts: Sequence[str], units: Sequence[Verdict]) -> list[list[tuple[int, int]]]:
    """Characters [start, end) that each text keeps, white space between kept neighbours included.

    `units` are the verdicts on all units of the texts, parts of units that were cut included. Where the spans of a text
    are two or more, something was dropped in between.
    """
    members: list[list[Verdict]] = [[] for _ in texts]
    for unit in units:
        members[unit.source or 0].append(unit)
    # A text without units is white space or signs: it stays where all stays, as the rendering does.
    whole = all(unit.kept for unit in units)
    return [
        _merge(own, len(text)) if own else [(0, len(text))] if whole and text else []
        for text, own in zip(texts, members, strict=True)
    ]


def _merge(units: Sequence[Verdict], length: int) -> list[tuple[int, int]]:
    """As the rendering joins them: what stands before the first unit and behind the last one belongs to these."""
    spans: list[tuple[int, int]] = []
    before = -2
    for unit in units:
        if not unit.kept or unit.span is None:
            continue
        # Space at the edges of a text belongs to its first and last unit.
        start = 0 if unit.index == units[0].index else unit.span[0]
        end = length if unit.index == units[-1].index else unit.span[1]
        if spans and before == unit.index - 1:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
        before = unit.index
    return spans


def _gap(dropped: str, passages: Passages) -> str:
    """What `Passages` puts in the place of what was dropped."""
    if not passages.options.markdown or not ("\n" in dropped or "\r" in dropped):
        return passages.gap
    return f"\n\n{passages.gap.strip()}\n\n" if passages.gap.strip() else "\n\n"


def restored(text: str, metadata: Mapping[str, Any]) -> str:
    """The pruned content once more, made of the original `text` and the spans and gaps in a pruned document's metadata.

    Raises:
        InputError: The metadata holds none, or they are not of this text.
    """
    try:
        spans, gaps = metadata[f"{PREFIX}spans"], metadata[f"{PREFIX}gaps"]
        length = metadata[f"{PREFIX}length"]
    except (KeyError, TypeError) as error:
        raise InputError(
            "the metadata holds no spans", hint=f"give that of a pruned document ({PREFIX}spans)"
        ) from error
    # Offsets of another text would cut it anywhere.
    if length != len(text):
        raise InputError(f"the spans are of a text of {length} characters, not {len(text)}")
    parts = [part for (start, end), gap in zip(spans, ["", *gaps], strict=False) for part in (gap, text[start:end])]
    return "".join(parts)


def titles_of(metadata: Sequence[Mapping[str, Any]], key: str | None) -> tuple[str, ...]:
    """The texts under `key`, "" where there is none; () if there is none at all, or no key."""
    titles = [] if key is None else [entry.get(key) for entry in metadata]
    texts = tuple(title if isinstance(title, str) else "" for title in titles)
    return texts if any(texts) else ()
