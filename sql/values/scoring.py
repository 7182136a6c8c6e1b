"""How likely it is that a question means a candidate, and which candidates are worth returning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..schema import ColumnRef
from .base import ValueHit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .build import Arrays
    from .spans import Question
    from .stages import Candidate

__all__ = ["choose"]


def choose(
    question: Question, candidates: Sequence[Candidate], arrays: Arrays, refs: Sequence[ColumnRef]
) -> list[ValueHit]:
    """The hits worth returning, best first."""
    hits: dict[tuple[ColumnRef, str], ValueHit] = {}
    for candidate in sorted(candidates, key=lambda item: (-item.score, item.row, item.first)):
        ref = refs[int(arrays.columns[candidate.row])]
        hit = ValueHit(
            ref, arrays.value(candidate.row), question.place(candidate.first, candidate.last), candidate.score,
            candidate.stage,
        )  # fmt: skip
        hits.setdefault((ref, hit.value), hit)
    return list(hits.values())[:10]
