"""The generation cache in a real Redis: shared, bounded, and clear about faults."""

from __future__ import annotations

import runpy
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from ctxprune.errors import FormatError, StoreError, UsageError
from ctxprune.llm.base import ChatAnswer, Message, Sampling
from ctxprune.llm.cache import CachedModel
from ctxprune.llm.redis_cache import RedisGenerationCache
from ctxprune.storage.sealed import seal_bytes

fakes = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "sql" / "generate" / "chat_fakes.py")))

TURN = [Message("user", "Häuser?")]
ANSWERS = [ChatAnswer("SELECT 'ä\n\ud800'", 12, 3, 1.5)]


@pytest.fixture
def cache(redis_url):
    return RedisGenerationCache(redis_url)


def test_the_second_worker_does_not_reach_the_model(redis_url):
    model = fakes.saying("SELECT 'ä\n'")
    first = CachedModel(model, RedisGenerationCache(redis_url)).complete(TURN, Sampling(n=2, temperature=0.5))
    again = CachedModel(model, RedisGenerationCache(redis_url)).complete(TURN, Sampling(n=2, temperature=0.5))
    assert len(model.prompts) == 1
    assert [replace(answer, cached=False) for answer in again] == list(first)
    assert all(answer.cached for answer in again)


def test_answers_come_back_as_they_were(cache):
    assert cache.get("k") is None
    cache.put("k", "model", ANSWERS)
    assert cache.get("k") == [replace(ANSWERS[0], cached=True)]


def test_of_many_workers_the_first_answers_stay(redis_url):
    caches = [RedisGenerationCache(redis_url) for _ in range(8)]

    def race(number):
        caches[number].put("k", "model", [ChatAnswer(f"SELECT {number}")])
        return caches[number].get("k")

    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(race, range(8)))
    assert seen == [seen[0]] * 8


def test_it_keeps_the_newest_and_never_more_than_told(redis_url):
    caches = [RedisGenerationCache(redis_url, most=10) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda k: caches[k % 4].put(f"key-{k}", "model", ANSWERS), range(80)))
    caches[0].put("last", "model", ANSWERS)
    client = caches[0].server.client
    assert client.dbsize() == 10 + 1
    assert caches[1].get("last") is not None
    assert caches[1].get("key-0") is None


def test_answers_expire_where_that_is_asked_for(redis_url):
    cache = RedisGenerationCache(redis_url, seconds=2)
    cache.put("k", "model", ANSWERS)
    assert cache.get("k")
    while cache.get("k"):
        time.sleep(0.05)
    cache.put("k", "model", ANSWERS)
    assert cache.get("k")


def test_names_are_apart(redis_url, cache):
    cache.put("k", "model", ANSWERS)
    assert RedisGenerationCache(redis_url, "other").get("k") is None


def test_what_redis_lost_is_asked_for_again(redis_server, redis_url):
    model = fakes.saying("SELECT 1")
    cached = CachedModel(model, RedisGenerationCache(redis_url))
    cached.complete(TURN, Sampling())
    redis_server.restart()
    assert [answer.cached for answer in cached.complete(TURN, Sampling())] == [False]
    assert [answer.cached for answer in cached.complete(TURN, Sampling())] == [True]


KEY = "ctxprune:{generations}:k"


@pytest.mark.parametrize(
    "bytes_",
    [
        b"",
        b"\x80\x04\x95pickle",
        seal_bytes("elsewhere", b'[["SELECT 1", 1, 1, 1.0]]'),
        seal_bytes(KEY, b"\xff"),
        seal_bytes(KEY, b"[1]"),
        seal_bytes(KEY, b'[["SELECT 1", Infinity, 1, 1.0]]'),
        seal_bytes(KEY, b"[" * 100_000),
    ],
)
def test_hostile_bytes_are_refused(cache, bytes_):
    cache.server.client.set(KEY, bytes_)
    with pytest.raises(FormatError, match=r"damaged.*delete the key") as caught:
        cache.get("k")
    assert KEY in caught.value.where


def test_another_kind_of_key_is_refused(cache):
    cache.server.client.rpush(KEY, "x")
    with pytest.raises(FormatError, match="something else"):
        cache.get("k")


def test_faults_are_named_and_passwords_are_not(redis_server, redis_url):
    wrong = RedisGenerationCache(redis_url.replace(redis_server.password, "wr0ng-pw"))
    with pytest.raises(StoreError, match="password") as caught:
        wrong.get("k")
    assert "wr0ng-pw" not in "".join(traceback.format_exception(caught.value)) + repr(wrong)
    cache = RedisGenerationCache(redis_url)
    cache.server.client.config_set("maxmemory", 1)
    with pytest.raises(StoreError, match="full"):
        cache.put("k", "model", ANSWERS)
    redis_server.stop()
    with pytest.raises(StoreError, match="cannot be reached"):
        CachedModel(fakes.saying("SELECT 1"), cache).complete(TURN, Sampling())
    redis_server.start()
    cache.put("k", "model", ANSWERS)
    assert cache.get("k")


@pytest.mark.parametrize("options", [{"most": 0}, {"seconds": -1}, {"name": "a b"}])
def test_arguments_out_of_range(options):
    with pytest.raises(UsageError):
        RedisGenerationCache("redis://localhost", **options)


def test_a_full_redis_does_not_cost_the_answer(redis_url, caplog):
    cache = RedisGenerationCache(redis_url)
    cache.server.client.config_set("maxmemory", 1)
    model = fakes.saying("SELECT 1")
    assert [answer.text for answer in CachedModel(model, cache).complete(TURN, Sampling())] == ["SELECT 1"]
    assert "not kept: Redis is full" in caplog.text
    cache.server.client.config_set("maxmemory", 0)
    CachedModel(model, cache).complete(TURN, Sampling())
    assert CachedModel(model, cache).complete(TURN, Sampling())[0].cached
    assert len(model.prompts) == 2
