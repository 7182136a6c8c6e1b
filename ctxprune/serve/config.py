"""The service's configuration: one TOML file, checked as a whole before anything starts.

    [server]                       # host, port, drain_seconds, names
    [limits]                       # what one request may take, and how many are served at once
    [model]                        # scorer, its model folder, generator, cache
    [batching]                     # enabled, most
    [[databases]]                  # name, and path or url or url_env; index or published
    [[keys]]                       # name, sha256 or env, databases, metrics

Where there are keys, Prometheus reads token counts and stage times from `/metrics` only with one that says
`metrics = true`; it sends it where its scrape configuration has `authorization: {credentials: KEY}` or
`credentials_file`.

Secrets need not stand in the file: `url_env`, `password_env` and `env` name environment variables, and
`CTXPRUNE_REDIS_URL` is where `cache` and `published` lie.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

from ctxprune.errors import InputError, UsageError
from ctxprune.serve.settings import (
    BatchingConfig,
    DatabaseConfig,
    KeyConfig,
    LimitsConfig,
    ModelConfig,
    ServerConfig,
    ServiceConfig,
)
from ctxprune.storage.toml import parse_toml

__all__ = [
    "BatchingConfig",
    "DatabaseConfig",
    "KeyConfig",
    "LimitsConfig",
    "ModelConfig",
    "ServerConfig",
    "ServiceConfig",
    "load_config",
]

T = TypeVar("T")
_MAY_BE_0 = frozenset({"port", "queue", "threads", "workers"})
_HEX = frozenset("0123456789abcdef")
_MAX_BYTES = 1_000_000


def load_config(path: str | Path, environment: Mapping[str, str] | None = None) -> ServiceConfig:
    """The configuration in a file; paths in it are relative to its folder.

    Args:
        path: Of the TOML file.
        environment: Where secrets are looked up; default the process's environment.

    Raises:
        InputError: The file cannot be read.
        UsageError: It is not TOML, larger than 1 MB or too deeply nested, an entry is unknown, missing, of the wrong
            type or out of range, or a named environment variable is not set.
    """
    place = Path(path)
    reader = _Reader(place.parent, os.environ if environment is None else environment)
    data = _Table(_toml(place), "")
    model, databases = reader.model(data.table("model")), tuple(map(reader.database, data.tables("databases")))
    config = ServiceConfig(
        server=reader.plain(data.table("server"), ServerConfig),
        limits=reader.plain(data.table("limits"), LimitsConfig),
        model=model,
        batching=reader.plain(data.table("batching"), BatchingConfig),
        databases=databases,
        keys=tuple(map(reader.key, data.tables("keys"))),
        redis=reader.redis() if model.cache or any(database.published for database in databases) else "",
    )
    data.end()
    return config


def _toml(path: Path) -> dict[str, Any]:
    text = _text(path)
    try:
        return parse_toml(text)
    except ValueError as error:  # TOMLDecodeError is one; a number of thousands of digits raises the class itself
        raise UsageError(f"the configuration is not TOML ({error})", where=str(path)) from error
    except RecursionError:  # its traceback has a thousand lines
        raise _too_deep(path) from None


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"the configuration cannot be read ({error.strerror})", where=str(path)) from error
    if len(data) > _MAX_BYTES:
        raise UsageError("the configuration is too large", where=str(path), hint=f"at most {_MAX_BYTES} bytes are read")
    try:
        return data.decode("utf-8")
    except UnicodeError as error:
        raise UsageError("the configuration is not UTF-8 text", where=str(path)) from error


def _too_deep(path: Path) -> UsageError:
    return UsageError("the configuration is too deeply nested", where=str(path), hint="see the README for its layout")


class _Table:
    """One table of the file, of which every entry must be asked for."""

    def __init__(self, data: Mapping[str, Any], where: str) -> None:
        self.where, self._left = where, dict(data)
        self._asked: list[str] = []

    def take(self, name: str, kind: type[T], default: T | None = None) -> T:
        """The entry of that name and type; without a default it must be there."""
        self._asked.append(name)
        if name not in self._left:
            if default is None:
                raise UsageError(f"{name} is missing", where=self.where)
            return default
        value = self._left.pop(name)
        if isinstance(value, int) and abs(value) >= 2**63:  # beyond what TOML has, and what a float or a message takes
            raise UsageError(f"{name} is too large a whole number", where=self.where)
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise UsageError(f"{name} is a {_word(value)}, not a {_words[kind]}", where=self.where)
        return value

    def table(self, name: str) -> _Table:
        """The table of that name; an empty one where it is left out."""
        return _Table(self.take(name, dict, {}), f"{name}")

    def tables(self, name: str) -> list[_Table]:
        """The entries of the array of tables of that name; none where it is left out."""
        entries = self.take(name, list, [])
        for entry in entries:
            if not isinstance(entry, dict):
                raise UsageError(f"an entry of {name} is a {_word(entry)}, not a table", hint=f"write [[{name}]]")
        return [_Table(entry, f"{name}, entry {number}") for number, entry in enumerate(entries, start=1)]

    def has(self, name: str) -> bool:
        """Whether the table has an entry of that name which was not taken yet."""
        return name in self._left

    def end(self) -> None:
        """Nothing else may be left."""
        if self._left:
            unknown, known = ", ".join(map(repr, self._left)), ", ".join(sorted(set(self._asked)))
            raise UsageError(f"unknown entry {unknown}", where=self.where, hint=f"known: {known}")


_words = {str: "text", int: "whole number", float: "number", bool: "boolean", dict: "table", list: "list"}


def _word(value: object) -> str:
    return _words.get(type(value), type(value).__name__)


class _Reader:
    """Makes the parts of a configuration out of tables."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder, self._environment = folder, environment

    def plain(self, table: _Table, make: Callable[..., T]) -> T:
        """A dataclass of texts, lists of texts, booleans and numbers above 0 (some may be 0)."""
        values: dict[str, Any] = {}
        for part in fields(make):  # type: ignore[arg-type]
            if isinstance(part.default, tuple):
                values[part.name] = _texts(table, part.name)
                continue
            value = values[part.name] = table.take(part.name, type(part.default), part.default)
            least = 0 if part.name in _MAY_BE_0 else 1 if isinstance(value, int) else 0.001
            most = 65_535 if part.name == "port" else 10**12
            if isinstance(value, (int, float)) and not isinstance(value, bool) and not least <= value <= most:
                raise UsageError(f"{part.name} is {value!r}", where=table.where, hint=f"give {least} to {most}")
        table.end()
        return make(**values)

    def model(self, table: _Table) -> ModelConfig:
        """The model, with its path beside the file."""
        model = self.plain(table, ModelConfig)
        if model.cache and not model.generator.startswith("chat:"):
            raise UsageError("cache goes with a chat model", where=table.where, hint='write generator = "chat:…"')
        return replace(model, path=self._path(model.path))

    def database(self, table: _Table) -> DatabaseConfig:
        """A database; exactly one of path, url and url_env says where it is."""
        name = _name(table)
        ways = [way for way in ("path", "url", "url_env") if table.has(way)]
        if len(ways) != 1:
            raise UsageError("a database needs one of path, url and url_env", where=table.where)
        target = self._target(ways[0], table.take(ways[0], str))
        if table.has("password_env"):
            target = _with_password(target, self._variable(table.take("password_env", str)), table.where)
        index, published = self._path(table.take("index", str, "")), table.take("published", str, "")
        if index and published:
            raise UsageError("a database has one of index and published", where=table.where)
        table.end()
        return DatabaseConfig(name, target, index, published)

    def key(self, table: _Table) -> KeyConfig:
        """A key, by its hash or by the environment variable that holds the key itself."""
        import hashlib

        name = _name(table)
        if table.has("sha256") == table.has("env"):
            raise UsageError("a key needs sha256 or env", where=table.where)
        if table.has("env"):
            digest = hashlib.sha256(self._variable(table.take("env", str)).encode()).hexdigest()
        else:
            digest = table.take("sha256", str).lower()
            if len(digest) != 64 or not _HEX.issuperset(digest):
                hint = "write the 64 digits of: printf %s KEY | sha256sum"
                raise UsageError("sha256 is no sha256 digest", where=table.where, hint=hint)
        databases = {
            database: _access(tables, f"{table.where}, databases.{database}")
            for database, tables in table.take("databases", dict, {}).items()
        }
        metrics = table.take("metrics", bool, False)
        table.end()
        return KeyConfig(name, digest, databases, metrics)

    def redis(self) -> str:
        """The URL of the Redis that workers share."""
        return self._variable("CTXPRUNE_REDIS_URL")

    def _target(self, way: str, said: str) -> str:
        if way == "path":
            return self._path(said)
        return self._variable(said) if way == "url_env" else said

    def _path(self, path: str) -> str:
        try:
            return str(self._folder / Path(path).expanduser()) if path else ""
        except RuntimeError as error:
            raise UsageError("a path begins with the home of a user that there is not", where=path) from error

    def _variable(self, name: str) -> str:
        value = self._environment.get(name, "")
        if not value:
            raise UsageError(f"the environment variable {name} is not set", hint="set it before the service starts")
        return value


