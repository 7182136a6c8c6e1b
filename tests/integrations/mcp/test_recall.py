"""What was left out is kept for one session, under ids that cannot be guessed, in bounded memory."""

from __future__ import annotations

import random
import threading

import pytest

from ctxprune.errors import InputError, UsageError
from ctxprune.integrations.mcp import RecallStore
from ctxprune.integrations.mcp.recall import StoredText

from .conftest import Tools


def text(size: int) -> StoredText:
    return StoredText("x" * (size // 4), "text")


def test_an_id_gives_nothing_to_another_session() -> None:
    store = RecallStore()
    id_ = store.put("one", text(40))
    assert store.get("one", id_) == text(40)
    words = []
    for owner, asked in (("two", id_), ("", id_), ("one", id_[:-1]), ("one", "nope"), ("one", "")):
        with pytest.raises(InputError) as caught:
            store.get(owner, asked)
        words.append(str(caught.value))
    assert len(set(words)) == 1
    assert len({store.put("one", text(4)) for _ in range(50)}) == 50
    assert len(id_) >= 20


def test_a_foreign_id_gives_nothing_through_the_tools(tools: Tools) -> None:
    found = tools.call("prune", query="When?", text="Secret one. It opened in 1933. Cats sleep.", budget=8)
    other = Tools(tools.service, session="two", store=tools.store)
    refusal = other.refusal("recall", id=found["recall"], query="Secret one")
    assert refusal == other.refusal("recall", id="never given", query="Secret one")
    assert "Secret" in tools.call("recall", id=found["recall"], query="Secret one")["text"]
    other.close()


def test_the_oldest_of_a_session_goes_first() -> None:
    store = RecallStore(most_bytes=1_000, owner_bytes=400, owner_items=3)
    kept = store.put("other", text(400))
    ids = [store.put("one", text(100)) for _ in range(5)]
    for id_ in ids[:2]:
        with pytest.raises(InputError):
            store.get("one", id_)
    assert all(store.get("one", id_) for id_ in ids[2:])
    assert store.get("other", kept)
    assert store.put("one", text(404)) == ""
    store.put("third", text(400))
    with pytest.raises(InputError):
        store.get("other", kept)


def test_memory_is_bounded_and_no_name_stays() -> None:
    store = RecallStore(most_bytes=5_000, owner_bytes=1_000, owner_items=7)
    chance = random.Random(1)
    for number in range(2_000):
        store.put(f"session {number // 3}", text(chance.randrange(4, 1_200)))
        assert store._bytes.total() == sum(entry.size for entry in store._entries.values()) <= 5_000
        assert set(store._items) == set(store._bytes) == {entry.owner for entry in store._entries.values()}


def test_threads() -> None:
    store = RecallStore(most_bytes=20_000, owner_bytes=2_000, owner_items=5)
    failed = []

    def work(owner: str) -> None:
        for _ in range(300):
            id_ = store.put(owner, text(40))
            try:
                store.get(owner, id_)
            except InputError as error:
                failed.append(error)

    threads = [threading.Thread(target=work, args=(f"session {number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def test_wrong_limits() -> None:
    for name in ("most_bytes", "owner_bytes", "owner_items"):
        with pytest.raises(UsageError, match=name):
            RecallStore(**{name: 0})
