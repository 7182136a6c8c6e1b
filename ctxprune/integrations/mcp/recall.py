"""What replies left out, kept for whom it was left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ctxprune.integrations.recall import MemoryStore, Owner, StoredText

if TYPE_CHECKING:
    from ctxprune.sql.schema.schema import Schema

__all__ = ["Owner", "ReplyStore", "StoredRows", "StoredSchema", "StoredText"]

_COLUMN_BYTES = 300  # of a column with its examples, about


@dataclass(frozen=True)
class StoredRows(StoredText):
    """Rows of a query.

    Attributes:
        note: What they lack of the query's result, said with each part of them; "" where they are all of it.
    """

    note: str = ""


@dataclass(frozen=True)
class StoredSchema:
    """What a caller may see of a database, of which a reply showed a part.

    Attributes:
        database: Its name.
        schema: All that may be seen.
    """

    database: str
    schema: Schema = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes that it takes in memory, about."""
        return _COLUMN_BYTES * self.schema.n_columns


class ReplyStore(MemoryStore[StoredText | StoredSchema]):
    """Keeps texts and, as the objects that they are, schemas: in memory, since sessions end with the process.

    Args:
        limits: How much it keeps; an account is a key of the service.
    """
