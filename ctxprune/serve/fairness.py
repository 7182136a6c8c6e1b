"""Turns shared between keys: a key with many requests waits for its own requests, not other keys for it."""

from __future__ import annotations

import heapq
import itertools
import time
from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FairQueue", "Ledger", "Shares"]

T = TypeVar("T")
_RECENT_SECONDS = 10.0  # a key that asked so long ago is thought to come again
_WAIT_A_COST = 20.0  # seconds that a request is set back in its queue for each second of its estimated cost
_MAX_WAIT = (
    10.0  # seconds; a third of the default deadline, so that an expensive request does not miss it by waiting alone
)


class FairQueue(Generic[T]):
    """Cheap before expensive for each key; of the keys that wait, each has its turn after the other.

    An item is ordered by the time when it came plus a delay that grows with its cost and is bounded: shortest job
    first, with ageing, since whatever comes later than that delay is behind it. Equal ones are first in, first out.
    """

    def __init__(self) -> None:
        # Heaps of (rank, number, item); the number is unique, so that items are never compared.
        self._waiting: OrderedDict[str, list[tuple[float, int, T]]] = OrderedDict()
        self._numbers = itertools.count()

    def push(self, key: str, item: T, cost: float = 0.0) -> None:
        """Add an item to those of its key.

        Args:
            key: Whose it is.
            item: What waits.
            cost: Estimated seconds of work, at least 0.
        """
        rank = time.monotonic() + min(_WAIT_A_COST * cost, _MAX_WAIT)
        heapq.heappush(self._waiting.setdefault(key, []), (rank, next(self._numbers), item))

    def next_key(self, allowed: Callable[[str], bool]) -> str | None:
        """The key whose turn it is, of those that wait and are allowed."""
        return next((key for key in self._waiting if allowed(key)), None)

    def first(self, key: str) -> T | None:
        """The next item of a key; None if it has none."""
        return self._waiting[key][0][2] if key in self._waiting else None

    def rank(self, key: str) -> float:
        """The place of the next item of a key among those of all queues; the least comes first."""
        return self._waiting[key][0][0]

    def pop(self, key: str) -> T:
        """Take out the item that `first` shows; from now on other keys come first."""
        items = self._waiting[key]
        item = heapq.heappop(items)[2]
        self._waiting.move_to_end(key)
        if not items:
            del self._waiting[key]
        return item

    def remove(self, key: str, item: T) -> None:
        """Take out an item that nobody waits for any longer; nothing happens if it is gone already."""
        items = self._waiting.get(key, [])
        left = [entry for entry in items if entry[2] is not item]
        if len(left) == len(items):
            return
        heapq.heapify(left)
        if left:
            self._waiting[key] = left
        else:
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

    def has_free(self, _key: str) -> bool:
        """Whether there is a place at all, for whatever does not hold it for long."""
        return self.free > 0

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
