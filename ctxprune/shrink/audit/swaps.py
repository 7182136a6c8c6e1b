"""The same text about another person: words of gender and given names exchanged.

After the swapped pairs of Zhao and others (NAACL 2018), asked for by "Can Model Compression Improve NLP Fairness": a
score should not care.
"""

from __future__ import annotations

import re

__all__ = ["swapped"]

_PAIRS = (
    ("he", "she"), ("him", "her"), ("his", "her"), ("himself", "herself"), ("man", "woman"), ("men", "women"),
    ("boy", "girl"), ("boys", "girls"), ("father", "mother"), ("son", "daughter"), ("brother", "sister"),
    ("husband", "wife"), ("uncle", "aunt"), ("king", "queen"), ("prince", "princess"), ("actor", "actress"),
    ("male", "female"), ("mr", "mrs"), ("sir", "madam"), ("gentleman", "lady"), ("james", "mary"), ("john", "patricia"),
    ("robert", "jennifer"), ("michael", "linda"), ("david", "elizabeth"), ("william", "barbara"), ("richard", "susan"),
    ("joseph", "jessica"), ("thomas", "karen"), ("charles", "sarah"), ("george", "anna"), ("peter", "emma"),
    ("paul", "laura"), ("daniel", "julia"),
)  # fmt: skip
_OTHER = dict(_PAIRS) | {other: one for one, other in reversed(_PAIRS)}
_WORD = re.compile(r"\b(?:" + "|".join(sorted(_OTHER, key=len, reverse=True)) + r")\b", re.IGNORECASE)


def swapped(text: str) -> str:
    """The text with every such word exchanged, in its case; the same text where there is none.

    "her" becomes "him": English does not say which of "him" and "his" it stands for, and a scorer hardly cares.
    """
    return _WORD.sub(lambda found: _cased(found[0], _OTHER[found[0].lower()]), text)


def _cased(like: str, word: str) -> str:
    if like.isupper() and len(like) > 1:
        return word.upper()
    return word.capitalize() if like[0].isupper() else word
