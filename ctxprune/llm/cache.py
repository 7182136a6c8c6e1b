"""Caches of answers by model, prompt, parameters and seed, so that a second run costs nothing; here in one SQLite file.

redis_cache.py stores them in Redis.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxprune.errors import FormatError, InputError, StoreError
from ctxprune.llm.base import ChatAnswer, ChatModel, model_name
from ctxprune.llm.langchain import as_chat_model
from ctxprune.llm.single_flight import SingleFlight
from ctxprune.storage.sealed import seal_bytes
from ctxprune.storage.sqlite_cache import WAIT, CacheFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ctxprune.llm.base import Message, Prices, Sampling

__all__ = ["AnswerCache", "CachedModel", "GenerationCache", "pack_answers", "unpack_answers"]

_LOG = logging.getLogger(__name__)
_FILE = CacheFile(
    "generation cache",
    "ctxprune-generations",
    2,  # answers follow a checksum; those of version 1 have none and are still read, since they were paid for
    "CREATE TABLE generation (key TEXT PRIMARY KEY, model TEXT, answers TEXT) WITHOUT ROWID",
    older=(1,),
)


class AnswerCache(ABC):
    """Stores the answers of models; safe to share between threads. A subclass calls `super().__init__()`.

    Attributes:
        single_flight: The calls that run now, so that threads which request the same answer share one.
    """

    def __init__(self) -> None:
        self.single_flight = SingleFlight()

    @abstractmethod
    def get(self, key: str) -> list[ChatAnswer] | None:
        """The answers stored under `key`, marked as cached, or None where there are none."""

    @abstractmethod
    def put(self, key: str, model: str, answers: Sequence[ChatAnswer]) -> None:
        """Store `answers` of the model with this fingerprint; the first ones stored under a key stay."""


class GenerationCache(AnswerCache):
    """An `AnswerCache` in one SQLite file, safe for several processes, too (a connection per call).

    Args:
        path: The file; created when missing, its folder too.

    Raises:
        FormatError: The file is something else, or of another version.
        InputError: The file cannot be opened or written.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        self.path = Path(path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot make the cache's folder: {error}", where=str(self.path.parent)) from error
        with self._open() as connection:
            _FILE.prepare(connection, self.path)

    def get(self, key: str) -> list[ChatAnswer] | None:
        """As `AnswerCache.get`."""
        with self._open() as connection:
            row = connection.execute("SELECT answers FROM generation WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        try:
            # Version 1 stored bare JSON lists, which begin with "["; a checksum never does.
            return unpack_answers(row[0] if str(row[0])[:1] == "[" else _unseal_text(key, row[0]))
        except ValueError as error:
            raise FormatError("a cached generation is damaged", where=str(self.path), hint="delete the file") from error

    def put(self, key: str, model: str, answers: Sequence[ChatAnswer]) -> None:
        """As `AnswerCache.put`."""
        with self._open() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO generation VALUES (?, ?, ?)",
                (key, model, _seal_text(key, pack_answers(answers))),
            )

    def __len__(self) -> int:
        with self._open() as connection:
            return int(connection.execute("SELECT count(*) FROM generation").fetchone()[0])

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with _FILE.errors(self.path):
            connection = sqlite3.connect(self.path, timeout=WAIT)
            try:
                with connection:
                    yield connection
            finally:
                connection.close()


@dataclass(frozen=True)
class CachedModel(ChatModel):
    """Wraps a chat model: an answer that is in the cache is not requested again, and threads that request the same
    answer at once make one call: the others get it marked as cached, or the same error.

    Failures are not cached, and neither are fewer answers than were requested. A cache that cannot be read is an error,
    before the model is called; one that cannot be written is a warning in the log, since the answer was paid for.

    Attributes:
        model: A `ChatModel`, or a LangChain chat model.
        cache: Where the answers are stored.

    Raises:
        UsageError: `model` is not a chat model.
    """

    model: Any
    cache: AnswerCache

    def __post_init__(self) -> None:
        object.__setattr__(self, "model", as_chat_model(self.model))

    @property
    def name(self) -> str:
        """The wrapped model's."""
        return model_name(self.model)

    @property
    def fingerprint(self) -> str:
        """The wrapped model's."""
        return str(self.model.fingerprint)

    @property
    def span_attributes(self) -> Mapping[str, str | int]:
        """The wrapped model's."""
        attributes: Mapping[str, str | int] = self.model.span_attributes
        return attributes

    @property
    def prices(self) -> Prices | None:
        """The wrapped model's; None where it has none."""
        prices: Prices | None = self.model.prices
        return prices

    @property
    def is_small(self) -> bool:
        """The wrapped model's."""
        return bool(self.model.is_small)

    def complete(self, messages: Sequence[Message], sampling: Sampling) -> Sequence[ChatAnswer]:
        """As the wrapped model; cached answers are marked.

        Raises:
            ModelError: The wrapped model failed, or it cannot be told from others.
            FormatError: The cache is damaged.
            InputError, StoreError: The cache cannot be read.
        """
        fingerprint = self.fingerprint
        key = _key(fingerprint, messages, sampling)

        def ask() -> Sequence[ChatAnswer]:
            found = self.cache.get(key)
            if found is not None:
                return found
            answers = [replace(answer, cached=False) for answer in self.model.complete(messages, sampling)]
            if len(answers) >= sampling.n:
                self._store(key, fingerprint, answers)
            return answers

        return self.cache.single_flight.ask(key, sampling.seconds, ask)

    def _store(self, key: str, fingerprint: str, answers: Sequence[ChatAnswer]) -> None:
        try:
            self.cache.put(key, fingerprint, answers)
        except (FormatError, InputError, StoreError) as error:
            _LOG.warning("the model's answer is not kept: %s", error)


def pack_answers(answers: Sequence[ChatAnswer]) -> str:
    """Answers as JSON."""
    return json.dumps([[a.text, a.tokens_in, a.tokens_out, round(a.ms, 3)] for a in answers])


def unpack_answers(text: str) -> list[ChatAnswer]:
    """The answers that `pack_answers` wrote, marked as cached.

    Raises:
        ValueError: The text is something else.
    """
    try:
        return [
            ChatAnswer(str(text), int(t_in), int(t_out), float(ms), True) for text, t_in, t_out, ms in json.loads(text)
        ]
    except (TypeError, OverflowError, RecursionError) as error:
        raise ValueError("no answers") from error


def _seal_text(key: str, text: str) -> str:
    """`text` behind the checksum of `seal_bytes`, in eight hexadecimal digits."""
    checksum = seal_bytes(key, text.encode())[:4]
    return checksum[::-1].hex() + text  # the digits of a number, which begin with its largest byte


def _unseal_text(key: str, found: object) -> str:
    """The text that `_seal_text` wrote; ValueError where it is something else."""
    text = found[8:] if isinstance(found, str) else ""
    if found != _seal_text(key, text):
        raise ValueError("it differs from its checksum")
    return text


def _key(fingerprint: str, messages: Sequence[Message], sampling: Sampling) -> str:
    """sha256 over everything that the answer depends on, which the deadline is not part of."""
    parts = [fingerprint, [[m.role, m.content] for m in messages]]
    drawn = [sampling.n, sampling.temperature, sampling.max_tokens, sampling.seed, list(sampling.stop)]
    return hashlib.sha256(json.dumps([parts, drawn]).encode()).hexdigest()
