"""The Python of docs/ runs as it stands; pages with tests of their own are named in `ELSEWHERE`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from doc_pages import DOCS, blocks, run
from recorded_spans import Spans
from servers import Database

import ctxprune

# Python blocks of a page, and the file of tests that runs them; all others are run here.
ELSEWHERE = {
    "tasks/mcp": "tests/integrations/mcp/test_docs.py",
    "concepts/prompt_injection": "tests/rag/test_injection.py",
    "tasks/shrink": "tests/shrink/test_shrink_pages.py",
    "tasks/hard_questions": "tests/sql/generate/test_hard_questions_page.py",
    "tasks/teach_terms": "tests/sql/knowledge/test_docs.py",
    "tasks/sql_tools": "tests/integrations/sql_tools/test_docs.py",
    "tasks/corpus": "tests/rag/corpus/test_docs.py",
    "tasks/extraction": "tests/rag/extract/test_docs.py",
    "tasks/graph": "tests/rag/graph/test_docs.py",
    "tasks/json_schemas": "tests/rag/jsonschema/test_docs.py",
    "tasks/schema_matching": "tests/sql/match/test_match_docs.py",
    "tasks/structured_memory": "tests/rag/extract/test_memory_docs.py",
    "tasks/kv_cache": "tests/kv/test_kv_pages.py",
    "tasks/ray": "tests/integrations/test_ray.py",
    "tasks/shrink_a_reranker": "tests/shrink/test_shrink_pages.py",
    "choose/which_press": "tests/kv/test_kv_pages.py",
}
HERE = {
    "concepts/guard": 1,
    "concepts/units": 1,
    "concepts/value_index": 1,
    "start/first_steps": 2,
    "tasks/agents": 1,
    "tasks/ask_a_database": 1,
    "tasks/calibrate": 1,
    "tasks/chat_models": 1,
    "tasks/conversations": 1,
    "tasks/data": 1,
    "tasks/extend": 1,
    "tasks/langchain": 2,
    "tasks/near_duplicates_json_logs": 1,
    "tasks/pages": 1,
    "tasks/passages": 3,
    "tasks/tables": 1,
    "tasks/tools": 1,
    "operate/tracing": 3,
    "operate/upgrade": 1,
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the database that the first steps make."""
    monkeypatch.chdir(tmp_path)
    run("start/first_steps", "executescript(")
    return tmp_path


def test_every_page_with_python_is_run() -> None:
    names = [str(path.relative_to(DOCS).with_suffix("")) for path in DOCS.rglob("*.md")]
    found = {name: len(blocks(name)) for name in names if blocks(name)}
    assert {name: count for name, count in found.items() if name not in ELSEWHERE} == HERE
    assert set(ELSEWHERE) <= set(found)


def test_first_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    run("start/first_steps", "executescript(")
    shown = capsys.readouterr().out
    assert "São Paulo" in shown
    assert "((2,),) answered" in shown
    kept = run("start/first_steps", "kept.units")["kept"]
    assert kept.output == "The bridge is long. It opened in 1933 [2]."


def test_units(capsys: pytest.CaptureFixture[str]) -> None:
    run("concepts/units")
    best, above = capsys.readouterr().out.splitlines()
    assert best == "It opened in 1933."
    assert "It opened in 1933." in above


def test_extend(capsys: pytest.CaptureFixture[str]) -> None:
    run("tasks/extend")
    assert capsys.readouterr().out == "It did open in 1933.\n"


