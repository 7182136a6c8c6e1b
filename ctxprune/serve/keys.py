"""Authentication: keys by their hashes, and what each key may see."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ctxprune.errors import RequestError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ctxprune.serve.settings import Access, KeyConfig

__all__ = ["Key", "Keys"]


@dataclass(frozen=True)
class Key:
    """One key, as requests are served for it.

    Attributes:
        name: For logs; "" where the service has no keys.
        databases: See `ctxprune.serve.config.KeyConfig`.
        metrics: See there.
    """

    name: str = ""
    databases: Access = field(default_factory=dict)
    metrics: bool = False

    def access(self, database: str) -> str | Mapping[str, str | tuple[str, ...]]:
        """What it may see of a database.

        Raises:
            UnknownNameError: Nothing: for this key there is no such database.
        """
        if database not in self.databases:
            raise UnknownNameError("database", database, self.databases)
        return self.databases[database]


class Keys:
    """All keys of the service; without any, everybody may use every database.

    Args:
        keys: As configured.
        databases: Names of all databases.
    """

    def __init__(self, keys: Sequence[KeyConfig], databases: Iterable[str]) -> None:
        self._digests = [(bytes.fromhex(key.digest), Key(key.name, key.databases, key.metrics)) for key in keys]
        self._everybody = Key("", dict.fromkeys(databases, "*"), metrics=True)

    @property
    def all(self) -> list[Key]:
        """Every key; the one of everybody where there are none."""
        return [key for _, key in self._digests] or [self._everybody]

    def of(self, headers: Mapping[bytes, bytes]) -> Key:
        """The key of a request, from `Authorization: Bearer KEY` or `X-API-Key: KEY`.

        Its hash is compared with every known one in constant time, so that neither time nor order reveals anything.

        Raises:
            RequestError: 401, there is none, or it is unknown.
        """
        key = self.find(headers)
        if key is None:
            if _read_key(headers):
                raise RequestError("the key is unknown", status=401, hint="ask the service's operator for one")
            raise RequestError("there is no key", status=401, hint="send the header Authorization: Bearer KEY")
        return key

    def find(self, headers: Mapping[bytes, bytes]) -> Key | None:
        """The same; None where `of` raises."""
        if not self._digests:
            return self._everybody
        given = _read_key(headers)
        # A missing key is hashed and compared as well, so that the time taken reveals nothing.
        digest = hashlib.sha256(given).digest()
        found = [key for known, key in self._digests if hmac.compare_digest(known, digest)]
        return found[0] if found and given else None


def _read_key(headers: Mapping[bytes, bytes]) -> bytes:
    kind, _, token = headers.get(b"authorization", b"").partition(b" ")
    return token.strip() if kind.lower() == b"bearer" else headers.get(b"x-api-key", b"")
