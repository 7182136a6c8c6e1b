"""What keeps retrieved text apart from the rest of a prompt: delimiters it cannot know, and marks it cannot use.

None of this stops a model from following what a text says. It only makes sure that where a text ends, and who speaks,
cannot be forged by the text.
"""

from __future__ import annotations

import re
import secrets

from ctxprune.errors import UsageError
from ctxprune.text.chat_marks import escape_marks
from ctxprune.text.invisible import escape_invisible

__all__ = ["check_fence", "enclose", "escape_chat_marks", "new_fence"]

_FENCE = re.compile(r"[A-Za-z0-9-]{8,64}")
# Line breaks and tabs, and what letters of several scripts and emoji are joined, and kept apart, with.
_KEPT = frozenset("\t\n\v\f\r\x85\u2028\u2029\u200c\u200d")


def new_fence() -> str:
    """16 hexadecimal digits that nobody can guess."""
    return secrets.token_hex(8)


def check_fence(fence: str, where: str) -> str:
    """`fence` as it is.

    Raises:
        UsageError: It is not made of 8 to 64 letters, digits and "-".
    """
    if not isinstance(fence, str) or not _FENCE.fullmatch(fence):
        raise UsageError(f"{where} is {fence!r}", where=where, hint="give 8 to 64 letters, digits or '-'")
    return fence


def enclose(text: str, fence: str) -> str:
    """`text`, which must not hold the fence, between two lines that name it; nothing but white space as it is."""
    if not text.strip():
        return text
    return f"<passage {fence}>\n{text}\n</passage {fence}>"


def escape_chat_marks(text: str) -> str:
    r"""`text` without marks of chat templates, as visible escapes, and without invisible characters.

    The first character of a mark ("<|im_start|>", "[INST]", "</s>", "<end_of_turn>", any other tag without attributes
    that is no element of HTML) becomes a visible escape such as "\\u003c". So does each invisible or direction
    character, with controls, fillers, variation selectors, and what Unicode does not define; but for line breaks, tabs,
    and the two joiners U+200C and U+200D, which scripts and emoji need. All else stays. A model may know marks of other
    shapes.
    """
    return escape_marks(escape_invisible(text, keep=_KEPT))
