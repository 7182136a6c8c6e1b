"""Turns shared between keys: a key with many requests waits for its own requests, not other keys for it."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict, deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FairQueue", "Ledger", "Shares"]

T = TypeVar("T")
_RECENT_SECONDS = 10.0  # a key that asked so long ago is thought to come again


class FairQueue(Generic[T]):
    """First in, first out for each key; of the keys that wait, each has its turn after the other."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, deque[T]] = OrderedDict()

    def push(self, key: str, item: T) -> None:
        """Append an item to those of its key."""
        self._waiting.setdefault(key, deque()).append(item)

    def next_key(self, allowed: Callable[[str], bool]) -> str | None:
        """The key whose turn it is, of those that wait and are allowed; from now on the others come first."""
        key = next((key for key in self._waiting if allowed(key)), None)
        if key is not None:
            self._waiting.move_to_end(key)
        return key

    def first(self, key: str) -> T | None:
        """The item of a key that has waited longest; None if it has none."""
        return self._waiting[key][0] if key in self._waiting else None

    def pop(self, key: str) -> T:
        """Take out the item that `first` shows."""
        items = self._waiting[key]
        item = items.popleft()
        if not items:
            del self._waiting[key]
        return item

    def remove(self, key: str, item: T) -> None:
        """Take out an item that nobody waits for any longer; nothing happens if it is gone already."""
        items = self._waiting.get(key)
        if items is None or item not in items:
            return
        items.remove(item)
        if not items:
            del self._waiting[key]

    def count(self, key: str) -> int:
        """Items of one key that wait."""
        return len(self._waiting.get(key, ()))

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))


class Shares:
    """Who holds how many of a number of places. One stays free for others while others have asked lately.

    A run cannot be stopped in the middle for the sake of another key; so a key that fills all places would make others
    wait for a whole run of its own length.

    Args:
        places: In all, at least 1.
    """

    def __init__(self, places: int) -> None:
        self._places, self.free = places, places
        self._held: Counter[str] = Counter()
        self._asked: dict[str, float] = {}

    def ask(self, key: str) -> None:
        """Remember that this key asked."""
        now = time.monotonic()
        self._asked = {name: at for name, at in self._asked.items() if now - at < _RECENT_SECONDS}
        self._asked[key] = now

    def may_take(self, key: str) -> bool:
        """Whether the key may have one more place."""
        now = time.monotonic()
        alone = not any(name != key and now - at < _RECENT_SECONDS for name, at in self._asked.items())
        most = self._places if alone else max(1, self._places - 1)
        return self.free > 0 and self._held[key] < most

    def take(self, key: str) -> None:
        """Give the key one more place."""
        self.free -= 1
        self._held[key] += 1

    def give_back(self, key: str) -> None:
        """Free a place of the key."""
        self.free += 1
        self._held[key] -= 1
        if not self._held[key]:
            del self._held[key]


class Ledger:
    """Bytes held for requests, of each key and in all.

    Args:
        most: Bytes in all.
        most_of_one: Bytes of one key.
    """

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most, self._most_of_one = most, most_of_one
        self._held: Counter[str] = Counter()
        self.total = 0

    def take(self, key: str, size: int) -> bool:
        """Book so many bytes for a key; False, and nothing is booked, if there is no room for them."""
        if self.total + size > self._most or self._held[key] + size > self._most_of_one:
            return False
        self.total += size
        self._held[key] += size
        return True

    def give_back(self, key: str, size: int) -> None:
        """Free bytes that were booked."""
        self.total -= size
        self._held[key] -= size
        if not self._held[key]:
            del self._held[key]
