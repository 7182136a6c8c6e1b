"""Value indexes in a Redis that fails: down, hanging, full, evicting, refusing, or with hostile bytes in it."""

from __future__ import annotations

import os
import signal
import socket
import time
import traceback

import pytest
from servers import Redis

from ctxprune.errors import FormatError, StoreError, UsageError
from ctxprune.sql.values.redis_index import RedisIndex
from ctxprune.sql.values.redis_store import ARRAYS
from ctxprune.storage.sealed import seal_bytes

from .conftest import asked_of

QUESTION = "Which engineers of São Paulo, sao paolo or Springfeild were paid in euros?"


def top_of(client):
    """The key of the current version's manifest."""
    return f"ctxprune:{{shop}}:{client.get('ctxprune:{shop}:current').decode()}"


def shown(error):
    """All that a user could come to see of an error."""
    return "".join(traceback.format_exception(error))


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


def test_a_redis_that_repeats_commands_in_its_errors_shows_no_password(redis_server):  # or skip
    class Old(Redis):
        def command(self):
            return [*super().command(), "--rename-command", "AUTH", "LOGIN"]

        def ping(self):
            with socket.create_connection(("127.0.0.1", self.port), 2):
                pass

    with Old() as server, pytest.raises(StoreError) as caught:
        RedisIndex(server.url, "shop").lookup("x")
    assert server.password not in shown(caught.value)


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
        held.lookup(QUESTION)
    redis_server.start()  # it kept nothing
    with pytest.raises(FormatError, match="missing"):
        held.lookup(QUESTION)
    with pytest.raises(FormatError, match="no value index"):
        shared.lookup(QUESTION)
    shared.publish(towns)
    assert shared.lookup(QUESTION) == towns.lookup(QUESTION)


def test_lost_connections_are_made_anew(shared, towns):
    shared.publish(towns)
    for _ in range(3):
        shared.server.client.client_kill_filter(_type="normal", skipme=False)
        assert shared.lookup(QUESTION) == towns.lookup(QUESTION)


def test_a_server_that_hangs(redis_server, redis_url, towns):
    RedisIndex(redis_url, "shop").publish(towns)
    shared = RedisIndex(f"{redis_url}?socket_timeout=0.5", "shop")
    os.kill(redis_server.pid, signal.SIGSTOP)
    try:
        start = time.monotonic()
        with pytest.raises(StoreError, match="in time"):
            shared.lookup(QUESTION)
        assert time.monotonic() - start < 5  # the usual limit, and no second try
    finally:
        os.kill(redis_server.pid, signal.SIGCONT)
    assert shared.lookup(QUESTION) == towns.lookup(QUESTION)


def test_a_full_server_keeps_what_was_there(shared, towns, crowd):
    shared.publish(towns)
    client = shared.server.client
    keys = sorted(client.keys("*"))
    client.config_set("maxmemory", client.info("memory")["used_memory"] + 300_000)
    with pytest.raises(StoreError, match="full"):
        shared.publish(crowd)
    assert sorted(client.keys("*")) == keys
    assert shared.lookup(QUESTION) == towns.lookup(QUESTION)
    client.config_set("maxmemory", 0)
    shared.publish(crowd)
    assert shared.lookup(QUESTION) == crowd.lookup(QUESTION)


def test_eviction_while_writing_is_noticed(shared, towns, crowd):
    shared.publish(towns)
    client = shared.server.client
    client.config_set("maxmemory-policy", "volatile-random")  # an unfinished version expires
    client.config_set("maxmemory", client.info("memory")["used_memory"] + 300_000)
    with pytest.raises(StoreError, match=r"evicted|full"):
        shared.publish(crowd)
    assert shared.lookup(QUESTION) == towns.lookup(QUESTION)


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
    client.acl_setuser("looker", enabled=True, passwords=["+look-pw"], keys=["*"], commands=["+@read"])
    looker = RedisIndex(redis_url.replace(f":{redis_server.password}@", "looker:look-pw@"), "shop")
    assert looker.lookup(QUESTION) == towns.lookup(QUESTION)
    with pytest.raises(StoreError, match="permit"):
        looker.publish(towns)
    client.config_set("replica-serve-stale-data", "yes")
    client.replicaof("127.0.0.1", "1")
    with pytest.raises(StoreError, match="replica"):
        shared.publish(towns)
    assert shared.lookup(QUESTION) == towns.lookup(QUESTION)


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
    client.set(top, seal_bytes(top, b"[1]"))


def hurt_newer_layout(client, top):
    client.set(top, seal_bytes(top, b'{"format": "ctxprune.values.redis", "version": 9}'))


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
        RedisIndex(redis_url, "shop").lookup(QUESTION)
    assert caught.value.hint
    writer.publish(towns)
    assert RedisIndex(redis_url, "shop").lookup(QUESTION) == towns.lookup(QUESTION)


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
        "sealed anew": lambda number, block: seal_bytes(f"{key}:{int(number)}", b"\xff" * 9),
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
