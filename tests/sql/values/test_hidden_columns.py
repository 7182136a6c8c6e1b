"""What a look-up tells somebody who may see some columns does not depend on the values of the others."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from ctxprune.errors import UsageError
from ctxprune.sql.database.database import Database
from ctxprune.sql.pipeline.pipeline import Pipeline, PipelineConfig
from ctxprune.sql.pipeline.steps import RetrieveValues, State
from ctxprune.sql.schema.schema import ColumnRef
from ctxprune.sql.values import ValueIndex
from ctxprune.sql.values.keywords import KeywordLookup
from ctxprune.sql.values.redis_index import RedisIndex
from ctxprune.sql.values.stores import ArrayStore, DictStore
from ctxprune.sql.values.visible import VisibleStore

from .hidden_columns import BAIT, CITIES, FILLINGS, NAMES, VISIBLE, fill, questions

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """A database for each filling of the hidden columns."""
    folder = tmp_path_factory.mktemp("hidden")
    opened = {name: Database(fill(folder / f"{name}.sqlite", name), name="people", isolated=False) for name in FILLINGS}
    yield opened
    for one in opened.values():
        one.close()


@pytest.fixture(scope="module")
def indexes(people):
    return {name: ValueIndex.build(database) for name, database in people.items()}


@pytest.fixture(scope="module")
def alone(people):
    """An index that never saw a hidden column."""
    return ValueIndex.build(people["bait"], schema=people["bait"].schema().subset(VISIBLE))


@FEW
@given(question=questions, evidence=questions)
def test_look_ups_are_those_of_an_index_of_the_visible_columns_alone(indexes, alone, question, evidence):
    for index in indexes.values():
        view = index.within(VISIBLE)
        assert view.lookup(question) == alone.lookup(question)
        assert view.lookup(question, evidence) == alone.lookup(question, evidence)
        assert view.ranges(question, evidence) == alone.ranges(question, evidence)


@pytest.mark.parametrize("value", [*BAIT, *CITIES, *NAMES, "Shelbyvill", "Margaret Olson"])
def test_a_hidden_value_suppresses_no_visible_one(indexes, alone, value):
    question = f"Which people are called {value} with a height of 170 since 2021-03-04?"
    for index in indexes.values():
        assert index.within(VISIBLE).lookup(question) == alone.lookup(question)
        assert index.within(VISIBLE).ranges(question) == alone.ranges(question)


def test_the_fillings_do_tell_when_everything_may_be_seen(indexes):
    """Otherwise the tests above would prove nothing."""
    question = "Which people are called Shelbyvile, Margret Olson or moore, with a height of 170?"
    names = {ref for ref in VISIBLE if ref.column in {"name", "city"}}
    left = {name: [hit for hit in index.lookup(question) if hit.ref in names] for name, index in indexes.items()}
    assert left["bait"] != left["nothing"]
    assert left["crowds"] != left["nothing"]


@FEW
@given(question=questions)
def test_redis_answers_the_same(published, alone, question):
    for shared in published.values():
        assert shared.within(VISIBLE).lookup(question) == alone.lookup(question)
        assert shared.within(VISIBLE).ranges(question) == alone.ranges(question)


@pytest.fixture
def published(indexes, redis_url):
    found = {name: RedisIndex(redis_url, name) for name in ("nothing", "bait", "crowds")}
    for name, shared in found.items():
        shared.publish(indexes[name])
    return found


@FEW
@given(question=questions)
def test_a_step_tells_nothing_either(indexes, people, question):
    schema = people["bait"].schema().subset(VISIBLE)
    states = [RetrieveValues(index).run(State(question, schema)) for index in indexes.values()]
    assert all((state.hits, state.ranges) == (states[0].hits, states[0].ranges) for state in states)


def test_case_of_names_does_not_matter_and_narrowing_goes_on(indexes, alone):
    upper = [ColumnRef(ref.table.upper(), ref.column.upper()) for ref in VISIBLE]
    view = indexes["bait"].within(upper)
    question = "people of Springfield, Shelbyvile"
    assert view.lookup(question) == alone.lookup(question)
    cities = view.within([ColumnRef("person", "city"), ColumnRef("person", "nick")])
    assert {hit.ref.column for hit in cities.lookup(question)} == {"city"}
    assert indexes["bait"].within([]).lookup(question) == []


def test_stores_leave_rows_out_before_they_count_them(indexes):
    """A band that 64 hidden values share with a text still gives the visible one."""
    part = indexes["crowds"].contents()[1]
    starts = indexes["crowds"]._contents.starts
    shown = np.array([column.ref in VISIBLE for column in indexes["crowds"].columns])
    arrays, dicts = ArrayStore(part, starts), DictStore.of(part, starts)
    text = indexes["crowds"]._signer.sign(["moore 0001", "shelbyvile"])
    from ctxprune.sql.values.minhash import band_keys

    low, high = band_keys(text.signatures, np.array([4, 4])), band_keys(text.signatures, np.array([60, 60]))
    found = []
    for store in (arrays, dicts):
        texts, rows = VisibleStore(store, starts, shown).near(low, high, most=64)
        found.append(sorted(zip(texts.tolist(), rows.tolist(), strict=True)))
    assert found[0] == found[1] != []
    columns = {column for column, _value in arrays.values(np.array([row for _text, row in found[0]], dtype=np.uint32))}
    assert all(shown[column] for column in columns)


def test_keyword_look_ups_are_restricted_too(indexes, alone):
    def keywords(_question, _evidence):
        return ["Shelbyvile", "moore", "influenza"]

    for index in indexes.values():
        view = KeywordLookup(index, keywords).within(VISIBLE)
        assert view.lookup("people called Margret Olson") == KeywordLookup(alone, keywords).lookup(
            "people called Margret Olson"
        )


def test_semantic_look_ups_give_hidden_values_no_place(indexes, alone):
    pytest.importorskip("faiss")
    from ctxprune.sql.values.ann import SemanticLookup

    def embed(texts):
        return np.array([[1.0, len(text) % 7, sum(map(ord, text)) % 11] for text in texts], dtype=np.float32)

    question = "people called Margret Olson in the Haverbrok region"
    for index in indexes.values():
        view = SemanticLookup(index, embed, least=0.1, least_fuzzy=0.0).within(VISIBLE)
        assert view.lookup(question) == SemanticLookup(alone, embed, least=0.1, least_fuzzy=0.0).lookup(question)


def test_whether_views_are_hidden_does_not_tell_what_hidden_values_look_like(tmp_path):
    """`mask_personal` judges a column by its values: that must not show in what is hidden of another."""
    told = []
    for filling in ("contrary", "nothing"):  # "contrary" holds e-mail addresses in person.nick
        path = fill(tmp_path / f"{filling}.sqlite", filling)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("CREATE VIEW staff AS SELECT name FROM person")
        with Database(path, isolated=False) as database:
            index = ValueIndex.build(database, mask_personal=True)
            assert any(column.masked for column in index.columns) == (filling == "contrary")
            told.append(index.within([*VISIBLE, ColumnRef("staff", "name")]).hidden)
    assert told == [(ColumnRef("staff", "name"),)] * 2


def test_a_pipeline_for_some_columns_takes_no_look_up_that_cannot_leave_others_out(people):
    class Plain:
        def lookup(self, _question, _evidence=""):
            return ()

    database = people["bait"]
    config = PipelineConfig(schema=database.schema().subset(VISIBLE))
    wrapped = KeywordLookup(Plain(), lambda question, evidence: ())
    for values in (Plain(), wrapped, KeywordLookup(wrapped, wrapped.model)):
        for part in (config, PipelineConfig(private=(ColumnRef("person", "salary"),))):
            with pytest.raises(UsageError, match="within"):
                Pipeline(database, values=values, config=part)
        with pytest.raises(UsageError, match="private columns"):
            RetrieveValues(values, (ColumnRef("person", "salary"),))
        Pipeline(database, values=values)  # who may see everything is told nothing new
    index = KeywordLookup(ValueIndex.build(database), wrapped.model)
    Pipeline(database, values=index, config=PipelineConfig(private=(ColumnRef("person", "salary"),)))


def test_views_of_hidden_columns_need_a_look_up_that_can_leave_them_out(tmp_path):
    class Hides:
        hidden = (ColumnRef("person", "salary"),)

        def lookup(self, _question, _evidence=""):
            return ()

    path = fill(tmp_path / "people.sqlite", "bait")
    with Database(path, isolated=False) as database:
        Pipeline(database, values=Hides())
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE VIEW staff AS SELECT name, salary FROM person")
    with Database(path, isolated=False) as database, pytest.raises(UsageError, match="within"):
        Pipeline(database, values=Hides())


@pytest.mark.parametrize("order", ["ASC", "DESC"])
def test_examples_do_not_come_in_the_order_of_a_hidden_column(tmp_path, order):
    """SQLite would read names from an index on (salary, name), and so in the order of the salaries."""
    path = fill(tmp_path / "people.sqlite", "crowds")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE INDEX by_salary ON person (salary {order}, name)")
    with Database(path, isolated=False) as database:
        for one in (database, database.sampled(5)):
            shown = one.with_examples(one.schema().subset([ColumnRef("person", "name")]), n=3)
            assert shown.table("person").column("name").examples == tuple(NAMES[:3])
        sample = ValueIndex.build(database.sampled(3), schema=database.schema().subset([ColumnRef("person", "name")]))
        assert {value for _ref, value in sample} == set(NAMES[:3])
