"""`ctxprune sql ask`, in process."""

from __future__ import annotations

import hashlib
import io
import json
import re
import runpy
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from ctxprune.cli import main
from ctxprune.cli._console import escape
from ctxprune.errors import ModelError
from ctxprune.sql.generate.base import GENERATORS, Candidate, Request

fakes = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "sql" / "generate" / "chat_fakes.py")))


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> object:
    """Replaces the model of `--generator chat:x` by one that says `.text`."""
    said = SimpleNamespace(text="SELECT name FROM city WHERE country = 'France'", error=None)

    def reply(_prompt: str, _sampling: object, _turn: int) -> str:
        if said.error is not None:
            raise said.error
        return str(said.text)

    monkeypatch.setattr("ctxprune.llm.chat_models.open_chat_model", lambda _spec, **_options: fakes.FakeModel(reply))
    return said


def _ask(shop: Path, *words: str) -> int:
    return main(["sql", "ask", str(shop), "Which cities are in France?", "--generator", "chat:x", "--plain", *words])


@pytest.mark.usefixtures("chat")
def test_sql_and_rows_on_stdout_and_the_account_on_stderr(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _ask(shop) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == "SELECT name FROM city WHERE country = 'France'"
    assert "Paris" in out
    assert re.match(r"ctxprune: ANSWERED \d+ %\n", err)
    assert "candidates: 1, 1 ran; " in err
    assert "10 tokens in, 5 out" in err


def test_a_repaired_query_is_not_passed_off_as_written(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Misspelling:
        name = "misspelling.v1"

        def generate(self, request: Request) -> list[Candidate]:
            return [Candidate("SELECT nam\nFROM city WHERE country = 'France'", self.name, request.path)]

    monkeypatch.setitem(GENERATORS._entries, "misspelling.v1", Misspelling)
    words = ["sql", "ask", str(shop), "Which cities?", "--generator", "misspelling"]
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert "Paris" in out
    assert "repaired, since this failed or gave nothing: SELECT nam FROM city WHERE country = 'France'\n" in err
    assert main([*words, "--json"]) == 0
    assert "repaired" in json.loads(capsys.readouterr().out)["reason"]


@pytest.mark.usefixtures("chat")
def test_json_is_one_document(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _ask(shop, "--json") == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert (document["rows"], document["columns"], document["refused"]) == ([["Paris"]], ["name"], False)
    assert "trace" not in document
    assert err == ""


@pytest.mark.usefixtures("chat")
def test_the_trace_is_drawn_on_stderr_and_part_of_the_json(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _ask(shop) == 0
    plain = capsys.readouterr()
    assert _ask(shop, "--show-trace") == 0
    out, err = capsys.readouterr()
    assert out == plain.out
    assert err.startswith('ask "')
    assert "\n├─ execute  " in err
    assert "\n└─ assess  " in err
    assert _ask(shop, "--show-trace", "--json") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["trace"]["format"] == "ctxprune-trace"
    assert err == ""


@pytest.mark.usefixtures("chat")
def test_words_that_mean_nothing_here_are_told(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["sql", "ask", str(shop), "Which mayors have the cities in France?", "--generator", "chat:x"]
    assert main(asked) == 0
    assert (
        "the question mentions 'mayors', which is no table, column or value that you may see" in capsys.readouterr().err
    )
    assert main([*asked, "--json"]) == 0
    out, err = capsys.readouterr()
    assert [doubt["text"] for doubt in json.loads(out)["doubts"] if doubt["text"]] == ["mayors"]
    assert err == ""


def test_the_default_generator_indexes_and_answers(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = hashlib.sha256(shop.read_bytes()).hexdigest()
    trace = tmp_path / "trace.json"
    words = [
        "sql",
        "ask",
        str(shop),
        "How many cities are there?",
        "--index",
        str(tmp_path / "index"),
        "--trace",
        str(trace),
    ]
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == [[4]]
    assert (tmp_path / "index").is_dir()
    saved = json.loads(trace.read_text(encoding="utf-8"))
    assert saved["format"] == "ctxprune-trace"
    assert saved["candidates"][saved["chosen"]]["rows"] == 1
    assert hashlib.sha256(shop.read_bytes()).hexdigest() == before
    assert main(words) == 0
    assert "schema: 8 to " in capsys.readouterr().err


def test_a_refusal_leaves_stdout_empty_and_exits_with_one(
    shop: Path, chat: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sql", "ask", str(shop), "Delete all cities", "--generator", "chat:x"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("ctxprune: NO ANSWER: I can only read this database")
    assert "candidates" not in err
    chat.text = "I cannot."
    assert _ask(shop, "--json") == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["refused"], document["refusal"]["kind"], document["sql"]) == (True, "unanswerable", "")


def test_arguments_in_the_wrong_order_and_a_command_of_a_group_are_told(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sql", "ask", "How many cities?", str(shop)]) == 2
    assert "the database comes first, then the question" in capsys.readouterr().err
    assert main(["ask", str(shop), "How many cities?"]) == 2
    assert "'ctxprune sql ask'" in capsys.readouterr().err
    table = tmp_path / "cities.csv"
    table.write_text("name,country\nParis,France\n", encoding="utf-8")
    assert main(["sql", "ask", str(table), "How many cities?"]) == 1
    assert ".import --csv" in capsys.readouterr().err


def test_a_failing_model_is_one_line_and_exit_one(
    shop: Path, chat: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    chat.error = OSError("down\n\x1b[31mred")
    assert _ask(shop, "--json") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "ctxprune: CP131 the language model failed: OSError: down [31mred [fake]\n"
    assert err.count("\n") == 1
    assert "\x1b" not in err


@pytest.mark.parametrize("kind", ["absent", "text", "empty question", "long question"])
def test_clear_errors(shop: Path, tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "notes.sqlite"
    text.write_text("not a database " * 100)
    database = {"absent": tmp_path / "absent.sqlite", "text": text}.get(kind, shop)
    question = {"empty question": " ", "long question": "why " * 25_000}.get(kind, "How many?")
    assert main(["sql", "ask", str(database), question]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("ctxprune: CP")
    assert err.count("\n") == 1
    assert len(err) < 400
    assert "PipelineConfig" not in err


def test_another_generators_answer_is_not_passed_off_as_the_models(
    shop: Path, chat: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    chat.error = OSError("down")
    for words in ((), ("--json",)):
        assert main(["sql", "ask", str(shop), "How many cities are there?", "--generator", "chat:x", *words]) == 0
        out, err = capsys.readouterr()
        assert "4" in out
        said = "ctxprune: the language model failed: OSError: down [fake]; this answer comes from phrases"
        assert said in err.splitlines()


@pytest.mark.parametrize("name", ["oracle", "chat", "chat:", "stub", "broken.v1:x"])
def test_an_unusable_generator_is_wrong_usage(shop: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sql", "ask", str(shop), "How many?", "--generator", name]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "--generator" in err


def test_a_plug_in_is_chosen_by_its_name(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Fixed:
        name = "fixed.v1"

        def generate(self, request: Request) -> list[Candidate]:
            return [Candidate("SELECT 42 AS fixed", self.name, request.path)]

    monkeypatch.setitem(GENERATORS._entries, "fixed.v1", Fixed)
    for name in ("fixed", "fixed.v1"):
        assert main(["sql", "ask", str(shop), "How many?", "--generator", name, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["rows"] == [[42]]


@pytest.mark.parametrize("command", ["ask", "link", "index"])
def test_what_cannot_be_read_is_said(tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "views.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE city (name TEXT)")
        connection.execute("INSERT INTO city VALUES ('Paris')")
        connection.execute("CREATE VIEW broken AS SELECT a FROM nowhere")
    assert main(["sql", command, str(path), *(["How many cities?"] if command != "index" else [])]) == 0
    out, err = capsys.readouterr()
    assert "ctxprune: left out, since unreadable: broken (" in err
    if command == "index":
        assert "1 value of 1 column," in out


def test_advice_names_an_option_of_the_command(shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["sql", "ask", str(shop), "How many?", "--index", str(tmp_path / "file" / "index")]) == 1
    err = capsys.readouterr().err
    assert "with --index" in err
    assert "--out" not in err


def test_cells_cannot_reach_the_terminal(
    tmp_path: Path, chat: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "hostile.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute('CREATE TABLE city ("na\u202eme" TEXT, note TEXT, raw BLOB, none TEXT)')
        row = ("\x1b]0;owned\x07\x1b[2J\r\u202egnp.exe\u2028", "x" * 500, b"\x00\xff", None)
        connection.execute("INSERT INTO city VALUES (?, ?, ?, ?)", row)
    chat.text = "SELECT *, '[bold red]markup[/]' AS m FROM city"
    assert _ask(path) == 0
    out = capsys.readouterr().out
    assert not any(char in out for char in "\x1b\x07\r\u202e\u2028")
    assert "\\x1b]0;owned" in out
    assert "x'00ff'" in out
    assert "NULL" in out
    assert "[bold red]markup[/]" in out
    assert "x" * 61 not in out


def test_many_rows_are_cut_for_people_only(
    shop: Path, chat: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    chat.text = "SELECT a.population FROM city AS a, city AS b, city AS c"
    assert _ask(shop) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) < 60
    assert "14 more rows" in err
    assert _ask(shop, "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["rows"]) == 64


def test_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sql", "ask"]) == 2
    assert main(["sql", "ask", "a.sqlite", "q", "--candidates", "0"]) == 2
    assert "candidates" in capsys.readouterr().err


def test_an_unwritable_trace_is_our_error(shop: Path, chat: SimpleNamespace, tmp_path: Path) -> None:
    assert _ask(shop, "--trace", str(tmp_path / "no" / "folder.json")) == 1


@pytest.mark.usefixtures("chat")
@pytest.mark.parametrize("option", ["--trace", "--cache"])
def test_the_asked_database_is_never_written(
    shop: Path, option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, other = shop.read_bytes(), tmp_path / "other.sqlite"
    other.write_bytes(before)
    for target in (shop, other):
        assert _ask(shop, option, str(target)) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("ctxprune: CP00")
        assert err.count("\n") == 1
        assert (shop.read_bytes(), other.read_bytes()) == (before, before)


def test_visible_keeps_words() -> None:
    assert escape("São Paulo 東京 'x'") == "São Paulo 東京 'x'"
    assert escape("a\tb\x9b") == "a\\tb\\x9b"


def _styled(shop: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, list[str]]:
    model = fakes.saying("SELECT name FROM city WHERE country = 'France'")
    monkeypatch.setattr("ctxprune.llm.chat_models.open_chat_model", lambda _spec, **_options: model)
    code = main(["sql", "ask", str(shop), "Which cities are in France?", "--generator", "chat:x", *words])
    return code, model.prompts


def test_styles_and_examples_reach_the_model(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text('{"question": "Which ports are in Norway?", "sql": "SELECT p FROM q WHERE r = 1"}\n')
    code, prompts = _styled(shop, monkeypatch, "--style", "mschema, skeleton", "--examples", str(pairs))
    assert code == 0
    assert {"【Question】" in prompt for prompt in prompts} == {True, False}
    assert all("SELECT p FROM q" in prompt for prompt in prompts)
    assert any("Skeleton: the skeleton" in prompt for prompt in prompts)


def test_a_style_may_be_plain_in_all_else(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, prompts = _styled(shop, monkeypatch, "--plain", "--style", "compact")
    assert (code, len(prompts)) == (0, 1)
    assert "city(name, country, population)" in prompts[0]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--generator", "chat:x", "--style", "tiny"], "no style is named 'tiny'"),
        (["--generator", "chat:x", "--style", " , "], "no style is named"),
        (["--style", "small"], "'sketch' is no chat model"),
        (["--examples", "pairs.json"], "'sketch' is no chat model"),
        (["--generator", "chat:x", "--plain", "--examples", "PAIRS"], "'plain' shows no examples"),
    ],
)
def test_a_wrong_style_is_wrong_usage(
    shop: Path, capsys: pytest.CaptureFixture[str], chat: object, words: list[str], says: str
) -> None:
    pairs = shop.with_name("pairs.json")
    pairs.write_text('[{"question": "q", "sql": "SELECT 1"}]')
    words = [word.replace("PAIRS", str(pairs)) for word in words]
    assert main(["sql", "ask", str(shop), "How many cities?", *words]) == 2
    assert says in capsys.readouterr().err


def test_ask_uses_what_was_learned(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    pair = ("--pair", "Where do we sell most?", 'SELECT city_name FROM "order items" WHERE price > 50')
    assert main(["sql", "learn", str(shop), *pair]) == 0
    capsys.readouterr()
    assert main(["sql", "ask", str(shop), "Where do we sell most?", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["rows"] == [["São Paulo"]]
    assert "knowledge: 1 line of" in said.err
    assert main(["sql", "ask", str(shop), "Where do we sell most?"]) == 0
    assert "1 line used" in capsys.readouterr().err
    assert main(["sql", "ask", str(shop), "How many?", "--knowledge", str(tmp_path / "absent")]) == 1
    assert "no such file of knowledge" in capsys.readouterr().err
    team = tmp_path / "team.jsonl"
    assert main(["sql", "learn", str(shop), *pair, "--knowledge", str(team)]) == 0
    before = team.read_text()
    words = ["sql", "ask", str(shop), "How many?", "--knowledge", str(team)]
    assert main([*words, "--trace", str(team)]) == 1
    assert "this file is read" in capsys.readouterr().err
    assert team.read_text() == before
    assert main([*words, "--plain"]) == 2


@pytest.mark.parametrize("text", ["I cannot.", "DROP TABLE city", ""])
def test_it_is_said_that_nothing_of_the_model_ran(
    shop: Path, chat: SimpleNamespace, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    chat.text = text
    words = ["sql", "ask", str(shop), "How many cities are there?", "--generator", "chat:x", "--json"]
    assert main(words) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert (document["generator"].partition(".")[0], document["model_errors"]) == ("phrases", [])
    assert "nothing that the language model wrote could run" in err
    assert "this answer comes from phrases" in err


def test_json_says_who_answered_and_what_failed(
    shop: Path, chat: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _ask(shop, "--json") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["generator"].startswith("chat")
    assert "could run" not in err
    chat.error = OSError("down")
    assert main(["sql", "ask", str(shop), "How many cities are there?", "--generator", "chat:x", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["generator"].startswith("phrases")
    assert "down" in document["model_errors"][0]


@pytest.mark.parametrize("option", ["--price-in", "--price-out", "--rpm", "--tpm"])
def test_prices_and_limits_are_for_servers(
    shop: Path, capsys: pytest.CaptureFixture[str], chat: object, option: str
) -> None:
    for words in ((), ("--generator", "chat:x")):
        assert main(["sql", "ask", str(shop), "How many cities?", option, "5", *words]) == 2
        assert option in capsys.readouterr().err


def test_a_term_is_followed_without_a_model_and_one_that_names_no_column_is_told(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    team = str(tmp_path / "team.jsonl")
    assert main(["sql", "learn", str(shop), "--term", "French", "country = 'France'", "--knowledge", team]) == 0
    assert "'French': read as city.country = 'France'" in capsys.readouterr().err
    ask = ["sql", "ask", str(shop), "--knowledge", team]
    assert main([*ask, "How many cities are French?"]) == 0
    out, err = capsys.readouterr()
    assert "WHERE city.country = 'France'" in out
    assert "only help" not in err
    assert main(["sql", "learn", str(shop), "--term", "shiny", "horns over 1", "--knowledge", team]) == 0
    assert "'shiny': its meaning names no column of the database" in capsys.readouterr().err
    assert main([*ask, "How many shiny cities are there?"]) == 0
    err = capsys.readouterr().err
    assert "ANSWERED" not in err
    assert "the term 'shiny' names no column of the database" in err


def test_a_file_of_another_database_is_told(shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    team = tmp_path / "team.jsonl"
    team.write_text('{"format": "ctxprune.knowledge", "version": 1, "database": "vet"}\n', encoding="utf-8")
    assert main(["sql", "ask", str(shop), "How many cities are there?", "--knowledge", str(team)]) == 0
    assert "was taught for the database 'vet', this one is 'shop'" in capsys.readouterr().err


def test_a_dash_reads_a_conversation(
    shop: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = "How many cities are in France?\n\nand in Poland?\nWhat about them all?\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    assert main(["sql", "ask", str(shop), "-", "--json"]) == 0
    out, err = capsys.readouterr()
    questions = [json.loads(line)["question"] for line in out.splitlines()]
    assert questions[:2] == ["How many cities are in France?", "How many cities are in Poland?"]
    assert len(questions) == 3
    assert "taken as: How many cities are in Poland? (rule.v1)" in err


def test_a_conversation_is_said_in_full_by_the_model(
    shop: Path, chat: SimpleNamespace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    chat.text = "Which cities are in Poland?"
    monkeypatch.setattr("sys.stdin", io.StringIO("Which cities are in France?\nand in Poland?\nanything\n"))
    main(["sql", "ask", str(shop), "-", "--generator", "chat:x"])
    assert "taken as: Which cities are in Poland? (chat.v1)" in capsys.readouterr().err


def test_a_conversation_goes_on_after_the_model_failed(
    shop: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def reply(prompt: str, _sampling: object, _turn: int) -> str:
        if "Poland" in prompt.rpartition("Question")[2]:
            raise ModelError("it is overloaded")
        return "SELECT name FROM city WHERE country = 'France'"

    monkeypatch.setattr("ctxprune.llm.chat_models.open_chat_model", lambda *_, **__: fakes.FakeModel(reply))
    monkeypatch.setattr("sys.stdin", io.StringIO("Which cities are in Poland?\nWhich cities are in France?\n"))
    assert main(["sql", "ask", str(shop), "-", "--generator", "chat:x", "--plain", "--json"]) == 1
    out, err = capsys.readouterr()
    assert [json.loads(line)["question"] for line in out.splitlines()] == ["Which cities are in France?"]
    assert "it is overloaded" in err


def test_a_conversation_has_no_one_trace(shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sql", "ask", str(shop), "-", "--trace", str(tmp_path / "trace.json")]) == 2
    assert "--trace" in capsys.readouterr().err
    assert not (tmp_path / "trace.json").exists()
