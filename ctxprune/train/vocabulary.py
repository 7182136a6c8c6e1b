"""A smaller vocabulary: the pieces that texts are made of, with all single characters, so that nothing turns unknown.

For tokenizers of the kind WordPiece, in the form of their `tokenizer.json`. A piece that is left out is read as shorter
ones, at the price of a token or two; rows of the embedding table go with the pieces.
"""

from __future__ import annotations

import json
from collections import Counter
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = [
    "choose_vocabulary",
    "count_tokens",
    "cut_tokenizer",
    "load_tokenizer",
    "rank_prior",
    "select_entries",
    "vocabulary_ids",
]


def choose_vocabulary(
    document: Mapping[str, Any], texts: Iterable[str], most: int, *, fixed: Collection[int] = ()
) -> list[int]:
    """The pieces that stay for some texts, beside those that are frequent elsewhere: as `select_entries` gives them.

    Args:
        document: A `tokenizer.json`; what it says of truncation and padding is not used.
        texts: Whose pieces count.
        most: Pieces that stay; more do where so many are needed.
        fixed: Ids that have a meaning of their own; these and those of added pieces do not change.

    Raises:
        UsageError: As `select_entries`; or so few pieces stay that an id would have to change.
    """
    # counts of the given texts, and a little of what is frequent elsewhere
    counts = count_tokens(load_tokenizer(document), texts, size=max(vocabulary_ids(document).values()) + 1)
    order = select_entries(document, counts + rank_prior(len(counts), float(counts.sum())), most, fixed=fixed)
    held = set(fixed) | _added(document)
    if any(number >= len(order) or order[number] != number for number in held):
        raise UsageError(
            f"a vocabulary of {len(order):,} pieces is too small",
            hint=f"ids up to {max(held):,} have a meaning of their own: give {max(held) + 1:,} pieces or more",
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


def rank_prior(size: int, total: float, *, first: int = 1996) -> NDArray[np.float64]:
    """What to add to counts so that pieces which are frequent in other text stay: float64 (size,), 0 before `first`.

    The vocabularies of BERT name whole words from `first` on about in the order of how frequent they are; by Zipf's law
    the count of a word falls with its rank. One occurrence in a hundred of `total` is shared out so.
    """
    ranks = np.arange(size, dtype=np.float64) - first
    return np.where(ranks >= 0, 0.01 * total / (np.maximum(ranks, 0) + 996), 0.0)


def select_entries(
    document: Mapping[str, Any], counts: Sequence[int] | NDArray[Any], most: int, *, fixed: Collection[int] = ()
) -> list[int]:
    """Which pieces stay: old ids in the order of their new ones.

    Pieces of `fixed`, added ones (such as [CLS]) and what a text needs to be read at all stay in any case: single
    characters, alone and inside of a word, and pieces with a character that is none. Then the most frequent ones; of
    equals the one with the lower id, since vocabularies name frequent pieces first. The ids of `fixed` and of added
    pieces do not change where the new vocabulary is long enough for them.

    Args:
        document: A `tokenizer.json`.
        counts: Of every piece, by id.
        most: Pieces that stay; more do where so many are needed.
        fixed: Ids that other code relies on.

    Raises:
        UsageError: The tokenizer is of another kind than WordPiece, `most` is under 1, an id is not in the vocabulary,
            or the counts are too few.
    """
    vocabulary = vocabulary_ids(document)
    ids = set(vocabulary.values())
    if most < 1:
        raise UsageError(f"most is {most!r}", hint="give a number of pieces, 1 or more")
    if not set(fixed) <= ids or len(counts) <= max(ids):
        raise UsageError("an id is not in the vocabulary, or a piece has no count", hint="give ids and counts of it")
    held = set(fixed) | _added(document)
    kept = held | _needed(vocabulary, str(document["model"].get("continuing_subword_prefix") or ""))
    # ties are frequent among rare pieces, and the choice must be the same on every machine
    ranked = sorted(ids - kept, key=lambda number: (-counts[number], number))
    chosen = kept | set(ranked[: max(most - len(kept), 0)])
    order = [-1] * len(chosen)
    # special pieces keep their ids, since code and configuration name them by number
    for number in sorted(held):
        if number < len(order):
            order[number] = number
    rest = iter(sorted(chosen - set(order)))
    return [number if number >= 0 else next(rest) for number in order]


def cut_tokenizer(document: Mapping[str, Any], order: Sequence[int]) -> dict[str, Any]:
    """The `tokenizer.json` with the pieces of `order` alone, each at its place there.

    Args:
        document: The whole one; it stays as it is.
        order: As from `select_entries`.

    Raises:
        UsageError: The tokenizer is of another kind than WordPiece, an id is twice in `order` or not in the vocabulary,
            or an added piece is not kept.
    """
    names = {number: name for name, number in vocabulary_ids(document).items()}
    if len(set(order)) != len(order) or not set(order) <= set(names):
        raise UsageError("the order names a piece twice, or one that is not there", hint="give that of select_entries")
    places = {old: new for new, old in enumerate(order)}
    made = deepcopy(dict(document))
    made["model"]["vocab"] = {names[old]: new for new, old in enumerate(order)}
    try:
        for entry in made.get("added_tokens") or ():
            entry["id"] = places[entry["id"]]
        for entry in ((made.get("post_processor") or {}).get("special_tokens") or {}).values():
            entry["ids"] = [places[number] for number in entry["ids"]]
    except KeyError as error:
        raise UsageError(f"the added piece {error} is not kept", hint="give the order of select_entries") from error
    return made


def vocabulary_ids(document: Mapping[str, Any]) -> dict[str, int]:
    """Ids by piece.

    Args:
        document: A `tokenizer.json`.

    Raises:
        UsageError: The tokenizer is of another kind than WordPiece.
    """
    model = document.get("model") or {}
    if model.get("type") != "WordPiece":
        raise UsageError(
            f"a tokenizer of the kind {model.get('type')!r} cannot be cut", hint="those of the kind WordPiece can"
        )
    return dict(model["vocab"])


def load_tokenizer(document: Mapping[str, Any]) -> Any:
    """The `tokenizers.Tokenizer` of a `tokenizer.json`, which reads texts whole and fills none up."""
    from tokenizers import Tokenizer

    return Tokenizer.from_str(json.dumps({**document, "truncation": None, "padding": None}))


def _added(document: Mapping[str, Any]) -> set[int]:
    """Ids of pieces such as [CLS]."""
    return {entry["id"] for entry in document.get("added_tokens") or ()}


def _needed(vocabulary: Mapping[str, int], prefix: str) -> set[int]:
    """Single characters in both forms, and pieces with a character that has not both."""
    bare = {name: name.removeprefix(prefix) for name in vocabulary}
    whole = {text for name, text in bare.items() if len(text) == 1 and name == text}
    inside = {text for name, text in bare.items() if len(text) == 1 and name == prefix + text}
    # a word is spelled out only if each of its characters has a form for the start and for the inside
    both = whole & inside
    return {
        number
        for name, number in vocabulary.items()
        if len(bare[name]) == 1 or (not name.startswith("[") and not set(bare[name]) <= both)
    }


def _add(counts: NDArray[np.int64], tokenizer: Any, texts: Sequence[str]) -> None:
    found = Counter(
        number for entry in tokenizer.encode_batch(list(texts), add_special_tokens=False) for number in entry.ids
    )
    for number, count in found.items():
        counts[number] += count
