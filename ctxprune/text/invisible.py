"""Which characters a reader does not see although a model reads them, and how they are written visibly.

What hides there may be an order to a model that no person who looks at the text would find.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["escape_character", "escape_invisible", "is_invisible"]

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# What Unicode calls default ignorable although its category is that of letters and marks: joiners, the Hangul and
# Khmer fillers, the selectors of variations.
_IGNORABLE = frozenset(
    {0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), 0x3164, 0xFFA0}
    | {*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
)


def is_invisible(character: str) -> bool:
    """Whether one character is drawn as nothing, turns the direction of others, controls a terminal, or has no meaning
    that is known: lone surrogates, private use and what is not assigned. Line breaks and tabs are, spaces are not.
    """
    if character.isascii():
        return not character.isprintable()
    return unicodedata.category(character) in _HIDDEN or ord(character) in _IGNORABLE


def escape_character(character: str) -> str:
    r"""One character as "\\u200b" or "\\U000e0041", of four or eight hexadecimal digits."""
    number = ord(character)
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"


def escape_invisible(text: str, *, keep: Collection[str] = ()) -> str:
    """`text` with visible escapes for its invisible characters, but for those in `keep`."""
    # a long text has few different characters, so that each is judged once
    hidden = {ord(one): escape_character(one) for one in set(text) if is_invisible(one) and one not in keep}
    return text.translate(hidden) if hidden else text
