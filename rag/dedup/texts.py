"""Texts that say again what another one says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import UsageError
from ctxprune.text.words import words
from ctxprune.utils.foreign import foreign_attribute

from .report import Deduplicated, Merge
from .search import Bar, Leaders, find_leaders
from .sets import HashSets
from .shingles import Shingler, digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from ctxprune.context.base import Context

    from .report import Kind

__all__ = ["deduplicate", "near_duplicates"]

_BLOCK = 1 << 21  # characters that are read at once, or one text


def deduplicate(
    texts: Iterable[str | Context[Any]],
    *,
    similarity: float = 0.8,
    containment: float | None = None,
    shingle: int = 3,
    progress: Callable[[str, int], None] | None = None,
) -> Deduplicated:
    """Which texts say again what another one says: exactly, nearly, or as a part of it.

    A text is the set of its shingles, runs of `shingle` folded words (`ctxprune.text.words.words`). It goes if its
    Jaccard
    similarity with one that stays is high enough, or if enough of it is in one that stays and is not smaller. Without
    containment the first of several copies stays; with containment the longest (most different shingles), ties to the
    first. Each text is compared with those that stay, so a chain of small changes does not merge its ends. Texts
    without words are duplicates where they are equal byte for byte.

    Exact and deterministic (see `search.py`): what reaches the bar by true similarity is found, and nothing else is
    merged. The texts are read once and not kept: about 60 bytes a text, up to 40 a shingle of a prefix (the rarest)
    and a table of at most 256 MB are needed in memory, 8 bytes a shingle in a temporary file.

    Args:
        texts: Any iterable, read once. Of a context (`HtmlPage`, `Passage`) the texts of its units are compared.
        similarity: Least Jaccard similarity, over 0, up to 1; with 1 only equal sets are duplicates.
        containment: Least share of a text's shingles that are in the other one, over 0, up to 1; None: does not count.
        shingle: Words in a shingle, from 1 up. 3 tells sentences of the same words apart and forgives edits in short
            passages, where 5, usual for whole pages, loses five shingles by each.
        progress: Called with "read" or "compared" and how many texts are.

    Raises:
        UsageError: An argument is of the wrong kind or out of range.
        OSError: The temporary file cannot be written.
    """
    bar = Bar(similarity, containment)
    if not isinstance(shingle, int) or isinstance(shingle, bool) or shingle < 1:
        raise UsageError(f"shingle is {shingle!r}", hint="give a number of words from 1 up")
    told = progress or (lambda _step, _count: None)
    with HashSets() as sets:
        names = _read(texts, sets, Shingler(shingle), told)
        sizes = sets.seal()
        first = _first_equal(names.words)
        order = np.flatnonzero((first == np.arange(len(first))) & (sizes > 0))
        if containment is not None:
            order = order[np.argsort(-sizes[order], kind="stable")]
        leaders = find_leaders(sets, sizes, order, bar, lambda done, _total: told("compared", done))
    told("compared", len(order))
    return Deduplicated(len(sizes), tuple(_merges(first, names, sizes, leaders, bar)))


def near_duplicates(texts: Sequence[str], *, similarity: float = 0.9) -> list[int | None]:
    """For each text an earlier one that says the same (of several that nearly do the first), None where there is none.

    Made for sentences: two texts say the same where the sets of their folded words have at least this Jaccard
    similarity. A text that is a duplicate itself is not looked for. Texts without words have no duplicates. Exact and
    deterministic, as `deduplicate`.

    Raises:
        UsageError: The similarity is not over 0 and up to 1.
    """
    found: list[int | None] = [None] * len(texts)
    for merge in deduplicate(texts, similarity=similarity, shingle=1).merges:
        if words(texts[merge.index]):
            found[merge.index] = merge.into
    return found


class _Names:
    """Two digests a text, 16 bytes each: of its bytes, and of its words (of its bytes, if it has none)."""

    def __init__(self, of_bytes: list[bytes], of_words: list[bytes]) -> None:
        self.bytes = np.frombuffer(b"".join(of_bytes), dtype="<u8").reshape(-1, 2)
        self.words = np.frombuffer(b"".join(of_words), dtype="<u8").reshape(-1, 2)


def _read(
    texts: Iterable[str | Context[Any]], sets: HashSets, shingler: Shingler, told: Callable[[str, int], None]
) -> _Names:
    of_bytes, of_words, count = [], [], 0
    for block in _blocks(texts):
        shingled = shingler.of(block)
        sets.add(shingled.hashes, shingled.sizes)
        named = [digest(text) for text in block]
        of_bytes.append(b"".join(named))
        of_words.append(b"".join(order or name for order, name in zip(shingled.order, named, strict=True)))
        count += len(block)
        told("read", count)
    return _Names(of_bytes, of_words)


def _join_units(given: Context[Any], index: int) -> str:
    units = foreign_attribute(given, "units")  # of a context, or of a user's object that only has units
    if units is None:
        raise UsageError(f"text {index} is a {type(given).__name__}", hint="give a str or a context")
    return "\n".join(unit.text for unit in units)


def _blocks(texts: Iterable[str | Context[Any]]) -> Iterator[list[str]]:
    if isinstance(texts, (str, bytes)) or not isinstance(texts, Iterable):
        raise UsageError(f"texts is a {type(texts).__name__}", hint="give a list of texts")
    block: list[str] = []
    size = 0
    for index, given in enumerate(texts):
        text = given if isinstance(given, str) else _join_units(given, index)
        block.append(text)
        size += len(text) + 1
        if size >= _BLOCK:
            yield block
            block, size = [], 0
    if block:
        yield block


def _first_equal(names: NDArray[np.uint64]) -> NDArray[np.int64]:
    """For each row the first one that is equal."""
    order = np.lexsort((names[:, 1], names[:, 0]))  # stable, so that the first of equal rows comes first
    rows = names[order]
    fresh = np.ones(len(rows), dtype=np.bool_)
    fresh[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    first = np.empty(len(rows), dtype=np.int64)
    first[order] = order[np.flatnonzero(fresh)][np.cumsum(fresh) - 1]
    return first


def _merges(
    first: NDArray[np.int64], names: _Names, sizes: NDArray[np.int64], leaders: Leaders, bar: Bar
) -> Iterator[Merge]:
    for index in np.flatnonzero((first != np.arange(len(first))) | (leaders.into >= 0)).tolist():
        same = int(first[index])
        into = int(leaders.into[same])
        if into < 0:
            kind: Kind = "exact" if (names.bytes[index] == names.bytes[same]).all() else "folded"
            yield Merge(index, same, kind, 1.0)
            continue
        common = int(leaders.common[same])
        jaccard = common / int(sizes[same] + sizes[into] - common)
        if bar.is_similar(common, int(sizes[same]), int(sizes[into])):
            yield Merge(index, into, "near", jaccard)
        else:
            yield Merge(index, into, "contained", common / int(sizes[same]))
