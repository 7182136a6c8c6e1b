"""A value index of which a caller may see some columns only.

Dropping the hits of the other columns afterwards is not enough. A hidden value that equals a word of the question would
already have kept the fuzzy stages from that word, lowered the likelihood of other hits, or taken one of the few places
that a question, a word or a number has. So rows of hidden columns are left out where rows are found, before anything is
counted, compared or scored, and the answer is that of an index in which those columns hold nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from .base import ValueLookup, fold_ref
from .column_reader import EXCLUDED, VIEW
from .features import ColumnFacts
from .ranges import find_ranges
from .scoring import choose
from .spans import Question
from .stages import Finder

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from ..schema.schema import ColumnRef
    from .base import RangeHit, ValueHit
    from .column_ranges import ColumnRange
    from .index_builder import ColumnReport
    from .minhash import Signer
    from .stores import Seen, ValueStore

__all__ = ["Contents", "VisibleIndex", "VisibleStore"]

_FEW_EDGES = 16  # so many comparisons are faster than a bisection
_NO_FACTS = ColumnFacts(frozenset(), frozenset(), 0, 0.0)


@dataclass(frozen=True)
class Contents:
    """What look-ups read of an index.

    Attributes:
        store: The values.
        starts: int64 (n_columns + 1,), the first row of each column, then the number of rows.
        signer: Signs texts as the values were signed.
        columns, facts: Of each column, in the order of the rows.
        ranges: Of the columns that hold numbers or days.
        guarded: Somebody asked to exclude or mask columns, so that values of views must not be shown.
    """

    store: ValueStore
    starts: NDArray[np.int64]
    signer: Signer
    columns: Sequence[ColumnReport]
    facts: Sequence[ColumnFacts]
    ranges: Sequence[ColumnRange]
    guarded: bool

    def lookup(self, question: str, evidence: str = "") -> list[ValueHit]:
        """As `ValueIndex.lookup`."""
        parsed = Question.parse(question, evidence)
        if not parsed.words or not self.starts[-1]:
            return []
        finder = Finder(parsed, self.store, self.signer, self.facts)
        return choose(parsed, finder.find(), finder.stored, [column.ref for column in self.columns], self.facts)

    def find_ranges(self, question: str, evidence: str = "") -> list[RangeHit]:
        """As `ValueIndex.ranges`."""
        return find_ranges(Question.parse(question, evidence), self.ranges)

    def hidden(self) -> tuple[ColumnRef, ...]:
        """The masked and the excluded columns, and the columns of views where `guarded`."""
        reasons = {EXCLUDED, VIEW} if self.guarded else {EXCLUDED}
        return tuple(column.ref for column in self.columns if column.masked or column.skipped in reasons)


class VisibleIndex(ValueLookup):
    """Some columns of a value index. Safe to share between threads.

    Made by `ValueIndex.within`. What it answers depends on no value and no name of another column.

    Args:
        contents: Of the whole index.
        columns: Those that exist here, in any case.
    """

    def __init__(self, contents: Contents, columns: Collection[ColumnRef]) -> None:
        wanted = {fold_ref(ref) for ref in columns}
        shown = np.array([fold_ref(column.ref) in wanted for column in contents.columns], dtype=np.bool_)
        pairs = zip(contents.facts, shown.tolist(), strict=True)
        self._contents = replace(
            contents,
            store=VisibleStore(contents.store, contents.starts, shown),
            facts=tuple(fact if seen else _NO_FACTS for fact, seen in pairs),
            ranges=tuple(one for one in contents.ranges if fold_ref(one.ref) in wanted),
        )
        self._hidden = tuple(ref for ref in contents.hidden() if fold_ref(ref) in wanted)

    @property
    def hidden(self) -> tuple[ColumnRef, ...]:
        """As `ValueIndex.hidden`, of these columns.

        Whether values of views must not be shown is told by what was asked for when the index was made, not by what
        was found in columns that are no part of this.
        """
        return self._hidden

    def lookup(self, question: str, evidence: str = "") -> list[ValueHit]:
        """As `ValueIndex.lookup`."""
        return self._contents.lookup(question, evidence)

    def ranges(self, question: str, evidence: str = "") -> list[RangeHit]:
        """As `ValueIndex.ranges`."""
        return self._contents.find_ranges(question, evidence)

    def within(self, columns: Collection[ColumnRef]) -> VisibleIndex:
        """Fewer of these columns."""
        return VisibleIndex(self._contents, columns)


class VisibleStore:
    """The rows of some columns of a store, as a `ValueStore`: no other row is found or counted.

    Args:
        store: Of all columns.
        starts: int64 (n_columns + 1,), the first row of each column, then the number of rows.
        shown: bool (n_columns,), which columns there are.
    """

    def __init__(self, store: ValueStore, starts: NDArray[np.int64], shown: NDArray[np.bool_]) -> None:
        self._store = store
        # the rows where runs of shown columns begin and end, in turn
        padded = np.concatenate([[False], shown[np.diff(starts) > 0], [False]])
        firsts = np.append(starts[:-1][np.diff(starts) > 0], starts[-1])
        # columns lie one behind the other, so that visibility is a list of row ranges and not a flag for each row
        self._edges: NDArray[np.uint32] = firsts[np.flatnonzero(padded[1:] != padded[:-1])].astype(np.uint32)

    def _seen(self, rows: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Which rows belong to a column that is shown."""
        if len(self._edges) > _FEW_EDGES:
            return (np.searchsorted(self._edges, rows, "right") & 1).astype(np.bool_)
        seen = np.zeros(len(rows), dtype=np.bool_)
        for edge in self._edges:  # a row is seen where an odd number of edges lies before it
            seen ^= rows >= edge
        return seen

    def _among(self, rows: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """Those of rising rows that are seen. A common word has a million rows, so runs are cut out of them."""
        if len(rows) <= len(self._edges):
            return rows[self._seen(rows)]
        places = np.searchsorted(rows, self._edges).tolist()
        runs = [rows[a:b] for a, b in zip(places[::2], places[1::2], strict=True)]
        return np.concatenate(runs) if runs else rows[:0]

    def find(self, keys: NDArray[np.uint32]) -> list[NDArray[np.uint32]]:
        """As `ValueStore.find`."""
        return [self._among(rows) if len(rows) else rows for rows in self._store.find(keys)]

    def near(
        self, low: NDArray[np.uint32], high: NDArray[np.uint32], *, most: int, seen: Seen | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        """As `ValueStore.near`."""
        both: Seen = self._seen if seen is None else lambda rows: self._seen(rows) & seen(rows)
        return self._store.near(low, high, most=most, seen=both)

    def sketches(self, rows: NDArray[np.uint32]) -> NDArray[np.uint64]:
        """As `ValueStore.sketches`."""
        return self._store.sketches(rows)

    def values(self, rows: NDArray[np.uint32]) -> list[tuple[int, str]]:
        """As `ValueStore.values`."""
        return self._store.values(rows)
