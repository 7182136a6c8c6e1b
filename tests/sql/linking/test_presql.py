"""Linking with a preliminary SQL."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

from ctxprune.errors import FormatError, UsageError
from ctxprune.sql.generate.base import Candidate
from ctxprune.sql.linking.context import SchemaContext
from ctxprune.sql.linking.presql import FORMAT, PresqlLinker, PresqlScorer, PresqlWeights, presql_features
from ctxprune.sql.linking.ranked import RankedLinker
from ctxprune.sql.schema.schema import ColumnRef, Schema
from ctxprune.sql.values.base import ValueHit

LINKER = PresqlLinker()
QUESTION = "How much rain fell where the oldest member lives?"
SQL = "SELECT w.rain_mm FROM weather w JOIN member m ON w.zip_code = m.zip_code ORDER BY m.dob LIMIT 1"


def refs(text: str) -> set[ColumnRef]:
    return {ColumnRef(*name.split(".")) for name in text.split()}


def test_the_columns_of_the_sql_are_kept_and_said_to_be_named(library: Schema):
    named = refs("weather.rain_mm weather.zip_code member.zip_code member.dob")
    linked = LINKER.link_sql([SQL], QUESTION, library)
    assert named <= linked.kept < set(library.refs())
    assert ColumnRef("member", "id") in linked.kept  # the primary key
    for ref in linked.kept:
        assert (linked.reasons[ref][0] == "named by the preliminary SQL") == (ref in named)
        assert (linked.scores[ref] == 1) == (ref in named)


def test_what_the_sql_missed_is_added_when_the_inner_linker_finds_it_likely(library: Schema):
    linked = LINKER.link_sql(["SELECT count(*) FROM loan"], "What is the sum of fees of loans by title?", library)
    assert refs("loan.fee book.title") <= linked.kept


def test_sql_that_the_inner_linker_finds_unlikely_lets_more_in(library: Schema):
    question = "What are the titles of all books?"
    good, bad = (LINKER.draft([sql], question, library) for sql in
                 ("SELECT title FROM book", "SELECT rain_mm FROM weather"))  # fmt: skip
    assert good is not None
    assert bad is not None
    assert good.agreement > 0.5 > bad.agreement
    scores = [LINKER.combine(draft, question).scores[ColumnRef("book", "pub_yr")] for draft in (good, bad)]
    assert scores[0] < scores[1]


@pytest.mark.parametrize("sqls", [[], [""], ["I cannot"], ["SELECT x FROM nowhere"], ["DROP TABLE book"]])
def test_without_usable_sql_the_inner_linker_decides(sqls: list[str], library: Schema):
    assert LINKER.link_sql(sqls, QUESTION, library) == RankedLinker().link(QUESTION, library)


def test_several_drafts_are_united(library: Schema):
    linked = LINKER.link_sql(["SELECT fee FROM loan", "oops", "SELECT dob FROM member"], "anything?", library)
    assert refs("loan.fee member.dob") <= linked.kept


class Writer:
    def __init__(self, *candidates: Candidate) -> None:
        self.candidates, self.requests = candidates, []

    def generate(self, request):
        self.requests.append(request)
        return self.candidates


def test_a_generator_writes_the_sql(library: Schema):
    writer = Writer(Candidate("", "w", error="timed out"), Candidate(SQL, "w"), Candidate("SELECT fee FROM loan", "w"))
    hit = ValueHit(ColumnRef("member", "zip_code"), "1234", (0, 4), 1.0, "exact")
    linked = PresqlLinker(source=writer).link(QUESTION, library, hits=[hit], evidence="rain is wet")
    assert linked == LINKER.link_sql([SQL], QUESTION, library, hits=[hit], evidence="rain is wet")
    request = writer.requests[0]
    assert (request.question, request.schema, request.evidence) == (QUESTION, library, "rain is wet")
    assert (request.hits, request.n, request.path) == ([hit], 1, "full")
    both = PresqlLinker(source=writer, drafts=2).link(QUESTION, library)
    assert refs("weather.rain_mm loan.fee") <= both.kept
    PresqlLinker(source=writer).link(" ", library)
    assert len(writer.requests) == 2  # nothing was asked, so nothing is written


def test_the_default_source_needs_no_model(library: Schema):
    linked = LINKER.link("What are the titles of all books?", library)
    assert linked.reasons[ColumnRef("book", "title")][0] == "named by the preliminary SQL"


def test_literals_are_looked_up(library: Schema):
    asked: list[tuple[str, str]] = []

    class Values:
        def lookup(self, question: str, evidence: str = "") -> list[ValueHit]:
            asked.append((question, evidence))
            return [ValueHit(ColumnRef("author", "birthCountry"), "Peru", (0, 4), 1.0, "exact")]

    sql = "SELECT name FROM author WHERE name = 'Peru' OR name = 'Chile'"
    linker = PresqlLinker(values=Values())
    with_values, without = (one.link_sql([sql], "who is from there?", library) for one in (linker, LINKER))
    assert asked == [("who is from there?", "'Peru'\n'Chile'")]
    ref = ColumnRef("author", "birthCountry")
    assert with_values.scores[ref] > without.scores[ref]
    assert with_values.hits == ()


def test_literals_are_looked_up_in_what_may_be_seen(library: Schema):
    seen: list[set[ColumnRef]] = []

    class Values:
        def lookup(self, _question: str, _evidence: str = "") -> list[ValueHit]:
            return []

        def within(self, columns: Iterable[ColumnRef]) -> Values:
            seen.append(set(columns))
            return self

    part = library.subset([ref for ref in library.refs() if ref.table == "author"])
    PresqlLinker(values=Values()).link_sql(["SELECT name FROM author WHERE name = 'Peru'"], "who?", part)
    assert seen == [set(part.refs())]


def test_weights_decide(library: Schema):
    everything = PresqlWeights(np.array([9.0, 0, 0, 0]), np.array([9.0, 0, 0, 0]))
    linked = PresqlLinker(scorer=PresqlScorer(everything)).link_sql([SQL], QUESTION, library)
    assert linked.kept == set(library.refs())
    draft = LINKER.draft([SQL], QUESTION, library)
    assert draft is not None
    columns, tables = presql_features(draft)
    assert columns.shape == (library.n_columns, 3)
    assert tables.shape == (len(library.tables), 3)
    assert np.isfinite(columns).all()
    assert set(columns[:, 2]) == {draft.agreement}


def test_shipped_weights_are_few_and_read_strictly():
    data = json.loads(files("ctxprune.sql.linking").joinpath("presql.json").read_text(encoding="utf-8"))
    assert data["format"] == FORMAT
    weights = PresqlWeights.from_dict(data)
    assert (weights.columns[1:3] > 0).all()  # likelier for the inner linker, likelier to be kept
    assert weights.columns[3] < 0  # agreement leaves less to add
    for broken, words in (
        ({**data, "version": 2}, "not weights"),
        ({"format": FORMAT, "version": 1}, "other features"),
        ({**data, "columns": None}, "damaged"),
        ({**data, "tables": [1, 2]}, "damaged"),
        ({**data, "tables": ["x"] * 4}, "damaged"),
    ):
        with pytest.raises(FormatError, match=words):
            PresqlWeights.from_dict(broken)


def test_contract(library: Schema):
    with pytest.raises(UsageError, match="no preliminary SQL"):
        PresqlScorer().score("x", SchemaContext(library))
    with pytest.raises(UsageError, match="drafts"):
        PresqlLinker(drafts=0)


def test_the_dialect_of_the_schema_counts(library: Schema):
    linked = LINKER.link_sql(["SELECT `title` FROM `book`"], "titles", replace(library, dialect="mysql"))
    assert linked.reasons[ColumnRef("book", "title")][0] == "named by the preliminary SQL"