def test_passages(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = run("tasks/passages", "PassagePruner(Pruner")
    assert "1933" in str(names["pruner"].prune("When did the bridge open?", names["passages"]).to_list())
    assert "corpus_id" in capsys.readouterr().out
    run("tasks/passages", "aprune_batch(")
    opened = ["It opened in 1933.", "It opened in 1911."]
    assert capsys.readouterr().out.splitlines() == [opened[0], *opened, str(opened)]
    shared = run("tasks/passages", "ContextBudget(500)")["shared"]
    assert "1933" in str(shared.outputs["passages"])


def test_html_pages(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("turbohtml")
    rows = "".join(f"<tr><td>Lake {name}<td>{depth}" for name, depth in (("Como", 425), ("Garda", 346), ("Iseo", 251)))
    text = "The lakes lie at the foot of the Alps, and the ferries on them have run since the year of 1826."
    names = run(
        "tasks/pages",
        html_text=f"<nav><a href=x>Home</a></nav><p>{text}</p><table><tr><th>Lake<th>Depth{rows}</table>",
    )
    assert "| Lake Garda | 346 |" in names["lakes"].output
    shown = capsys.readouterr().out
    assert text in shown
    assert "Home" not in shown.partition(text)[2]


def test_traces(spans: Spans, capsys: pytest.CaptureFixture[str]) -> None:
    run("operate/tracing", "start_as_current_span")
    assert capsys.readouterr().out == "It opened in 1933.\n"
    assert spans.tree()[:2] == ["answer", ".ctxprune.prune"]


def test_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{year},city {year},{year % 7},long words about the games of that year" for year in range(1896, 2024, 4)]
    names = "Year,Host,Countries,Remarks"
    monkeypatch.chdir(tmp_path)
    pq = pytest.importorskip("pyarrow.parquet")
    pa = pytest.importorskip("pyarrow")
    columns = zip(names.split(","), zip(*(row.split(",") for row in rows), strict=True), strict=True)
    pq.write_table(pa.table(dict(columns)), "games.parquet")
    found = run("tasks/tables", csv_text="\n".join([names, *rows]))
    assert "city 1912" in found["games"].output
    assert found["games"].tokens_after <= 80
    assert "city 1912" in str(pq.read_table("kept.parquet")["Host"])
    shown = capsys.readouterr().out
    assert "# (kept " in shown
    assert f"({found['large'].rows[0]}, {len(rows)}) (" in shown


def test_near_duplicates_json_and_logs(capsys: pytest.CaptureFixture[str]) -> None:
    people = [{"name": f"Person {number}", "city": "Lyon"} for number in range(50)] + [{"name": "Ada", "city": "Łódź"}]
    names = run(
        "tasks/near_duplicates_json_logs",
        texts=["The bridge opened in 1933.", "THE BRIDGE opened, in 1933", "Cats sleep."],
        json_text=json.dumps({"people": people}),
        log_text="\n".join(["INFO cart 17 paid"] * 99 + ["ERROR charge of cart 18 refused: no money"]),
    )
    assert names["found"].kept == [0, 2]
    assert people[-1] in json.loads(names["record"].output)["people"]
    assert "no money" in names["lines"].output
    assert "more like this" in capsys.readouterr().out


def test_tools_and_output_schemas(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("jsonschema_rs")
    parameters = {"type": "object", "properties": {"id": {"type": "integer"}, "verbose": {"type": "boolean"}}}
    things = [
        (verb, thing) for verb in ("get", "delete") for thing in ("town", "parcel", "user", "price", "car", "dog")
    ]
    tools = [
        {"name": f"{verb}_{thing}", "description": f"It can {verb} one {thing}.", "input_schema": parameters}
        for verb, thing in things
    ]
    order = {"type": "object", "properties": {"town": {"type": "string"}, "weight": {"type": "number"}}}
    names = run("tasks/tools", your_tools=tools, order_schema=order)
    assert len(names["tools"].output) == 10
    assert {"get_town", "get_parcel"} <= {tool["name"] for tool in names["tools"].output}
    assert names["schema"].output["properties"] == {"town": {"type": "string"}}
    assert "get_town" in capsys.readouterr().out


def test_langchain(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("langchain_core")
    run("tasks/langchain", "PruningRetriever")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "history The bridge is long. It opened in 1933. [[0, 38]]"
    assert any(line.startswith("visit budget 0.") and line.endswith("Dogs are welcome.") for line in lines)
    run("tasks/langchain", "SQLToolkit")
    assert '"rows": [[' in capsys.readouterr().out


def test_langchain_agents() -> None:
    pytest.importorskip("langchain", reason="langchain is not installed")
    fake = pytest.importorskip("langchain_core.language_models.fake_chat_models")
    names = run("tasks/agents", your_agent_model=fake.FakeListChatModel(responses=["In 1933."]), your_tools=[])
    found = names["agent"].invoke({"messages": [("user", "When did the bridge open?")]})
    assert found["messages"][-1].content == "In 1933."


def test_chat_models(folder: Path) -> None:
    fake = pytest.importorskip("langchain_core.language_models.fake_chat_models")
    model = fake.FakeListChatModel(responses=["```sql\nSELECT name FROM city\n```"])
    names = run("tasks/chat_models", your_chat_model=model)
    assert {"chat.v1", "sketch.v1"} >= {candidate.generator for candidate in names["answer"].trace.candidates}
    assert "SELECT name FROM city" in [candidate.sql for candidate in names["answer"].trace.candidates]


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    run("operate/upgrade")
    assert capsys.readouterr().out == f"{ctxprune.__version__}\n"


def test_the_guard(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("concepts/guard")
    allowed, refused = capsys.readouterr().out.splitlines()
    assert allowed.startswith('SELECT city."name", city."country", ')
    assert refused.startswith("only a SELECT query may run, not DELETE ")


def test_databases_on_a_server(postgres_database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(postgres_database.admin_url, autocommit=True) as admin:
        admin.execute("CREATE TABLE city (name text, country text)")
        admin.execute("INSERT INTO city VALUES ('Paris', 'France'), ('Rome', 'Italy')")
    run("tasks/ask_a_database", database_url=postgres_database.reader_url)
    assert "((1,),)" in capsys.readouterr().out


def test_redis(folder: Path, redis_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    run("concepts/value_index", redis_url=redis_url)
    assert "São Paulo" in capsys.readouterr().out


def test_conversations(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("tasks/conversations")
    assert "How many cities are in Poland? ((1,),)\nit names another value" in capsys.readouterr().out


def test_calibration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    run("tasks/calibrate")
    promise, kept = capsys.readouterr().out.splitlines()
    assert promise.startswith("questions like these lose a needed unit on at most ")
    assert kept == "It did open in 1911."


def test_training_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    run("tasks/data")
    assert capsys.readouterr().out == "['Oil prices rose.']\n"
