"""The ranked linker as its callers use it."""

from __future__ import annotations

import pickle
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.errors import FormatError, UsageError
from ctxprune.policies import Request
from ctxprune.pruning.pruner import prune
from ctxprune.sql.linking import LINKERS
from ctxprune.sql.linking.context import SchemaContext
from ctxprune.sql.linking.features import COLUMN_FEATURES, TABLE_WORDS, Question, column_features
from ctxprune.sql.linking.network import VERSION, LinkingWeights, load_weights
from ctxprune.sql.linking.policy import JoinablePolicy
from ctxprune.sql.linking.ranked import RankedLinker, RankedSchemaScorer
from ctxprune.sql.linking.statistics import SchemaStatistics, StatisticsCache
from ctxprune.sql.render import render
from ctxprune.sql.schema.schema import Column, ColumnRef, ForeignKey, Schema, Table
from ctxprune.sql.values.base import ValueHit
from ctxprune.tokens import as_counter

LINKER = RankedLinker()


def hit(table: str, column: str, value: str, score: float = 1.0, span: tuple[int, int] = (0, 4)) -> ValueHit:
    return ValueHit(ColumnRef(table, column), value, span, score, "exact")


def wide(n: int) -> Schema:
    return Schema("wide", (Table("t", tuple(Column(f"measure {i} of {i % 7}", "REAL") for i in range(n))),))


def many(n: int) -> Schema:
    columns = (Column("id", "INTEGER", primary_key=True), Column("name", "TEXT"), Column("parent", "INTEGER"))
    tables = tuple(Table(f"area_{i}", columns) for i in range(n))
    keys = tuple(ForeignKey(f"area_{i}", ("parent",), f"area_{i // 2}", ("id",)) for i in range(1, n))
    return Schema("many", tables, keys)


def test_it_is_registered():
    assert LINKERS.get("ranked") is RankedLinker


@pytest.mark.parametrize(
    ("question", "needed"),
    [
        ("What are the titles of all books?", {("book", "title")}),
        ("When was each book published?", {("book", "pub_yr")}),
        ("Show the country of birth of every author", {("author", "birthCountry")}),
        ("Who is the oldest member?", {("member", "dob"), ("member", "full_name")}),
        ("How much rain fell on the day with the most rain?", {("weather", "rain_mm"), ("weather", "day")}),
        ("Which author wrote the book Emma?", {("author", "name"), ("wrote", "author_id"), ("wrote", "book_id"),
                                               ("book", "title"), ("author", "author_id"), ("book", "book_id")}),
        ("Sum of fees by member name", {("loan", "fee"), ("loan", "member_id"), ("member", "id")}),
    ],
)  # fmt: skip
def test_needed_columns_are_kept(question: str, needed: set[tuple[str, str]], library: Schema):
    assert {ColumnRef(*pair) for pair in needed} <= LINKER.link(question, library).kept


def test_something_is_dropped_and_accounted_for(library: Schema):
    linked = LINKER.link("What are the titles of all books?", library)
    assert linked.schema.n_columns < library.n_columns / 2
    assert linked.full is library
    counter = as_counter()
    assert linked.tokens_before == counter.count(render(library))
    assert linked.tokens_after == counter.count(render(linked.schema)) < linked.tokens_before
    assert linked.tokenizer == counter.name
    assert list(linked.scores) == list(library.refs())
    assert list(linked.table_scores) == [table.name for table in library.tables]
    assert all(0 <= score <= 1 for score in (*linked.scores.values(), *linked.table_scores.values()))


def test_every_kept_column_has_reasons_and_no_other(library: Schema):
    linked = LINKER.link("Which author wrote Emma?", library, hits=[hit("book", "title", "Emma")])
    assert set(linked.reasons) == linked.kept
    assert all(reasons and all(reasons) for reasons in linked.reasons.values())
    assert linked.reasons[ColumnRef("book", "title")][0] == "value: Emma"
    assert "joins wrote and book" in linked.reasons[ColumnRef("wrote", "book_id")]
    assert "primary key of author" in linked.reasons[ColumnRef("author", "author_id")]


def test_reasons_name_the_words(library: Schema):
    linked = LINKER.link("Which members were born in 1990, and when was the book of Emma published?", library)
    assert linked.reasons[ColumnRef("member", "dob")] == ("name: 'born' ~ dob",)
    assert linked.reasons[ColumnRef("book", "pub_yr")][0].startswith(("name: 'published' ~ pub", "comment: "))
    told = LINKER.link("cheap loans", library, evidence="cheap means `fee` < 1")
    assert "evidence names it" in told.reasons[ColumnRef("loan", "fee")]


