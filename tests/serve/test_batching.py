"""Requests share runs, each gets its own result, and one's fault is no other's."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from ctxprune.serve import ServiceConfig, fairness
from ctxprune.serve.batching import Batcher
from ctxprune.serve.config import BatchingConfig, ModelConfig

from .conftest import Client

PRUNE = [
    {"query": f"When did bridge {n} open?", "text": f"Bridge {n} is long. It opened in {1900 + n}."} for n in range(20)
]
RERANK = [{"query": f"Who sleeps {n} hours?", "documents": [f"Cats sleep {n} hours.", "Dogs bark."]} for n in range(20)]


class Slow:
    """Doubles numbers, when told to go on."""

    def __init__(self) -> None:
        self.go, self.batches = threading.Event(), []

    def __call__(self, items: Sequence[int]) -> list[int | Exception]:
        self.batches.append(list(items))
        self.go.wait(10)
        return [ValueError(str(item)) if item < 0 else 2 * item for item in items]


def test_what_comes_while_one_runs_goes_together() -> None:
    async def main() -> None:
        slow = Slow()
        with ThreadPoolExecutor(2) as pool:
            batcher = Batcher(slow, pool, most=3, runs=1)
            tasks = [asyncio.ensure_future(batcher.submit(n)) for n in (1, 2, -3, 4, 5, 6)]
            await asyncio.sleep(0.05)
            tasks[4].cancel()
            slow.go.set()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        assert results[:2] == [2, 4]
        assert (type(results[2]), str(results[2])) == (ValueError, "-3")
        assert isinstance(results[4], asyncio.CancelledError)
        assert slow.batches == [[1], [2, -3, 4], [6]]

    asyncio.run(main())


def test_expensive_items_run_alone_and_leave_one_place_free() -> None:
    async def main() -> None:
        slow = Slow()
        with ThreadPoolExecutor(3) as pool:
            batcher = Batcher(slow, pool, most=10, runs=3, cheap=1.0)
            expensive = [asyncio.ensure_future(batcher.submit(n, cost=2.0)) for n in (1, 2, 3)]
            await asyncio.sleep(0)
            cheap = [asyncio.ensure_future(batcher.submit(n, cost=0.01)) for n in (4, 5, 6)]
            await asyncio.sleep(0.05)
            assert slow.batches == [[1], [2], [4]]
            slow.go.set()
            assert await asyncio.gather(*expensive, *cheap) == [2, 4, 6, 8, 10, 12]
        assert [3] in slow.batches
        assert sorted(n for batch in slow.batches for n in batch) == [1, 2, 3, 4, 5, 6]

    asyncio.run(main())


def test_what_comes_while_others_run_is_gathered_and_shared_out_evenly() -> None:
    async def main() -> None:
        slow = Slow()
        with ThreadPoolExecutor(2) as pool:
            batcher = Batcher(slow, pool, most=10, runs=2)
            tasks = [asyncio.ensure_future(batcher.submit(0))]
            await asyncio.sleep(0.05)
            assert slow.batches == [[0]]  # at once, since it came alone

            async def come_later(number: int) -> int:
                await asyncio.sleep(0)
                return await batcher.submit(number)

            tasks += [
                asyncio.ensure_future(batcher.submit(1)),
                *map(asyncio.ensure_future, map(come_later, range(2, 8))),
            ]
            await asyncio.sleep(0.05)
            assert slow.batches == [[0], [1, 2, 3, 4]]  # half of the eight there are
            slow.go.set()
            assert await asyncio.gather(*tasks) == list(range(0, 16, 2))
        assert [5, 6] in slow.batches or [5, 6, 7] in slow.batches

    asyncio.run(main())


@pytest.mark.parametrize(("bound", "places"), [(1.0, 2), (math.inf, 1)], ids=["bounded", "unbounded"])
def test_runs_of_bounded_cost_may_take_the_place_kept_for_other_keys(bound: float, places: int) -> None:
    async def main() -> None:
        slow = Slow()
        with ThreadPoolExecutor(2) as pool:
            batcher = Batcher(slow, pool, most=1, runs=2, cheap=1.0, most_cost=bound)
            slow.go.set()
            await batcher.submit(0, "other")
            slow.go.clear()
            tasks = [asyncio.ensure_future(batcher.submit(n, "key", 0.01)) for n in (1, 2, 3)]
            await asyncio.sleep(0.05)
            assert len(slow.batches) == 1 + places
            slow.go.set()
            assert await asyncio.gather(*tasks) == [2, 4, 6]

    asyncio.run(main())


def test_a_single_place_is_for_expensive_items_as_well() -> None:
    async def main() -> None:
        slow = Slow()
        slow.go.set()
        with ThreadPoolExecutor(1) as pool:
            batcher = Batcher(slow, pool, most=10, runs=1, cheap=1.0)
            asked = [batcher.submit(n, cost=cost) for n, cost in ((1, 2.0), (2, 2.0), (3, 0.0))]
            assert await asyncio.gather(*asked) == [2, 4, 6]
        assert slow.batches == [[1], [3], [2]]

    asyncio.run(main())


def test_an_expensive_item_that_has_waited_comes_before_cheap_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(fairness.time, "monotonic", lambda: now)

    async def main() -> None:
        nonlocal now
        slow = Slow()
        with ThreadPoolExecutor(1) as pool:
            batcher = Batcher(slow, pool, most=1, runs=1, cheap=1.0)
            tasks = [asyncio.ensure_future(batcher.submit(n, cost=cost)) for n, cost in ((1, 0.0), (2, 5.0), (3, 0.0))]
            await asyncio.sleep(0)
            now += 11.0
            tasks.append(asyncio.ensure_future(batcher.submit(4)))
            await asyncio.sleep(0)
            slow.go.set()
            await asyncio.gather(*tasks)
        assert slow.batches == [[1], [3], [2], [4]]

    asyncio.run(main())


def test_a_run_that_fails_fails_all_of_it_and_the_next_ones_go_on() -> None:
    def run(items: Sequence[int]) -> list[int]:
        if 0 in items:
            raise MemoryError
        return list(items)

    async def main() -> None:
        with ThreadPoolExecutor(1) as pool:
            batcher = Batcher(run, pool, most=2, runs=1)
            results = await asyncio.gather(*map(batcher.submit, (0, 1, 2, 0)), return_exceptions=True)
        assert [type(result) for result in results] == [MemoryError, int, int, MemoryError]

    asyncio.run(main())


@pytest.fixture(scope="module")
def clients():
    """With the bundled model: one that shares runs, one that does not."""
    made = [
        Client(ServiceConfig(model=ModelConfig(threads=1), batching=BatchingConfig(enabled=enabled)))
        for enabled in (True, False)
    ]
    yield made
    for client in made:
        client.close()


def test_answers_are_the_same_in_company_as_alone(clients: list[Client]) -> None:
    shared, alone = clients

    def answers(client: Client, *, together: bool) -> list[object]:
        async def main() -> list[object]:
            calls = [
                client.aask("POST", path, json=asked)
                for path, all_ in (("/v1/prune", PRUNE), ("/v1/rerank", RERANK))
                for asked in all_
            ]
            return await asyncio.gather(*calls) if together else [await call for call in calls]

        responses = client.loop.run_until_complete(main())
        assert {response.status_code for response in responses} == {200}
        return [{k: v for k, v in r.json().items() if k not in ("id", "seconds")} for r in responses]

    assert answers(shared, together=True) == answers(alone, together=False) == answers(alone, together=True)
    sizes = [line for line in shared.get("/metrics").text.splitlines() if line.startswith("ctxprune_batch_requests")]
    count, total = (float(line.split()[1]) for line in sizes if "_count" in line or "_sum" in line)
    assert total == 40
    assert count < 15


def test_one_wrong_request_spoils_no_other(clients: list[Client]) -> None:
    wrong = [{"query": "a", "text": "no json", "kind": "json"}, {"query": "a", "text": "A long sentence.", "budget": 1}]

    async def main() -> list[int]:
        asked = [*PRUNE[:4], *wrong, *PRUNE[4:8]]
        responses = await asyncio.gather(*(clients[0].aask("POST", "/v1/prune", json=one) for one in asked))
        return [response.status_code for response in responses]

    assert clients[0].loop.run_until_complete(main()) == [200] * 4 + [422] * 2 + [200] * 4


def test_a_long_text_runs_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(ServiceConfig(model=ModelConfig("lexical", threads=1)))
    long = {"query": "When did it open?", "text": "It opened in 1933. " * 3000, "budget": 50}
    sizes: list[int] = []
    monkeypatch.setattr(client.service.metrics, "batch", sizes.append)

    async def main() -> list[int]:
        go = threading.Event()
        client.service._scorers.submit(go.wait, 30)  # whatever comes meanwhile gathers
        asked = [PRUNE[0], long, *PRUNE[1:4], long]
        calls = [asyncio.ensure_future(client.aask("POST", "/v1/prune", json=one)) for one in asked]
        while client.service.gate.inside + client.service.long_gate.inside < len(asked):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        go.set()
        return [response.status_code for response in await asyncio.gather(*calls)]

    assert client.loop.run_until_complete(main()) == [200] * 6
    assert sorted(sizes) == [1, 1, 1, 3]  # the first, which ran at once, the two long ones, and the others together
    client.close()


def test_a_scorer_that_fails_for_one_serves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(ServiceConfig(model=ModelConfig("lexical", threads=1)))
    scorer = client.service.scoring.scorer

    class Fragile:
        def score(self, query: str, context: object) -> object:
            if "9" in query:
                raise ArithmeticError
            return scorer.score(query, context)

    client.service.scoring.scorer = Fragile()

    async def main() -> list[int]:
        responses = await asyncio.gather(*(client.aask("POST", "/v1/prune", json=asked) for asked in PRUNE[:12]))
        return [response.status_code for response in responses]

    assert client.loop.run_until_complete(main()) == [500 if n == 9 else 200 for n in range(12)]
    client.close()
