"""Labelled questions as examples to calibrate a linker on (`ctxprune.calibration.conformal`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.calibration.conformal import CalibrationExample

from ..linking.context import SchemaContext
from ..linking.statistics import StatisticsCache

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..linking.gold import GoldLinks
    from .linking import LinkingCase

__all__ = ["linking_examples", "needed_units"]


def linking_examples(cases: Iterable[LinkingCase]) -> list[CalibrationExample]:
    """One example a question, as a linker sees it, in the order of the cases; its group is the database.

    Cases without a question and without evidence are left out: linkers keep everything for them.
    """
    cache, examples = StatisticsCache(), []
    for case in cases:
        question = case.item.question
        asked, hint = (question, case.evidence) if question.strip() else (case.evidence, "")
        if asked.strip():
            statistics = cache.get(case.schema)
            context = SchemaContext(case.schema, hits=case.hits, evidence=hint, statistics=statistics)
            examples.append(CalibrationExample(asked, context, needed_units(context, case.gold), case.item.db_id))
    return examples


def needed_units(context: SchemaContext, gold: GoldLinks) -> list[int]:
    """Units that must not be lost: the gold columns, and the gold tables of which no column is among them."""
    owners = {ref.table for ref in gold.columns}
    columns: list[int] = [index for index, ref in enumerate(context.refs) if ref in gold.columns]
    tables = zip(context.schema.tables, context.table_units, strict=True)
    return columns + [unit for table, unit in tables if table.name in gold.tables and table.name not in owners]
