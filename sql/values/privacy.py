"""Columns that an index leaves out, and columns whose values it recognises but cannot show.

Of a masked column the index holds no text at all, only one 64-bit hash of each distinct value, folded: a question that
writes a whole value of it is told the column, in the question's own spelling. That is no encryption. Whoever holds the
index can try values one by one, and the numbers of phones or cards are few enough to try them all, so keep the
directory as safe as the database, and exclude what must not even be recognised.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..schema import ColumnRef
from .build import Batch
from .eligibility import LONGEST_VALUE, personal
from .keys import hashes
from .spans import MAX_WORDS, key_words

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from ..schema import Schema

__all__ = ["Privacy", "masked_batch", "masked_key"]


@dataclass(frozen=True)
class Privacy:
    """What an index must not hold, and what it must not show.

    Attributes:
        exclude: Columns that are not indexed at all.
        mask: Columns of which only hashes are kept.
        mask_personal: Also mask columns that look like e-mail addresses, phone, card, bank account or social security
            numbers.
    """

    exclude: frozenset[ColumnRef] = frozenset()
    mask: frozenset[ColumnRef] = frozenset()
    mask_personal: bool = False

    @classmethod
    def of(
        cls, schema: Schema, exclude: Collection[ColumnRef], mask: Collection[ColumnRef], *, personal: bool
    ) -> Privacy:
        """With the schema's spelling of the columns.

        Raises:
            SchemaError: `schema` has no such column.
        """
        known = [frozenset(_known(schema, ref) for ref in refs) for refs in (exclude, mask)]
        return cls(known[0], known[1], personal)

    @classmethod
    def saved(cls, directory: Path, schema: Schema) -> Privacy:
        """What the index in `directory` was told, whatever its version; nothing where there is none.

        Columns that `schema` no longer has are forgotten.
        """
        try:
            document = json.loads((directory / "manifest.json").read_bytes())
            refs = [[ColumnRef(*ref) for ref in document.get(key, ())] for key in ("exclude", "mask")]
        except (OSError, ValueError, TypeError, AttributeError):
            return cls()
        there = [frozenset(ref for ref in some if ref.table in schema and ref.column in schema.table(ref.table))
                 for some in refs]  # fmt: skip
        return cls(there[0], there[1], document.get("mask_personal") is True)

    def record(self) -> dict[str, Any]:
        """Its part of the manifest."""
        return {
            "exclude": sorted(map(list, self.exclude)),
            "mask": sorted(map(list, self.mask)),
            "mask_personal": self.mask_personal,
        }

    def masks(self, ref: ColumnRef, texts: Sequence[str] = ()) -> str:
        """Why the column is masked, judged by some of its texts where `mask_personal` says so; "" where it is not."""
        if ref in self.mask:
            return "asked for"
        return personal(texts) if self.mask_personal else ""


def masked_batch(column: int, values: Sequence[str]) -> Batch:
    """Distinct values of one masked column: rows without text, each under the hash of its folded words."""
    kept = [value for value in values if len(value) <= LONGEST_VALUE]
    folded = (key_words(value) for value in kept)
    keys = list(dict.fromkeys(masked_key(words) for words in folded if 0 < len(words) <= 2 * MAX_WORDS))
    return Batch(
        text=b"",
        lengths=np.zeros(len(keys), dtype=np.int64),
        column=column,
        key_hashes=hashes(keys),
        key_rows=np.arange(len(keys), dtype=np.uint32),
        fuzzy_rows=np.empty(0, dtype=np.uint32),
        signatures=np.empty((0, 0), dtype=np.uint32),
        too_long=len(values) - len(kept),
    )


def masked_key(words: Sequence[str]) -> str:
    """The key of a masked value: all its folded words as they are, since nothing verifies a hit on it."""
    return "m" + " ".join(words)


def _known(schema: Schema, ref: ColumnRef) -> ColumnRef:
    table = schema.table(ref.table)
    return ColumnRef(table.name, table.column(ref.column).name)
