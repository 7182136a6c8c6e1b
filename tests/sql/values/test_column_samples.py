"""A few stored values of every column, without those of private ones."""

import sqlite3

import pytest

from ctxprune.errors import UsageError
from ctxprune.sql.database.database import Database
from ctxprune.sql.generate.base import Generator
from ctxprune.sql.pipeline.pipeline import Pipeline, PipelineConfig
from ctxprune.sql.schema.schema import ColumnRef
from ctxprune.sql.values.column_samples import column_samples


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "shop.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE item (id INTEGER PRIMARY KEY, state TEXT, secret TEXT, empty TEXT)")
        rows = [(k, ("new", "sold")[k % 2], f"s{k}") for k in range(60)]
        connection.executemany("INSERT INTO item (id, state, secret) VALUES (?, ?, ?)", rows)
    connection.close()
    with Database(path, isolated=False) as opened:
        yield opened


def test_samples_are_distinct_and_leave_private_and_empty_columns_out(database):
    samples = column_samples(database, database.schema(), private=[ColumnRef("ITEM", "Secret")], n=3)
    assert set(samples[ColumnRef("item", "state")]) == {"new", "sold"}
    assert len(samples[ColumnRef("item", "id")]) == 3
    assert set(samples) == {ColumnRef("item", "state"), ColumnRef("item", "id")}


@pytest.mark.parametrize("n", [0, -1])
def test_samples_need_a_number(database, n):
    with pytest.raises(UsageError):
        column_samples(database, database.schema(), n=n)


class _Recorder(Generator):
    name = "recorder.v1"

    def __init__(self, *, wanted):
        self.requests, self._wanted = [], wanted

    @property
    def wants_samples(self):
        return self._wanted

    def generate(self, request):
        self.requests.append(request)
        return ()


@pytest.mark.parametrize("wanted", [True, False])
def test_a_pipeline_reads_samples_for_generators_that_want_them(database, wanted):
    recorder = _Recorder(wanted=wanted)
    config = PipelineConfig(private=(ColumnRef("item", "secret"),))
    Pipeline(database, generators=[recorder], config=config).ask("How many items are sold?")
    for request in recorder.requests:
        assert (ColumnRef("item", "state") in request.samples) == wanted
        assert ColumnRef("item", "secret") not in request.samples
    assert recorder.requests
