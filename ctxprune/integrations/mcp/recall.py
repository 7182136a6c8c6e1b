"""What replies left out, kept for whom it was left out."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ctxprune.errors import InputError
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from ctxprune.sql.schema.schema import Schema

__all__ = ["Owner", "RecallStore", "StoredSchema", "StoredText"]

_ID_BYTES = 16
_COLUMN_BYTES = 300  # of a column with its examples, about
_ENTRY_BYTES = 1_000  # of the id, the entry and its places in the store, at most


@dataclass(frozen=True)
class Owner:
    """For whom something is kept.

    Attributes:
        account: Whose room it takes.
        session: Of the account; "" where its clients have none.
    """

    account: str
    session: str = ""


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
    owner: Owner
    item: StoredText | StoredSchema
    size: int


class _Account:
    """The entries of one account, oldest first, and their size."""

    def __init__(self) -> None:
        self.ids: OrderedDict[str, None] = OrderedDict()
        self.size = 0


class RecallStore:
    """Keeps items under ids that cannot be guessed, each for one owner. Safe to share between threads.

    Where there is no room the oldest ones go: first those of the same account, so that no account can push out what
    another one left out, as long as all together have room.

    Args:
        most_bytes: Of all items, with what it takes to keep them.
        account_bytes: Of those of one account.
        account_items: Items of one account.

    Raises:
        UsageError: A number is below 1.
    """

    def __init__(
        self, most_bytes: int = 256_000_000, account_bytes: int = 64_000_000, account_items: int = 1_000
    ) -> None:
        given = {"most_bytes": most_bytes, "account_bytes": account_bytes, "account_items": account_items}
        for name, value in given.items():
            check_whole(name, value)
        self._most, self._account_most, self._account_items = most_bytes, min(account_bytes, most_bytes), account_items
        self._entries: OrderedDict[str, _Entry] = OrderedDict()  # oldest first
        self._accounts: dict[str, _Account] = {}
        self._size = 0
        self._lock = threading.Lock()

    def put(self, owner: Owner, item: StoredText | StoredSchema) -> str:
        """The id under which `owner` gets the item back; "" where it alone is larger than an account's room.

        Args:
            owner: The account and session.
            item: What a reply left out.
        """
        size = item.size + len(owner.account) + len(owner.session) + _ENTRY_BYTES
        if size > self._account_most:
            return ""
        with self._lock:
            self._make_room(owner.account, size)
            id_ = secrets.token_urlsafe(_ID_BYTES)
            self._entries[id_] = _Entry(owner, item, size)
            account = self._accounts.setdefault(owner.account, _Account())
            account.ids[id_] = None
            account.size += size
            self._size += size
        return id_

    def get(self, owner: Owner, id_: str) -> StoredText | StoredSchema:
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

    def _make_room(self, name: str, size: int) -> None:
        while (account := self._accounts.get(name)) is not None and (
            account.size + size > self._account_most or len(account.ids) >= self._account_items
        ):
            self._drop(next(iter(account.ids)))
        while self._size + size > self._most:
            self._drop(next(iter(self._entries)))

    def _drop(self, id_: str) -> None:
        entry = self._entries.pop(id_)
        account = self._accounts[entry.owner.account]
        del account.ids[id_]
        account.size -= entry.size
        self._size -= entry.size
        if not account.ids:  # else each account that ever was would leave a name behind
            del self._accounts[entry.owner.account]
