"""Passages as they come: texts, JSON objects, anything with a text; what is one, and what is broken."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ctxprune.errors import UsageError
from ctxprune.utils.validation import check_choice, describe_type

__all__ = ["PassageReader", "hash_id"]


@dataclass(frozen=True)
class PassageReader:
    """Finds text and id of a record.

    Attributes:
        text: The key of the text in records that are mappings, or a function that gives the text of a record. A record
            that is a text is its own.
        id: The key of the id, or a function that gives it; records may lack it.
        broken: "refuse" raises at a record without a text, "skip" passes over it and counts it.

    Raises:
        UsageError: An argument is of the wrong kind.
    """

    text: str | Callable[[Any], str | None] = "text"
    id: str | Callable[[Any], Any] = "id"
    broken: str = "refuse"

    def __post_init__(self) -> None:
        for name in ("text", "id"):
            value = getattr(self, name)  # a field of this class
            if not callable(value) and not (isinstance(value, str) and value):
                raise UsageError(f"{name} is {value!r}", hint="give the name of a field, or a function")
        check_choice("broken", self.broken, ("refuse", "skip"))

    @property
    def skips(self) -> bool:
        """Whether broken records are passed over."""
        return self.broken == "skip"

    def text_of(self, record: Any) -> str | None:
        """The text; None where there is none."""
        found: Any = record
        if callable(self.text):
            found = self.text(record)
        elif isinstance(record, Mapping):
            found = record.get(self.text)
        return found if isinstance(found, str) else None

    def id_of(self, record: Any) -> Any:
        """The id; None where there is none."""
        if callable(self.id):
            return self.id(record)
        return record.get(self.id) if isinstance(record, Mapping) else None

    def describe(self, record: Any) -> str:
        """What a broken record is, for a message."""
        if isinstance(record, Mapping) and not callable(self.text):
            if self.text in record:
                return f"the field {self.text!r} is {describe_type(record[self.text])}"
            return f"there is no field {self.text!r}"
        return f"it is {describe_type(record)} without a text"


def hash_id(value: Any) -> int:
    """64 bits of an id, never 0; 0 for None. 1 and "1" are two ids."""
    if value is None:
        return 0
    digest = hashlib.blake2b(f"{type(value).__name__}:{value}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") or 1
