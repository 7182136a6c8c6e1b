"""The service's configuration: one TOML file, checked as a whole before anything starts.

    [server]                       # host, port, drain_seconds, names
    [limits]                       # what one request may take, and how many are served at once
    [model]                        # scorer, its model folder, generator, cache, gateway_characters
    [batching]                     # enabled, most, remembered_bytes
    [[databases]]                  # name, and path or url or url_env; index or published
    [[keys]]                       # name, sha256 or env, databases, metrics

Where there are keys, Prometheus reads token counts and stage times from `/metrics` only with one that says
`metrics = true`; it sends it where its scrape configuration has `authorization: {credentials: KEY}` or
`credentials_file`.

Secrets need not stand in the file: `url_env`, `password_env` and `env` name environment variables, and
`CTXPRUNE_REDIS_URL` is where `cache` and `published` lie. For each variable NAME, NAME_FILE may name a file that holds
its value instead.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

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
from ctxprune.utils.database_files import check_database_file
from ctxprune.utils.environment import read_secret

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = [
    "BatchingConfig",
    "DatabaseConfig",
    "KeyConfig",
    "LimitsConfig",
    "ModelConfig",
    "ServerConfig",
    "ServiceConfig",
    "database_config",
    "load_config",
    "with_databases",
]

_HEX = frozenset("0123456789abcdef")
_MAX_BYTES = 1_000_000  # thousands of keys fit; a larger file is most likely another one
_MAX_NAME = 100  # characters of a database, as requests may have to name it
_SHORTEST_KEY = 16  # characters: 64 bits as hexadecimal digits, which nobody guesses over a network
_TABLE = ConfigDict(extra="forbid", strict=True)
_WHOLE = 2**63  # from here a whole number is beyond TOML's own, and may be beyond what a float or a message takes


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
    try:
        file = _ServiceFile.model_validate(_toml(place))
    except ValidationError as error:  # which quotes its input, and so may hold a password: its text goes nowhere
        raise _usage_error(error.errors(include_url=False)) from None
    return _Resolver(place.parent, os.environ if environment is None else environment).service(file)


def with_databases(settings: ServiceConfig, targets: Iterable[str]) -> ServiceConfig:
    """A configuration with further databases, each given by its path or URL; see `database_config`.

    Raises:
        InputError: There is no such file.
        UsageError: A URL is malformed, two databases have the same name, or keys say who may ask which database.
    """
    targets = tuple(targets)
    if targets and settings.keys:
        raise UsageError(
            "the file has keys, which say who may ask which database",
            where="DATABASE",
            hint="add a [[databases]] entry to the file, and name it in [[keys]]",
        )
    return replace(settings, databases=(*settings.databases, *map(database_config, targets)))


def database_config(target: str) -> DatabaseConfig:
    """The configuration of a database that is given by its path or URL alone; it is named after the file, or as the
    server names it.

    Raises:
        InputError: There is no such file, or it is no database.
        UsageError: The URL is malformed.
    """
    if "://" in target:
        name = _name_in_url(target)
    elif Path(target).is_file():
        check_database_file(Path(target))
        name = Path(target).stem
    else:
        raise InputError("there is no such database file", where=target, hint="give a file, or KIND://USER@HOST/NAME")
    # A file may be named by anything; requests name databases by printable texts.
    printable = "".join(sign for sign in name if sign.isprintable()).strip()
    return DatabaseConfig(printable[:_MAX_NAME] or "database", target)


def _name_in_url(target: str) -> str:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(target)
    except (ArgumentError, ValueError):  # which may quote the URL, with a password in it
        raise UsageError("the database URL is malformed", hint="write KIND://USER:PASSWORD@HOST/NAME") from None
    return Path(url.database or "").stem or url.host or url.get_backend_name()


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


def _refusal(what: str, hint: str = "") -> PydanticCustomError:
    """What a validator of ours raises; `_usage_error` gives it the place."""
    return PydanticCustomError("refused", "refused", {"what": what, "hint": hint})


def _check_name(name: str) -> str:
    if not name.strip() or not name.isprintable() or len(name) > _MAX_NAME:
        raise _refusal(f"name is no printable text of at most {_MAX_NAME} characters")
    return name


def _check_digest(digest: str) -> str:
    digest = digest.lower()
    if len(digest) != 64 or not _HEX.issuperset(digest):
        raise _refusal("sha256 is no sha256 digest", "write the 64 digits of: printf %s KEY | sha256sum")
    return digest


def _check_access(access: object) -> str | Mapping[str, str | tuple[str, ...]]:
    """Access to one database: "*", or for each table "*" or its columns."""
    if access == "*":
        return "*"
    if not isinstance(access, dict):
        raise _refusal('access to a database is neither "*" nor a table')
    tables: dict[str, str | tuple[str, ...]] = {}
    for table, columns in access.items():
        if isinstance(columns, list) and all(isinstance(column, str) for column in columns):
            tables[table] = tuple(columns)
        elif columns == "*":
            tables[table] = "*"
        else:
            raise _refusal(f'the columns of {table!r} are neither "*" nor a list of names')
    return tables


_Name = Annotated[str, AfterValidator(_check_name)]


class _DatabaseEntry(BaseModel):
    """One [[databases]] table; exactly one of path, url and url_env says where the database is."""

    model_config = _TABLE

    name: _Name
    path: str = ""
    url: str = Field("", repr=False)
    url_env: str = ""
    password_env: str = ""
    index: str = ""
    published: str = ""

    @model_validator(mode="after")
    def _check(self) -> _DatabaseEntry:
        # By what was written, not by its value: an empty text counts as written.
        if len({"path", "url", "url_env"} & self.model_fields_set) != 1:
            raise _refusal("a database needs one of path, url and url_env")
        if self.index and self.published:
            raise _refusal("a database has one of index and published")
        return self


class _KeyEntry(BaseModel):
    """One [[keys]] table: a key by its hash, or by the environment variable that holds the key itself."""

    model_config = _TABLE

    name: _Name
    sha256: Annotated[str, AfterValidator(_check_digest)] = Field("", repr=False)
    env: str = ""
    databases: dict[str, Annotated[Any, BeforeValidator(_check_access)]] = Field(default_factory=dict)
    metrics: bool = False

    @model_validator(mode="after")
    def _check(self) -> _KeyEntry:
        if len({"sha256", "env"} & self.model_fields_set) != 1:
            raise _refusal("a key needs sha256 or env")
        return self


class _ServiceFile(BaseModel):
    """The whole file, before paths and secrets are looked up."""

    model_config = _TABLE

    model: ModelConfig = ModelConfig()
    databases: list[_DatabaseEntry] = Field(default_factory=list)
    server: ServerConfig = ServerConfig()
    limits: LimitsConfig = LimitsConfig()
    batching: BatchingConfig = BatchingConfig()
    keys: list[_KeyEntry] = Field(default_factory=list)


class _Resolver:
    """Looks up what a checked file refers to: paths beside it, environment variables."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder, self._environment = folder, environment

    def service(self, file: _ServiceFile) -> ServiceConfig:
        """The configuration that a file describes."""
        model = file.model
        if model.cache and not model.generator.startswith("chat:"):
            raise UsageError("cache goes with a chat model", where="model", hint='write generator = "chat:…"')
        databases = tuple(self._database(entry, number) for number, entry in enumerate(file.databases))
        shared = model.cache or any(database.published for database in databases)
        return ServiceConfig(
            server=file.server,
            limits=file.limits,
            model=replace(model, path=self._path(model.path)),
            batching=file.batching,
            databases=databases,
            keys=tuple(map(self._key, file.keys)),
            redis=self._variable("CTXPRUNE_REDIS_URL") if shared else "",
        )

    def _database(self, entry: _DatabaseEntry, number: int) -> DatabaseConfig:
        if "path" in entry.model_fields_set:
            target = self._path(entry.path)
        else:
            target = self._variable(entry.url_env) if "url_env" in entry.model_fields_set else entry.url
        if "password_env" in entry.model_fields_set:
            target = _with_password(target, self._variable(entry.password_env), _place(("databases", number)))
        return DatabaseConfig(entry.name, target, self._path(entry.index), entry.published)

    def _key(self, entry: _KeyEntry) -> KeyConfig:
        digest, is_short = entry.sha256, False
        if "env" in entry.model_fields_set:
            key = self._variable(entry.env)
            digest, is_short = hashlib.sha256(key.encode()).hexdigest(), len(key) < _SHORTEST_KEY
        return KeyConfig(entry.name, digest, entry.databases, entry.metrics, is_short)

    def _path(self, path: str) -> str:
        try:
            return str(self._folder / Path(path).expanduser()) if path else ""
        except RuntimeError as error:
            raise UsageError("a path begins with the home of a user that there is not", where=path) from error

    def _variable(self, name: str) -> str:
        value = read_secret(name, self._environment)
        if not value:
            hint = f"set it, or {name}_FILE to the path of a file, before the service starts"
            raise UsageError(f"the environment variable {name} is not set", hint=hint)
        return value


