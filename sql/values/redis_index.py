"""A value index in Redis, which many workers share.

    ctxprune:{NAME}:current            the version that look-ups take
    ctxprune:{NAME}:VERSION            its manifest: checksum and JSON
    ctxprune:{NAME}:VERSION:ARRAY      its arrays (redis_store.py)

A writer writes a whole version under keys of its own, which expire unless it finishes, and then switches `current` in
one transaction. A look-up takes the version that is current when it begins, and finishes with it; replaced versions
stay for a while and expire.
"""

from __future__ import annotations

import json
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from ctxprune.errors import FormatError, StoreError, UsageError
from ctxprune.storage.redis import RedisServer, checked_name
from ctxprune.storage.sealed import seal_bytes, unseal_bytes

from .base import ValueLookup, fold_ref
from .index import ValueIndex
from .redis_store import ARRAYS, PUBLISH, RedisStore, blocks, counts

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..schema.schema import ColumnRef
    from .base import RangeHit, ValueHit
    from .index_arrays import IndexArrays

__all__ = ["RedisIndex", "VisibleRedisIndex"]

_FORMAT, _LAYOUT = "ctxprune.values.redis", 1
_VERSION = re.compile(rb"[0-9a-f]{16}")
_UNFINISHED = 3600  # seconds without progress after which an unfinished version is gone
_AT_ONCE = 4096  # blocks


