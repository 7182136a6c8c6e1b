"""A chat model's answer as JSON: syntax is repaired (fences, commas, quotes, a cut end), values never are."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from ctxprune.errors import InputError

__all__ = ["parse_answer", "unwrap_records"]

_LONGEST = 200_000  # characters of an answer that are read
_DEEPEST = 60
_FENCE = re.compile(r"```[ \t]*\w{0,12}[ \t]*\n?(.*?)(?:```|\Z)", re.DOTALL)
_SPACE = re.compile(r"(?:\s|//[^\n]*|#[^\n]*)*")
_WORD = re.compile(r"[^\s,:\[\]{}\"']+")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,400})(?:\.\d{1,400})?(?:[eE][-+]?\d{1,4})?")
_CLOSING = {'"': '"', "'": "'", "“": "”", "”": "”", "‘": "’"}
_CONSTANTS = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}


class _CutError(Exception):
    """The text ends inside a value."""


def parse_answer(text: str) -> tuple[Any, tuple[str, ...]]:
    """The JSON value in an answer, and what was repaired, () for nothing.

    What stands around the value (a fence, prose) is passed over. Values in several fences or one behind the other
    (JSON lines) become one list; behind prose the first object or list counts. Of an answer that ends in the middle the
    members that are whole are kept.

    Raises:
        InputError: The answer is empty, over 200,000 characters long, nested deeper than 60 levels, or holds no JSON.
    """
    if not text.strip():
        raise InputError("the answer is empty")
    if len(text) > _LONGEST:
        raise InputError(f"the answer has over {_LONGEST:,} characters")
    values, notes, refused = list[Any](), list[str](), list[InputError]()
    fences = (fenced[1].strip() for fenced in _FENCE.finditer(text))
    # A model that says the same twice means it once.
    for body in [*dict.fromkeys(fence for fence in fences if re.search(r"[\[{]", fence))] or [text]:
        try:
            found, repairs = _parse_body(body)
        except InputError as error:
            # One fence may hold code and another one the answer.
            refused.append(error)
            continue
        values += found
        notes += repairs
    if not values:
        raise refused[0]
    if refused:
        notes.append("a part of the answer is no JSON")
    if len(values) == 1:
        return values[0], tuple(dict.fromkeys(notes))
    joined = [item for value in values for item in (value if isinstance(value, list) else [value])]
    return joined, tuple(dict.fromkeys([*notes, "several JSON values"]))


def unwrap_records(value: Any, name: str, properties: Collection[str]) -> list[dict[str, Any]]:
    """The records of an answer: a list of objects, one object, or one of these under a name.

    Args:
        value: What `parse_answer` read.
        name: Of the class that the prompt asks for.
        properties: Names of the fields: an object with one field alone is a record.

    Raises:
        InputError: It is something else.
    """
    if isinstance(value, dict) and len(value) == 1:
        ((key, inner),) = value.items()
        is_field = key in properties
        if not is_field and (isinstance(inner, list) or (isinstance(inner, dict) and key == name)):
            value = inner
    found = [value] if isinstance(value, dict) else value
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise InputError("the answer is no list of objects")
    # Some models name the class of each object.
    return [
        unwrap_records(item, name, properties)[0] if list(item) == [name] and isinstance(item[name], dict) else item
        for item in found
    ]


def _parse_body(body: str) -> tuple[list[Any], list[str]]:
    """The values that stand one behind the other, and what was repaired.

    Raises:
        InputError: There is none, or it is nested too deep.
    """
    try:
        value = json.loads(body, parse_constant=_refuse_constant, parse_float=_read_float, parse_int=_read_int)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, (dict, list)):
        _check_depth(value)
        return [value], []
    start = re.search(r"[\[{]", body)
    if start is None:
        raise InputError("the answer is no JSON")
    reader = _Reader(body, start.start())
    values = [reader.read(0)]
    while reader.has_next():
        try:
            values.append(reader.read(0))
        except InputError:
            reader.notes.append("a part of the answer is no JSON")
            break
    return values, reader.notes


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(_DEEPEST + 1):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return
    raise InputError(f"the answer is nested deeper than {_DEEPEST} levels")


@dataclass
class _Reader:
    """Reads JSON that is nearly well-formed. Each value is the characters of the answer, or it is left out."""

    text: str
    at: int = 0
    notes: list[str] = field(default_factory=list)

    def read(self, depth: int) -> Any:
        """The value at the current place.

        Raises:
            InputError: It is nested too deep, or something there is no value.
        """
        self._skip()
        if depth > _DEEPEST:
            raise InputError(f"the answer is nested deeper than {_DEEPEST} levels")
        char = self._peek()
        if char == "{":
            return self._read_object(depth)
        if char == "[":
            return self._read_list(depth)
        if char in _CLOSING:
            return self._read_text()
        found = _WORD.match(self.text, self.at)
        if found is None:
            raise _CutError if not char else self._refuse()
        return self._read_word(found)

    def has_next(self) -> bool:
        """Whether another object or list follows with nothing between but white space and commas."""
        self._skip_commas()
        return self._peek() in ("{", "[")

    def _read_word(self, found: re.Match[str]) -> Any:
        word = found[0]
        if found.end() == len(self.text):
            raise _CutError  # it may go on
        self.at = found.end()
        if word in _CONSTANTS:
            if word[0].isupper():
                self.notes.append("a constant of Python")
            return _CONSTANTS[word]
        if _NUMBER.fullmatch(word) and math.isfinite(float(word)):
            return json.loads(word)
        # Without quotes it is not known where a text ends: "Jo Black, 3" could be one or two values.
        self.at = found.start()
        raise self._refuse()

    def _read_object(self, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        self.at += 1
        try:
            while True:
                self._skip_commas()
                if self._peek() == "}":
                    self.at += 1
                    return made
                if not self._peek():
                    raise _CutError
                key = self._read_key()
                self._skip()
                if self._peek() != ":":
                    raise _CutError if not self._peek() else self._refuse()
                self.at += 1
                made[key] = self.read(depth + 1)
        except _CutError:
            self._close()
            return made

    def _read_list(self, depth: int) -> list[Any]:
        made: list[Any] = []
        self.at += 1
        try:
            while True:
                self._skip_commas()
                if self._peek() == "]":
                    self.at += 1
                    return made
                if not self._peek():
                    raise _CutError
                made.append(self.read(depth + 1))
        except _CutError:
            self._close()
            return made

    def _close(self) -> None:
        """Note that the answer's end cuts an object or list; what is whole of it stays."""
        self.at = len(self.text)
        self.notes.append("the answer ends in the middle")

    def _read_key(self) -> str:
        if self._peek() in _CLOSING:
            return self._read_text()
        found = re.compile(r"[\w$.-]{1,200}").match(self.text, self.at)
        if found is None:
            raise self._refuse()
        self.at = found.end()
        self.notes.append("a key without quotes")
        return found[0]

    def _read_text(self) -> str:
        quote = self._peek()
        closing = _CLOSING[quote]
        if quote != '"':
            self.notes.append("quotes that JSON lacks")
        end = self.at + 1
        while end < len(self.text):
            char = self.text[end]
            if char == "\\":
                end += 2
                continue
            if char == closing and self._ends_text(end):
                said = self.text[self.at + 1 : end]
                self.at = end + 1
                return _unescape(said)
            end += 1
        raise _CutError

    def _ends_text(self, at: int) -> bool:
        """Whether a quote ends the text: a quote inside it that was not escaped stands before further words."""
        following = _SPACE.match(self.text, at + 1)
        after = following.end() if following else at + 1
        if after >= len(self.text) or self.text[after] in ",:]}":
            return True
        # The next member without a comma before it.
        ends = "\n" in self.text[at:after] or self.text[after] in _CLOSING
        if not ends:
            self.notes.append("a quote inside a text")
        return ends

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _skip(self) -> None:
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def _skip_commas(self) -> None:
        self._skip()
        while self._peek() == ",":
            self.at += 1
            self._skip()

    def _refuse(self) -> InputError:
        near = " ".join(self.text[self.at : self.at + 30].split())
        return InputError(f"the answer is no JSON at character {self.at} ({near!r})")


def _refuse_constant(word: str) -> float:
    raise ValueError(f"{word} is no JSON number")


def _read_int(word: str) -> int:
    """The whole number; one beyond any float could not be compared with numbers of the text, nor stored."""
    return int(word) if math.isfinite(float(word)) else int(_refuse_constant(word))


def _read_float(word: str) -> float:
    """The number; what is too large for one would be an infinity, which JSON and databases lack."""
    value = float(word)
    return value if math.isfinite(value) else _refuse_constant(word)


def _unescape(said: str) -> str:
    try:
        return str(json.loads(f'"{said}"', strict=False))
    except ValueError:
        # An escape that JSON lacks, or a bare quote; the characters stay as they are.
        return re.sub(r"\\([\"'/\\])", r"\1", said)
