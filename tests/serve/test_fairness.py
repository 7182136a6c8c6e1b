"""Keys take turns, whoever asks more."""

from __future__ import annotations

import asyncio

import pytest

from ctxprune.errors import RequestError
from ctxprune.serve.batching import Batcher
from ctxprune.serve.fairness import FairQueue, Ledger, Shares
from ctxprune.serve.limits import SHORT_BYTES, Gate, Reservation


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


def test_a_run_holds_one_key_and_no_more_than_its_size() -> None:
    async def main() -> list[list[str]]:
        from concurrent.futures import ThreadPoolExecutor

        batches: list[list[str]] = []
        with ThreadPoolExecutor(1) as pool:

            def run(items: list[str]) -> list[str]:
                batches.append(list(items))
                return items

            batcher: Batcher[str, str] = Batcher(run, pool, most=10, runs=1, sizes=(len, 5))
            first = [batcher.submit(item, "many") for item in ("a", "bbb", "cc", "d", "eeeeeeee")]
            await asyncio.gather(*first, batcher.submit("z", "few"))
        return batches

    assert asyncio.run(main()) == [["a"], ["bbb", "cc"], ["z"], ["d"], ["eeeeeeee"]]
