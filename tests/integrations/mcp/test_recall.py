"""What was left out is kept for one session, under ids that cannot be guessed, in bounded memory."""

from __future__ import annotations

import random
import threading

import pytest

from ctxprune.errors import InputError, UsageError
from ctxprune.integrations.mcp import RecallStore
from ctxprune.integrations.mcp.recall import Owner, StoredText

from .conftest import Tools

ONE = Owner("key", "one")


def text(size: int) -> StoredText:
    return StoredText("x" * (size // 4), "text")


def test_an_id_gives_nothing_to_another_session() -> None:
    store = RecallStore()
    id_ = store.put(ONE, text(40))
    assert store.get(ONE, id_) == text(40)
    words = []
    foreign = [Owner("key", "two"), Owner("key"), Owner("other", "one"), Owner("keyone")]
    for owner, asked in [(owner, id_) for owner in foreign] + [(ONE, id_[:-1]), (ONE, "nope"), (ONE, "")]:
        with pytest.raises(InputError) as caught:
            store.get(owner, asked)
        words.append(str(caught.value))
    assert len(set(words)) == 1
    assert len({store.put(ONE, text(4)) for _ in range(50)}) == 50
    assert len(id_) >= 20


def test_a_foreign_id_gives_nothing_through_the_tools(tools: Tools) -> None:
    found = tools.call("prune", query="When?", text="Secret one. It opened in 1933. Cats sleep.", budget=8)
    other = Tools(tools.service, session="two", store=tools.store)
    refusal = other.refusal("recall", id=found["recall"], query="Secret one")
    assert refusal == other.refusal("recall", id="never given", query="Secret one")
    assert "Secret" in tools.call("recall", id=found["recall"], query="Secret one")["text"]
    other.close()


def test_the_oldest_of_an_account_goes_first() -> None:
    store = RecallStore(most_bytes=10_000, account_bytes=4_500, account_items=3)
    other, third = Owner("other"), Owner("third")
    kept = store.put(other, text(3_000))
    ids = [store.put(Owner("key", f"session {number}"), text(100)) for number in range(5)]
    for number, id_ in enumerate(ids):
        owner = Owner("key", f"session {number}")
        if number < 2:
            with pytest.raises(InputError):
                store.get(owner, id_)
        else:
            assert store.get(owner, id_)
    assert store.get(other, kept)
    assert store.put(ONE, text(3_500)) == ""
    store.put(third, text(3_400))
    with pytest.raises(InputError):
        store.get(other, kept)


@pytest.mark.parametrize("most", [4, 40_000])
def test_memory_is_bounded(most: int) -> None:
    """Sessions that are made up get no room of their own, and items count with what it takes to keep them."""
    store = RecallStore(most_bytes=100_000, account_bytes=50_000, account_items=30)
    chance = random.Random(1)
    for number in range(2_000):
        store.put(Owner(f"key {number % 7}", f"session {number}"), text(chance.randrange(4, most + 4)))
        entries = store._entries.values()
        assert store._size == sum(entry.size for entry in entries) <= 100_000
        assert len(entries) <= 100
        assert set(store._accounts) == {entry.owner.account for entry in entries}
        for name, account in store._accounts.items():
            ids = [id_ for id_, entry in store._entries.items() if entry.owner.account == name]
            assert list(account.ids) == ids
            assert account.size == sum(store._entries[id_].size for id_ in ids) <= 50_000
    session = "s" * 60_000
    assert store.put(Owner("key", session), text(4)) == ""


def test_one_account_with_many_sessions_has_the_room_of_one() -> None:
    store = RecallStore(most_bytes=1_000_000, account_bytes=50_000, account_items=10_000)
    for number in range(3_000):
        store.put(Owner("key", f"session {number}"), text(4))
    assert len(store._entries) <= 50


def test_threads() -> None:
    store = RecallStore(most_bytes=200_000, account_bytes=20_000, account_items=5)
    failed = []

    def work(owner: Owner) -> None:
        for _ in range(300):
            id_ = store.put(owner, text(40))
            try:
                store.get(owner, id_)
            except InputError as error:
                failed.append(error)

    threads = [threading.Thread(target=work, args=(Owner(f"key {number}"),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def test_wrong_limits() -> None:
    for name in ("most_bytes", "account_bytes", "account_items"):
        with pytest.raises(UsageError, match=name):
            RecallStore(**{name: 0})
