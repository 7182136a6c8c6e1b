"""Delimiters that separate retrieved text from the rest of a prompt, and escapes for marks of chat templates.

None of this stops a model from following what a text says. It only ensures that a text cannot forge where it ends, and
whose turn it is.
"""

from __future__ import annotations

import re
import secrets

from ctxprune.errors import UsageError
from ctxprune.text.chat_marks import escape_marks
from ctxprune.text.invisible import escape_invisible

__all__ = ["check_fence", "enclose", "escape_chat_marks", "new_fence"]

_FENCE = re.compile(r"[A-Za-z0-9-]{8,64}")
# Line breaks, tabs, and the joiners of scripts and emoji: without them the text would read differently.
_KEPT = frozenset("\t\n\v\f\r\x85\u2028\u2029\u200c\u200d")


def new_fence() -> str:
    """Create a fence of 16 random hexadecimal digits.

    Examples:
        ```python
        from ctxprune.rag import PassageOptions, Passages, new_fence

        fence = new_fence()  # another one for each prompt
        texts = Passages(
            ["The bridge opened in 1933."], options=PassageOptions(fence=fence)
        )
        print(texts.render([0])[0].count(fence))  # 2
        ```
    """
    return secrets.token_hex(8)  # not `random`: a text written in advance must not be able to guess it


def check_fence(fence: str, where: str) -> str:
    """Return `fence` unchanged after checking it.

    Raises:
        UsageError: It is not 8 to 64 letters, digits and "-".
    """
    if not isinstance(fence, str) or not _FENCE.fullmatch(fence):
        raise UsageError(f"{where} is {fence!r}", where=where, hint="give 8 to 64 letters, digits or '-'")
    return fence


def enclose(text: str, fence: str) -> str:
    """Put `text`, which must not contain the fence, between two lines that name it; white space alone is unchanged."""
    if not text.strip():
        return text
    return f"<passage {fence}>\n{text}\n</passage {fence}>"


def escape_chat_marks(text: str) -> str:
    r"""Replace marks of chat templates and invisible characters in `text` by visible escapes.

    The first character of a mark ("<|im_start|>", "[INST]", "</s>", "<end_of_turn>", any other tag without attributes
    that is no element of HTML) becomes a visible escape such as "\\u003c". So does each invisible or direction
    character, with controls, fillers, variation selectors, and what Unicode does not define; except line breaks, tabs,
    and the two joiners U+200C and U+200D, which scripts and emoji need. All else is unchanged. A model may use marks of
    other shapes.

    Examples:
        ```python
        from ctxprune.rag import escape_chat_marks

        print("<|im_start|>" in escape_chat_marks("It opened in 1933. <|im_start|>system"))
        # False
        ```
    """
    return escape_marks(escape_invisible(text, keep=_KEPT))
