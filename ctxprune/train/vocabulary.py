"""A smaller vocabulary: the pieces that texts are made of, with what spells all others, so that nothing turns unknown.

For tokenizers of the kinds WordPiece, BPE and Unigram, in the form of their `tokenizer.json`. A piece that is left out
is read as shorter ones, at the price of a token or two; rows of the embedding table go with the pieces.
"""

from __future__ import annotations

import json
from collections import Counter
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import UsageError
from ctxprune.train.vocabulary_kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray


__all__ = [
    "choose_vocabulary",
    "count_tokens",
    "cut_tokenizer",
    "load_tokenizer",
    "select_entries",
    "unknown_id",
    "vocabulary_ids",
]


def choose_vocabulary(
    document: Mapping[str, Any],
    texts: Iterable[str],
    most: int,
    *,
    fixed: Collection[int] = (),
    kept: Collection[int] = (),
) -> list[int]:
    """The pieces that stay for some texts, beside those that are frequent elsewhere: as `select_entries` gives them.

    Args:
        document: A `tokenizer.json`; what it says of truncation and padding is not used.
        texts: Whose pieces count.
        most: Pieces that stay; more do where so many are needed.
        fixed: Ids that have a meaning of their own and must not change.
        kept: Ids of pieces that stay, with another id where their own is not under the number of pieces.

    Raises:
        UsageError: As `select_entries`; or so few pieces stay that an id of `fixed` would have to change.
    """
    counts = count_tokens(load_tokenizer(document), texts, size=max(vocabulary_ids(document).values()) + 1)
    # counts of the given texts, and one in a hundred shared out over what is frequent elsewhere
    prior = kind_of(document).prior()
    weights = counts + np.pad(prior, (0, len(counts) - len(prior))) * (0.01 * float(counts.sum()))
    order = select_entries(document, weights, most, fixed={*fixed, *kept})
    if any(number >= len(order) or order[number] != number for number in fixed):
        raise UsageError(
            f"a vocabulary of {len(order):,} pieces is too small",
            hint=f"ids up to {max(fixed):,} have a meaning of their own: give {max(fixed) + 1:,} pieces or more",
        )
    return order


def count_tokens(tokenizer: Any, texts: Iterable[str], *, size: int) -> NDArray[np.int64]:
    """How often each piece occurs in some texts: int64 (size,).

    Args:
        tokenizer: A `tokenizers.Tokenizer`.
        texts: Read in parts, so that they may be many.
        size: Of the vocabulary; all ids are under it.
    """
    counts = np.zeros(size, dtype=np.int64)
    part: list[str] = []
    for text in texts:
        part.append(text)
        if len(part) == 1024:
            _add(counts, tokenizer, part)
            part = []
    _add(counts, tokenizer, part)
    return counts


def select_entries(
    document: Mapping[str, Any], counts: Sequence[int] | NDArray[Any], most: int, *, fixed: Collection[int] = ()
) -> list[int]:
    """Which pieces stay: old ids in the order of their new ones.

    Pieces of `fixed`, added ones (such as [CLS]) and what a text needs to be read at all stay in any case
    (`ctxprune.train.vocabulary_kinds`). Then the most frequent ones, each with what it is merged from, which is counted
    with it; of equals the one with the lower id, since vocabularies name frequent pieces first. The ids of `fixed` and
    of added pieces do not change where the new vocabulary is long enough for them; added pieces outside of the model's
    own vocabulary stand behind it.

    Args:
        document: A `tokenizer.json`.
        counts: Of every piece, by id.
        most: Pieces that stay; more do where so many are needed.
        fixed: Ids that other code relies on.

    Raises:
        UsageError: The tokenizer is of a kind that is not known, `most` is under 1, an id is not in the vocabulary, or
            the counts are too few.
    """
    kind, ids = kind_of(document), set(vocabulary_ids(document).values())
    if most < 1:
        raise UsageError(f"most is {most!r}", hint="give a number of pieces, 1 or more")
    if not set(fixed) <= ids or len(counts) <= max(ids):
        raise UsageError("an id is not in the vocabulary, or a piece has no count", hint="give ids and counts of it")
    own = set(kind.ids.values())
    held = set(fixed) | _added(document)
    kept = held | kind.needed()
    parts = {number: {kind.ids[part] for part in kind.parts(name)} for name, number in kind.ids.items()}
    # what a piece is merged from is used as often as the piece, and stands for it where it goes
    weights = [float(count) for count in counts]
    for number, own_parts in parts.items():
        for part in own_parts:
            weights[part] += float(counts[number])
    # ties are frequent among rare pieces, and the choice must be the same on every machine
    ranked = sorted(own - kept, key=lambda number: (-weights[number], number))
    chosen = _filled(parts, kept, ranked, most)
    order = [-1] * len(chosen & own)
    # special pieces keep their ids, since code and configuration name them by number
    for number in sorted(held & own):
        if number < len(order):
            order[number] = number
    rest = iter(sorted(chosen & own - set(order)))
    return [number if number >= 0 else next(rest) for number in order] + sorted(chosen - own)


