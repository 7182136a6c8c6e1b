"""`ctxprune bench linking --pooled`: the needed columns and tables among those of all databases of a set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["bench_pooled"]


def bench_pooled(data: Path, *, evidence: bool, limit: int | None, as_json: bool) -> None:
    """Rank the pool of the set for its questions and show the figures of `ctxprune.sql.evaluation.pooled.pooled`."""
    from ctxprune.cli import _console
    from ctxprune.sql.evaluation.pooled import pooled

    with _console.progress() as bar:
        task = bar.add_task("ranking", total=None)
        document = pooled(
            data,
            evidence=evidence,
            limit=limit,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if as_json:
        _console.emit(document)
    else:
        _show(document)


def _show(document: dict[str, Any]) -> None:
    from rich.table import Table

    from ctxprune.cli import _console

    table = Table("", "", show_header=False, title=f"{document['set']}, {document['databases']} databases pooled")
    for name, value in document.items():
        shares = [f"{share} @{k}" for k, share in value.items()] if isinstance(value, dict) else [str(value)]
        table.add_row(name, ", ".join(shares))
    _console.data().print(table)
