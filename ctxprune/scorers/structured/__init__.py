"""Scorers of structured contexts: tables, pages, logs, schemas and tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.utils.lazy import lazy

if TYPE_CHECKING:
    from ctxprune.scorers.structured.log import LogScorer
    from ctxprune.scorers.structured.names import NamesScorer
    from ctxprune.scorers.structured.page import PageScorer
    from ctxprune.scorers.structured.tabular import TabularScorer, question_demand

__all__ = [
    "LogScorer",
    "NamesScorer",
    "PageScorer",
    "TabularScorer",
    "question_demand",
]

_HOMES = {
    "LogScorer": "log",
    "NamesScorer": "names",
    "PageScorer": "page",
    "TabularScorer": "tabular",
    "question_demand": "tabular",
}

__getattr__, __dir__ = lazy(__name__, _HOMES)
