"""Is a question about this schema at all? Features of that decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.text.words import STOP_WORDS

from .cues import cue_class
from .scores import ROLES

if TYPE_CHECKING:
    from .features import Features
    from .scores import Scores

__all__ = ["about_features"]

_SURE = 0.5
_CLEAR = 0.95


def about_features(scores: Scores) -> Features:
    """How much of the question the schema and its stored values explain, and how sure the slots are."""
    reading, analysis = scores.reading, scores.reading.analysis
    column, table = reading.best, [0.0] * len(analysis.tokens)
    for mentions in analysis.tables.values():
        for mention in mentions:
            for position in range(mention.start, mention.end):
                table[position] = max(table[position], mention.score)
    held = {p for value in analysis.values for p in range(value.start, value.end) if value.places}
    open_words, covered, clear = 0, 0, 0
    for position, token in enumerate(analysis.tokens):
        # Only words with a meaning of their own can be explained by a schema.
        if token.text in STOP_WORDS or cue_class(token.text) or token.number is not None:
            continue
        best = max(column[position], table[position])
        if best >= _SURE or position in held:
            covered += 1
            clear += best >= _CLEAR
        elif token.text not in reading.cues:
            open_words += 1
    words = covered + open_words
    best_pair = max((pair.score for pair in scores.placements), default=-6.0)
    return {
        "1": 1.0,
        "covered share": covered / words if words else 0.0,
        "no words": float(not words),
        "covered": min(covered, 4) / 4.0,
        "clear": min(clear, 4) / 4.0,
        "open": min(open_words, 6) / 6.0,
        "table mention": max(table, default=0.0),
        "column mention": max(column, default=0.0),
        "table": float(scores.tables.max()) / 4.0,
        "used": float(scores.columns[:, ROLES.index("used")].max()) / 4.0,
        "select": float(scores.columns[:, ROLES.index("select")].max()) / 4.0,
        "pair": best_pair / 4.0,
        "cues": min(len(reading.cues), 6) / 6.0,
        "length": min(len(analysis.tokens), 30) / 30.0,
    }
