"""Parts of a set of questions on which a model may fail while its mean holds: length, rare words, negation, numbers."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.text.words import terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctxprune.shrink.audit.audit import Question

__all__ = ["LEAST", "slices"]

LEAST = 20
"""Questions of a slice that may be called the worst."""
_NEGATION = re.compile(r"\b(?:no|not|never|none|nobody|nothing|neither|nor|without|except|cannot)\b|n['’]t\b", re.I)
_NUMBER = re.compile(r"\d")
_RARE = 0.002  # of all texts: a term in fewer of them is rare


def slices(questions: Sequence[Question]) -> dict[str, NDArray[np.bool_]]:
    """Which questions each part holds: bool (questions,) by name; parts that hold none or all are left out.

    Lengths are thirds by number of words. A rare term is a word of the question that stands in at least one and at most
    0.2 % (or in one) of all texts.
    """
    found: dict[str, NDArray[np.bool_]] = {}
    sizes = np.array([len(question.query.split()) for question in questions])
    low, high = np.quantile(sizes, [1 / 3, 2 / 3]) if len(sizes) else (0, 0)
    found["short question"] = sizes <= low
    found["long question"] = sizes > high
    found["rare term"] = _rare(questions)
    found["negation"] = np.array([bool(_NEGATION.search(question.query)) for question in questions])
    found["number"] = np.array([bool(_NUMBER.search(question.query)) for question in questions])
    domains = sorted({question.domain for question in questions if question.domain})
    for domain in domains:
        found[f"domain {domain}"] = np.array([question.domain == domain for question in questions])
    return {name: mask for name, mask in found.items() if mask.any() and not mask.all()}


def _rare(questions: Sequence[Question]) -> NDArray[np.bool_]:
    texts = {text for question in questions for text in question.texts}
    counts = Counter(term for text in texts for term in set(terms(text)))
    most = max(_RARE * len(texts), 1)
    return np.array([any(0 < counts[term] <= most for term in terms(question.query)) for question in questions])
