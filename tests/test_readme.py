"""The README's Python runs as it stands, and the commands that it names are there."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from recorded_spans import Spans
from servers import Database

from ctxprune.cli import main

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCED = re.findall(r"^ *```python\n(.*?)^ *```", README, re.DOTALL | re.MULTILINE)
BLOCKS = [textwrap.dedent(block) for block in FENCED]
COMMANDS = sorted(set(re.findall(r"(?:^|`)ctxprune ((?:sql |bench )?[a-z]+)(?= |`)", README, re.MULTILINE)))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the README's first block makes."""
    monkeypatch.chdir(tmp_path)
    run(block("executescript("))
    return tmp_path


def block(part: str) -> str:
    """The one block that holds these words."""
    (found,) = (text for text in BLOCKS if part in text)
    return found


def run(code: str, **names: object) -> dict[str, object]:
    exec(compile(code, "README.md", "exec"), names)
    return names


def test_ten_lines(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = run(block('Path("history.txt").read_text'))
    assert names["kept"].output == "The bridge is long. It opened in 1933."
    assert names["answer"].rows == ((2,),)
    assert "São Paulo" in names["answer"].sql
    assert "ctxprune-trace" in capsys.readouterr().out


def test_passages(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = run(block("PassagePruner(Pruner"))
    assert "1933" in str(names["shared"].outputs)
    assert "corpus_id" in capsys.readouterr().out


def test_html_pages(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("turbohtml")
    rows = "".join(f"<tr><td>Lake {name}<td>{depth}" for name, depth in (("Como", 425), ("Garda", 346), ("Iseo", 251)))
    text = "The lakes lie at the foot of the Alps, and the ferries on them have run since the year of 1826."
    names = run(
        block("HtmlPage("),
        html_text=f"<nav><a href=x>Home</a></nav><p>{text}</p><table><tr><th>Lake<th>Depth{rows}</table>",
    )
    assert "| Lake Garda | 346 |" in names["lakes"].output
    shown = capsys.readouterr().out
    assert text in shown
    assert "Home" not in shown.partition(text)[2]


def test_traces(spans: Spans, capsys: pytest.CaptureFixture[str]) -> None:
    run(block("start_as_current_span"))
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
    found = run(block("prune_file("), csv_text="\n".join([names, *rows]))
    assert "city 1912" in found["games"].output
    assert found["games"].tokens_after <= 80
    assert "city 1912" in str(pq.read_table("kept.parquet")["Host"])
    shown = capsys.readouterr().out
    assert "# (kept " in shown
    assert f"({found['large'].rows[0]}, {len(rows)}) (" in shown


def test_near_duplicates_json_and_logs(capsys: pytest.CaptureFixture[str]) -> None:
    people = [{"name": f"Person {number}", "city": "Lyon"} for number in range(50)] + [{"name": "Ada", "city": "Łódź"}]
    names = run(
        block("deduplicate("),
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
    names = run(block("require_satisfiable("), your_tools=tools, order_schema=order)
    assert len(names["tools"].output) == 10
    assert {"get_town", "get_parcel"} <= {tool["name"] for tool in names["tools"].output}
    assert names["schema"].output["properties"] == {"town": {"type": "string"}}
    assert "get_town" in capsys.readouterr().out


def test_langchain(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    core = pytest.importorskip("langchain_core.documents")
    runnables = pytest.importorskip("langchain_core.runnables")
    shelf = [core.Document("The bridge opened in 1933.", id="7"), core.Document("Cats sleep.")]
    names = run(block("PruningRetriever(retriever"), your_retriever=runnables.RunnableLambda(lambda _: shelf))
    assert names["documents"][0].page_content == "The bridge opened in 1933."
    assert "The bridge opened in 1933. 7 [[0, 26]]" in capsys.readouterr().out


def test_langchain_agents() -> None:
    pytest.importorskip("langchain", reason="langchain is not installed")
    fake = pytest.importorskip("langchain_core.language_models.fake_chat_models")
    names = run(block("create_agent("), your_agent_model=fake.FakeListChatModel(responses=["In 1933."]), your_tools=[])
    found = names["agent"].invoke({"messages": [("user", "When did the bridge open?")]})
    assert found["messages"][-1].content == "In 1933."


def test_chat_models(folder: Path) -> None:
    fake = pytest.importorskip("langchain_core.language_models.fake_chat_models")
    model = fake.FakeListChatModel(responses=["```sql\nSELECT name FROM city\n```"])
    names = run(block("ChatGenerator(your_chat_model)"), your_chat_model=model)
    assert {"chat.v1", "sketch.v1"} >= {candidate.generator for candidate in names["answer"].trace.candidates}
    assert "SELECT name FROM city" in [candidate.sql for candidate in names["answer"].trace.candidates]


def test_the_guard(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(block("Guard("))
    allowed, refused = capsys.readouterr().out.splitlines()
    assert allowed.startswith('SELECT city."name", city."country", ')
    assert refused.startswith("only a SELECT query may run, not DELETE ")


def test_databases_on_a_server(postgres_database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(postgres_database.admin_url, autocommit=True) as admin:
        admin.execute("CREATE TABLE city (name text, country text)")
        admin.execute("INSERT INTO city VALUES ('Paris', 'France'), ('Rome', 'Italy')")
    run(block("Limits(seconds=5)"), database_url=postgres_database.reader_url)
    assert "((1,),)" in capsys.readouterr().out


def test_redis(folder: Path, redis_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(block("RedisIndex("), redis_url=redis_url)
    assert "São Paulo" in capsys.readouterr().out


def test_conversations(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(block("Conversation("))
    assert "How many cities are in Poland? ((1,),)\nit names another value" in capsys.readouterr().out


def test_every_block_is_run() -> None:
    assert (
        len(BLOCKS) == 19
    )  # two are run by tests/shrink/test_readme_shrink.py, the last by tests/integrations/test_ray.py
    assert len(COMMANDS) == 33


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_there(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == 0
    assert command in capsys.readouterr().out


@pytest.mark.parametrize("script", ["readme.py", "plots.py"])
def test_the_figures_are_the_recorded_ones(script: str) -> None:
    done = subprocess.run([sys.executable, ROOT / "benchmarks" / "report" / script, "--check"], check=False)
    assert done.returncode == 0, f"run: python benchmarks/report/{script}"


def test_pictures_are_shown_and_are_there() -> None:
    shown = re.findall(r'(?:src|srcset)="([^"]+)"', README)
    assert shown
    assert all((ROOT / path).is_file() for path in shown)


def test_a_figure_changed_by_hand_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = importlib.import_module("benchmarks.report.readme")
    names = re.findall(r"<!-- figures: (\w+) -->", README)
    assert sorted(names) == sorted(readme.TABLES)
    assert readme.filled(README, readme.TABLES) == README
    card = readme.CARD.read_text(encoding="utf-8")
    assert sorted(re.findall(r"<!-- figures: (\w+) -->", card)) == sorted(readme._card.TABLES)
    assert readme.filled(card, readme._card.TABLES) == card
    row = next(line for line in README.splitlines() if line.startswith("| Spider dev |"))
    assert readme.filled(README.replace(row, row.replace("|", "| 9", 2)), readme.TABLES) == README