def test_reasons_name_words_of_near_meaning():
    schema = Schema("s", (Table("t", (Column("id", primary_key=True), Column("reactor"), Column("zq"))),))
    linked = LINKER.link("Which nuclear one is it?", schema)
    assert linked.reasons[ColumnRef("t", "reactor")] == ("meaning: 'nuclear' ~ reactor",)


def test_a_value_hit_lifts_its_column(library: Schema):
    question, ref = "How many rows hold Quux?", ColumnRef("weather", "zip_code")
    without, with_hit = (LINKER.link(question, library, hits=h) for h in ((), [hit(*ref, "Quux")]))
    assert with_hit.scores[ref] > 3 * without.scores[ref]
    assert ref in with_hit.kept
    assert list(with_hit.hits) == [hit(*ref, "Quux")]


def test_hits_outside_the_schema_are_ignored(library: Schema):
    linked = LINKER.link("titles of books", library, hits=[hit("gone", "x", "y")])
    assert linked.kept == LINKER.link("titles of books", library).kept


def test_evidence_counts(library: Schema):
    ref = ColumnRef("book", "shelf code")
    plain = LINKER.link("What is at place 7?", library)
    told = LINKER.link("What is at place 7?", library, evidence="place refers to `shelf code`")
    assert told.scores[ref] > plain.scores[ref]
    assert ref in told.kept


@pytest.mark.parametrize("question", ["", "   \n"])
def test_nothing_asked_keeps_everything(question: str, library: Schema):
    linked = LINKER.link(question, library)
    assert linked.schema is library
    assert set(linked.scores.values()) == {0.0}
    assert linked.tokens_after == linked.tokens_before > 0
    assert set(linked.reasons) == linked.kept


def test_evidence_alone_is_a_question(library: Schema):
    assert LINKER.link("", library, evidence="titles of books").kept == LINKER.link("titles of books", library).kept


@pytest.mark.parametrize("question", ["???", "\x00\ud800", "的 一", "'; DROP TABLE book; --", "a" * 50])
def test_odd_questions_keep_something(question: str, library: Schema):
    assert LINKER.link(question, library).kept


def test_odd_schemas(library: Schema):
    assert LINKER.link("anything", Schema("none", ())).schema.tables == ()
    bare = LINKER.link("anything", Schema("bare", (Table("t", ()), Table("u", ()))))
    assert len(bare.schema.tables) >= 1
    strange = Schema("s", (Table("%", (Column("", "TEXT"), Column("?", ""), Column("\x00", "x"))),))
    assert LINKER.link("anything", strange).kept


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80), st.text(max_size=40), st.lists(st.text(max_size=12), min_size=1, max_size=6))
def test_what_is_kept_is_part_of_the_schema_in_its_order(question: str, evidence: str, names: list[str]):
    columns = tuple(Column(name, "TEXT", comment=name[::-1], primary_key=i == 0) for i, name in enumerate(set(names)))
    schema = Schema("s", (Table("one", columns), Table("two", columns[:2])))
    linked = LINKER.link(question, schema, evidence=evidence)
    assert set(linked.reasons) == linked.kept != frozenset()
    order = list(schema.refs())
    assert [order.index(ref) for ref in linked.schema.refs()] == sorted(order.index(ref) for ref in linked.kept)
    for table in linked.schema.tables:
        assert set(schema.table(table.name).primary_key) <= {column.name for column in table.columns}


def test_the_same_question_gives_the_same_answer_in_many_threads(library: Schema):
    questions = ["titles of books", "oldest member", "rain by day", "fees of loans", "authors from Peru"] * 8
    alone = [LINKER.link(question, library) for question in questions]
    linker = RankedLinker()
    with ThreadPoolExecutor(20) as pool:
        together = list(pool.map(lambda question: linker.link(question, library), questions))
    assert together == alone


def test_a_linker_can_be_pickled(library: Schema):
    copy = pickle.loads(pickle.dumps(LINKER))
    assert copy.link("titles of books", library) == LINKER.link("titles of books", library)


def test_a_lower_limit_keeps_more(library: Schema):
    sizes = [
        RankedLinker(policy=JoinablePolicy(limit)).link("oldest member", library).schema.n_columns
        for limit in (4.0, 0.8, 0.2, 0.0)
    ]
    assert sizes == sorted(sizes)
    assert sizes[-1] == library.n_columns


@pytest.mark.parametrize("arguments", [{"columns": -1}, {"tables": float("nan")}, {"longest": -1}])
def test_limits_are_checked(arguments: dict[str, float]):
    with pytest.raises(UsageError, match=next(iter(arguments))):
        JoinablePolicy(**arguments)


def test_other_scorers_and_policies_of_the_core_fit(library: Schema):
    linked = RankedLinker(scorer=_Lengths(), policy=JoinablePolicy(columns=0.5)).link("anything", library)
    assert ColumnRef("member", "dob") in linked.kept
    context = SchemaContext(library)
    pruned = prune("titles of books", context, scorer="lexical", policy="top_k")
    assert ColumnRef("book", "title") in set(pruned.output.refs())


