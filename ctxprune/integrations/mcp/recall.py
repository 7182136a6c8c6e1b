"""What replies left out, kept for the session that it was left out from."""

from __future__ import annotations

import secrets
import threading
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ctxprune.errors import InputError
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctxprune.sql.schema.schema import Schema

__all__ = ["RecallStore", "StoredSchema", "StoredText"]

_ID_BYTES = 16
_COLUMN_BYTES = 300  # of a column with its examples, about


@dataclass(frozen=True)
class StoredText:
    """A text that can be pruned again.

    Attributes:
        text: All of it.
        kind: One of `ctxprune.rag.kinds.KINDS`.
    """

    text: str = field(repr=False)
    kind: str

    @property
    def size(self) -> int:
        """Bytes that it takes in memory, about."""
        return 4 * len(self.text)


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


@dataclass(frozen=True)
class _Entry:
    owner: str
    item: StoredText | StoredSchema
    size: int


class RecallStore:
    """Keeps items under ids that cannot be guessed, each for one owner. Safe to share between threads.

    Where there is no room the oldest ones go: first those of the same owner, so that one session cannot push out what
    another one left out, as long as all together have room.

    Args:
        most_bytes: Of all items.
        owner_bytes: Of the items of one owner.
        owner_items: Items of one owner.

    Raises:
        UsageError: A number is below 1.
    """

    def __init__(self, most_bytes: int = 256_000_000, owner_bytes: int = 64_000_000, owner_items: int = 100) -> None:
        for name, value in (("most_bytes", most_bytes), ("owner_bytes", owner_bytes), ("owner_items", owner_items)):
            check_whole(name, value)
        self._most, self._owner_most, self._owner_items = most_bytes, min(owner_bytes, most_bytes), owner_items
        self._entries: OrderedDict[str, _Entry] = OrderedDict()  # oldest first
        self._bytes: Counter[str] = Counter()
        self._items: Counter[str] = Counter()
        self._lock = threading.Lock()

    def put(self, owner: str, item: StoredText | StoredSchema) -> str:
        """The id under which `owner` gets the item back; "" where it alone is larger than an owner's room.

        Args:
            owner: The session.
            item: What a reply left out.
        """
        size = item.size
        if size > self._owner_most:
            return ""
        with self._lock:
            for old in self._displaced(owner, size):
                self._drop(old)
            id_ = secrets.token_urlsafe(_ID_BYTES)
            self._entries[id_] = _Entry(owner, item, size)
            self._bytes[owner] += size
            self._items[owner] += 1
        return id_

    def get(self, owner: str, id_: str) -> StoredText | StoredSchema:
        """What was kept under an id for this owner.

        Raises:
            InputError: Nothing: the id is unknown, another owner's, or what it stood for had to go.
        """
        with self._lock:
            entry = self._entries.get(id_)
        # The same words for a foreign id as for an unknown one, so that an answer says nothing of other sessions.
        if entry is None or entry.owner != owner:
            raise InputError(
                "nothing is kept under this id",
                hint="take the id from `recall` in an earlier reply of this session, or call that tool again",
            )
        return entry.item

    def _displaced(self, owner: str, size: int) -> Iterator[str]:
        """Ids that have to go, one at a time; the caller drops each before it asks for the next."""
        while self._bytes[owner] + size > self._owner_most or self._items[owner] >= self._owner_items:
            yield next(id_ for id_, entry in self._entries.items() if entry.owner == owner)
        while self._bytes.total() + size > self._most:
            yield next(iter(self._entries))

    def _drop(self, id_: str) -> None:
        entry = self._entries.pop(id_)
        self._bytes[entry.owner] -= entry.size
        self._items[entry.owner] -= 1
        if not self._items[entry.owner]:  # else each session that ever was would leave a name behind
            del self._items[entry.owner], self._bytes[entry.owner]
