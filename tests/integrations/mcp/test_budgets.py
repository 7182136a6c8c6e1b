"""No reply exceeds its budget, whatever the schema, the rows or the text."""

from __future__ import annotations

import json
import sqlite3
import string
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from servers.hostile import make_wide

from ctxprune.errors import BudgetError
from ctxprune.integrations.mcp import ReplyBudget
from ctxprune.integrations.mcp.resources import list_page
from ctxprune.serve.config import DatabaseConfig, LimitsConfig
from ctxprune.serve.replies import encode

from .conftest import Tools, serving

BUDGETS = (600, pytest.param(2_000, marks=pytest.mark.long), 8_000)
QUESTIONS = ("amount 17 of table 3", "Łódź?")


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tools]:
    path = tmp_path_factory.mktemp("wide") / "wide.sqlite"
    make_wide(path)
    with serving(DatabaseConfig("wide", str(path)), limits=LimitsConfig(seconds=600, query_seconds=60)) as tools:
        tools.workspace.view("wide")  # takes a while, which no call has to wait for where the server is warm
        yield tools


@pytest.fixture(params=BUDGETS)
def wide_tools(wide: Tools, request: pytest.FixtureRequest) -> Iterator[Tools]:
    tools = Tools(wide.service, budget=request.param)
    yield tools
    tools.close()


@pytest.mark.slow
def test_replies_on_4000_columns(wide_tools: Tools) -> None:
    """`Tools.result` holds each reply against the budget."""
    tools = wide_tools
    assert tools.call("list_databases")["databases"][0]["column_count"] == 4_000
    for question in QUESTIONS:
        linked = tools.call("link_schema", question=question)
        assert linked["schema"]
        assert linked["columns_shown"] > 0
        assert "of 4000 columns" in linked["note"]
        assert tools.call("recall", id=linked["recall"], query="measure 5 of broad")["text"]
        tools.call("find_values", text=f"{question} value 3 4, value 5 6")
    tools.result("ask", question=QUESTIONS[0])
    for sql, question in (("SELECT * FROM broad", "Which row has measure 3 at 17?"), ("SELECT * FROM table_3", "")):
        found = tools.call("run_sql", sql=sql, question=question)
        assert "shown" in found["note"]
        assert found["columns"]
        assert found["rows"]
        assert found["recall"]
    (contents,) = tools.run(lambda client: client.read_resource("ctxprune://schema/wide")).contents
    assert "of 4000 columns are left out" in contents.text
    assert tools.budget.count_text(contents.model_dump_json()) <= tools.budget.tokens


def test_what_a_query_left_out_is_recalled(tmp_path: Path) -> None:
    path = tmp_path / "long.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, town TEXT, words TEXT)")
        rows = [(number, f"Town{number}", f"{number} words " * 12) for number in range(800)]
        connection.executemany("INSERT INTO note VALUES (?, ?, ?)", rows)
    connection.close()
    with serving(DatabaseConfig("long", str(path)), budget=3_000) as tools:
        found = tools.call("run_sql", sql="SELECT * FROM note ORDER BY id")
        assert "of 800 rows are shown" in found["note"]
        assert not any(row[0] == 731 for row in found["rows"])
        again = tools.call("recall", id=found["recall"], query="What does Town731 say?")
        assert "Town731" in again["text"]


def test_statements_and_errors_that_are_long(tools: Tools) -> None:
    short = "SELECT name FROM city WHERE name IN (" + ", ".join(f"'{number}'" for number in range(700)) + ")"
    found = tools.call("run_sql", sql=short)
    assert found["sql"].endswith("699')")
    assert (found["note"], found["recall"]) == ("", "")
    long = short.replace("'0'", ", ".join(f"'{number}'" for number in range(1_000, 9_000)))
    found, checked = tools.call("run_sql", sql=long), tools.call("check_sql", sql=long)
    assert checked["allowed"]
    for cut in (found, checked):
        assert cut["sql"].endswith("…")
        assert cut["note"] == "shortened: sql"
        assert "'8765'" in tools.call("recall", id=cut["recall"], query="Is 8765 in the sql?")["text"]
    unknown = tools.refusal("run_sql", sql=f'SELECT "{"漢" * 90_000}" FROM city')
    assert len(unknown) < 900
    with serving(budget=600) as small:
        assert len(small.refusal("ask", question="x", database="y")) < 900


@pytest.mark.parametrize("kind", ["text", "json", "html", "csv"])
def test_texts_of_any_kind(tools: Tools, kind: str) -> None:
    if kind == "html":
        pytest.importorskip("turbohtml")
    records = [{"id": number, "name": f"bridge {number}", "opened": 1900 + number} for number in range(700)]
    text = {
        "text": " ".join(f"Bridge {number} opened in {1000 + number}, says the sign.\n" for number in range(2_000)),
        "json": json.dumps(records),
        "html": "".join(f"<p>Bridge {number} opened in &quot;{number}&quot;.</p>\n" for number in range(2_000)),
        "csv": "id,name\n" + "".join(f'{number},"bridge ""{number}"""\n' for number in range(3_000)),
    }[kind]
    for budget in (None, 50, 7_999, 10**9):
        given = {} if budget is None else {"budget": budget}
        found = tools.call("prune", query="When did bridge 77 open?", text=text, kind=kind, **given)
        assert found["text"]
        assert found["recall"]


def test_nothing_of_a_long_text_is_encoded_or_counted_in_the_event_loop(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: dict[str, set[bool]] = {}

    def note_thread(name: str, size: int) -> None:
        if size > 10_000:
            threads.setdefault(name, set()).add(threading.current_thread() is threading.main_thread())

    def encode_noted(value: Any) -> bytes:
        body = encode(value)
        note_thread("encode", len(body))
        return body

    def count_noted(budget: ReplyBudget, content: dict[str, Any]) -> int:
        note_thread("count", len(content.get("text", "")))
        return count(budget, content)

    count = ReplyBudget.count
    monkeypatch.setattr("ctxprune.serve.mcp.encode", encode_noted)
    monkeypatch.setattr(ReplyBudget, "count", count_noted)
    monkeypatch.setattr(ReplyBudget, "require", lambda *_: None)  # of what fits, and so is short
    text = " ".join(f"Bridge {number} opened in {1000 + number}, says the sign.\n" for number in range(600))
    assert tools.call("prune", query="When did bridge 77 open?", text=text, budget=5_000)["text"]
    assert threads == {"encode": {False}, "count": {False}}


def test_statements_of_any_script_are_checked(shop: Path) -> None:
    with serving(DatabaseConfig("shop", str(shop)), budget=600) as tools:
        literal = "漢字文章" * 300
        assert tools.call("check_sql", sql=f"SELECT name FROM city WHERE name = '{literal}'")["allowed"]
        found = tools.call("run_sql", sql=f"SELECT name FROM city WHERE name <> '{literal}'")
        assert found["row_count"] == 4
        assert found["rows"]


def test_a_resource_that_fits_into_no_reply_is_an_error() -> None:
    names = ["shop", "漢" * 100, "other"]
    replies = ReplyBudget(600)
    page = list_page(names, None, replies)
    assert ([entry.name for entry in page.resources], page.next_cursor) == (["shop"], "1")
    with pytest.raises(BudgetError):
        list_page(names, "1", replies)
    assert list_page(names, "3", replies).next_cursor is None
    with serving(
        *(DatabaseConfig(name, f"{letter}.sqlite") for name, letter in zip(names, string.ascii_letters, strict=False)),
        budget=600,
    ) as tools:
        assert "does not fit" in tools.error(lambda client: client.list_resources(cursor="1"))
