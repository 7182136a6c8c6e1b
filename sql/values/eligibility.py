"""Which columns a value index holds, decided by what their cells look like and never by their name or declared type."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["LONGEST_VALUE", "Profile", "measure", "personal"]

LONGEST_VALUE = 200
_FREE_TEXT_LENGTH = 60
_MANY = 100
_OPAQUE = re.compile(
    r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|(?=[a-f]*[0-9])[0-9a-f]{24,}|(?=\S*[0-9])(?=\S*[a-z])[a-z0-9+/_-]{28,}={0,2}",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\s*[-+]?[$€£]?\d[\d.,:/%eE+\- ]*\s*")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^\W\d_]{2,}")
_PHONE = re.compile(r"(?=.*[+(]|.*\d[ .-].*\d[ .-])\+?\(?\d[\d().x -]{5,22}\d")
_NOT_PHONE = re.compile(r"97[89].*|\d{1,3}(?:\.\d{1,3}){3}|[12]\d{3}[-.]\d\d?[-.]\d.*|\d\d?[-.]\d\d?[-.]\d{4}.*")
_IBAN = re.compile(r"[A-Z]{2}\d\d[A-Z0-9]{11,30}")
_CARD = re.compile(r"[3-6]\d{12,18}")
_SOCIAL = re.compile(r"\d{3}-\d{2}-\d{4}")
_MOSTLY = 0.8


@dataclass(frozen=True, slots=True)
class Profile:
    """Measured on the first distinct texts of a column.

    Attributes:
        texts: Number of distinct texts looked at.
        mean_length: Their mean length in characters.
        numeric: Share of them that are numbers, dates or times.
        opaque: Share of them that are UUIDs, digests or tokens.
    """

    texts: int
    mean_length: float
    numeric: float
    opaque: float

    @property
    def skipped(self) -> str:
        """Why the column stays out; "" where it is indexed."""
        if not self.texts:
            return "no text"
        if self.texts < _MANY:
            return ""
        if self.opaque > 0.9:
            return "UUIDs or tokens"
        return "free text" if self.mean_length > _FREE_TEXT_LENGTH else ""

    @property
    def fuzzy(self) -> bool:
        """Worth comparing by edit distance: words, not numbers or dates, where one character off is another value."""
        return self.numeric < 0.9


def measure(texts: Sequence[str]) -> Profile:
    """Profile of the distinct texts of one column, or of the first few thousand of them."""
    count = max(len(texts), 1)
    short = [text for text in texts if len(text) <= LONGEST_VALUE]
    return Profile(
        texts=len(texts),
        mean_length=sum(map(len, texts)) / count,
        numeric=sum(_NUMBER.fullmatch(text) is not None for text in short) / count,
        opaque=sum(_OPAQUE.fullmatch(text) is not None for text in short) / count,
    )


def personal(texts: Sequence[str]) -> str:
    """What kind of personal data most of these distinct texts look like, such as "e-mail addresses"; "" for others.

    Found are e-mail addresses, social security numbers of the USA, payment cards and IBANs (by their check digits), and
    phone numbers written with marks or a leading plus. Names and street addresses look like any other text.
    """
    some = [text.strip() for text in texts[:1000] if text.strip()]
    for kind, looks_so in _PERSONAL:
        if some and sum(bool(looks_so(text)) for text in some) >= _MOSTLY * len(some):
            return kind
    return ""


def _is_phone(text: str) -> bool:
    digits = sum(char.isdigit() for char in text)
    return 7 <= digits <= 15 and _PHONE.fullmatch(text) is not None and _NOT_PHONE.fullmatch(text) is None


def _is_iban(text: str) -> bool:
    bare = text.replace(" ", "").upper()
    if _IBAN.fullmatch(bare) is None:
        return False
    return int("".join(str(int(char, 36)) for char in bare[4:] + bare[:4])) % 97 == 1


def _is_card(text: str) -> bool:
    """By the check digit of ISO/IEC 7812 (Luhn)."""
    bare = text.replace(" ", "").replace("-", "")
    if _CARD.fullmatch(bare) is None or not bare.isascii():
        return False
    doubled = (int(char) * (1 + k % 2) for k, char in enumerate(reversed(bare)))
    return sum(number // 10 + number % 10 for number in doubled) % 10 == 0


_PERSONAL: tuple[tuple[str, Callable[[str], object]], ...] = (
    ("e-mail addresses", _EMAIL.fullmatch),
    ("social security numbers", _SOCIAL.fullmatch),
    ("payment cards", _is_card),
    ("bank accounts", _is_iban),
    ("phone numbers", _is_phone),
)
