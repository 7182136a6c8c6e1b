"""Selectors that score the lines of a training file without a model: one file each, registered by name.

Other distributions add entries by the entry point `ctxprune.line_selectors`.
"""

from __future__ import annotations

from ctxprune.registry import Registry
from ctxprune.train.line_selectors.base import Line, Lines, LineSelector, line_text, question_of, source_of

__all__ = ["LINE_SELECTORS", "Line", "LineSelector", "Lines", "line_text", "question_of", "source_of"]

_PACKAGE = "ctxprune.train.line_selectors"
LINE_SELECTORS: Registry[type[LineSelector]] = Registry(
    "line_selector",
    {
        "frequency.v1": f"{_PACKAGE}.frequency:FrequencySelector",
        "importance.v1": f"{_PACKAGE}.importance:ImportanceSelector",
        "nearest.v1": f"{_PACKAGE}.nearest:NearestSelector",
        "random.v1": f"{_PACKAGE}.random:RandomSelector",
    },
)
