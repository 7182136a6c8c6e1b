"""What of a chunk can fill a schema, and what of the schema a chunk can fill.

The schema's labels are the questions that a chunk is pruned by, the best of all fields a unit; and the fields without a
trace in the chunk are left out of the prompt. After Ye et al., Schema-adaptable Knowledge Graph Construction, Findings
of EMNLP 2023 (arXiv:2305.08703): a schema may grow, and the prompt has what the text at hand needs of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.scorers.base import Scorer

from .labels import LabelMatcher
from .layout import find_slots, mask_markup
from .prose import find_mentions
from .values import find_typed

if TYPE_CHECKING:
    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores

    from .schema import RecordField

__all__ = ["FieldScorer", "choose_fields", "write_field_query"]

_RARE = ("email", "url", "enum")  # kinds of which a value is a trace of the field without its label
_VALUE = 0.3  # of score for a value of a field's kind
_LONGEST = 4_000  # characters of a unit that are read


@dataclass(frozen=True)
class FieldScorer(Scorer):
    """Scores units by whether they name a field of a schema or hold a value of one; the query is not read.

    0..1: 1 for the whole label of a field; 0.3 for a value alone that a field's kind makes likely (an e-mail address, a
    choice of a list); 0 for nothing. A unit that ends with a label hands its score to the next one, where the value
    stands.

    After Lou et al., Universal Information Extraction as Unified Semantic Matching, AAAI 2023 (arXiv:2301.03282).

    Attributes:
        fields: The fields of the schema.
    """

    fields: Sequence[RecordField]

    def score(self, query: str, context: Context[Any]) -> Scores:
        """float32 (n_units,)."""
        del query
        matcher = LabelMatcher(self.fields)
        scores = np.zeros(len(context.units), dtype=np.float32)
        for index, unit in enumerate(context.units):
            own, at_end = _score_text(unit.text[:_LONGEST], self.fields, matcher)
            scores[index] = max(scores[index], own)
            if at_end and index + 1 < len(scores):
                scores[index + 1] = own
        return scores


def _score_text(text: str, fields: Sequence[RecordField], matcher: LabelMatcher) -> tuple[float, bool]:
    """The score of a unit, and whether a label stands at its end."""
    view = mask_markup(text)
    mentions = find_mentions(view, matcher)
    best = max((mention.score for mention in mentions), default=0.0)
    best = max([best, *(matcher.best(slot.label) for slot in find_slots(view, lambda _: False))])
    if best < _VALUE and any(find_typed(view, 0, len(view), field) for field in fields if field.kind in _RARE):
        best = _VALUE
    end = len(view.rstrip(" \t\r\n:=*_|"))
    return best, any(mention.end >= end and mention.score >= 0.75 for mention in mentions)


def choose_fields(text: str, fields: Sequence[RecordField], *, least: float = 0.5) -> tuple[str, ...]:
    """Paths of the fields that a text can fill, in the schema's order.

    Kept are fields whose label, or the better half of it, stands in the text; those of which a value stands there that
    says so itself (an e-mail address, a choice of a list); and required ones. Where the text has no trace of any field,
    all are kept: then the labels say nothing about what it holds.

    Args:
        text: A chunk.
        fields: Of the schema.
        least: 0..1, lowest score of a label that counts.
    """
    view = mask_markup(text)
    matcher = LabelMatcher(fields)
    found = {mention.field for mention in find_mentions(view, matcher) if mention.score >= least}
    for slot in find_slots(view, lambda _: False):
        found |= {index for index, score in matcher.match(slot.label) if score >= least}
    for line in view.splitlines():
        # Headers of tables, and labels that stand alone.
        for cell in line.split("|") if "|" in line else line.split("\t") if "\t" in line else ():
            found |= {index for index, score in matcher.match(cell) if score >= least}
    starts = range(0, len(view), 350)
    for index, field in enumerate(fields):
        if index not in found and field.kind in _RARE:
            found |= {index} if any(find_typed(view, at, at + 400, field) for at in starts) else set()
    if not found:
        return tuple(field.path for field in fields)
    return tuple(field.path for index, field in enumerate(fields) if index in found or field.required)


def write_field_query(fields: Sequence[RecordField]) -> str:
    """The labels and descriptions of fields as one question, for a scorer that reads questions."""
    return "; ".join(f"{field.path.replace('_', ' ').replace('.', ' ')} {field.description}".strip() for field in fields)
