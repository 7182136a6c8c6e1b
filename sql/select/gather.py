"""What else is known of a question when candidates are ranked: linked columns, stored values, our own answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .features import Evidence
from .grouping import read_table
from .names import SchemaNames

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..database.database import ResultSet
    from ..generate.base import Candidate
    from ..schema.linked import Linked

__all__ = ["gather"]


def gather(
    linked: Linked, own: Sequence[Candidate] = (), run: Callable[[str], ResultSet | None] | None = None
) -> Evidence:
    """The evidence of a linked schema, and of a generator of one's own whose candidates are run.

    Args:
        linked: Of the question; its value hits are used as well.
        own: Candidates with their probabilities as scores (the sketch generator's).
        run: Runs one SQL text; None for one that fails. Without it `own` is not used.
    """
    results = [(run(one.sql), one.score) for one in own] if run is not None else []
    return Evidence(
        columns={(ref.table.lower(), ref.column.lower()): float(score) for ref, score in linked.scores.items()},
        tables={name.lower(): float(score) for name, score in linked.table_scores.items()},
        hits=tuple((hit.value, hit.likelihood, hit.ref.table.lower(), hit.ref.column.lower()) for hit in linked.hits),
        own=tuple((read_table(result), score) for result, score in results if result is not None),
        names=SchemaNames(linked.full),
    )
