"""Names of formulas that the evidence defines, as a question may use them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ctxprune.text.words import fold, stem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .term import Term

__all__ = ["formula_terms", "name_stems"]

_ARTICLES = frozenset({"a", "an", "the"})


def name_stems(text: str) -> tuple[str, ...]:
    """Stems of a name without articles."""
    return tuple(stem(word) for word in re.findall(r"\w+", fold(text)) if word not in _ARTICLES)


def formula_terms(phrase: str, formulas: Mapping[tuple[str, ...], Term]) -> list[Term]:
    """Formulas that a phrase begins with, the longest name first."""
    stems = name_stems(phrase)
    named = sorted(formulas.items(), key=lambda item: -len(item[0]))
    return [replace(term, score=max(term.score, 0.9)) for name, term in named if name and stems[: len(name)] == name]
