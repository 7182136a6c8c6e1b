"""Completes follow-up questions by rules, without a model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .additions import add_condition, drop_duplicates, exclude_rows, limit_rows, order_rows
from .base import REWRITERS, UNRESOLVED, Rewriter, Rewritten
from .demonstratives import resolve_demonstrative
from .fragments import read_fragment
from .projections import add_columns, add_rows, count_for_each
from .references import resolve_reference
from .replacements import replace_attribute, replace_dimension, replace_name, replace_rank, replace_value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .base import Turn, Vocabulary
    from .fragments import Fragment

    Rule = Callable[[str, Fragment, Vocabulary], str]

__all__ = ["RULES", "RuleRewriter"]

_WH = re.compile(
    r"(?:how|what|which|who|whom|whose|when|where|why|is|are|was|were|do|does|did|has|have)\b", re.IGNORECASE
)
_MARK = re.compile(r"[\s.?!]*\Z")

# In this order; the first that gives a question wins. Each takes the earlier question without its mark.
RULES: tuple[tuple[str, Rule, str], ...] = (
    ("distinct", drop_duplicates, "it wants each of the earlier rows once"),
    ("addition", add_columns, "it wants further columns of the earlier rows"),
    ("rows", add_rows, "it wants further rows beside the earlier ones"),
    ("each", count_for_each, "it asks for something of each of the earlier rows"),
    ("demonstrative", resolve_demonstrative, "it points at what the earlier question is about, or at its result"),
    (
        "reference",
        resolve_reference,
        "its pronoun, or what it leaves out, stands for what the earlier question is about",
    ),
    ("order", order_rows, "it orders the earlier rows"),
    ("limit", limit_rows, "it takes the first of the earlier rows"),
    ("dimension", replace_dimension, "it groups by something else"),
    ("exclusion", exclude_rows, "it leaves out some of the earlier rows"),
    ("rank", replace_rank, "it picks or sums up in another way"),
    ("value", replace_value, "it names another value, number or day"),
    ("name", replace_name, "it names another table or column"),
    ("attribute", replace_attribute, "it asks for something else of the same things"),
    ("condition", add_condition, "it narrows the earlier question"),
)


@REWRITERS.register("rule.v1")
@dataclass(frozen=True)
class RuleRewriter(Rewriter):
    """Combines a follow-up with the last question, by the first of `RULES` that fits.

    The complete question consists of words of the two questions, and of "what is the", "what are the", "that" and "of".
    Only English is understood; in other languages every question counts as complete.
    """

    name = "rule.v1"

    def rewrite(self, asked: str, history: Sequence[Turn], vocabulary: Vocabulary) -> Rewritten:
        """`asked` completed by the last turn; unchanged where it is complete, or where no rule fits."""
        fragment = read_fragment(asked, vocabulary)
        if fragment is None:
            return Rewritten(asked, asked)
        if not history:
            return Rewritten(asked, asked, kind=UNRESOLVED, reason="nothing was asked before")
        # Only the last question: the ones before it were completed into it.
        last = history[-1].question
        question = _MARK.sub("", last)
        for kind, rule, reason in RULES:
            found = " ".join(rule(question, fragment, vocabulary).split())
            if found:
                mark = "?" if _WH.match(found) else "." if fragment.asks else last[len(question) :].strip()
                return Rewritten(asked, found + mark, self.name, kind, reason)
        return Rewritten(asked, asked, kind=UNRESOLVED, reason="no rule fits it to the earlier question")
