"""Value indexes in a real Redis: the same answers as in memory, versions, many workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ctxprune.errors import FormatError
from ctxprune.sql.database.database import Database
from ctxprune.sql.pipeline.pipeline import Pipeline
from ctxprune.sql.schema.schema import ColumnRef
from ctxprune.sql.values import ValueIndex, redis_store
from ctxprune.sql.values.redis_index import RedisIndex
from ctxprune.sql.values.redis_store import ARRAYS
from ctxprune.sql.values.stores import ArrayStore

from .conftest import asked_of
from .store_conformance import CODES, TOWNS, StoreConformance

WORKER = Path(__file__).with_name("redis_worker.py")
QUESTIONS = [
    "",
    "Which engineers of São Paulo, sao paolo or Springfeild were paid in euros?",
    "people named O'Neill in comp sci, born after 1980",
    "A+ towns of Japan, 東京, zip 94107",
    "Show name, name and the name!",
    "new york citty or nyc in the USA; payments in EUR and CZK above 2",
]


class TestRedisStore(StoreConformance):
    @pytest.fixture
    def store(self, part, column_starts, signer, shared):
        columns = [
            {"table": "town", "column": "name", "values": len(TOWNS), "fuzzy": True},
            {"table": "part", "column": "code", "values": len(CODES)},
        ]
        manifest = {"columns": columns, "permutations": signer.permutations.tolist()}
        shared.publish(ValueIndex(manifest, ArrayStore(part, column_starts)))
        return shared.current()._store


def test_answers_are_those_of_the_index_in_memory(shared, towns):
    shared.publish(towns)
    for question in QUESTIONS:
        assert shared.lookup(question) == towns.lookup(question)
        assert shared.lookup(question, "as of 1990 in Łódź") == towns.lookup(question, "as of 1990 in Łódź")
        assert shared.ranges(question) == towns.ranges(question)
    assert any(shared.lookup(question) for question in QUESTIONS)
    assert shared.hidden == towns.hidden
    assert list(shared.current()) == list(towns)


def test_answers_of_a_large_index_too(shared, crowd):
    shared.publish(crowd)
    questions = asked_of(crowd, 60)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(shared.lookup, questions)) == [crowd.lookup(question) for question in questions]


def test_large_blocks_are_kept_within_bounds_and_change_no_answer(shared, crowd, monkeypatch):
    monkeypatch.setattr(redis_store, "_LARGE", 200)
    monkeypatch.setattr(redis_store, "_KEPT", 5_000)
    shared.publish(crowd)
    questions = asked_of(crowd, 20)
    for _turn in range(2):
        assert [shared.lookup(question) for question in questions] == [crowd.lookup(question) for question in questions]
    kept = shared.current()._store._bands._kept
    assert 4_000 < sum(map(len, kept.values())) <= 5_000


def test_an_empty_index(shared, index):
    shared.publish(index("CREATE TABLE t (a INTEGER)"))
    assert shared.lookup("anything at all") == []


def test_masked_values_never_reach_redis(shared, database):
    source = database("CREATE TABLE t (mail TEXT); INSERT INTO t VALUES ('ann@secret.example')")
    built = ValueIndex.build(source, mask=[ColumnRef("t", "mail")])
    shared.publish(built)
    assert shared.lookup("who is ann@secret.example?") == built.lookup("who is ann@secret.example?") != []
    assert shared.hidden == built.hidden
    client = shared.server.client
    client.config_set("rdbcompression", "no")
    assert b"secret.example" not in b"".join(map(client.dump, client.keys("*")))


def test_a_reader_finishes_with_its_version_and_the_next_look_up_takes_the_new_one(redis_url, towns, crowd):
    shared = RedisIndex(redis_url, "shop", keep=3)
    shared.publish(towns)
    before, question = shared.current(), "engineers of Springfield"
    client = shared.server.client
    keys = set(client.keys("*"))
    shared.publish(crowd)
    assert before.lookup(question) == towns.lookup(question)
    assert shared.lookup(question) == crowd.lookup(question)
    fresh = set(client.keys("*")) - keys
    assert len(fresh) == len(ARRAYS) + 1
    assert {client.ttl(key) for key in fresh} == {-1}
    while set(client.keys("*")) - fresh != {b"ctxprune:{shop}:current"}:
        time.sleep(0.05)
    with pytest.raises(FormatError, match="expired"):
        before.lookup(question)


def test_a_pipeline_asks_it(shared, shop):
    with Database(shop, isolated=False) as source:
        index = ValueIndex.build(source)
        shared.publish(index)
        question = "How many order items were sold in Sao Paolo?"
        own, theirs = (Pipeline(source, values=values).ask(question) for values in (index, shared))
    assert theirs.trace.hits == own.trace.hits
    assert theirs.trace.hits[0].value == "São Paulo"
    assert theirs.sql == own.sql


def test_names_are_apart(redis_url, towns, crowd):
    one, other = RedisIndex(redis_url, "one"), RedisIndex(redis_url, "other")
    one.publish(towns)
    other.publish(crowd)
    assert one.lookup(QUESTIONS[1]) == towns.lookup(QUESTIONS[1])
    with pytest.raises(FormatError, match=r"no value index.*publish"):
        RedisIndex(redis_url, "third").lookup("x")


def test_eight_writers_and_readers_answer_as_one(redis_url, towns, tmp_path):
    towns.save(tmp_path / "index")
    (tmp_path / "questions").write_text(json.dumps(QUESTIONS), encoding="utf-8")
    command = [sys.executable, str(WORKER), redis_url, str(tmp_path / "index"), str(tmp_path / "questions"), "10"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    workers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        for _ in range(8)
    ]
    said = [worker.communicate(timeout=120) for worker in workers]
    assert said == [(f"{10 * len(QUESTIONS)}\n", "")] * 8
    client = RedisIndex(redis_url, "shared").server.client
    assert len([key for key in client.keys("*") if client.ttl(key) == -1]) == len(ARRAYS) + 2, "one version stays"
