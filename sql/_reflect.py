"""Reflection through SQLAlchemy: tables, views, keys and comments as `Schema`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .schema import Column, ForeignKey, Table

if TYPE_CHECKING:
    from sqlalchemy.engine import Inspector

__all__ = ["reflect_table"]


def reflect_table(inspector: Inspector, name: str, is_view: bool = False) -> tuple[Table, tuple[ForeignKey, ...]]:
    """One table or view with its foreign keys.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The table cannot be read (a view on a missing table).
    """
    columns = inspector.get_columns(name)
    primary = set() if is_view else set(inspector.get_pk_constraint(name)["constrained_columns"])
    keys = () if is_view else tuple(_keys(inspector, name))
    return Table(name, tuple(_column(entry, primary) for entry in columns), is_view=is_view), keys


def _column(entry: Any, primary: set[str]) -> Column:
    kind = entry["type"]
    return Column(
        entry["name"],
        type="" if kind is None or str(kind) == "NULL" else str(kind),
        comment=entry.get("comment") or "",
        primary_key=entry["name"] in primary,
        nullable=bool(entry.get("nullable", True)),
    )


def _keys(inspector: Inspector, name: str) -> list[ForeignKey]:
    return [
        ForeignKey(name, tuple(key["constrained_columns"]), key["referred_table"], tuple(key["referred_columns"]))
        for key in inspector.get_foreign_keys(name)
    ]
