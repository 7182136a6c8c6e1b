"""Small schemas for the sketch generator's tests."""

from __future__ import annotations

from ctxprune.sql.schema.schema import Column, ColumnRef, ForeignKey, Schema, Table
from ctxprune.sql.values.base import ValueHit


def zoo(dialect: str = "sqlite") -> Schema:
    """Keepers, animals and feedings; a feeding names two keepers."""
    keeper = Table(
        "keeper",
        (
            Column("keeper_id", "INTEGER", primary_key=True),
            Column("name", "TEXT"),
            Column("salary", "REAL"),
            Column("home_town", "TEXT"),
        ),
    )
    animal = Table(
        "animal",
        (
            Column("animal_id", "INTEGER", primary_key=True),
            Column("name", "TEXT"),
            Column("species", "TEXT"),
            Column("weight", "REAL"),
            Column("birth_year", "INTEGER"),
            Column("keeper_id", "INTEGER"),
        ),
    )
    feeding = Table(
        "feeding",
        (
            Column("feeding_id", "INTEGER", primary_key=True),
            Column("animal_id", "INTEGER"),
            Column("giver_id", "INTEGER"),
            Column("checker_id", "INTEGER"),
            Column("food", "TEXT"),
            Column("fed_on", "DATE"),
        ),
    )
    keys = (
        ForeignKey("animal", ("keeper_id",), "keeper", ("keeper_id",)),
        ForeignKey("feeding", ("animal_id",), "animal", ("animal_id",)),
        ForeignKey("feeding", ("giver_id",), "keeper", ("keeper_id",)),
        ForeignKey("feeding", ("checker_id",), "keeper", ("keeper_id",)),
    )
    return Schema("zoo", (keeper, animal, feeding), keys, dialect)


def awkward(dialect: str = "sqlite") -> Schema:
    """Names with spaces, quotes, dots, reserved words, other scripts."""
    order = Table(
        "order",
        (
            Column("id", "INTEGER", primary_key=True),
            Column('the "best" name', "TEXT"),
            Column("group", "TEXT"),
            Column("unit.price", "REAL"),
            Column("größe", "REAL"),
            Column("customer id", "INTEGER"),
        ),
    )
    customer = Table("Customer Base", (Column("customer id", "INTEGER", primary_key=True), Column("it's name", "TEXT")))
    keys = (ForeignKey("order", ("customer id",), "Customer Base", ("customer id",)),)
    return Schema("awkward", (order, customer), keys, dialect)


def hit(question: str, words: str, table: str, column: str, value: str | None = None) -> ValueHit:
    """An exact hit on `words` of the question."""
    start = question.index(words)
    return ValueHit(ColumnRef(table, column), value or words, (start, start + len(words)), 1.0, "exact")