class RedisIndex(ValueLookup):
    """A value index that workers share by its name. Safe to share between threads, and with forked processes.

    What `lookup` answers is what the `ValueIndex` that was published last answers, hit for hit.

    Args:
        url: As for `RedisServer`.
        name: Of the index: letters, digits, "_", "." and "-".
        keep: Seconds, 0 or more, for which a replaced version stays, so that readers finish with it.

    Raises:
        MissingExtraError: redis is not installed (extra `redis`).
        UsageError: `url` is no URL of a Redis, `name` has other characters, or `keep` is negative.
    """

    def __init__(self, url: str, name: str, *, keep: int = 3600) -> None:
        if keep < 0:
            raise UsageError(f"keep must be 0 or more seconds, got {keep}", where="keep")
        self.server = RedisServer(url)
        self._prefix = f"ctxprune:{{{checked_name(name)}}}"  # braces: one slot of a cluster
        self._keep = keep
        self._opened: tuple[bytes, ValueIndex] | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._where}>"

    @property
    def _where(self) -> str:
        return f"{self.server.place} {self._prefix}"

    def lookup(self, question: str, evidence: str = "") -> list[ValueHit]:
        """As `ValueIndex.lookup`; raises what `current` does, also where a part of the index was lost meanwhile."""
        return self.current().lookup(question, evidence)

    def ranges(self, question: str, evidence: str = "") -> list[RangeHit]:
        """As `ValueIndex.ranges`; raises what `current` does."""
        return self.current().ranges(question, evidence)

    @property
    def hidden(self) -> tuple[ColumnRef, ...]:
        """As `ValueIndex.hidden`; raises what `current` does."""
        return self.current().hidden

    def within(self, columns: Collection[ColumnRef]) -> VisibleRedisIndex:
        """As `ValueIndex.within`, of the version that is current at each look-up."""
        return VisibleRedisIndex(self, frozenset(columns))

    def current(self) -> ValueIndex:
        """The version that is current now, for as long as Redis keeps it.

        Raises:
            FormatError: There is none, it was lost in part, is damaged, or of another version of the layout.
            StoreError: Redis cannot be reached or refuses.
        """
        with self.server.reported():
            version = self.server.client.get(f"{self._prefix}:current")
        opened = self._opened
        if opened is None or opened[0] != version:
            opened = self._opened = version, self._open(version)
        return opened[1]

    def publish(self, index: ValueIndex) -> None:
        """Make `index` what look-ups are answered from, in one step; a failure leaves what was there before.

        Raises:
            UsageError: The index is in a store of another kind, such as this one.
            StoreError: Redis cannot be reached, is full, or refuses.
        """
        manifest, part = index.contents()
        expected = counts(part)
        document = {**manifest, "format": _FORMAT, "version": _LAYOUT, "blocks": expected}
        version = secrets.token_hex(8)
        try:
            with self.server.reported():
                self._write(version, document, part)
        except BaseException:
            with suppress(StoreError), self.server.reported():
                self.server.client.unlink(*self._keys(version))
            raise
        with self.server.reported():  # if the answer is lost, nobody knows which version is current: nothing is removed
            self.server.client.transaction(
                lambda pipe: self._switch(pipe, version, expected), f"{self._prefix}:current"
            )

    def _open(self, version: bytes | None) -> ValueIndex:
        if version is None:
            raise FormatError("there is no value index", where=self._where, hint="publish one: RedisIndex.publish")
        if not _VERSION.fullmatch(version):
            raise self._damaged("the current version cannot be read")
        key = self._keys(version.decode())[0]
        with self.server.reported():
            found = self.server.client.get(key)
        if found is None:
            raise self._damaged("its manifest is missing: it expired, or Redis evicted it")
        try:
            manifest = json.loads(unseal_bytes(key, found))
            if (manifest["format"], manifest["version"]) != (_FORMAT, _LAYOUT):
                layout = str((manifest["format"], manifest["version"]))[:100]
                raise self._damaged(f"it has the layout {layout}, this ctxprune reads {_FORMAT} {_LAYOUT}")
            return ValueIndex(manifest, RedisStore(self.server, key, manifest))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise self._damaged(f"its manifest cannot be read ({type(error).__name__})") from error

    def _write(self, version: str, document: dict[str, Any], part: IndexArrays) -> None:
        top, *arrays = self._keys(version)
        client = self.server.client
        content = json.dumps(document, ensure_ascii=True).encode()
        client.set(top, seal_bytes(top, content), ex=_UNFINISHED)
        for array, key in zip(ARRAYS, arrays, strict=True):
            numbered = enumerate(blocks(part, array))
            while some := {
                number: seal_bytes(f"{key}:{number}", block) for number, block in islice(numbered, _AT_ONCE)
            }:
                with client.pipeline(transaction=False) as pipe:
                    pipe.hset(key, mapping=some)
                    for written in (top, *arrays):
                        pipe.expire(written, _UNFINISHED)
                    pipe.execute()

    def _switch(self, pipe: Any, version: str, expected: dict[str, int]) -> None:
        old = pipe.get(f"{self._prefix}:current") or b""
        if old == version.encode():
            return  # done before, and only the answer was lost
        top, *arrays = self._keys(version)
        found = [pipe.hlen(key) for key in arrays]
        if found != [expected[array] for array in ARRAYS] or not pipe.exists(top):
            raise StoreError("Redis has evicted parts of what was written", where=self._where, hint=PUBLISH)
        pipe.multi()
        for key in (top, *arrays):
            pipe.persist(key)
        pipe.set(f"{self._prefix}:current", version)
        if _VERSION.fullmatch(old):
            for key in self._keys(old.decode()):
                pipe.expire(key, self._keep)

    def _keys(self, version: str) -> list[str]:
        """Of the manifest and of the arrays."""
        top = f"{self._prefix}:{version}"
        return [top, *(f"{top}:{array}" for array in ARRAYS)]

    def _damaged(self, what: str) -> FormatError:
        return FormatError(f"the value index in Redis is not whole: {what}", where=self._where, hint=PUBLISH)


@dataclass(frozen=True)
class VisibleRedisIndex(ValueLookup):
    """Some columns of an index in Redis; every method raises what `RedisIndex.current` does.

    Attributes:
        index: The whole index.
        columns: Those that exist here, in any case.
    """

    index: RedisIndex
    columns: frozenset[ColumnRef]

    @property
    def hidden(self) -> tuple[ColumnRef, ...]:
        """As `VisibleIndex.hidden`."""
        return self.index.current().within(self.columns).hidden

    def lookup(self, question: str, evidence: str = "") -> list[ValueHit]:
        """As `ValueIndex.lookup`."""
        return self.index.current().within(self.columns).lookup(question, evidence)

    def ranges(self, question: str, evidence: str = "") -> list[RangeHit]:
        """As `ValueIndex.ranges`."""
        return self.index.current().within(self.columns).ranges(question, evidence)

    def within(self, columns: Collection[ColumnRef]) -> VisibleRedisIndex:
        """Fewer of these columns."""
        wanted = set(map(fold_ref, columns))
        return VisibleRedisIndex(self.index, frozenset(ref for ref in self.columns if fold_ref(ref) in wanted))
