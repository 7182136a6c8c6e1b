"""Sparse vectors of passages, and the BM25 weights of texts as such."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import UsageError
from ctxprune.scorers.lexical.bm25 import index_terms
from ctxprune.text.words import terms
from ctxprune.utils.validation import check_number, check_range, check_whole, describe_type

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GREATEST = 1e15  # of a weight: products and sums of float32 must not reach infinity, which has no order

__all__ = ["Postings", "bm25_postings", "query_weights"]


@dataclass(frozen=True)
class Postings:
    """For each term the passages that hold it and the weight there, one term after the other.

    Attributes:
        size: Number of passages.
        starts: Where each term starts in the other two, int64 (n_terms + 1,).
        passages: int32 (n_postings,), rising within a term, each once.
        weights: float32 (n_postings,), over 0 and up to 1e15.
        terms: Number of each term; empty where terms are numbers already.

    Raises:
        UsageError: The arrays do not fit together, or a weight is out of range.
    """

    size: int
    starts: NDArray[np.int64]
    passages: NDArray[np.int32]
    weights: NDArray[np.float32]
    terms: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        starts, passages, weights = self.starts, self.passages, self.weights
        if len(starts) < 1 or starts[0] != 0 or starts[-1] != len(passages) or (np.diff(starts) < 0).any():
            raise UsageError("starts does not divide the passages", hint="give rising places from 0 to their number")
        if len(weights) != len(passages) or not ((weights > 0) & (weights <= _GREATEST)).all():
            raise UsageError("a weight is not over 0 and up to 1e15, or missing", hint="leave out passages of weight 0")
        if len(passages) and (int(passages.min()) < 0 or int(passages.max()) >= self.size):
            raise UsageError(f"a posting names no passage of {self.size}")
        # Within a term passages rise; from the last of one term to the first of the next they may fall.
        inside = np.ones(max(len(passages) - 1, 0), dtype=np.bool_)
        borders = starts[1:-1]
        inside[borders[(borders > 0) & (borders < len(passages))] - 1] = False
        if (np.diff(passages)[inside] <= 0).any():
            raise UsageError("the passages of a term do not rise", hint="sort them, each once")

    def score(self, numbers: NDArray[np.intp], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Every passage's score, float32 (size,): the exhaustive search, and what `BlockMaxIndex` is compared with.

        The products are added term by term in the order given, in float32.
        """
        scores = np.zeros(self.size, dtype=np.float32)
        for number, weight in zip(numbers.tolist(), weights, strict=True):
            place = slice(*self.starts[number : number + 2])
            scores[self.passages[place]] += weight * self.weights[place]
        return scores


def bm25_postings(
    texts: Iterable[str],
    *,
    k1: float = 1.2,
    b: float = 0.75,
    analyse: Callable[[str], list[str]] = terms,
) -> Postings:
    """The BM25 weights (Lucene's form, as `Bm25Scorer`) of each term in each text.

    Args:
        texts: Passages; read once. Their terms take four bytes each in memory while the index is made.
        k1: See `Bm25Scorer`.
        b: See `Bm25Scorer`.
        analyse: The terms of a text.

    Raises:
        UsageError: An argument is out of range, or a text is none.

    Examples:
        ```python
        from ctxprune.rag import BlockMaxIndex, Postings, bm25_postings
        from ctxprune.text.words import terms

        postings: Postings = bm25_postings(["The bridge opened in 1933.", "Cats sleep."])
        print(BlockMaxIndex(postings).search(terms("the bridges"), k=1).passages)  # [0]
        ```
    """
    check_number("k1", k1, over=0)
    check_range("b", b)
    if isinstance(texts, str | bytes):
        raise UsageError("texts is one text", hint="give several")
    found = index_terms(_analysed(texts, analyse), k1=k1, b=b)
    return Postings(found.size, found.starts, found.holders.astype(np.int32), found.parts, found.ids)


def _analysed(texts: Iterable[str], analyse: Callable[[str], list[str]]) -> Iterator[list[str]]:
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise UsageError(f"text {place} is {describe_type(text)}", hint="give texts alone")
        yield analyse(text)


def query_weights(
    postings: Postings, query: Mapping[str, float] | Mapping[int, float] | Iterable[str]
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """The known terms of a query as numbers, rising, and the weight of each.

    Args:
        postings: What is searched.
        query: Terms with weights, or terms alone, which count 1 each time they come; numbers of terms where the
            postings have no names. Terms that no passage holds, and weights of 0, are passed over.

    Returns:
        int (n_terms,) and float32 (n_terms,).

    Raises:
        UsageError: A weight is not from 0 to 1e15, or a number names no term.
    """
    if isinstance(query, str | bytes):
        raise UsageError("the query is one text", hint="give its terms, such as ctxprune.text.words.terms(query)")
    weighed = query if isinstance(query, Mapping) else Counter(query)
    found: dict[int, float] = {}
    last = len(postings.starts) - 1
    for term, weight in weighed.items():
        check_range(f"the weight of {term!r}", weight, high=_GREATEST)
        number: Any = postings.terms.get(term) if isinstance(term, str) else term
        if number is None or not weight:
            continue
        check_whole("a term", number, minimum=0)
        if number >= last:
            raise UsageError(f"term {number} is none of {last}")
        found[int(number)] = float(weight)
    numbers = sorted(found)
    weights = np.asarray([found[number] for number in numbers], dtype=np.float32)
    return np.asarray(numbers, dtype=np.intp), weights