def _with_password(target: str, password: str, where: str) -> str:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(target).set(password=password).render_as_string(hide_password=False)
    except (ArgumentError, ValueError):  # which may quote the URL, with another password in it
        raise UsageError(
            "password_env goes with a URL", where=where, hint="such as postgresql://USER@HOST:5432/NAME"
        ) from None


_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")  # pydantic's kinds for models and for dataclasses
_TABLES: dict[str, Any] = {
    "batching": BatchingConfig,
    "databases": _DatabaseEntry,
    "keys": _KeyEntry,
    "limits": LimitsConfig,
    "model": ModelConfig,
    "server": ServerConfig,
}
_WORDS = {str: "text", int: "whole number", float: "number", bool: "boolean", dict: "table", list: "list"}
_EXPECTED = {
    "bool_type": "boolean",
    "dataclass_type": "table",
    "dict_type": "table",
    "float_type": "number",
    "int_type": "whole number",
    "list_type": "list",
    "model_type": "table",
    "string_type": "text",
    "tuple_type": "list",
}


def _usage_error(faults: list[ErrorDetails]) -> UsageError:
    """The first fault of a file as an error of ours: the entry, what is wrong with it, and the table it is in."""
    fault = faults[0]
    kind, value, context = fault["type"], fault["input"], fault.get("ctx", {})
    *above, name = fault["loc"]
    if kind == "refused":
        whole = isinstance(name, int) or above[-1:] == ["databases"]  # not one entry of a table, but all of it
        return UsageError(context["what"], where=_place([*above, name] if whole else above), hint=context["hint"])
    if kind == "missing":
        return UsageError(f"{name} is missing", where=_place(above))
    if kind in _UNKNOWN:
        unknown = [str(one["loc"][-1]) for one in faults if one["type"] in _UNKNOWN and [*one["loc"][:-1]] == above]
        return _unknown_entries(unknown, above)
    if isinstance(value, int) and abs(value) >= _WHOLE:
        return UsageError(f"{name} is too large a whole number", where=_place(above))
    if kind == "range":
        hint = f"give {context['least']} to {context['most']}"
        return UsageError(f"{name} is {value!r}", where=_place(above), hint=hint)
    return _wrong_type(above, name, f"a {_WORDS.get(type(value), type(value).__name__)}", _EXPECTED[kind])


