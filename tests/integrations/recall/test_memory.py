"""The store in memory is bounded, whatever sessions and keys clients make up."""

from __future__ import annotations

import random

import pytest

from ctxprune.integrations.recall import MemoryStore, Owner, StoredText, StoreLimits


def text(size: int) -> StoredText:
    return StoredText("x" * (size // 4), "text")


@pytest.mark.parametrize("most", [4, 40_000])
def test_memory_is_bounded(most: int) -> None:
    """Sessions that are made up get no room of their own, and items count with what it takes to keep them."""
    store: MemoryStore[StoredText] = MemoryStore(StoreLimits(100_000, 50_000, 30))
    chance = random.Random(1)
    for number in range(2_000):
        store.put(Owner(f"key {number % 7}", f"session {number}"), text(chance.randrange(4, most + 4)))
        entries = store._entries
        assert store._size == sum(entry.size for entry in entries.values()) <= 100_000
        assert len(entries) <= 100
        assert set(store._accounts) == {owner.account for owner, _ in entries}
        for name, account in store._accounts.items():
            places = [place for place in entries if place[0].account == name]
            assert list(account.keys) == places
            assert account.size == sum(entries[place].size for place in places) <= 50_000
    for names in ({"session": "s" * 60_000}, {"account": "a" * 60_000}):
        assert store.put(Owner(**{"account": "key"} | names), text(4)) == ""
    assert store.put(Owner("key"), text(4), "k" * 60_000) == ""


def test_accounts_push_out_their_own_first() -> None:
    store: MemoryStore[StoredText] = MemoryStore(StoreLimits(10_000, 4_500, 3))
    kept = store.put(Owner("other"), text(3_000))
    for number in range(5):
        store.put(Owner("key", str(number)), text(100))
    assert store.find(Owner("other"), kept)
    assert store.put(Owner("key"), text(3_500)) == ""
    store.put(Owner("third"), text(3_400))
    assert store.find(Owner("other"), kept) is None  # the oldest of all, where all together have no room


def test_one_account_with_many_sessions_has_the_room_of_one() -> None:
    store: MemoryStore[StoredText] = MemoryStore(StoreLimits(1_000_000, 50_000, 10_000))
    for number in range(3_000):
        store.put(Owner("key", f"session {number}"), text(4))
    assert len(store._entries) <= 50
