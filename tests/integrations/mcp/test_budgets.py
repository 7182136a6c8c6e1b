"""No reply exceeds its budget, whatever the schema, the rows or the text."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from servers.hostile import make_wide

from ctxprune.errors import BudgetError, UsageError
from ctxprune.integrations.mcp import ReplyBudget
from ctxprune.integrations.sql_tools.budget import fill_budget
from ctxprune.integrations.sql_tools.rows import fit_rows
from ctxprune.policies import TableBudget
from ctxprune.scorers.base import score_batch
from ctxprune.serve.config import DatabaseConfig, LimitsConfig
from ctxprune.serve.replies import encode
from ctxprune.sql.database.result_set import ResultSet

from .conftest import Tools, serving

BUDGETS = (600, 2_000, 8_000)
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


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize(
    "rows",
    [
        [("a" * 1_000_000,)],
        [("漢" * 10_000, "字" * 10_000)] * 5,
        [(b"\x00\xff" * 50_000, None, 1.5)] * 3,
        [('"\\\n' * 5_000,)] * 50,
        [(number, f"name {number}", "x" * (number % 90)) for number in range(5_000)],
        [tuple(range(1_500))] * 200,
        [()] * 10,
        [],
        [(float("inf"), float("nan"), 10**4000)],
        [("\ud800lone",)] * 1_000,
    ],
    ids=["cell", "han", "bytes", "escapes", "long", "wide", "nothing", "empty", "numbers", "surrogates"],
)
@pytest.mark.parametrize("question", ["", "name 17"])
def test_rows_of_any_shape(rows: list, budget: int, question: str) -> None:
    width = len(rows[0]) if rows else 3
    result = ResultSet(tuple(f"column {number}" for number in range(width)), tuple(rows), truncated=True)
    replies = ReplyBudget(budget)
    fitted = fit_rows(result, question, {"sql": "SELECT 1", "recall": "x" * 22}, replies)
    assert replies.count(fitted.content) <= budget
    assert fitted.content["row_count"] == len(rows)
    assert "more rows" in fitted.content["note"]
    if rows and width:
        assert fitted.content["rows"]
        assert len(fitted.content["rows"][0]) == len(fitted.content["columns"]) > 0


def test_names_of_columns_that_are_as_long_as_a_book() -> None:
    result = ResultSet(tuple("n" * 10_000 + str(number) for number in range(100)), ((1,) * 100,) * 100)
    fitted = fit_rows(result, "", {}, ReplyBudget(600))
    assert 0 < len(fitted.content["columns"]) < 100


def test_the_rows_that_the_question_needs_stay(tools: Tools) -> None:
    rows = tuple((number, f"customer {number}", "some words about the customer " * 4) for number in range(900))
    content = fit_rows(ResultSet(("id", "name", "about"), rows), "What about customer 777?", {}, tools.budget).content
    assert 777 in [row[0] for row in content["rows"]]
    assert "of 900 rows are shown" in content["note"]
    assert "compared" not in content["note"]


def test_rows_that_were_not_compared_with_the_question_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are scored once, however many rounds it takes to fit them."""
    scored, rooms = [], []

    def limit(room: int) -> TableBudget:
        rooms.append(room)
        return TableBudget(room)

    def score(*arguments: Any) -> Any:
        scored.append(arguments)
        return score_batch(*arguments)

    monkeypatch.setattr("ctxprune.integrations.sql_tools.rows.score_batch", score)
    monkeypatch.setattr("ctxprune.integrations.sql_tools.rows.TableBudget", limit)
    monkeypatch.setattr("ctxprune.integrations.sql_tools.rows._Fitting._first_rows", None)  # is not needed
    rows = tuple((number, f"customer {number}" + '\n"\\' * 4, None) for number in range(11_000))
    fitted = fit_rows(ResultSet(("id", "name", "gone"), rows), "What about customer 777?", {}, ReplyBudget(2_000))
    assert 777 in [row[0] for row in fitted.content["rows"]]
    told = "of 11000 rows are shown; only the first 10000 rows were compared with the question"
    assert told in fitted.content["note"]
    assert len(scored) == 1 < len(rooms)
    monkeypatch.undo()
    without = fit_rows(ResultSet(("id", "name", "gone"), rows), "", {}, ReplyBudget(2_000))
    assert "compared" not in without.content["note"]


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
    long = "SELECT name FROM city WHERE name IN (" + ", ".join(f"'{number}'" for number in range(9_000)) + ")"
    found = tools.call("run_sql", sql=long)
    assert found["sql"].endswith("…")
    assert tools.call("check_sql", sql=long)["allowed"]
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


def test_the_budget_itself() -> None:
    with pytest.raises(UsageError):
        ReplyBudget(599)
    replies = ReplyBudget(600)
    with pytest.raises(BudgetError, match="of 600"):
        replies.require({"text": "word " * 1_000})
    with pytest.raises(BudgetError):
        replies.fill(3, lambda _: {"text": "word " * 1_000})


@pytest.mark.parametrize("most", [0, 1, 2, 3, 7, 8, 9, 100])
def test_filling_finds_the_largest_part(most: int) -> None:
    for limit in range(most + 3):
        asked = []

        def build(count: int, asked: list = asked) -> int:
            asked.append(count)
            return count

        assert fill_budget(most, build, lambda count, limit=limit: count <= limit) == (min(most, limit),) * 2
        assert max(asked) <= max(2 * limit + 1, 1)
