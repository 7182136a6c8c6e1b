"""Words that stand for one another: peoples and countries, codes, number words, yes and no, genders.

The list is the text file beside this module; a question's "Italian" leads to the stored "Italy", "female" to "F".
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

from .spans import key_words, stems

__all__ = ["synonyms"]

_CODE_LENGTH = 3


def synonyms(surface: str, words: tuple[str, ...]) -> tuple[str, ...]:
    """What else a span may be stored as, folded, in no order of merit; () where the list does not know it.

    Args:
        surface: The span as the question writes it.
        words: Its folded words.
    """
    groups, codes = _read()
    found = [*groups.get(" ".join(words), ()), *groups.get(" ".join(stems(list(words))), ())]
    if surface.isupper():
        found += codes.get(surface, ())
    mine = " ".join(words)
    return tuple(dict.fromkeys(term for term in found if term != mine))


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
