"""Applying amendments: each is checked against the schema by itself, and changes nothing where it does not fit."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ctxprune.errors import CtxpruneError, MissingExtraError, UsageError
from ctxprune.utils.validation import is_whole

from ..jsonschema.json_values import copy_json
from .account import DroppedText, Refusal
from .entries import Amendment, MemoryEntry
from .schema import KeySchemaError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..extract.records import Chunk
    from .lines import MemoryLines
    from .schema import MemoryKey, MemorySchema

__all__ = ["Applied", "Applier"]

_SHOWN = 200  # characters of a refused proposal


@dataclass
class Applied:
    """What came of the amendments of one chunk; see `MemoryUpdate`."""

    written: list[int] = field(default_factory=list)
    dropped: list[DroppedText] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


class Applier:
    """Writes amendments into lines.

    Args:
        schema: What may be written where.
        lines: Where it is written.
        largest: Tokens of one line; what takes more is refused, since no compaction could keep it.
    """

    def __init__(self, schema: MemorySchema, lines: MemoryLines, *, largest: int) -> None:
        self._schema, self._lines, self._largest = schema, lines, largest

    def apply(self, chunk: Chunk, position: int, amendments: Sequence[Amendment]) -> Applied:
        """Write what can be written; what cannot is in the result.

        Args:
            chunk: Where the amendments come from.
            position: Its number in the stream.
            amendments: In their order.

        Raises:
            KeySchemaError: The schema of a key is no JSON Schema.
            MissingExtraError: A value must be validated and jsonschema-rs is not installed (extra `jsonschema`).
        """
        applied = Applied()
        for amendment in amendments:
            try:
                key, entry = self._make_entry(chunk, position, amendment)
            except (KeySchemaError, MissingExtraError):  # faults of the memory and not of what is proposed
                raise
            except CtxpruneError as error:
                applied.refused.append(Refusal(chunk.id, error.what, _show(amendment)))
                continue
            if self._lines.has_said(key, entry.path, entry.value):
                tokens = self._lines.count(entry.line)
                applied.dropped.append(DroppedText("duplicate", key.path, chunk.id, entry.span, tokens))
                continue
            self._lines.append(entry, key)
            applied.written.append(entry.number)
        return applied

    def _make_entry(self, chunk: Chunk, position: int, amendment: Any) -> tuple[MemoryKey, MemoryEntry]:
        """The key and the entry that an amendment is to write.

        Raises:
            CtxpruneError: It cannot be written; the message says why.
        """
        if not isinstance(amendment, Amendment) or amendment.op not in ("add", "replace"):
            raise UsageError("it is neither add nor replace")
        key, slot = self._schema.find(amendment.path)
        path = self._find_path(key, slot, amendment)
        value = copy_json(amendment.value)
        _check_digits(value)
        if isinstance(value, str) and not value.strip():
            raise UsageError("the value is empty")
        if not key.accepts(value):
            raise UsageError(f"the value is not what the schema says of {key.path}")
        span = _check_span(amendment.span, chunk)
        if amendment.sentence is not None and not (is_whole(amendment.sentence) and amendment.sentence >= 0):
            raise UsageError("the sentence is no whole number from 0 up")
        entry = MemoryEntry(self._lines.next_number, path, value, chunk.id, position, span, amendment.sentence)
        # A short line costs no more tokens than it has bytes, so that few are counted twice.
        if len(line := entry.line) > self._largest // 4 and (tokens := self._lines.count(line)) > self._largest:
            raise UsageError(f"the value takes {tokens} tokens, and the memory keeps {self._largest} of one")
        return key, entry

    def _find_path(self, key: MemoryKey, slot: str, amendment: Amendment) -> str:
        """Where the value is to stand.

        Raises:
            UsageError: Nothing stands there that could be replaced, or something that would be overwritten.
        """
        if key.form == "value":
            return key.path
        if key.form == "map":
            if not slot:
                raise UsageError(f"{key.path} needs a name behind it")
            return f"{key.path}/{slot}"
        if amendment.op == "add" and slot in ("", "-"):
            return self._lines.next_path(key)
        path = f"{key.path}/{slot}"
        if amendment.op == "replace" and self._lines.has(path):
            return path
        # A number that was given once names another value; what a model adds there is a value of its own.
        if amendment.op == "add" and not self._lines.has(path):
            return self._lines.next_path(key)
        raise UsageError(f"{path[:100]} {'stands already' if amendment.op == 'add' else 'does not stand there'}")


def _check_digits(value: Any) -> None:
    if isinstance(value, str):
        return
    try:
        json.dumps(value)
    except ValueError:  # Python refuses to write out whole numbers of thousands of digits
        raise UsageError("a number of the value has too many digits") from None


def _check_span(span: Any, chunk: Chunk) -> tuple[int, int] | None:
    if span is None:
        return None
    if isinstance(span, (tuple, list)) and len(span) == 2 and all(map(is_whole, span)):
        start, end = map(int, span)
        if 0 <= start <= end <= len(chunk.text):
            return start, end
    raise UsageError(f"the span {span!r} is not in the chunk"[:100])


def _show(amendment: Any) -> str:
    if not isinstance(amendment, Amendment):
        return repr(amendment)[:_SHOWN]
    try:
        value = amendment.value if isinstance(amendment.value, str) else repr(amendment.value)
        return f"{amendment.op} {amendment.path}: {value}"[:_SHOWN]
    except (ValueError, RecursionError):  # what Python does not write out is no better told by us
        return f"{amendment.op} {amendment.path}: {type(amendment.value).__name__}"[:_SHOWN]
