"""Deduplication of texts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import UsageError
from ctxprune.text.words import words
from ctxprune.utils.foreign import foreign_attribute
from ctxprune.utils.validation import check_whole

from .report import Deduplicated, Merge
from .search import Bar, Leaders, find_leaders
from .sets import HashSets
from .shingles import Shingler, hash_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from ctxprune.context.base import Context

    from .report import Kind

__all__ = ["deduplicate", "near_duplicates"]

_BLOCK = 1 << 21  # characters processed at once; a longer text is processed alone


def deduplicate(
    texts: Iterable[str | Context[Any]],
    *,
    similarity: float = 0.8,
    containment: float | None = None,
    shingle: int = 3,
    progress: Callable[[str, int], None] | None = None,
) -> Deduplicated:
    """Find the texts that repeat another one: exactly, nearly, or as a part of it.

    A text is the set of its shingles, runs of `shingle` folded words (`ctxprune.text.words.words`). It is dropped if
    its Jaccard similarity with a kept text is high enough, or if enough of it is in a kept text that is not smaller.
    Without containment the first of several copies is kept; with containment the longest (most different shingles),
    ties to the first. Each text is compared with kept texts only, so a chain of small changes does not merge its ends.
    Texts without words are duplicates where they are equal byte for byte.

    Exact and deterministic (see `search.py`): every pair that reaches the threshold is found, and no other is merged.
    The texts are read once and not stored: about 60 bytes a text, up to 40 a shingle of a prefix (the rarest)
    and a table of at most 256 MB are needed in memory, 8 bytes a shingle in a temporary file.

    Args:
        texts: Any iterable, read once. Of a context (`HtmlPage`, `Passage`) the texts of its units are compared.
        similarity: Least Jaccard similarity, over 0, up to 1; with 1 only equal sets are duplicates.
        containment: Least share of a text's shingles that are in the other one, over 0, up to 1; None: not counted.
        shingle: Words in a shingle, from 1 up. 3 tells sentences of the same words apart and forgives edits in short
            passages, where 5, usual for whole pages, loses five shingles by each.
        progress: Called with "read" or "compared" and the number of texts so far.

    Raises:
        UsageError: An argument is of the wrong kind or out of range.
        OSError: The temporary file cannot be written.
    """
    bar = Bar(similarity, containment)
    check_whole("shingle", shingle)
    report = progress or (lambda _step, _count: None)
    with HashSets() as sets:
        names = _read_texts(texts, sets, Shingler(shingle), report)
        sizes = sets.seal()
        first = _first_equal(names.words)
        # Equal texts are settled by their digests, so that the search sees one of each.
        order = np.flatnonzero((first == np.arange(len(first))) & (sizes > 0))
        if containment is not None:
            order = order[np.argsort(-sizes[order], kind="stable")]
        leaders = find_leaders(sets, sizes, order, bar, lambda done, _total: report("compared", done))
    report("compared", len(order))
    return Deduplicated(len(sizes), tuple(_build_merges(first, names, sizes, leaders, bar)))


def near_duplicates(texts: Sequence[str], *, similarity: float = 0.9) -> list[int | None]:
    """Find for each text the first earlier near-duplicate, None where there is none.

    Made for sentences: two texts are near-duplicates where the sets of their folded words have at least this Jaccard
    similarity. The earlier text is never a duplicate itself. Texts without words have no duplicates. Exact and
    deterministic, as `deduplicate`.

    Raises:
        UsageError: The similarity is not over 0 and up to 1.

    Examples:
        ```python
        from ctxprune.rag import near_duplicates

        texts = ["The bridge opened in 1933.", "Cats sleep.", "the bridge opened in 1933"]
        print(near_duplicates(texts))  # [None, None, 0]
        ```
    """
    found: list[int | None] = [None] * len(texts)
    for merge in deduplicate(texts, similarity=similarity, shingle=1).merges:
        # Texts without words were compared byte for byte; as sentences they are no duplicates.
        if words(texts[merge.index]):
            found[merge.index] = merge.into
    return found


class _Digests:
    """Two digests of each text, 16 bytes each: of its bytes, and of its words (of its bytes where it has none)."""

    def __init__(self, of_bytes: list[bytes], of_words: list[bytes]) -> None:
        self.bytes = np.frombuffer(b"".join(of_bytes), dtype="<u8").reshape(-1, 2)
        self.words = np.frombuffer(b"".join(of_words), dtype="<u8").reshape(-1, 2)


def _read_texts(
    texts: Iterable[str | Context[Any]], sets: HashSets, shingler: Shingler, report: Callable[[str, int], None]
) -> _Digests:
    of_bytes, of_words, count = [], [], 0
    for block in _cut_blocks(texts):
        shingled = shingler.shingle(block)
        sets.add(shingled.hashes, shingled.sizes)
        named = [hash_text(text) for text in block]
        of_bytes.append(b"".join(named))
        of_words.append(b"".join(order or name for order, name in zip(shingled.order, named, strict=True)))
        count += len(block)
        report("read", count)
    return _Digests(of_bytes, of_words)


def _join_units(given: Context[Any], index: int) -> str:
    units = foreign_attribute(given, "units")  # of a context, or of a user's object that only has units
    if units is None:
        raise UsageError(f"text {index} is a {type(given).__name__}", hint="give a str or a context")
    return "\n".join(unit.text for unit in units)


def _cut_blocks(texts: Iterable[str | Context[Any]]) -> Iterator[list[str]]:
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
    """For each row the index of the first equal one."""
    order = np.lexsort((names[:, 1], names[:, 0]))  # stable, so that the first of equal rows comes first
    rows = names[order]
    fresh = np.ones(len(rows), dtype=np.bool_)
    fresh[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    first = np.empty(len(rows), dtype=np.int64)
    first[order] = order[np.flatnonzero(fresh)][np.cumsum(fresh) - 1]
    return first


def _build_merges(
    first: NDArray[np.int64], names: _Digests, sizes: NDArray[np.int64], leaders: Leaders, bar: Bar
) -> Iterator[Merge]:
    for index in np.flatnonzero((first != np.arange(len(first))) | (leaders.into >= 0)).tolist():
        same = int(first[index])
        # An equal text follows the first of its copies: into what that is merged into, or into the copy itself.
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
