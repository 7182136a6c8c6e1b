"""Scores for logs: matches of the question, rare and alarming records, one of each template before a second."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.base import as_context
from ctxprune.context.scores import as_scores
from ctxprune.scorers.base import Scorer, as_scorer, score_batch
from ctxprune.scorers.lexical.words import LexicalScorer
from ctxprune.scorers.structured.log_templates import MOST_READ, find_templates, form_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores

__all__ = ["LogScorer"]

_ALARMS = re.compile(
    r"\b(?:error|err|severe|crit(?:ical)?|fatal|alert|emerg|panic|exception|traceback|fail(?:ed|ure)?|abort(?:ed)?)\b"
    r"|\w(?:Error|Exception)\b",
    re.I,
)
_WARNINGS = re.compile(r"\b(?:warn(?:ing)?|timeout|timed out|refused|denied|retry(?:ing)?|unable|cannot)\b", re.I)
_ALARM, _WARNING, _RARE = 0.4, 0.2, 0.2  # what an error, a warning, a template of one record adds to 0..1


@dataclass(frozen=True)
class LogScorer(Scorer):
    """`scorer` on logs (`ctxprune.rag.Log`, several joined), 0 to 1.6, higher = keep; on others as `scorer` says.

    The scores of `scorer` are scaled to 0..1; errors, warnings and rare templates get more. The n-th best record of a
    template, ties to the earlier one, gets the n-th part of that (alarming records of a template and its others count
    as two templates). So a budget is first spent on one record of each template: the one that matches the question
    best, or the first one. Errors and warnings are found by words in the first 65,536 characters of a record, whatever
    the question; the amounts are set by hand.

    Attributes:
        scorer: Reads question and records.

    Raises:
        UsageError: `scorer` is not a scorer.
    """

    scorer: Scorer = field(default_factory=LexicalScorer)

    def __post_init__(self) -> None:
        as_scorer(self.scorer)

    def score(self, query: str, context: Context[Any]) -> Scores:
        """Scores as the class says."""
        return self.score_batch([query], [context])[0]

    def score_batch(self, queries: Sequence[str], contexts: Sequence[Context[Any]]) -> list[Scores]:
        """`score` of each pair; the scorer sees the whole batch at once."""
        scores = score_batch(self.scorer, queries, contexts)
        return [_rank_by_turn(found, as_context(context)) for found, context in zip(scores, contexts, strict=True)]


def _rank_by_turn(scores: Scores, context: Context[Any]) -> Scores:
    if context.kind != "log" or not len(scores):
        return scores
    forms = [form_of(unit.text[:MOST_READ]) for unit in context.units]
    alarms = _rate_alarms(forms)
    # Logs that were joined have no templates of their own: a template may occur in several of them.
    # An error and a success of one template are two kinds of record, hence the pair of both as the key.
    _, templates = np.unique([context.templates or find_templates(forms)[0], alarms], axis=1, return_inverse=True)
    span = float(scores.max() - scores.min())
    whole = (scores - scores.min()) / span if span else np.zeros_like(scores)
    whole = whole + alarms + _rate_rarity(templates)
    # Within each template from the best record down; the n-th of them gets the n-th part of its score.
    order = np.lexsort((-whole, templates))  # stable: of equal ones the earlier first
    ordered = templates[order]
    fresh = np.ones(len(order), dtype=np.bool_)
    fresh[1:] = ordered[1:] != ordered[:-1]
    starts = np.flatnonzero(fresh)
    turns = np.empty(len(order), dtype=np.int64)
    turns[order] = np.arange(len(order)) - np.repeat(starts, np.diff([*starts, len(order)])) + 1
    return as_scores(whole / turns, len(scores))


def _rate_alarms(forms: list[str]) -> NDArray[np.float64]:
    """By the words of each record, what a template masks among them."""
    amounts = {
        form: _ALARM if _ALARMS.search(form) else _WARNING if _WARNINGS.search(form) else 0.0
        for form in dict.fromkeys(forms)
    }
    return np.array([amounts[form] for form in forms])


def _rate_rarity(templates: NDArray[np.int64]) -> NDArray[np.float64]:
    """From 0 for a template that all records have up to `_RARE` for one of a single record, by the logarithm."""
    counts = np.bincount(templates)[templates]
    rarity: NDArray[np.float64] = _RARE * (1 - np.log(counts) / np.log(max(len(templates), 2)))
    return rarity
