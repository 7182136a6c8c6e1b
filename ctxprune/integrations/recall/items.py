"""What is kept, and how it is written where it leaves the process: as JSON with a version."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from ctxprune.errors import FormatError

__all__ = ["StoredCut", "StoredItem", "StoredMessage", "StoredText", "decode_item", "encode_item"]

_FORMAT, _VERSION = "ctxprune.recall", 1


@dataclass(frozen=True)
class StoredText:
    """A text that can be pruned again.

    Attributes:
        text: All of it.
        kind: One of `ctxprune.rag.kinds.KINDS`.
    """

    text: str = field(repr=False)
    kind: str

    @property
    def size(self) -> int:
        """Bytes that it takes in memory, about."""
        return 4 * len(self.text)


@dataclass(frozen=True)
class StoredMessage:
    """The whole texts of a message of which a model saw a part.

    Attributes:
        texts: Those of its parts, in order.
        name: Of the tool whose result it is; "" if it is none.
    """

    texts: tuple[str, ...] = field(repr=False)
    name: str = ""

    @property
    def size(self) -> int:
        """Bytes that it takes in memory, about."""
        return 4 * sum(map(len, self.texts))


@dataclass(frozen=True)
class StoredCut:
    """The texts that a model saw in place of a message's.

    Attributes:
        texts: One for each text of the message; a last one more where a note needed a part of its own. () where it saw
            the message whole.
    """

    texts: tuple[str, ...] = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes that it takes in memory, about."""
        return 4 * sum(map(len, self.texts))


StoredItem = StoredText | StoredMessage | StoredCut
_TYPES: dict[str, type[StoredItem]] = {"text": StoredText, "message": StoredMessage, "cut": StoredCut}


def encode_item(item: StoredItem) -> str:
    """The item as one line of ASCII."""
    kind = next(name for name, type_ in _TYPES.items() if isinstance(item, type_))
    return json.dumps({"format": _FORMAT, "version": _VERSION, "type": kind, **asdict(item)})


def decode_item(text: str) -> StoredItem:
    """The item that `encode_item` wrote.

    Raises:
        FormatError: It is something else, or of another version.
    """
    try:
        found: dict[str, Any] = json.loads(text)
        if (found.pop("format"), found.pop("version")) != (_FORMAT, _VERSION):
            raise FormatError("unknown format of a recall item", hint=f"this version reads {_FORMAT} {_VERSION}")
        type_ = _TYPES[found.pop("type")]
        item = type_(**(found | {"texts": tuple(found["texts"])} if "texts" in found else found))
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise FormatError("a recall item is damaged") from error
    strings = (item.text, item.kind) if isinstance(item, StoredText) else item.texts
    if not all(isinstance(value, str) for value in strings):
        raise FormatError("a recall item is damaged")
    return item
