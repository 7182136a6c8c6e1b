"""Each tool as the SDK's client sees it, which checks replies against the output schemas."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest
from mcp import Client

from ctxprune.serve.config import DatabaseConfig, LimitsConfig
from ctxprune.tokens import as_counter

from .conftest import Tools, serving

NAMES = ["list_databases", "link_schema", "find_values", "check_sql", "run_sql", "ask", "prune", "recall"]


def test_the_tools_and_what_is_said_of_them(tools: Tools) -> None:
    listed = tools.run(lambda client: client.list_tools()).tools
    assert [tool.name for tool in listed] == NAMES
    for tool in listed:
        assert tool.annotations.read_only_hint is True
        assert tool.annotations.destructive_hint is False
        assert tool.input_schema["type"] == tool.output_schema["type"] == "object"
        assert tool.input_schema["additionalProperties"] is False
        assert tool.description
        assert "title" not in json.dumps(tool.input_schema)
        assert tool.input_schema.get("description") != "None."
    # What a conversation pays for them, whether a tool is called or not.
    assert as_counter().count("".join(tool.model_dump_json(by_alias=True, exclude_none=True) for tool in listed)) < 5000


def test_the_instructions_name_ask_before_the_tools_for_what_it_refuses(tools: Tools) -> None:
    async def read(client: Client) -> str:
        return client.instructions

    told = tools.run(read)
    places = [told.index(name) for name in ("ask", "unanswered", "link_schema", "find_values", "run_sql", "recall")]
    assert places == sorted(places)


def test_databases(tools: Tools) -> None:
    (database,) = tools.call("list_databases")["databases"]
    assert database == {
        "name": "shop",
        "available": True,
        "dialect": "sqlite",
        "table_count": 2,
        "column_count": 8,
        "tables": ["city", "order items"],
    }


def test_a_schema_is_linked_and_the_rest_can_be_recalled(tools: Tools) -> None:
    found = tools.call("link_schema", question="How many cities are in Brazil?")
    assert "(country:TEXT" in found["schema"]
    assert "currency" not in found["schema"]
    assert found["values"] == [{"table": "city", "column": "country", "value": "Brazil", "score": 1.0}]
    assert found["columns_shown"] < found["column_count"] == 8
    assert "8 columns" in found["note"]
    again = tools.call("recall", id=found["recall"], query="Which currency has each order?")
    assert "currency" in again["text"]


def test_values_are_found(tools: Tools) -> None:
    found = tools.call("find_values", text="lodz")
    assert [(hit["database"], hit["column"], hit["value"]) for hit in found["values"]] == [("shop", "name", "Łódź")]


def test_sql_is_checked_and_run(tools: Tools) -> None:
    checked = tools.call("check_sql", sql="select name from city -- all of them")
    assert (checked["allowed"], checked["reason"]) == (True, "")
    assert "--" not in checked["sql"]
    refused = tools.call("check_sql", sql="DROP TABLE city")
    assert (refused["allowed"], refused["sql"]) == (False, "")
    assert "DROP" in refused["reason"]
    found = tools.call("run_sql", sql="SELECT name, population FROM city ORDER BY population DESC LIMIT 1")
    assert (found["columns"], found["rows"], found["row_count"]) == (
        ["name", "population"],
        [["São Paulo", 12300000]],
        1,
    )
    assert (found["note"], found["recall"], found["truncated"]) == ("", "", False)
    assert "DELETE" in tools.refusal("run_sql", sql="DELETE FROM city")
    assert "nope" in tools.refusal("run_sql", sql="SELECT nope FROM city")


def test_a_question_is_answered_with_outcome_and_doubts(tools: Tools) -> None:
    found = tools.call("ask", question="How many cities are in Brazil?")
    assert (found["rows"], found["outcome"]) == ([[1]], "answered")
    assert 0.5 < found["confidence"] <= 1
    doubtful = tools.call("ask", question="How many cities of Mordor have a zeppelin?")
    assert doubtful["outcome"] in ("tentative", "unanswered")
    assert any("Mordor" in doubt or "zeppelin" in doubt for doubt in doubtful["doubts"])


def test_texts_are_pruned_and_recalled(tools: Tools) -> None:
    text = "The bridge is long. It opened in 1933, the old bridge. Cats sleep all day. Tickets cost five."
    found = tools.call("prune", query="When did the bridge open?", text=text, budget=20)
    assert "1933" in found["text"]
    assert "Tickets" not in found["text"]
    assert "sentences" in found["note"]
    assert "Tickets cost five." in tools.call("recall", id=found["recall"], query="What do tickets cost?")["text"]
    table = tools.call("prune", query="When was Paris?", text="Year,City\n1896,Athens\n1900,Paris\n", kind="csv")
    assert "1900,Paris" in table["text"]
    cut = tools.call("prune", query="Paris", text='[{"city": "Athens"}, {"city": "Paris"}, {"ci')
    assert cut["kind"] == "text"
    assert "read as plain text: it looks like json" in cut["note"]
    assert "no kind is named" in tools.refusal("prune", query="x", text="y", kind="tea")


@pytest.mark.parametrize(
    ("name", "arguments", "why"),
    [
        ("ask", {}, "question is missing: the arguments are question, evidence, database"),
        ("ask", {"question": 3}, "question: Input should be a valid string"),
        ("ask", {"question": ""}, "question: String should have at least 1 character"),
        ("ask", {"question": "x" * 10_001}, "question: String should have at most 10000 characters"),
        ("ask", {"question": "x", "secret": "y"}, "secret: Extra inputs are not permitted"),
        ("ask", {"question": "x", "database": "nope"}, "no database is named 'nope'"),
        ("prune", {"query": "x", "text": "y", "budget": 0}, "budget: Input should be greater than or equal to 1"),
        ("prune", {"query": "x", "text": "y", "budget": True}, "budget: Input should be a valid integer"),
        ("prune", {"query": "x", "text": "{", "kind": "json"}, "JSON"),
        ("recall", {"id": "x", "query": "y"}, "nothing is kept under this id"),
        ("run_sql", {"sql": "x" * 100_001}, "sql: String should have at most 100000 characters"),
    ],
)
def test_wrong_arguments_are_told_without_their_values(tools: Tools, name: str, arguments: dict, why: str) -> None:
    refusal = tools.refusal(name, **arguments)
    assert why in refusal
    assert "y" * 5 not in refusal
    assert "Traceback" not in refusal


def test_an_unknown_tool_is_an_error_of_the_protocol(tools: Tools) -> None:
    error = tools.error(lambda client: client.call_tool("drop", {}))
    assert error.startswith("no tool is named 'drop'; known: list_databases")
    assert len(tools.error(lambda client: client.call_tool("x" * 10_000, {}))) < 400


def test_several_databases_go_by_name(shop: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as connection:
        connection.executescript("CREATE TABLE river (name TEXT); INSERT INTO river VALUES ('Paris Creek'), ('Rhine');")
    connection.close()
    databases = DatabaseConfig("shop", str(shop)), DatabaseConfig("other", str(other))
    with serving(*databases, DatabaseConfig("gone", str(tmp_path / "gone.sqlite"))) as tools:
        listed = {entry["name"]: entry["available"] for entry in tools.call("list_databases")["databases"]}
        assert listed == {"shop": True, "other": True, "gone": False}
        assert "no database is named: name one of shop, other, gone" in tools.refusal(
            "link_schema", question="Which rivers?"
        )
        assert "river" in tools.call("link_schema", question="Which rivers?", database="other")["schema"]
        found = tools.call("find_values", text="Rhine or Paris")
        assert {hit["database"] for hit in found["values"]} >= {"shop", "other"}
        assert found["note"] == "1 of 3 databases could not be read"
        unusable = tools.refusal("run_sql", sql="SELECT 1", database="gone")
        assert "cannot be used right now" in unusable
        assert str(tmp_path) not in unusable


def test_without_databases_texts_are_pruned_all_the_same() -> None:
    with serving() as tools:
        assert tools.call("list_databases") == {"databases": [], "note": ""}
        assert "there is no database" in tools.refusal("ask", question="How many?")
        assert tools.call("prune", query="cats", text="Cats sleep. Dogs bark.")["text"]


def test_schemas_are_resources(tools: Tools) -> None:
    (resource,) = tools.run(lambda client: client.list_resources()).resources
    assert resource.uri == "ctxprune://schema/shop"
    (contents,) = tools.run(lambda client: client.read_resource(resource.uri)).contents
    assert "(population:INTEGER)" in contents.text
    for uri in ("ctxprune://schema/nope", "ctxprune://schema/", "file:///etc/passwd", "ctxprune://schema/../shop"):
        assert tools.error(lambda client, uri=uri: client.read_resource(uri)) == "there is no such resource"


def test_a_page_of_resources_keeps_to_the_budget(shop: Path) -> None:
    databases = [DatabaseConfig(f"a rather long name of a database {number}", str(shop)) for number in range(150)]
    with serving(*databases, budget=2_000) as tools:

        async def names(client):
            found, cursor = [], None
            while True:
                page = await client.list_resources(cursor=cursor)
                assert tools.budget.count_text(page.model_dump_json(by_alias=True, exclude_none=True)) <= 2_100
                found += [resource.name for resource in page.resources]
                cursor = page.next_cursor
                if cursor is None:
                    return found

        assert tools.run(names) == [database.name for database in databases]
        for cursor in ("-1", "x", "9" * 30, "151"):
            error = tools.error(lambda client, cursor=cursor: client.list_resources(cursor=cursor))
            assert error == "the cursor is of no reply"


def test_calls_at_the_same_time(tools: Tools) -> None:
    async def many(client):
        calls = [client.call_tool("run_sql", {"sql": f"SELECT {n} AS n FROM city LIMIT 1"}) for n in range(20)]
        return await asyncio.gather(*calls)

    assert [reply.structured_content["rows"] for reply in tools.run(many)] == [[[n]] for n in range(20)]


def test_rows_that_were_not_read_are_told_by_the_reply_and_by_recall(tmp_path: Path) -> None:
    path = tmp_path / "visits.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE visit (visit_id INTEGER PRIMARY KEY, words TEXT)")
        rows = [(number, f"visit {number}, with some words") for number in range(300)]
        connection.executemany("INSERT INTO visit VALUES (?, ?)", rows)
    connection.close()
    with serving(DatabaseConfig("visits", str(path)), limits=LimitsConfig(rows=200), budget=2_000) as tools:
        found = tools.call("run_sql", sql="SELECT * FROM visit")
        assert found["truncated"]
        assert "more rows than the 200 that were read: narrow the SQL" in found["note"]
        again = tools.call("recall", id=found["recall"], query="the visit with visit_id 273")
        assert "only the first 200 rows of the query were read: narrow the SQL" in again["note"]
        whole = tools.call("run_sql", sql="SELECT * FROM visit WHERE visit_id < 150")
        assert "read" not in whole["note"] + tools.call("recall", id=whole["recall"], query="visit 149")["note"]


def test_an_answer_that_did_not_fit_is_told(tools: Tools) -> None:
    row = "the old bridge across the mouth of the river opened in the spring of 1933 after four years"
    page = f"<table><tr><th>Year</th><th>Event</th></tr><tr><td>1933</td><td>{row}</td></tr></table><p>Cats sleep.</p>"
    found = tools.call("prune", query="When did the bridge open?", text=page, kind="html", budget=12)
    assert "1933" not in found["text"]
    assert found["note"].startswith("the best unit, of ")
    assert "would hold it; 1 of 3 blocks is shown" in found["note"]


def test_rows_and_columns_are_counted_apart(tools: Tools) -> None:
    text = "Year,City,Remark\n" + "".join(f"{1900 + number},Town {number},none\n" for number in range(300))
    found = tools.call("prune", query="When was Town 77?", text=text, kind="csv", budget=60)
    assert "of 300 rows" in found["note"]
    assert "rows and columns" not in found["note"]
    again = tools.call("recall", id=found["recall"], query="When was Town 78?", budget=60)
    assert "of 300 rows" in again["note"]


def test_a_budget_that_nothing_fits_into_is_told_with_what_the_tool_takes(tools: Tools) -> None:
    text = "The bridge, which is long and old, opened in 1933 after years. Cats sleep all day long. Tickets cost five."
    for name, given in (
        ("prune", {"text": text}),
        ("recall", {"id": tools.call("prune", query="When did the bridge open?", text=text, budget=25)["recall"]}),
    ):
        refusal = tools.refusal(name, query="When did the bridge open?", budget=1, **given)
        assert "holds the best unit; give a larger budget" in refusal
        assert "on_empty" not in refusal
