"""Keys take turns, whoever asks more."""

from __future__ import annotations

import asyncio

import pytest

from ctxprune.errors import RequestError
from ctxprune.serve import fairness
from ctxprune.serve.batching import Batcher
from ctxprune.serve.cost import SHORT_BYTES
from ctxprune.serve.fairness import FairQueue, Ledger, Shares
from ctxprune.serve.limits import Gate, Reservation


def test_each_key_has_its_turn() -> None:
    queue: FairQueue[int] = FairQueue()
    for number in range(5):
        queue.push("many", number)
    queue.push("few", 10)
    order = []
    while (key := queue.next_key(lambda _: True)) is not None:
        order.append(queue.pop(key))
    assert order == [0, 10, 1, 2, 3, 4]
    assert len(queue) == 0


def test_a_place_stays_free_for_others_that_asked_lately() -> None:
    shares = Shares(3)
    shares.ask("many")
    for _ in range(3):
        assert shares.may_take("many")
        shares.take("many")
    assert not shares.may_take("many")
    shares.give_back("many")
    shares.ask("few")
    assert not shares.may_take("many")
    assert shares.may_take("few")


def test_what_one_key_holds_is_bounded() -> None:
    ledger = Ledger(100_000, 60_000)
    first, second, other = Reservation(ledger, "many"), Reservation(ledger, "many"), Reservation(ledger, "few")
    first.resize(SHORT_BYTES + 50_000)
    with pytest.raises(RequestError, match="too many long requests") as raised:
        second.resize(SHORT_BYTES + 20_000)
    assert raised.value.status == 429
    second.resize(SHORT_BYTES)  # costs nothing
    other.resize(SHORT_BYTES + 50_000)
    first.resize(0)
    second.resize(SHORT_BYTES + 20_000)
    second.resize(0)
    other.resize(0)
    assert ledger.total == 0


def test_a_full_gate_lets_the_other_key_in_first() -> None:
    async def main() -> list[str]:
        gate, order = Gate(2, 10, most_of_one=2), []

        async def ask(key: str) -> None:
            async with gate.turn(key):
                order.append(key)
                await asyncio.sleep(0.01)

        many = [asyncio.ensure_future(ask("many")) for _ in range(8)]
        await asyncio.sleep(0)
        gone = asyncio.ensure_future(ask("gone"))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(*many, ask("few"))
        assert (gate.inside, gate.waiting) == (0, 0)
        return order

    assert "few" in asyncio.run(main())[:4]


def test_a_queue_is_full_for_its_key_alone() -> None:
    async def main() -> None:
        gate = Gate(1, 1)
        async with gate.turn("many"):
            waiting = asyncio.ensure_future(gate.turn("many").__aenter__())
            await asyncio.sleep(0)
            with pytest.raises(RequestError, match="too many requests at once"):
                await gate.turn("many").__aenter__()
            other = asyncio.ensure_future(gate.turn("few").__aenter__())
            await asyncio.sleep(0)
            assert gate.waiting == 2
            waiting.cancel()
            other.cancel()
            await asyncio.gather(waiting, other, return_exceptions=True)

    asyncio.run(main())


def test_cheap_items_come_first_and_expensive_ones_last(monkeypatch: pytest.MonkeyPatch) -> None:
    queue: FairQueue[str] = FairQueue()
    now = 100.0
    monkeypatch.setattr(fairness.time, "monotonic", lambda: now)
    for item, cost in (
        ("expensive", 0.1),
        ("cheap", 0.001),
        ("more expensive", 0.2),
        ("cheap too", 0.001),
        ("endless", 1e9),
    ):
        queue.push("key", item, cost)
    now += 3.0  # a tenth of a second of work is set back by less
    queue.push("key", "late", 0.001)
    now += 8.0  # nothing is set back by more
    queue.push("key", "very late", 0.0)
    order = []
    while queue.first("key") is not None:
        order.append(queue.pop("key"))
    assert order == ["cheap", "cheap too", "expensive", "late", "more expensive", "endless", "very late"]


def test_what_was_taken_out_is_not_given_and_leaves_the_order_of_others() -> None:
    queue: FairQueue[str] = FairQueue()
    for number in range(7):
        queue.push("key", f"item {number}", float(7 - number) / 100)
    gone = queue.first("key")
    assert gone == "item 6"
    queue.remove("key", gone)
    queue.remove("key", "unknown")
    queue.remove("nobody", gone)
    assert [queue.pop("key") for _ in range(queue.count("key"))] == [f"item {n}" for n in (5, 4, 3, 2, 1, 0)]
    assert queue.next_key(lambda _: True) is None


def test_a_full_gate_lets_cheap_requests_in_first() -> None:
    async def main() -> list[str]:
        gate, order = Gate(1, 10), []

        async def ask(name: str, cost: float) -> None:
            async with gate.turn("key", cost):
                order.append(name)
                await asyncio.sleep(0)

        asked = [("first", 1.0), ("expensive", 0.3), ("cheap", 0.0), ("middle", 0.1), ("cheap too", 0.0)]
        await asyncio.gather(*(ask(name, cost) for name, cost in asked))
        assert (gate.inside, gate.waiting) == (0, 0)
        return order

    assert asyncio.run(main()) == ["first", "cheap", "cheap too", "middle", "expensive"]


def test_a_run_holds_one_key_and_no_more_than_its_size() -> None:
    async def main() -> list[list[str]]:
        from concurrent.futures import ThreadPoolExecutor

        batches: list[list[str]] = []
        with ThreadPoolExecutor(1) as pool:

            def run(items: list[str]) -> list[str]:
                batches.append(list(items))
                return items

            batcher: Batcher[str, str] = Batcher(run, pool, most=10, runs=1, most_cost=5e-9)
            # Costs so small that none is set back by as much as passes between two of them.
            first = [batcher.submit(item, "many", len(item) * 1e-9) for item in ("a", "bbb", "cc", "d", "eeeeeeee")]
            await asyncio.gather(*first, batcher.submit("z", "few"))
        return batches

    assert asyncio.run(main()) == [["a"], ["bbb", "cc"], ["z"], ["d"], ["eeeeeeee"]]
