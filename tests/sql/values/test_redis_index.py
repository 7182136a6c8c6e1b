"""Value indexes in a real Redis: the same answers as in memory, versions, many workers, faults and damage."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ctxprune.errors import FormatError, StoreError, UsageError
from ctxprune.sql._redis import sealed
from ctxprune.sql.database import Database
from ctxprune.sql.pipeline import Pipeline
from ctxprune.sql.schema import ColumnRef
from ctxprune.sql.values import ValueIndex, redis_store
from ctxprune.sql.values.redis_index import RedisIndex
from ctxprune.sql.values.redis_store import ARRAYS
from ctxprune.sql.values.stores import ArrayStore

from .conftest import make
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


@pytest.fixture
def shared(redis_url):
    return RedisIndex(redis_url, "shop")


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """An index of 10,000 values, so that each array has many blocks."""
    rng = random.Random(7)
    syllables = ["ka", "lo", "mi", "ren", "tar", "vos", "ber", "quin", "zel", "dor", "san", "port"]
    names = sorted({" ".join("".join(rng.choices(syllables, k=3)) for _ in range(2)) for _ in range(5_000)})
    path = tmp_path_factory.mktemp("crowd") / "crowd.sqlite"
    rows = [(name, f"{name[:5]}-{k:05}") for k, name in enumerate(names)]
    with Database(
        make(path, "CREATE TABLE t (name TEXT, code TEXT)", [("INSERT INTO t VALUES (?, ?)", rows)])
    ) as source:
        return ValueIndex.build(source)


def asked_of(index, n, seed=3):
    """Questions that name stored values, whole, in part and misspelt."""
    rng = random.Random(seed)
    values = [value for _ref, value in index]
    found = []
    for _ in range(n):
        whole, part, wrong = rng.choices(values, k=3)
        cut = rng.randrange(len(wrong))
        found.append(f"Who sold {whole} to {part.split()[0]} or {wrong[:cut]}{wrong[cut + 1 :]}?")
    return found


def top_of(client):
    """The key of the current version's manifest."""
    return f"ctxprune:{{shop}}:{client.get('ctxprune:{shop}:current').decode()}"


def shown(error):
    """All that a user could come to see of an error."""
    return "".join(traceback.format_exception(error))


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


@pytest.mark.parametrize("url", ["http://localhost", "redis://:s3cr/et@localhost", "redis://h:s3cret", ""])
def test_a_bad_url_is_refused_and_not_repeated(url):
    with pytest.raises(UsageError, match="redis://") as caught:
        RedisIndex(url, "shop")
    assert "s3cr" not in shown(caught.value)


@pytest.mark.parametrize("name", ["", "a b", "a{b", "é", "x" * 101])
def test_a_bad_name_is_refused(name):
    with pytest.raises(UsageError, match="letters"):
        RedisIndex("redis://localhost", name)


def test_no_password_is_shown(redis_server, redis_url, towns):
    wrong = RedisIndex(redis_url.replace(redis_server.password, "wr0ng-pw"), "shop")
    for call in (lambda: wrong.lookup("x"), lambda: wrong.publish(towns)):
        with pytest.raises(StoreError, match="refuses the user or the password") as caught:
            call()
        assert "wr0ng-pw" not in shown(caught.value)
    assert "wr0ng-pw" not in repr(wrong) + repr(wrong.server)


def test_a_server_that_is_down_or_restarts(redis_server, redis_url, towns):
    shared = RedisIndex(redis_url, "shop")
    redis_server.stop()
    for call in (lambda: shared.lookup("x"), lambda: shared.publish(towns)):
        with pytest.raises(StoreError, match="cannot be reached") as caught:
            call()
        assert redis_server.password not in shown(caught.value)
    redis_server.start()
    shared.publish(towns)
    held = shared.current()
    redis_server.kill()
    with pytest.raises(StoreError, match="cannot be reached"):
        held.lookup(QUESTIONS[1])
    redis_server.start()  # it kept nothing
    with pytest.raises(FormatError, match="missing"):
        held.lookup(QUESTIONS[1])
    with pytest.raises(FormatError, match="no value index"):
        shared.lookup(QUESTIONS[1])
    shared.publish(towns)
    assert shared.lookup(QUESTIONS[1]) == towns.lookup(QUESTIONS[1])


