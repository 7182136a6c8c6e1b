"""How names, comments and stored values enter a prompt: on one line, marked as data, never as structure.

A datum made only of harmless characters is written bare; anything else becomes a double-quoted string in which line
breaks, control, invisible and direction characters, section marks and chat-template marks are visible escapes. So a
reader can take the text apart again without knowing the data, and the data cannot forge a line, a field or a role.
"""

from __future__ import annotations

import math
import re
import unicodedata

from ctxprune.text.invisible import escape_character, is_invisible

__all__ = ["MAX_COMMENT", "MAX_VALUE", "datum", "name", "quoted_name", "same_words", "type_name"]

MAX_COMMENT = 120  # characters of a comment that are shown
MAX_VALUE = 80  # characters of a stored value that are shown
_MAX_NAME = 128
_MAX_TYPE, _TYPE_WORDS = 80, 4
_STRUCTURE = re.compile(r": |```|  |^primary key$", re.I)  # what would read as a part of the form itself
_BARE_WORDS = 8  # longer text reads as a sentence, and a sentence may pose as an instruction
_BARE = re.compile(r"[^\W_](?:[\w .:+/%&'’@-]*[\w.%+])?|[-+]?[\d.][\w.:+/%-]*", re.ASCII)
_BARE_NAME = re.compile(r"[\w$#@](?:[\w $#@%/&+?!*'’()-]*[\w$#@%?!*)])?")
_NESTED = re.compile(r"[^()]*(?:\([^()]*\)[^()]*)*")
_ORDERS = re.compile(
    r"\b(?:ignore|disregard|forget|override|instructions?|prompts?|system|assistant|jailbreak|you are|you must)\b", re.I
)
# Marks that a tokenizer may read as a control token or that open a section of ours.
# Wider than `ctxprune.text.chat_marks`: no name or value needs to be read as HTML.
_MARKS = re.compile(
    r"[【】]|<(?=[|｜/!]|[^\W\d])|(?<=[|｜])>|\[(?=/?[A-Za-z]?[A-Z_]+\])|`(?=``)"
    r"|\[(?=\|/?[A-Za-z_]{3,40}\||\w{1,3}~\[)|\](?=~!?\w{1,3}[\]\[])"
)
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_TYPE = re.compile(r"\s*([^\W\d][\w ]*?)\s*(?:\(([\w ,.'-]*)\)([\w ]*))?\s*")


def datum(value: object, limit: int = MAX_VALUE) -> str:
    """One comment or stored value as prompt text on one line.

    Args:
        value: Any cell; numbers are written as Python writes them, bytes as hexadecimal.
        limit: Characters of `value` shown at most; a cut is marked with `…`.
    """
    if isinstance(value, bool) or (isinstance(value, (int, float)) and math.isfinite(value)):
        return str(value)
    text = f"0x{value[:limit].hex()}" if isinstance(value, (bytes, bytearray)) else str(value)
    cut = len(text) > limit
    if cut:
        text = text[:limit]
    if not cut and _is_bare(text):
        return text
    return f'"{_escape(text)}{"…" if cut else ""}"'


def name(text: str, quote: str = '"') -> str:
    """A table or column name: bare where that is unambiguous, else quoted with `quote` doubled inside.

    Characters that would break the line are shown as escapes; such a name cannot be copied into SQL as it stands.
    """
    plain = len(text) <= _MAX_NAME and _BARE_NAME.fullmatch(text) and _NESTED.fullmatch(text) and not _hides(text)
    if plain and not _STRUCTURE.search(text) and (text.count(" ") < 2 or not _ORDERS.search(text)):
        return text
    shown = text[:_MAX_NAME] + ("…" if len(text) > _MAX_NAME else "")
    return quoted_name(shown, quote)


def quoted_name(text: str, quote: str = '"') -> str:
    """`text` in quotation marks, the mark doubled inside, with unprintable characters as visible escapes."""
    return quote + _visible(text.replace(quote, quote * 2)) + quote


def type_name(declared: str) -> str:
    """A declared type in upper case, its parameters kept as written ("decimal( 10, 2 )" -> "DECIMAL(10,2)").

    A declaration that is not a type name with plain parameters (SQLite accepts any words) is cut to its first words.
    """
    if _hides(declared):
        declared = "".join(" " if is_invisible(character) else character for character in declared)
    match = _TYPE.fullmatch(declared) if len(declared) <= _MAX_TYPE and not _ORDERS.search(declared) else None
    if match is None or len(match.group(1).split()) > _TYPE_WORDS:
        word = re.match(r"\s*([^\W\d]\w*)", declared)
        return word.group(1).upper()[:40] if word else ""
    base, parameters, rest = match.groups()
    text = " ".join(base.upper().split())
    if parameters and parameters.strip():
        text += "(" + ",".join(part.strip() for part in parameters.split(",")) + ")"
    return " ".join((text + " " + (rest or "").upper()).split())


def same_words(comment: str, identifier: str) -> bool:
    """True when a comment only repeats the name ("loaf id" for `loaf_id`)."""

    def bare(text: str) -> str:
        return "".join(character for character in text.casefold() if character.isalnum())

    return bare(comment) == bare(identifier)


def _is_bare(text: str) -> bool:
    if not _BARE.fullmatch(text) and not _bare_unicode(text):
        return False
    return text.count(" ") < _BARE_WORDS and not _STRUCTURE.search(text) and not _ORDERS.search(text)


def _bare_unicode(text: str) -> bool:
    """Like `_BARE`, for letters beyond ASCII."""
    inner = all(character.isalnum() or character in " _.:+/%&'’@-" for character in text) and not _hides(text)
    return inner and text[:1].isalnum() and (text[-1:].isalnum() or text[-1:] in ".%+")


def _escape(text: str) -> str:
    return _visible(text.replace("\\", "\\\\").replace('"', '\\"'))


def _visible(text: str) -> str:
    text = _MARKS.sub(lambda match: _code(match.group()), text)
    return "".join(character if character == " " or _shown(character) else _code(character) for character in text)


def _hides(text: str) -> bool:
    """Whether a letter of `text` is drawn as nothing, such as the Hangul filler, which `\\w` does not tell."""
    return not text.isascii() and any(map(is_invisible, text))


def _shown(character: str) -> bool:
    # a space other than the common one looks like it, and makes another name
    return not is_invisible(character) and (character.isascii() or unicodedata.category(character) != "Zs")


def _code(character: str) -> str:
    return _NAMED.get(character) or escape_character(character)
