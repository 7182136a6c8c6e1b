"""A linked schema as plain data, for the command line and the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..schema.schema import ColumnRef

if TYPE_CHECKING:
    from .base import Linked

__all__ = ["link_document"]


def link_document(linked: Linked, question: str, evidence: str = "") -> dict[str, Any]:
    """What was kept of a schema, why, and how much; ready for JSON but for the schema's example values."""
    tables = [
        {
            "name": table.name,
            "score": round(linked.table_scores[table.name], 4),
            "columns": [
                {"name": ref.column, "score": round(linked.scores[ref], 4), "reasons": list(linked.reasons[ref])}
                for ref in (ColumnRef(table.name, column.name) for column in table.columns)
            ],
        }
        for table in linked.schema.tables
    ]
    return {
        "question": question,
        "evidence": evidence,
        "database": linked.full.name,
        "tables": tables,
        "hits": [
            {"table": hit.ref.table, "column": hit.ref.column, "value": hit.value, "span": hit.span, "score": hit.score}
            for hit in linked.hits
        ],
        "columns_before": linked.full.n_columns,
        "columns_after": linked.schema.n_columns,
        "tables_before": len(linked.full.tables),
        "tables_after": len(linked.schema.tables),
        "schema": linked.schema.to_dict(),
    }
