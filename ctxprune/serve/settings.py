"""The parts of the service's configuration, with their defaults; `ctxprune.serve.config` reads them from a file.

The ranges are checked when a file is read; code that makes a part itself is trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, ConfigDict, Strict
from pydantic_core import PydanticCustomError

from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "Access",
    "BatchingConfig",
    "DatabaseConfig",
    "KeyConfig",
    "LimitsConfig",
    "ModelConfig",
    "ServerConfig",
    "ServiceConfig",
]

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_ALL_ADDRESSES = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - recognised, not bound
_MAX_NUMBER = 10**12
Access = Mapping[str, "str | Mapping[str, str | tuple[str, ...]]"]
_TABLE = ConfigDict(extra="forbid")
# TOML has types of its own, so "80" is no port and true is no number. Strictness stands at each type: as a setting of a
# dataclass it would refuse tables, too.
_Text = Annotated[str, Strict()]
_Flag = Annotated[bool, Strict()]


@dataclass(frozen=True, slots=True)
class _Range:
    """Checks that a number is within its range; written so that NaN, which compares as False, is refused."""

    least: float
    most: float = _MAX_NUMBER

    def __call__(self, value: float) -> float:
        if not self.least <= value <= self.most:
            raise PydanticCustomError("range", "out of range", {"least": self.least, "most": self.most})
        return value


_Count = Annotated[int, Strict(), AfterValidator(_Range(1))]
_CountOrZero = Annotated[int, Strict(), AfterValidator(_Range(0))]
_Port = Annotated[int, Strict(), AfterValidator(_Range(0, 65_535))]
_Seconds = Annotated[float, Strict(), AfterValidator(_Range(0.001))]


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Where the service listens.

    Attributes:
        host: Address; other than loopback only with keys.
        port: 0 for any free one.
        drain_seconds: Time that requests have to finish once the service was told to stop.
        names: Host names, besides those of loopback, that requests to a service without keys may be addressed to.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _TABLE

    host: _Text = "127.0.0.1"
    port: _Port = 8080
    drain_seconds: _Seconds = 20.0
    names: tuple[_Text, ...] = ()

    @property
    def is_wildcard(self) -> bool:
        """Whether it listens on all addresses, of which none is one that a client could ask."""
        return self.host in _ALL_ADDRESSES

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return self.host in _LOOPBACK

    def url(self, port: int | None = None) -> str:
        """Where a client on this machine reaches the service, with a slash at the end.

        Args:
            port: That it listens on; default the configured one.
        """
        host = _ALL_ADDRESSES.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port if port is None else port}/"


@dataclass(frozen=True, slots=True)
class LimitsConfig:
    """What one request may take, and how many are served at once.

    Attributes:
        body_bytes: Of a request; of one of a LiteLLM proxy without its encoded images and files.
        attachment_bytes: Of the images and files in a request of a LiteLLM proxy, which sends each one twice. They are
            left out while they arrive, so they take time but no memory; 0 for none beyond `body_bytes`.
        header_bytes: Of all its headers.
        documents: Of one request.
        seconds: From its first byte to the end of the answer.
        query_seconds: Of one SQL statement.
        rows: Of one answer.
        answer_bytes: Of the cells of one answer, as `ctxprune.sql.Limits.bytes` counts them; rows beyond are cut off
            and the answer says so.
        concurrency: Requests worked on at once, of short ones and of long ones each. Where there are several keys, one
            of them may have three quarters of these.
        queue: Requests of one key that wait for their turn; further ones are refused with 429.
        read_seconds: That the headers of a request may take to arrive, and that its body may take then; up to a quarter
            more, by chance, so that connections opened together are not all closed at once.
        connections: That may be open; beyond, those that never completed a request are closed, the oldest first.
        workers: Processes for long requests, and for short ones that are expensive for their size; 0 for one less than
            `threads`, at least 2. One is there from the start, each other from when it is needed. Where there are
            several, one takes no request of more than about a second of work.
        worker_bytes: Memory that one long request may take in such a process, where the system can enforce it.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _TABLE

    body_bytes: _Count = 4_000_000
    header_bytes: _Count = 16_384
    documents: _Count = 1_000
    seconds: _Seconds = 30.0
    query_seconds: _Seconds = 10.0
    rows: _Count = 1_000
    concurrency: _Count = 64
    queue: _CountOrZero = 128
    read_seconds: _Seconds = 10.0
    connections: _Count = 1_000
    workers: _CountOrZero = 0
    worker_bytes: _Count = 400_000_000
    answer_bytes: _Count = 8_000_000
    attachment_bytes: _CountOrZero = 128_000_000


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """What scores and what writes SQL.

    Attributes:
        scorer: Registered name.
        path: Folder or file of the scorer's model, where it takes one.
        generator: "sketch", "chat:FILE.gguf" or "chat:URL", as for `ctxprune sql ask`.
        threads: Threads that models and databases run in; 0 for the number of cores.
        cache: Name of a generation cache in Redis, for the answers of a chat model; "" for a file of this machine.
        gateway_characters: Of one message of a LiteLLM proxy's request, which waits for the answer, the scorer's model
            reads at most about so many: those that the words put first. 0 for as many as in other requests.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _TABLE

    scorer: _Text = "mixture.v1"
    path: _Text = ""
    generator: _Text = "sketch"
    threads: _CountOrZero = 0
    cache: _Text = ""
    gateway_characters: _CountOrZero = 2_000  # benchmarks/studies/gateway_windows.py


@dataclass(frozen=True, slots=True)
class BatchingConfig:
    """How requests that come at the same time share runs of the scorer.

    Attributes:
        enabled: Off, each request runs by itself, whatever came before.
        most: Requests in one run at most.
        remembered_bytes: Of answers that are kept for requests of the same key that are repeated byte for byte; 0 for
            none.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _TABLE

    enabled: _Flag = True
    most: _Count = 32
    remembered_bytes: _CountOrZero = 16_000_000


