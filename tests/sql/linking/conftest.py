"""A small town library: keys declared and not, abbreviations, a bridge table, names with spaces."""

from __future__ import annotations

import pytest

from ctxprune.sql.schema.schema import Column, ForeignKey, Schema, Table


@pytest.fixture(scope="session")
def library() -> Schema:
    return Schema(
        "library",
        (
            Table(
                "book",
                (
                    Column("book_id", "INTEGER", primary_key=True),
                    Column("title", "TEXT"),
                    Column("pub_yr", "INTEGER", "year of publication"),
                    Column("shelf code", "TEXT"),
                ),
            ),
            Table("wrote", (Column("book_id", "INTEGER"), Column("author_id", "INTEGER"))),
            Table(
                "author",
                (
                    Column("author_id", "INTEGER", primary_key=True),
                    Column("name", "TEXT"),
                    Column("birthCountry", "TEXT"),
                ),
            ),
            Table(
                "member",
                (
                    Column("id", "INTEGER", primary_key=True),
                    Column("full_name", "TEXT"),
                    Column("dob", "DATE", description="the day on which the member was born"),
                    Column("zip_code", "TEXT"),
                ),
            ),
            Table(
                "loan",
                (
                    Column("loan_id", "INTEGER", primary_key=True),
                    Column("book_id", "INTEGER"),
                    Column("member_id", "INTEGER"),
                    Column("lent_on", "DATE"),
                    Column("fee", "REAL"),
                ),
            ),
            Table("weather", (Column("day", "DATE"), Column("zip_code", "TEXT"), Column("rain_mm", "REAL"))),
        ),
        (
            ForeignKey("wrote", ("book_id",), "book", ("book_id",)),
            ForeignKey("wrote", ("author_id",), "author", ("author_id",)),
            ForeignKey("loan", ("book_id",), "book", ("book_id",)),
        ),
    )