def test_lost_connections_are_made_anew(shared, towns):
    shared.publish(towns)
    for _ in range(3):
        shared.server.client.client_kill_filter(_type="normal", skipme=False)
        assert shared.lookup(QUESTIONS[1]) == towns.lookup(QUESTIONS[1])


def test_a_server_that_hangs(redis_server, redis_url, towns):
    RedisIndex(redis_url, "shop").publish(towns)
    shared = RedisIndex(f"{redis_url}?socket_timeout=0.5", "shop")
    os.kill(redis_server.pid, signal.SIGSTOP)
    try:
        start = time.monotonic()
        with pytest.raises(StoreError, match="in time"):
            shared.lookup(QUESTIONS[1])
        assert time.monotonic() - start < 5  # the usual limit, and no second try
    finally:
        os.kill(redis_server.pid, signal.SIGCONT)
    assert shared.lookup(QUESTIONS[1]) == towns.lookup(QUESTIONS[1])


def test_a_full_server_keeps_what_was_there(shared, towns, crowd):
    shared.publish(towns)
    client = shared.server.client
    keys = sorted(client.keys("*"))
    client.config_set("maxmemory", client.info("memory")["used_memory"] + 300_000)
    with pytest.raises(StoreError, match="full"):
        shared.publish(crowd)
    assert sorted(client.keys("*")) == keys
    assert shared.lookup(QUESTIONS[1]) == towns.lookup(QUESTIONS[1])
    client.config_set("maxmemory", 0)
    shared.publish(crowd)
    assert shared.lookup(QUESTIONS[1]) == crowd.lookup(QUESTIONS[1])


def test_eviction_while_writing_is_noticed(shared, towns, crowd):
    shared.publish(towns)
    client = shared.server.client
    client.config_set("maxmemory-policy", "volatile-random")  # an unfinished version expires
    client.config_set("maxmemory", client.info("memory")["used_memory"] + 300_000)
    with pytest.raises(StoreError, match=r"evicted|full"):
        shared.publish(crowd)
    assert shared.lookup(QUESTIONS[1]) == towns.lookup(QUESTIONS[1])


def test_eviction_while_reading_gives_right_answers_or_an_error(shared, crowd):
    shared.publish(crowd)
    client, questions = shared.server.client, asked_of(crowd, 10)
    client.config_set("maxmemory-policy", "allkeys-random")
    ends = []
    for share in (1.5, 0.8, 0.6, 0.4, 0.2, 0.1):
        client.config_set("maxmemory", int(client.info("memory")["used_memory"] * share))
        ends += [end_of(shared, crowd, question) for question in questions]
    assert ends[: len(questions)] == ["right"] * len(questions)
    assert set(ends) == {"right", "lost"}


def end_of(shared, index, question):
    try:
        return "right" if shared.lookup(question) == index.lookup(question) else "wrong"
    except FormatError as error:
        return "lost" if "evicted" in error.what or "no value index" in error.what else error.what


def test_a_replica_and_a_user_without_rights(redis_server, redis_url, towns):
    shared = RedisIndex(redis_url, "shop")
    shared.publish(towns)
    client = shared.server.client
    client.acl_setuser("looker", enabled=True, passwords=["+look-pw"], keys=["*"], commands=["+@read", "+hello"])
    looker = RedisIndex(redis_url.replace(f":{redis_server.password}@", "looker:look-pw@"), "shop")
    assert looker.lookup(QUESTIONS[1]) == towns.lookup(QUESTIONS[1])
    with pytest.raises(StoreError, match="permit"):
        looker.publish(towns)
    client.config_set("replica-serve-stale-data", "yes")
    client.replicaof("127.0.0.1", "1")
    with pytest.raises(StoreError, match="replica"):
        shared.publish(towns)
    assert shared.lookup(QUESTIONS[1]) == towns.lookup(QUESTIONS[1])


