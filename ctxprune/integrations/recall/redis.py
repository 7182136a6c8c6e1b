"""A store in Redis, for workers on several machines (extra `redis`)."""

from __future__ import annotations

import time

from ctxprune.errors import FormatError
from ctxprune.integrations.recall.base import Owner, RecallStore, StoreLimits, digest, new_id
from ctxprune.integrations.recall.items import StoredItem, decode_item, encode_item
from ctxprune.storage.redis import RedisServer, checked_name
from ctxprune.utils.validation import check_number

__all__ = ["RedisStore"]

_SECONDS = 7 * 86_400.0  # that an item is kept if the limits do not say how long

# One script, since between a look at the sizes and the deletions another worker might add. The account's sorted set
# holds SIZE:SESSION:KEY by time; of entries whose item has expired it is cleaned here.
_PUT = """
local index, item = KEYS[1], KEYS[2]
local now, seconds, member, size = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local most_bytes, most_items, prefix = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7]
if redis.call('EXISTS', item) == 1 then return 0 end
redis.call('ZREMRANGEBYSCORE', index, '-inf', now - seconds)
local members = redis.call('ZRANGE', index, 0, -1)
local total, count = size, #members + 1
for _, entry in ipairs(members) do total = total + tonumber(string.match(entry, '^(%d+):')) end
for _, entry in ipairs(members) do
    if total <= most_bytes and count <= most_items then break end
    redis.call('ZREM', index, entry)
    redis.call('DEL', prefix .. string.match(entry, '^%d+:(.*)$'))
    total, count = total - tonumber(string.match(entry, '^(%d+):')), count - 1
end
redis.call('SET', item, ARGV[8], 'PX', math.ceil(seconds * 1000))
redis.call('ZADD', index, now, member)
redis.call('PEXPIRE', index, math.ceil(seconds * 1000))
return 1
"""


class RedisStore(RecallStore[StoredItem]):
    """Keeps items until they are too old or have to make room for others of their account.

    All accounts together are bounded by the time and by `maxmemory` of Redis. Names of accounts and sessions are
    hashed; texts lie there as they are.

    Args:
        url: As for `ctxprune.storage.redis.RedisServer`.
        name: Of the store, in keys: letters, digits, "_", "." and "-".
        limits: How much it keeps; without `seconds`, a week.

    Raises:
        MissingExtraError: redis is not installed (extra `redis`).
        UsageError: The URL or the name is none.
    """

    def __init__(self, url: str, name: str = "recall", limits: StoreLimits | None = None) -> None:
        self.limits = limits or StoreLimits()
        check_number("seconds", self.limits.seconds, over=0, optional=True)
        self._server = RedisServer(url)
        self._arguments = (url, name, self.limits)
        self._name = checked_name(name)
        self._seconds = _SECONDS if self.limits.seconds is None else self.limits.seconds
        self._put = self._server.client.register_script(_PUT)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._name} in {self._server.place}>"

    def __reduce__(self) -> tuple[type[RedisStore], tuple[str, str, StoreLimits]]:
        return type(self), self._arguments

    def put(self, owner: Owner, item: StoredItem, key: str = "") -> str:
        """See `RecallStore`."""
        text, key = encode_item(item), key or new_id()
        prefix, place = self._prefix(owner), f"{digest(owner.session)}:{_key(key)}"
        size = len(text) + 2 * len(prefix + place)
        if size > self.limits.account_bytes:
            return ""
        limits = (self.limits.account_bytes, self.limits.account_items)
        arguments = (time.time(), self._seconds, f"{size}:{place}", size, *limits, prefix, text)
        with self._server.reported():
            self._put(keys=[f"{prefix}index", prefix + place], args=arguments)
        return key

    def find(self, owner: Owner, key: str) -> StoredItem | None:
        """See `RecallStore`."""
        with self._server.reported():
            found = self._server.client.get(f"{self._prefix(owner)}{digest(owner.session)}:{_key(key)}")
        return None if found is None else _decode(found)

    def items(self, owner: Owner) -> list[tuple[str, StoredItem]]:
        """See `RecallStore`."""
        prefix, session = self._prefix(owner), f"{digest(owner.session)}:"
        with self._server.reported():
            members = [entry.decode() for entry in self._server.client.zrange(f"{prefix}index", 0, -1)]
            places = [place for entry in members if (place := entry.partition(":")[2]).startswith(session)]
            texts = self._server.client.mget([prefix + place for place in places]) if places else []
        pairs = zip(places, texts, strict=True)
        return [(_unkey(place[len(session) :]), _decode(text)) for place, text in pairs if text is not None]

    def _prefix(self, owner: Owner) -> str:
        # In braces, so that a cluster keeps what one script touches on one node.
        return f"ctxprune:{self._name}:{{{digest(owner.account)}}}:"


def _key(key: str) -> str:
    return key.encode("utf-8", "surrogatepass").hex()


def _unkey(text: str) -> str:
    return bytes.fromhex(text).decode("utf-8", "surrogatepass")


def _decode(data: bytes) -> StoredItem:
    try:
        return decode_item(data.decode("ascii"))
    except UnicodeDecodeError as error:
        raise FormatError("a recall item is damaged") from error
