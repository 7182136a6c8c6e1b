"""A cache of answers in Redis, for workers that share it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.errors import FormatError, UsageError
from ctxprune.llm.cache import AnswerCache, pack_answers, unpack_answers
from ctxprune.storage.redis import RedisServer, checked_name
from ctxprune.storage.sealed import seal_bytes, unseal_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.llm.base import ChatAnswer

__all__ = ["RedisGenerationCache"]

# One atomic step for Redis: store the answers unless there are some, and remove the oldest ones over the bound.
_PUT = """
if not redis.call('SET', KEYS[1], ARGV[1], 'NX') then return end
if ARGV[2] ~= '0' then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
local now = redis.call('TIME')
redis.call('ZADD', KEYS[2], now[1] + now[2] / 1000000, KEYS[1])
for _, old in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1 - ARGV[3])) do
  redis.call('UNLINK', old)
  redis.call('ZREM', KEYS[2], old)
end
"""


class RedisGenerationCache(AnswerCache):
    """An `AnswerCache` in Redis. Answers that Redis evicts are requested again.

    Each answer is stored under `ctxprune:{NAME}:KEY`, after a checksum; `ctxprune:{NAME}:order` sorts them by age.

    Args:
        url: As for `RedisServer`.
        name: Name of the cache: letters, digits, "_", "." and "-".
        most: Maximum number of stored answers, 1 or more; the oldest ones are removed first.
        seconds: How long each is stored, 1 or more; 0 for ever.

    Raises:
        MissingExtraError: redis is not installed (extra `redis`).
        UsageError: An argument is out of its range.
    """

    def __init__(self, url: str, name: str = "generations", *, most: int = 100_000, seconds: int = 0) -> None:
        for argument, value, least in (("most", most, 1), ("seconds", seconds, 0)):
            if value < least:
                raise UsageError(f"{argument} must be {least} or more, got {value}", where=argument)
        super().__init__()
        self.server = RedisServer(url)
        # The braces make one hash slot of all keys of a cache, which a script on a Redis cluster needs.
        self._prefix, self._most, self._seconds = f"ctxprune:{{{checked_name(name)}}}", most, seconds
        self._put = self.server.client.register_script(_PUT)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.server.place} {self._prefix}>"

    def get(self, key: str) -> list[ChatAnswer] | None:
        """As `AnswerCache.get`.

        Raises:
            StoreError: Redis cannot be reached or refuses.
            FormatError: Something else lies under the key.
        """
        place = f"{self._prefix}:{key}"
        with self.server.reported():
            found = self.server.client.get(place)
        if found is None:
            return None
        try:
            return unpack_answers(unseal_bytes(place, found).decode())
        except ValueError as error:
            where = f"{self.server.place} {place}"
            raise FormatError("a cached generation is damaged", where=where, hint="delete the key") from error

    def put(self, key: str, model: str, answers: Sequence[ChatAnswer]) -> None:  # noqa: ARG002 - as the protocol says
        """As `AnswerCache.put`.

        Raises:
            StoreError: Redis cannot be reached, is full, or refuses.
        """
        place = f"{self._prefix}:{key}"
        content = seal_bytes(place, pack_answers(answers).encode())
        with self.server.reported():
            self._put(keys=[place, f"{self._prefix}:order"], args=[content, self._seconds, self._most])
