"""What a question is like, whatever the candidates: how much of it the database knows.

Its length and its share of function words are left out: they tell the style of a set of questions more than how hard
one of them is, and would not carry over to other styles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctxprune.text.words import STOP_WORDS, stem, words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ..account.reading import Reading
    from ..linking.doubts import SchemaWords
    from ..select.base import SelectionContext

__all__ = ["QUESTION", "question_features"]

QUESTION = (
    "known_share", "unknown_words", "doubts", "likely_hits", "numbers", "best_coverage", "best_unused", "evidence",
)  # fmt: skip
_LIKELY = 0.5
_MOST = 4.0
_LONGEST = 200  # words that are looked at


def question_features(
    context: SelectionContext, schema: SchemaWords, readings: Mapping[str, Reading]
) -> NDArray[np.float64]:
    """float64 (len(QUESTION),).

    Among them the share of content words that the schema explains, which is low for other languages and for text
    without spaces.
    """
    asked = words(context.question)[:_LONGEST]
    content = [word for word in asked if word not in STOP_WORDS and not word.isdigit()]
    stored = {word for hit in context.hits if hit.likelihood >= _LIKELY for word in words(hit.value)}
    known = [word for word in content if word in stored or schema.explains(stem(word))]
    unused = [len(reading.unused) for reading in readings.values()]
    return np.array(
        [
            len(known) / len(content) if content else 0.0,
            min(float(len(content) - len(known)), _MOST),
            min(float(len(context.doubts)), _MOST),
            min(float(sum(hit.likelihood >= _LIKELY for hit in context.hits)), _MOST),
            min(float(sum(word.isdigit() for word in asked)), _MOST),
            max((reading.coverage for reading in readings.values()), default=0.0),
            min(float(min(unused, default=0)), _MOST),
            float(bool(context.evidence.strip())),
        ]
    )
