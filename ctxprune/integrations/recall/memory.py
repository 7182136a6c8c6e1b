"""A store in the memory of one process."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic

from ctxprune.integrations.recall.base import Item, Owner, RecallStore, StoreLimits, new_id

__all__ = ["MemoryStore"]

_ENTRY_BYTES = 1_000  # of the key, the entry and its places in the store, at most


@dataclass(frozen=True)
class _Entry(Generic[Item]):
    item: Item
    size: int
    time: float


class _Account:
    """The keys of one account, oldest first, and the size of what they stand for."""

    def __init__(self) -> None:
        self.keys: OrderedDict[tuple[Owner, str], None] = OrderedDict()
        self.size = 0


class MemoryStore(RecallStore[Item]):
    """Keeps items of any kind that has a `size`, until the process ends.

    No account can push out what another one left out, as long as all together have room.

    Args:
        limits: How much it keeps.
    """

    def __init__(self, limits: StoreLimits | None = None) -> None:
        self.limits = limits or StoreLimits()
        self._account_bytes = min(self.limits.account_bytes, self.limits.total_bytes)
        self._entries: OrderedDict[tuple[Owner, str], _Entry[Item]] = OrderedDict()  # oldest first
        self._accounts: dict[str, _Account] = {}
        self._size = 0
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[MemoryStore[Item]], tuple[StoreLimits]]:
        return type(self), (self.limits,)  # without what it holds, which belongs to the process

    def put(self, owner: Owner, item: Item, key: str = "") -> str:
        """See `RecallStore`."""
        size = item.size + 4 * (len(owner.account) + len(owner.session) + len(key)) + _ENTRY_BYTES
        if size > self._account_bytes:
            return ""
        key = key or new_id()
        with self._lock:
            self._drop_expired()
            if (owner, key) in self._entries:
                return key
            self._make_room(owner.account, size)
            self._entries[owner, key] = _Entry(item, size, time.monotonic())
            account = self._accounts.setdefault(owner.account, _Account())
            account.keys[owner, key] = None
            account.size += size
            self._size += size
        return key

    def find(self, owner: Owner, key: str) -> Item | None:
        """See `RecallStore`."""
        with self._lock:
            self._drop_expired()
            entry = self._entries.get((owner, key))
        return None if entry is None else entry.item

    def items(self, owner: Owner) -> list[tuple[str, Item]]:
        """See `RecallStore`."""
        with self._lock:
            self._drop_expired()
            account = self._accounts.get(owner.account)
            places = [] if account is None else [place for place in account.keys if place[0] == owner]
            return [(place[1], self._entries[place].item) for place in places]

    def _drop_expired(self) -> None:
        if self.limits.seconds is None:
            return
        oldest = time.monotonic() - self.limits.seconds
        while self._entries and next(iter(self._entries.values())).time < oldest:
            self._drop(next(iter(self._entries)))

    def _make_room(self, name: str, size: int) -> None:
        most = self.limits.account_items
        while (account := self._accounts.get(name)) is not None and (
            account.size + size > self._account_bytes or len(account.keys) >= most
        ):
            self._drop(next(iter(account.keys)))
        while self._size + size > self.limits.total_bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, place: tuple[Owner, str]) -> None:
        entry = self._entries.pop(place)
        name = place[0].account
        account = self._accounts[name]
        del account.keys[place]
        account.size -= entry.size
        self._size -= entry.size
        if not account.keys:  # else each account that ever was would leave a name behind
            del self._accounts[name]