def _wrong_type(above: Sequence[str | int], name: str | int, given: str, expected: str) -> UsageError:
    if not isinstance(name, int):
        return UsageError(f"{name} is {given}, not a {expected}", where=_place(above))
    array = above[-1]
    if array in _TABLES:
        return UsageError(f"an entry of {array} is {given}, not a table", hint=f"write [[{array}]]")
    return UsageError(f"{array} is no list of texts", where=_place(above[:-1]))


def _unknown_entries(names: Sequence[str], above: Sequence[str | int]) -> UsageError:
    table: Any = _TABLES[str(above[0])] if above else _ServiceFile
    known = sorted(table.model_fields if issubclass(table, BaseModel) else (one.name for one in fields(table)))
    near = get_close_matches(names[0][:_MAX_NAME], known, n=1)
    hint = (f"did you mean {near[0]!r}? " if near else "") + f"known: {', '.join(known)}"
    return UsageError(f"unknown entry {', '.join(map(repr, names))}", where=_place(above), hint=hint)


def _place(loc: Sequence[str | int]) -> str:
    """`("keys", 0, "databases", "shop")` as "keys, entry 1, databases.shop"."""
    text = ""
    for before, part in zip(("", *loc), loc, strict=False):
        if isinstance(part, int):
            text += f", entry {part + 1}"
        else:
            text += ("" if not text else ", " if isinstance(before, int) else ".") + part
    return text
