"""Cuts a question into sentences and phrases, by the words that begin and end them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .wordset import word_set

__all__ = ["NUMBER", "Mask", "number_of", "phrase_at", "sentences", "split_list"]

_NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "dozen": 12, "fifteen": 15, "twenty": 20, "hundred": 100,
}  # fmt: skip
NUMBER = r"(?:\d{1,9}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty)"
_STOPS = word_set(
    "that who whom which where whose with without in on for from by have has had having was were is are be "
    "been did do does when while between to ordered sorted ranked per each every during after before since "
    "made using than as at whether if so because but or not only within across via among under over above "
    "below more less out living located serving associated published taught offered grouped split starting "
    "can could should would there based along together including considering respectively"
)
_TOKEN = re.compile(r"[^\W_][\w'’./#-]*|[,;:?!.()]")
_SENTENCE = re.compile(r"(?<=[.?!;])\s+(?=[\"'“]?[A-Z])|\n+")
_SHORTENED = re.compile(r"\b(?:no|nos|st|mr|mrs|ms|dr|vs|approx|inc|e\.g|i\.e)\.$", re.IGNORECASE)
_LONGEST = 9  # words


@dataclass
class Mask:
    """A text of which parts are blanked as they are read; places stay the same.

    Attributes:
        text: Lower case, with blanks for what has been read.
    """

    text: str

    @classmethod
    def of(cls, text: str) -> Mask:
        """In lower case; letters whose lower case is longer stay as they are."""
        return cls("".join(low if len(low := char.lower()) == 1 else char for char in text))

    def blank(self, start: int, end: int) -> None:
        """Mark characters [start, end) as read."""
        self.text = self.text[:start] + " " * (end - start) + self.text[end:]

    def cut(self, start: int, end: int) -> None:
        """Mark characters as read, so that no phrase reaches from before them to after them."""
        self.text = self.text[:start] + ";".ljust(end - start) + self.text[end:]


def number_of(text: str) -> int | None:
    """The whole number that digits or a word stand for."""
    return int(text) if text.isdecimal() and len(text) < 10 else _NUMBERS.get(text)


def sentences(text: str) -> list[tuple[int, int]]:
    """Characters [start, end) of each sentence."""
    found: list[tuple[int, int]] = []
    start = 0
    for match in _SENTENCE.finditer(text):
        if _SHORTENED.search(text[start : match.start()]):
            continue
        found.append((start, match.start()))
        start = match.end()
    found.append((start, len(text)))
    return [(a, b) for a, b in found if text[a:b].strip()]


def phrase_at(text: str, start: int, *, lists: bool = False, most: int = _LONGEST) -> tuple[str, int]:
    """The noun phrase from `start` on and where it ends; "" where none begins there.

    Args:
        text: In lower case.
        start: Where to begin.
        lists: Whether commas and "and" belong to it.
        most: Words that it may have.
    """
    begin, end, count = -1, start, 0
    for token in _TOKEN.finditer(text, start):
        word = token[0].rstrip(".'’")
        joint = word in {"and", ","} or token[0] == ","
        if not word or word in _STOPS or (not lists and joint) or word in ";:?!()" or count == most:
            break
        if begin < 0 and joint:
            break
        begin = token.start() if begin < 0 else begin
        count += not joint
        end = token.start() + len(token[0].rstrip("."))
        if token[0].endswith(".") and not token[0].startswith("no."):
            break
    return (text[begin:end], end) if begin >= 0 else ("", start)


def split_list(text: str) -> list[str]:
    """Parts of "A, B and C"."""
    parts = re.split(
        r"\s*,\s*(?:and\s+|or\s+)?|\s+and\s+(?:also\s+|then\s+)?|\s+as well as\s+|\s+along with\s+|\s*&\s*", text
    )
    return [part.strip(" .") for part in parts if part.strip(" .")]