def _texts(table: _Table, name: str) -> tuple[str, ...]:
    values = table.take(name, list, [])
    if not all(isinstance(value, str) for value in values):
        raise UsageError(f"{name} is no list of texts", where=table.where)
    return tuple(values)


def _name(table: _Table) -> str:
    name = table.take("name", str)
    if not name.strip() or not name.isprintable() or len(name) > 100:
        raise UsageError("name is no printable text of at most 100 characters", where=table.where)
    return name


def _access(said: object, where: str) -> str | Mapping[str, str | tuple[str, ...]]:
    if said == "*":
        return "*"
    if not isinstance(said, dict):
        raise UsageError('access to a database is neither "*" nor a table', where=where)
    tables: dict[str, str | tuple[str, ...]] = {}
    for table, columns in said.items():
        if isinstance(columns, list) and all(isinstance(column, str) for column in columns):
            tables[table] = tuple(columns)
        elif columns == "*":
            tables[table] = "*"
        else:
            raise UsageError(f'the columns of {table!r} are neither "*" nor a list of names', where=where)
    return tables


def _with_password(target: str, password: str, where: str) -> str:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(target).set(password=password).render_as_string(hide_password=False)
    except (ArgumentError, ValueError):  # which may quote the URL, with another password in it
        raise UsageError(
            "password_env goes with a URL", where=where, hint="such as postgresql://USER@HOST:5432/NAME"
        ) from None
