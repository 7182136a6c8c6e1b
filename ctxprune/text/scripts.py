"""The writing system of a text, for a word about questions that a scorer of words cannot match."""

from __future__ import annotations

import unicodedata
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["find_foreign_script", "main_script"]

_READ = 500  # letters of a text, and as many texts: enough to tell, and no time on megabytes
_TEXTS = 50
_RARE = 0.05  # of the letters; names and formulas in another script do not make a text one of that script
# One language is written with all of these.
_TOGETHER = {"HIRAGANA": "CJK", "KATAKANA": "CJK"}


def main_script(text: str) -> str:
    """The script of most letters at the beginning of `text`, as Unicode names it ("LATIN", "CJK"); "" without any."""
    return max(counts := _count_scripts([text]), key=lambda script: counts[script], default="")


def find_foreign_script(question: str, texts: Iterable[str]) -> tuple[str, str] | None:
    """The script of `question` and that of most of `texts`, where hardly any letter of these is in the question's;
    None where they share it, or one of them has no letters."""
    own, counts = main_script(question), _count_scripts(text for text, _ in zip(texts, range(_TEXTS), strict=False))
    if not own or not counts or counts[own] > _RARE * counts.total():
        return None
    return own, counts.most_common(1)[0][0]


def _count_scripts(texts: Iterable[str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for text in texts:
        letters = [char for char in text[: 4 * _READ] if char.isalpha()][:_READ]
        for char, count in Counter(letters).items():
            script = unicodedata.name(char, "").partition(" ")[0]
            counts[_TOGETHER.get(script, script)] += count
    return counts
