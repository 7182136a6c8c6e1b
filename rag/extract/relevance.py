"""What of a chunk can fill a schema, and what of the schema a chunk can fill.

The schema's labels are the questions that a chunk is pruned by, the best of all fields a unit; and the fields without a
trace in the chunk are left out of the prompt. After Ye et al., Schema-adaptable Knowledge Graph Construction, Findings
of EMNLP 2023 (arXiv:2305.08703): a schema may grow, and the prompt has what the text at hand needs of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.scorers.base import Scorer

from .labels import LabelMatcher
from .layout import find_tables, mask_markup
from .span_extractor import find_candidates
from .values import find_typed

if TYPE_CHECKING:
    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores

    from .schema import RecordField
    from .span_extractor import Candidate
    from .values import FoundValue

__all__ = ["LEAST_SCORE", "FieldScorer", "choose_fields", "find_traced", "write_field_query"]

LEAST_SCORE = 0.65
"""Of a label or value from which a text has a trace of a field."""

_RARE = ("email", "url", "enum")  # kinds of which a value is a trace of the field without its label
_RARE_SCORE = 0.7
_MOST_PLACES = 3  # of a field in a text that count: a label that is a common word stands in most sentences
_WINDOW = 400  # characters


@dataclass(frozen=True)
class FieldScorer(Scorer):
    """Scores units by whether a value of a field may stand in them; the query is not read.

    0..1: of the three best places of each field in the context the score of the label and its value, as `SpanExtractor`
    reads them, for the units that hold either; 0.7 for an e-mail address, a URL or a choice of a list alone.

    After Lou et al., Universal Information Extraction as Unified Semantic Matching, AAAI 2023 (arXiv:2301.03282).

    Attributes:
        fields: The fields of the schema.
    """

    fields: Sequence[RecordField]

    def score(self, query: str, context: Context[Any]) -> Scores:
        """float32 (n_units,)."""
        del query
        # The units as one text, since a label may stand in one and its value in the next, as in a header and its rows.
        texts = [unit.text for unit in context.units]
        starts = np.cumsum([0, *(len(text) + 1 for text in texts)])[:-1]
        scores = np.zeros(len(texts), dtype=np.float32)
        for place, score in _find_places("\n".join(texts), self.fields):
            first, last = np.searchsorted(starts, place, side="right") - 1
            for index in {max(int(first), 0), int(last)} if texts else ():
                scores[index] = max(scores[index], np.float32(score))
        return scores


def _find_places(text: str, fields: Sequence[RecordField]) -> list[tuple[tuple[int, int], float]]:
    """Where labels and values begin that may fill the fields, and how sure each is."""
    found: defaultdict[tuple[int, int], list[Candidate]] = defaultdict(list)
    for candidate in find_candidates(text, fields):
        # All rows of a table are records, whatever their number.
        found[candidate.field, candidate.group[0] and candidate.group[1] + 1].append(candidate)
    places = [
        ((one.label_at, one.found.start), one.score)
        for candidates in found.values()
        for one in sorted(candidates, key=lambda one: -one.score)[:_MOST_PLACES]
    ]
    places += _find_captions(text, fields, places)
    for field in fields:
        if field.kind in _RARE:
            places += (((one.start, one.start), _RARE_SCORE) for one in _find_alone(text, field))
    return places


def _find_captions(
    text: str, fields: Sequence[RecordField], places: Sequence[tuple[tuple[int, int], float]]
) -> list[tuple[tuple[int, int], float]]:
    """Captions of the tables that hold a place, as sure as the best of them: without it the cells may say nothing.

    After Newman et al., ArxivDIGESTables, EMNLP 2024 (arXiv:2410.22360).
    """
    matcher, found = LabelMatcher(fields), list[tuple[tuple[int, int], float]]()
    for table in find_tables(mask_markup(text), lambda cells: any(matcher.best(cell) >= 0.6 for cell in cells)):
        start, end = table.span
        scores = [score for (label_at, _), score in places if start <= label_at < end]
        if table.caption is not None and scores:
            found.append(((table.caption[0], table.caption[0]), max(scores)))
    return found


def _find_alone(text: str, field: RecordField) -> list[FoundValue]:
    return [one for at in range(0, len(text), _WINDOW - 50) for one in find_typed(text, at, at + _WINDOW, field)]


def choose_fields(text: str, fields: Sequence[RecordField], *, least: float = LEAST_SCORE) -> tuple[str, ...]:
    """Paths of the fields that a text can fill, in the schema's order.

    Kept are fields with a label beside which a value may stand; those of which a value stands there that says so itself
    (an e-mail address, a choice of a list); and required ones. Where the text has no trace of any field, all are kept:
    then the labels say nothing about what it holds.

    Args:
        text: A chunk.
        fields: Of the schema.
        least: 0..1, lowest score of a place that counts.
    """
    found = find_traced(text, fields, least=least)
    if not found:
        return tuple(field.path for field in fields)
    return tuple(
        field.path for index, field in enumerate(fields) if index in found or field.required or field.kind == "object"
    )


def find_traced(text: str, fields: Sequence[RecordField], *, least: float = LEAST_SCORE) -> set[int]:
    """Indices of the fields that a text has a trace of: a place for a value, or a value that says so itself."""
    found = {one.field for one in find_candidates(text, fields) if one.score >= least}
    return found | {index for index, field in enumerate(fields) if field.kind in _RARE and _find_alone(text, field)}


def write_field_query(fields: Sequence[RecordField]) -> str:
    """The labels and descriptions of fields as one question, for a scorer that reads questions."""
    return "; ".join(
        f"{field.path.replace('_', ' ').replace('.', ' ')} {field.description}".strip() for field in fields
    )
