"""When two texts ask the same question."""

from __future__ import annotations

import re

from ctxprune.text.words import fold, stem, words

__all__ = ["same_question"]

_TOKEN = re.compile(
    r"[\"“](?P<double>[^\"“”]+)[\"”]|(?<!\w)'(?P<single>[^']+)'(?!\w)"
    r"|(?<![\w.])-?\d+(?:[.,:/-]\d+)+|(?<![\w.])-\d+|(?P<word>\w+)|[<>=≤≥≠+*/%#&@$€£¥]+|!="
)


def same_question(text: str) -> str:
    """What two ways to write one question have in common: folded, stemmed words in order, without punctuation.

    What could be meant differently stays: quoted text as it is written, decimals, signs, and comparisons in symbols.
    """
    tokens: list[str] = []
    for found in _TOKEN.finditer(text):
        quoted = next(filter(None, (found["double"], found["single"])), None)
        if quoted is not None:
            tokens.append(f'"{quoted}"')
        else:
            tokens += map(stem, words(found[0])) if found["word"] else [fold(found[0])]
    return " ".join(tokens)
