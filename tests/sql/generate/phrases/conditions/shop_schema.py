"""A small shop and practice as a schema with stored examples, for readers of conditions."""

import re

from ctxprune.sql.schema.hits import ValueHit
from ctxprune.sql.schema.schema import Column, ColumnRef, ForeignKey, Schema, Table

CITIES = ("Rome", "New York", "Paris")


def _key(name="id"):
    return Column(name, "INTEGER", primary_key=True, nullable=False, examples=(1, 2, 3))


def _link(name):
    return Column(name, "INTEGER", examples=(1, 2, 3))


TABLES = (
    Table("customer", (
        _key(), Column("name", "TEXT", examples=("Ann Lee", "Bob Ray")), Column("email", "TEXT", examples=("a@x.org",)),
        Column("phone", "TEXT", examples=("555-1",)), Column("city", "TEXT", examples=CITIES),
        Column("birth_date", "DATE", examples=("1990-03-01",)),
        Column("signed_up_on", "DATE", examples=("2022-03-01",)),
        Column("is_subscribed", "INTEGER", examples=(0, 1)),
        Column("status", "TEXT", examples=("active", "inactive", "suspended")),
    )),
    Table("product", (
        _key(), Column("name", "TEXT", examples=("Thing 1",)),
        Column("category", "TEXT", examples=("Books", "Toys")),
        Column("price", "REAL", examples=(3.5, 7.0, 80.0)), Column("weight_kg", "REAL", examples=(0.3, 2.5)),
        Column("discontinued", "TEXT", examples=("N", "Y")), Column("discount", "REAL", examples=(0.1, 0.25)),
    )),
    Table("orders", (
        _key(), _link("customer_id"), Column("ordered_at", "TIMESTAMP", examples=("2022-03-04 10:00:00",)),
        Column("shipped_at", "TIMESTAMP", examples=("2022-03-05 10:00:00",)),
        Column("payment_status", "TEXT", examples=("paid", "pending", "refunded")),
        Column("total", "REAL", examples=(12.5, 99.0)), Column("opens", "TIME", examples=("09:00:00", "13:30:00")),
    )),
    Table("review", (
        _key(), _link("product_id"), _link("customer_id"), Column("stars", "INTEGER", examples=(1, 3, 5)),
    )),
    Table("doctor", (
        _key(), Column("name", "TEXT", examples=("Dr No",)),
        Column("specialty", "TEXT", examples=("Cardiologist", "Dentist")),
    )),
    Table("patient", (_key(), Column("name", "TEXT"), Column("insured", "TEXT", examples=("Yes", "No")))),
    Table("visit", (
        _key(), _link("patient_id"), _link("doctor_id"), Column("visit_date", "DATE", examples=("2022-03-04",)),
        Column("discharged_on", "DATE", examples=("2022-03-06",)),
    )),
)  # fmt: skip
KEYS = tuple(
    ForeignKey(table, (column,), other, ("id",))
    for table, column, other in (
        ("orders", "customer_id", "customer"), ("review", "product_id", "product"),
        ("review", "customer_id", "customer"),
        ("visit", "patient_id", "patient"), ("visit", "doctor_id", "doctor"),
    )
)  # fmt: skip


def schema(dialect="sqlite"):
    return Schema("shop", TABLES, KEYS, dialect)


def hits(question):
    """Hits for every stored example text that stands in the question."""
    found = []
    low = question.lower()
    for table in TABLES:
        for column in table.columns:
            for value in column.examples:
                at = re.search(rf"\b{re.escape(str(value).lower())}\b", low)
                if at and column.type == "TEXT":
                    found.append(ValueHit(ColumnRef(table.name, column.name), value, at.span(), 1.0, "exact", 0.7))
    return found