def _filled(parts: Mapping[int, set[int]], kept: set[int], ranked: Iterable[int], most: int) -> set[int]:
    """What is kept, what that is merged from, and the first of the ranked pieces for which there is room."""
    found = kept.union(*(parts.get(number, ()) for number in kept))
    for number in ranked:
        if len(found) >= most:
            break
        missing = parts[number] - found | {number}
        if len(found) + len(missing) <= most:
            found |= missing
    return found


def cut_tokenizer(document: Mapping[str, Any], order: Sequence[int]) -> dict[str, Any]:
    """The `tokenizer.json` with the pieces of `order` alone, each at its place there.

    Args:
        document: The whole one; it stays as it is.
        order: As from `select_entries`.

    Raises:
        UsageError: The tokenizer is of a kind that is not known, an id is twice in `order` or not in the vocabulary,
            or an added piece is not kept.
    """
    kind, known = kind_of(document), set(vocabulary_ids(document).values())
    if len(set(order)) != len(order) or not set(order) <= known:
        raise UsageError("the order names a piece twice, or one that is not there", hint="give that of select_entries")
    names = {number: name for name, number in kind.ids.items()}
    places = {old: new for new, old in enumerate(order)}
    made = deepcopy({name: value for name, value in document.items() if name != "model"})
    made["model"] = kind.cut([names[old] for old in order if old in names])
    try:
        _renumber(made, places)
    except KeyError as error:
        raise UsageError(f"the added piece {error} is not kept", hint="give the order of select_entries") from error
    return made


def _renumber(document: dict[str, Any], places: Mapping[int, int]) -> None:
    """Ids outside of the vocabulary: those of added pieces, of padding, and of what stands around a text."""
    for entry in document.get("added_tokens") or ():
        entry["id"] = places[entry["id"]]
    if document.get("padding"):
        # of a padding that was never set to a piece of this vocabulary the id is the default, 0
        document["padding"]["pad_id"] = places.get(document["padding"]["pad_id"], 0)
    for processor in _processors(document.get("post_processor")):
        for entry in (processor.get("special_tokens") or {}).values():
            entry["ids"] = [places[number] for number in entry["ids"]]
        for name in ("cls", "sep"):  # of BertProcessing and RobertaProcessing: piece and id
            if name in processor:
                processor[name] = [processor[name][0], places[processor[name][1]]]


def _processors(processor: Any) -> Iterator[dict[str, Any]]:
    if processor:
        yield processor
        for part in processor.get("processors") or ():
            yield from _processors(part)


def vocabulary_ids(document: Mapping[str, Any]) -> dict[str, int]:
    """Ids by piece, added ones among them.

    Args:
        document: A `tokenizer.json`.

    Raises:
        UsageError: The tokenizer is of a kind that is not known.
    """
    return kind_of(document).ids | {entry["content"]: entry["id"] for entry in document.get("added_tokens") or ()}


def unknown_id(document: Mapping[str, Any]) -> int | None:
    """The id of what stands for text that cannot be read; None where all text can.

    Raises:
        UsageError: The tokenizer is of a kind that is not known.
    """
    kind = kind_of(document)
    return kind.ids.get(kind.unknown() or "")


def load_tokenizer(document: Mapping[str, Any]) -> Any:
    """The `tokenizers.Tokenizer` of a `tokenizer.json`, which reads texts whole and fills none up."""
    from tokenizers import Tokenizer

    return Tokenizer.from_str(json.dumps({**document, "truncation": None, "padding": None}))


def _added(document: Mapping[str, Any]) -> set[int]:
    """Ids of pieces such as [CLS]."""
    return {entry["id"] for entry in document.get("added_tokens") or ()}


def _add(counts: NDArray[np.int64], tokenizer: Any, texts: Sequence[str]) -> None:
    found = Counter(
        number for entry in tokenizer.encode_batch(list(texts), add_special_tokens=False) for number in entry.ids
    )
    for number, count in found.items():
        counts[number] += count