def test_a_killed_writer_leaves_only_what_expires(shared, crowd, monkeypatch):
    def killed(*_arguments, **_named):
        raise KeyboardInterrupt

    monkeypatch.setattr(shared.server.client, "transaction", killed)
    with pytest.raises(KeyboardInterrupt):
        shared.publish(crowd)
    ages = [shared.server.client.ttl(key) for key in shared.server.client.keys("*")]
    assert len(ages) == len(ARRAYS) + 1
    assert all(0 < age <= 3600 for age in ages)


def hurt_pointer(client, top):
    client.set("ctxprune:{shop}:current", b"\xff../../etc")


def hurt_other_kind(client, top):
    client.delete(f"{top}:keys")
    client.set(f"{top}:keys", "x")


def hurt_manifest(client, top):
    client.set(top, b"\x80\x04pickle")


def hurt_manifest_cut(client, top):
    client.set(top, client.get(top)[:-5])


def hurt_manifest_gone(client, top):
    client.delete(top)


def hurt_manifest_is_a_list(client, top):
    client.set(top, sealed(top, b"[1]"))


def hurt_newer_layout(client, top):
    client.set(top, sealed(top, b'{"format": "ctxprune.values.redis", "version": 9}'))


@pytest.mark.parametrize(
    "hurt",
    [
        hurt_pointer,
        hurt_other_kind,
        hurt_manifest,
        hurt_manifest_cut,
        hurt_manifest_gone,
        hurt_manifest_is_a_list,
        hurt_newer_layout,
    ],
)
def test_hostile_bytes_under_our_keys(redis_url, towns, hurt):
    writer = RedisIndex(redis_url, "shop")
    writer.publish(towns)
    client = writer.server.client
    hurt(client, top_of(client))
    with pytest.raises(FormatError) as caught:
        RedisIndex(redis_url, "shop").lookup(QUESTIONS[1])
    assert caught.value.hint
    writer.publish(towns)
    assert RedisIndex(redis_url, "shop").lookup(QUESTIONS[1]) == towns.lookup(QUESTIONS[1])


@pytest.mark.parametrize("array", ARRAYS)
def test_a_damaged_block_is_never_read(shared, crowd, array):
    shared.publish(crowd)
    client, questions = shared.server.client, asked_of(crowd, 5)
    key = f"{top_of(client)}:{array}"
    sound = client.hgetall(key)
    numbers = sorted(sound, key=int)
    following = dict(zip(numbers, numbers[1:] + numbers[:1], strict=True))
    damage = {
        "flipped": lambda number, block: block[:-1] + bytes([block[-1] ^ 1]),
        "cut": lambda number, block: block[:-1],
        "swapped": lambda number, block: sound[following[number]],
        "sealed anew": lambda number, block: sealed(f"{key}:{int(number)}", b"\xff" * 9),
    }
    for hurt in damage.values():
        client.hset(key, mapping={number: hurt(number, block) for number, block in sound.items()})
        assert set(outcomes(shared, questions, array)) == {"damaged"}
    client.delete(key)
    assert set(outcomes(shared, questions, array)) == {"missing"}
    client.hset(key, mapping=sound)
    assert [shared.lookup(question) for question in questions] == [crowd.lookup(question) for question in questions]


def outcomes(shared, questions, array):
    """What each question ends with, which must be an error that names the array."""
    for question in questions:
        with pytest.raises(FormatError, match=f"not whole.*{array}") as caught:
            shared.lookup(question)
        yield "missing" if "missing" in caught.value.what else "damaged"