@dataclass(frozen=True, slots=True)
class DatabaseConfig:
    """One database.

    Attributes:
        name: What requests call it.
        target: Path or URL, with the password where one is needed; never shown.
        index: Folder of its value index; "" for one in memory.
        published: Name of its value index in Redis, instead.
    """

    name: str
    target: str = field(repr=False)
    index: str = ""
    published: str = ""


@dataclass(frozen=True, slots=True)
class KeyConfig:
    """One key.

    Attributes:
        name: For logs.
        digest: sha256 of the key, 64 hexadecimal digits.
        databases: For each database it may use "*", or for each table "*" or its columns.
        metrics: Whether it may read all of `/metrics`. Without it, counts of tokens and times of stages are left out:
            these tell what the questions of other keys are about, and how large the schemas are that those may see.
        is_short: Whether the key is known to have so few characters that it might be guessed.
    """

    name: str
    digest: str = field(repr=False)
    databases: Access = field(default_factory=dict)
    metrics: bool = False
    is_short: bool = False


@dataclass(frozen=True, slots=True)
class ServiceConfig:
    """All of it. Without keys everyone who reaches the service may see every database.

    Raises:
        UsageError: Two databases or keys share a name, a key names an unknown database, or there are no keys and the
            service would listen beyond this machine.
    """

    server: ServerConfig = field(default_factory=ServerConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    batching: BatchingConfig = field(default_factory=BatchingConfig)
    databases: tuple[DatabaseConfig, ...] = ()
    keys: tuple[KeyConfig, ...] = ()
    redis: str = field(default="", repr=False)  # URL of the Redis, where one is used

    def __post_init__(self) -> None:
        _distinct("databases", (database.name for database in self.databases))
        _distinct("keys", (key.name for key in self.keys))
        known = {database.name for database in self.databases}
        for key in self.keys:
            for name in key.databases:
                if name not in known:
                    hint = f"databases: {', '.join(sorted(known)) or 'none'}"
                    raise UsageError(f"the key {key.name!r} names the unknown database {name!r}", hint=hint)
        if not self.keys and not self.server.is_loopback:
            raise UsageError(
                f"without keys the service would be open to all who reach {self.server.host}",
                where="keys",
                hint="add a [[keys]] entry to a file for --config, or listen on 127.0.0.1",
            )


def _distinct(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            raise UsageError(
                f"two {what} are named {name!r}", where=what, hint="names must differ, whatever their case"
            )
        seen.add(name.casefold())
