"""Words that stand for one another: peoples and countries, codes, number words, yes and no, genders.

The list is the text file beside this module; a question's "Italian" leads to the stored "Italy", "female" to "F".
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from .spans import key_words

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["synonyms"]

_CODE_LENGTH = 3


def synonyms(words: Sequence[str], roots: Sequence[str], code: str = "") -> tuple[str, ...]:
    """What else a span may be stored as, folded, in no order of merit; () where the list does not know it.

    Args:
        words: The folded words of the span.
        roots: The same words, stemmed.
        code: The span as the question writes it, where it is one word; only capitals are looked up as a code.
    """
    groups, codes = _read()
    mine, root = " ".join(words), " ".join(roots)
    found = groups.get(mine, ())
    if root != mine:
        found += groups.get(root, ())
    if code.isupper():
        found += codes.get(code, ())
    return tuple(dict.fromkeys(term for term in found if term != mine)) if found else ()


@lru_cache(maxsize=1)
def _read() -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    groups: dict[str, tuple[str, ...]] = {}
    codes: dict[str, tuple[str, ...]] = {}
    text = files(__package__).joinpath("lexicon.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        terms = line.split("|")
        folded = tuple(" ".join(key_words(term)) for term in terms)
        for term, fold in zip(terms, folded, strict=True):
            table = codes if term.isupper() and len(term) <= _CODE_LENGTH else groups
            table[term if table is codes else fold] = table.get(term if table is codes else fold, ()) + folded
    return groups, codes
