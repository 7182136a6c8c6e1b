"""What the tools show of a pipeline: what its caller may see, by its own steps, and nothing else."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pydantic", reason="no framework is installed")

from ctxprune.errors import (
    DatabaseError,
    FormatError,
    GenerationError,
    GuardError,
    QueryError,
    RequestError,
    UnknownNameError,
    UsageError,
)
from ctxprune.integrations.sql_tools import SqlToolbox
from ctxprune.integrations.sql_tools.failures import describe_failure
from ctxprune.integrations.sql_tools.toolbox import TOOLS
from ctxprune.sql import ColumnRef, Database, Limits, Pipeline, PipelineConfig
from ctxprune.utils.cancellation import is_cancelled, run_cancellable


@pytest.fixture
def database(shop: Path) -> Iterator[Database]:
    with Database(shop) as database:
        yield database


def call(pipeline: Pipeline, name: str, **arguments: Any) -> dict[str, Any]:
    reply = SqlToolbox(pipeline).call(name, arguments)
    assert reply.error is None, reply.text
    return json.loads(reply.text)


def refusal(pipeline: Pipeline, name: str, **arguments: Any) -> str:
    reply = SqlToolbox(pipeline).call(name, arguments)
    assert reply.error is not None, reply.text
    assert reply.data == {}
    return reply.text


def test_columns_that_the_caller_may_not_see_are_nowhere(database: Database) -> None:
    seen = database.schema().subset([ColumnRef("city", "name"), ColumnRef("city", "population")])
    pipeline = Pipeline(database, config=PipelineConfig(schema=seen))
    linked = call(pipeline, "link_schema", question="Which country is Paris in, and what is its currency?")
    assert linked["column_count"] == 2
    assert "country" not in linked["schema"]
    assert "order items" not in linked["schema"]
    assert [hit["value"] for hit in call(pipeline, "find_values", text="Paris in France")["values"]] == ["Paris"]
    for sql in ("SELECT country FROM city", 'SELECT price FROM "order items"'):
        assert not call(pipeline, "check_sql", sql=sql)["allowed"]
        refusal(pipeline, "run_sql", sql=sql)
    assert call(pipeline, "run_sql", sql="SELECT * FROM city LIMIT 1")["columns"] == ["name", "population"]
    asked = call(pipeline, "ask", question="Which country is Paris in?")
    assert asked["outcome"] != "answered"
    assert "France" not in json.dumps(asked)


def test_private_values_are_neither_shown_nor_found(database: Database) -> None:
    pipeline = Pipeline(database, config=PipelineConfig(private=(ColumnRef("city", "country"),)))
    linked = call(pipeline, "link_schema", question="How many cities are in Brazil, by country?")
    assert "(country:TEXT" in linked["schema"]
    assert "Brazil" not in linked["schema"]
    assert linked["values"] == []
    assert call(pipeline, "find_values", text="Brazil")["values"] == []


def test_a_pipeline_without_a_linker_is_linked_all_the_same(database: Database) -> None:
    pipeline = Pipeline(database, config=PipelineConfig(paths=("full",), repair_rounds=0))
    assert "(country:TEXT" in call(pipeline, "link_schema", question="Which country is Paris in?")["schema"]
    assert "looks up no stored values" in refusal(pipeline, "find_values", text="Paris")


def test_evidence_is_heard(database: Database) -> None:
    pipeline = Pipeline(database)
    evidence = "turnover is the price of order items"
    assert "(price:REAL" in call(pipeline, "link_schema", question="What is the turnover?", evidence=evidence)["schema"]
    found = SqlToolbox(pipeline).call("ask", {"question": "How many cities are there?", "evidence": "city means town"})
    assert found.data["rows"] == [[4]]


def test_a_statement_that_the_guard_writes_anew_is_what_ran(database: Database) -> None:
    pipeline = Pipeline(database)
    checked = call(pipeline, "check_sql", sql="select name from city -- all of them")
    assert (checked["allowed"], checked["reason"], checked["dialect"]) == (True, "", "sqlite")
    assert "--" not in checked["sql"]
    assert call(pipeline, "run_sql", sql="select name from city -- all of them")["sql"] == checked["sql"]


def test_failures_tell_only_what_the_caller_can_mend(caplog: pytest.LogCaptureFixture) -> None:
    refused = GuardError("no DROP", where="sqlite", hint="one SELECT")
    assert describe_failure(refused) == "no DROP: one SELECT (CP110)"
    assert caplog.text == ""
    secret = DatabaseError("no route to db.internal", where="/srv/x")
    assert describe_failure(secret) == "the database cannot be used right now: try again later (CP100)"
    assert "db.internal" in caplog.text
    assert describe_failure(GenerationError("key sk-1 was refused")).startswith("the language model cannot be used")
    assert describe_failure(FormatError("/srv/x.idx is damaged")).startswith("a value index or a cache cannot be used")
    logged: list[Exception] = []

    def log(error: Exception) -> str:
        logged.append(error)
        return "7"

    assert describe_failure(refused, log) == "no DROP: one SELECT (CP110)"
    assert describe_failure(RequestError("too large", status=413), log) == "too large (CP140)"
    assert logged == []
    late = RequestError("the call took too long", status=504, hint="ask for less")
    assert describe_failure(late, log) == "the call took too long: ask for less (CP140, request id 7)"
    bug = KeyError("/srv/secret")
    assert describe_failure(bug, log) == "the call failed: try again later (CP000, request id 7)"
    assert logged == [late, bug]
    assert describe_failure(QueryError('no column "\ud800"')) == 'no column "?" (CP101)'


def test_arguments_without_names_are_the_first_ones() -> None:
    run = TOOLS["run_sql"]
    assert run.name_arguments(("SELECT 1",), {"question": "Why?"}) == {"sql": "SELECT 1", "question": "Why?"}
    with pytest.raises(UsageError, match="3 arguments are given"):
        run.name_arguments(("SELECT 1", "Why?", "more"), {})
    with pytest.raises(UsageError, match="sql is given twice"):
        run.name_arguments(("SELECT 1",), {"sql": "DROP TABLE city"})


def test_a_model_is_told_to_ask_first() -> None:
    assert "The tool to try first" in TOOLS["ask"].description


def test_an_unknown_tool_is_an_error_of_the_program(database: Database) -> None:
    with pytest.raises(UnknownNameError, match="no tool is named 'drop'"):
        SqlToolbox(Pipeline(database)).call("drop", {})


def test_a_cancelled_call_ends_its_query_on_a_server(request: pytest.FixtureRequest) -> None:
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
    postgres_database = request.getfixturevalue("postgres_database")
    slow = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 2000000000) SELECT count(*) FROM n"
    with psycopg.connect(postgres_database.admin_url, autocommit=True) as admin:
        admin.execute("CREATE TABLE city (name text)")

        def count_running() -> int:
            sql = (
                "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND datname = current_database() "
                "AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
            return admin.execute(sql).fetchone()[0]

        async def wait(expected: int) -> None:
            for _ in range(200):
                if await asyncio.to_thread(count_running) == expected:
                    return
                await asyncio.sleep(0.1)
            raise AssertionError(f"not {expected} queries run")

        async def cancel(toolbox: SqlToolbox) -> None:
            call = asyncio.ensure_future(toolbox.acall("run_sql", {"sql": slow}))
            await wait(1)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await wait(0)

        with Database(postgres_database.reader_url) as database:
            asyncio.run(cancel(SqlToolbox(Pipeline(database, config=PipelineConfig(limits=Limits(seconds=90))))))


def test_a_cancelled_function_is_told() -> None:
    told = []
    begun = threading.Event()

    def work() -> None:
        begun.set()
        for _ in range(200):
            if is_cancelled():
                told.append(True)
                return
            time.sleep(0.01)

    async def cancel() -> None:
        task = asyncio.ensure_future(run_cancellable(work))
        assert await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())  # which waits for the thread
    assert told == [True]
    assert asyncio.run(run_cancellable(lambda: 7)) == 7