class _Lengths:
    """Scores by length of text, as a scorer of somebody else might."""

    def score(self, query: str, context: SchemaContext) -> np.ndarray:
        return np.array([len(unit.text) / 100 for unit in context.units], dtype=np.float32)


def test_scorer_and_policy_refuse_other_contexts():
    class Plain:
        units = ()

        def render(self, kept):
            return ()

    with pytest.raises(UsageError, match="not a schema"):
        RankedSchemaScorer().score("x", Plain())
    with pytest.raises(UsageError, match="not a schema"):
        JoinablePolicy().select(Request("q", Plain(), np.zeros(0, np.float32), np.zeros(0, np.int64)))


def test_context_units_mirror_the_schema(library: Schema):
    context = SchemaContext(library, hits=[hit("book", "title", "Emma\n")])
    assert len(context.units) == len(library.tables) + library.n_columns
    assert context.render(range(len(context.units))) == library
    assert context.render([]) == library.subset([])
    title = context.units[context.refs.index(ColumnRef("book", "title"))]
    assert title.text == 'title book "Emma\\n"'
    assert context.units[title.parent].text == "book"


def test_features_are_finite_and_as_documented(library: Schema):
    stats = SchemaStatistics(library)
    columns, tables = column_features(stats, Question.read("Who was born in 1990?", "born refers to dob"), ())
    assert columns.shape == (library.n_columns, len(COLUMN_FEATURES))
    assert tables.shape == (len(library.tables), TABLE_WORDS)
    assert np.isfinite(columns).all()
    dob = columns[stats.position[ColumnRef("member", "dob")]]
    assert dob[COLUMN_FEATURES.index("verbatim_evidence")] == 0.4
    assert dob[COLUMN_FEATURES.index("cue_age")] == dob[COLUMN_FEATURES.index("year_cue")] == 1


def test_weights_are_checked():
    data = {"format": "ctxprune.linking.ranked", "version": VERSION, "features": list(COLUMN_FEATURES)}
    for broken, words in (
        ({}, "not weights"),
        ({**data, "version": 1}, "not weights"),
        ({**data, "features": ["x"]}, "other features"),
        ({**data, "features": 1}, "other features"),
        (data, "damaged"),
        ({**data, "networks": {"first": {}}}, "damaged"),
    ):
        with pytest.raises(FormatError, match=words):
            LinkingWeights.from_dict(broken)
    weights = load_weights()
    networks = {name: getattr(weights, name).to_dict() for name in ("first", "table", "final")}
    again = LinkingWeights.from_dict({**data, "networks": networks})
    rows = np.ones((3, len(COLUMN_FEATURES)))
    assert again.first(rows) == pytest.approx(weights.first(rows))
    first = networks["first"]
    for broken in (
        {"bias": float("nan")},
        {"scale": [0.0] * len(first["scale"])},
        {"mean": first["mean"][1:]},
        {"hidden": None},
        {"out": first["out"][1:]},
        {"mean": 1.0},
    ):
        with pytest.raises(FormatError, match="damaged"):
            LinkingWeights.from_dict({**data, "networks": {**networks, "first": {**first, **broken}}})


def test_the_cache_is_bounded_and_goes_by_identity(library: Schema):
    cache = StatisticsCache(2)
    first = cache.get(library)
    assert cache.get(library) is first
    for _ in range(2):
        cache.get(wide(3))
    assert cache.get(library) is not first


@pytest.mark.parametrize("schema", [wide(2000), many(2000)], ids=["2,000 columns", "2,000 tables"])
def test_large_schemas_are_read_in_time(schema: Schema):
    linker = RankedLinker()
    linker.link("the name of area 17 and measure 18", schema)
    start = time.process_time()
    linked = linker.link("What is the name of area 17, and measure 18 of 4?", schema)
    assert time.process_time() - start < 3
    assert linked.kept


def test_a_very_long_question_is_read_in_time(library: Schema):
    question = " ".join(f"word{i} titles" for i in range(8000))[:100_000]
    start = time.process_time()
    linked = LINKER.link(question, library, evidence=question)
    assert time.process_time() - start < 3
    assert ColumnRef("book", "title") in linked.kept


def test_a_question_on_100_columns_takes_under_20_ms():
    columns = tuple(
        Column(f"{word} {kind}", "TEXT") for word in ["alpha", "beta", "gamma", "delta", "pi"] for kind in "abcde"
    )
    schema = Schema("s", tuple(Table(f"t{i}", columns) for i in range(4)))
    times = []
    for i in range(15):
        start = time.process_time()
        LINKER.link(f"What is the gamma c of all things with alpha {i}?", schema)
        times.append(time.process_time() - start)
    assert sorted(times)[7] < 0.02
