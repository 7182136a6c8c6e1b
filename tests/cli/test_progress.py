"""The progress line, and that every command which can take over a second has one."""

from __future__ import annotations

import io
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest
import typer

from ctxprune.cli import _progress, _progress_bar, main
from ctxprune.cli._app import app
from ctxprune.cli._console import print_note
from ctxprune.cli._progress import ProgressLine, show_progress
from ctxprune.cli._progress_bar import _count, _time

CLEAR, SHOW_CURSOR = "\x1b[2K", "\x1b[?25h"


class Terminal(io.StringIO):
    """What stderr is in a terminal."""

    def isatty(self) -> bool:
        return True


class Output(io.TextIOWrapper):
    """A stdout that nothing may be written to while the line is drawn, which would be torn."""

    def write(self, text: str) -> int:
        assert _progress._current.get() is None, f"{text!r} is written into the progress line"
        return super().write(text)


def open_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal as stderr, on which the line is drawn at once; no fixture, since pytest sets stderr after those."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(_progress, "_DELAY", 0)
    monkeypatch.setattr(_progress_bar, "_FRAMES", 50)
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    return shown


def test_the_line_is_drawn_after_a_second_and_is_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = open_terminal(monkeypatch)
    monkeypatch.setattr(_progress, "_DELAY", 0.02)
    with show_progress("reading") as line:
        line.name_step("pruning", 3)
        deadline = time.monotonic() + 20
        while "pruning" not in terminal.getvalue() and time.monotonic() < deadline:
            time.sleep(0.01)
    shown = terminal.getvalue()
    assert "pruning" in shown
    assert "0/3" in shown
    assert shown.endswith(CLEAR)
    assert SHOW_CURSOR in shown
    assert _progress._DELAY == 0.02  # and a second for people:
    monkeypatch.undo()
    assert _progress._DELAY == 1.0


def test_short_work_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = open_terminal(monkeypatch)
    monkeypatch.setattr(_progress, "_DELAY", 60)
    with show_progress("reading"):
        pass
    assert terminal.getvalue() == ""


@pytest.mark.parametrize(("stream", "term"), [(io.StringIO, "xterm"), (Terminal, "dumb"), (Terminal, "unknown")])
def test_what_cannot_take_a_line_back_gets_none(
    stream: type[io.StringIO], term: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_progress, "_DELAY", 0)
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("FORCE_COLOR", "1")  # as build servers set it, whose logs are no terminal
    shown = stream()
    monkeypatch.setattr(sys, "stderr", shown)
    with show_progress("reading", 2) as line:
        line.update(1)
        assert not line.shown
    assert shown.getvalue() == ""


def test_an_error_leaves_a_clean_line_and_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = open_terminal(monkeypatch)
    before = threading.active_count()
    with pytest.raises(ValueError, match="broken"), show_progress("reading"):
        raise ValueError("broken")
    assert terminal.getvalue().endswith(CLEAR)
    deadline = time.monotonic() + 20
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before
    assert _progress._current.get() is None


def test_a_note_stands_above_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = open_terminal(monkeypatch)
    with show_progress("reading"):
        print_note("left out: t")
    shown = terminal.getvalue()
    at = shown.index("ctxprune: left out: t\n")
    assert CLEAR in shown[:at]  # the line was taken away
    assert "reading" in shown[at:]  # and drawn anew below


def test_a_block_inside_another_uses_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    open_terminal(monkeypatch)
    with show_progress("outer", 5) as outer:
        outer.update(2)
        with show_progress("inner", 7) as inner:
            assert inner is outer
            assert (outer.step, outer.done, outer.total) == ("inner", 0, 7)
            inner.update(3, 8, "other")
            assert (outer.step, outer.done, outer.total) == ("other", 3, 8)
        assert (outer.step, outer.done, outer.total) == ("outer", 2, 5)


def test_names_cannot_move_the_cursor_and_have_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = open_terminal(monkeypatch)
    with show_progress("a\x1b[2Jb\n[bold]c" + "x" * 1_000_000):
        pass
    shown = terminal.getvalue()
    assert "a\\x1b[2Jb\\n[bold]c" in shown
    assert "\x1b[2J" not in shown
    assert "…" in shown


def test_the_time_that_is_left_is_told_by_even_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(_progress, "perf_counter", lambda: now[0])
    line = ProgressLine("values", 400)
    now[0] += 10
    assert (_time(line), _count(line.done, line.total)) == ("0:00:10", "0/400")
    line.update(3)  # too little to tell
    assert _time(line) == "0:00:10"
    line.update(100)
    assert (_time(line), _count(line.done, line.total)) == ("0:00:30 left", "100/400")
    line.update(500)  # more than was said
    assert _time(line) == "0:00:00 left"
    line.name_step("sorting")
    assert (_time(line), _count(line.done, line.total)) == ("0:00:00", "")
    line.update(12_345)
    now[0] += 61
    assert (_time(line), _count(line.done, line.total)) == ("0:01:01", "12,345")
    trials = ProgressLine("trial", 4, estimates=False)
    trials.update(2)
    now[0] += 5
    assert _time(trials) == "0:00:05"
    assert _time(ProgressLine("nothing", 0)) == "0:00:00"


class Long(NamedTuple):
    """A command, the function of it that takes long, and the step that is shown then."""

    words: str
    function: str
    step: str
    needs: str = ""


_LOAD = "ctxprune.sql.evaluation.datasets.load"
_ASK = "ctxprune.sql.pipeline.pipeline.Pipeline.ask"
_BUILD = "ctxprune.sql.values.ValueIndex.for_database"
LONG = (
    Long("prune text.txt -q bridge", "ctxprune.pruning.pruner.Pruner.prune", "pruning"),
    Long("prune lines.jsonl -q bridge", "ctxprune.rag.PassagePruner.prune", "pruning"),
    Long("prune page.html -q bridge", "ctxprune.pruning.pruner.Pruner.prune", "pruning"),
    Long("prune t.parquet -q bridge", "ctxprune.rag.tables.prune_file", "pruning t.parquet"),
    Long("prune page.html --main", "ctxprune.rag.html.extract_main_text", "main text"),
    Long("dedup text.txt", "ctxprune.rag.deduplicate", "read"),
    Long("dedup table.csv", "ctxprune.rag.deduplicate_rows", "reading"),
    Long("demo", _ASK, "answering"),
    Long("doctor", "ctxprune.cli.doctor.run_checks", "checking"),
    Long("extract text.txt --schema schema.json", "ctxprune.rag.extract.SpanExtractor.extract", "extracting"),
    Long("calibrate --data .", _LOAD, "reading the set"),
    Long("mcp shop.sqlite --transport http", "ctxprune.serve.mcp.create_mcp_app", "loading the models", "mcp"),
    Long("models --measure", "ctxprune.cli._model_folders.installed_models", "measuring"),
    Long("serve shop.sqlite", "ctxprune.serve.app.create_app", "loading the models", "uvicorn"),
    Long("sql index shop.sqlite --out index", _BUILD, "reading"),
    Long("sql index shop.sqlite --out . --verify", "ctxprune.sql.values.ValueIndex.verify", "comparing"),
    Long("sql values shop.sqlite Paris --index index", _BUILD, "indexing values"),
    Long("sql link tables.json Paris", "ctxprune.sql.linking.ranked.RankedLinker.link", "linking"),
    Long("sql link shop.sqlite Paris --index index", _BUILD, "indexing values"),
    Long("sql ask shop.sqlite Paris --index index", _BUILD, "indexing values"),
    Long("sql ask shop.sqlite Paris --plain", _ASK, "answering"),
    Long("sql ask shop.sqlite - --plain", "ctxprune.sql.pipeline.conversation.Conversation.ask", "answering"),
    Long(
        "sql learn shop.sqlite --term a b --knowledge k.jsonl",
        "ctxprune.sql.knowledge.check.Checker.learned",
        "checking queries",
    ),
    Long(
        "sql learn shop.sqlite --check --knowledge known.jsonl",
        "ctxprune.sql.knowledge.check.Checker.problem",
        "checking entries",
    ),
    Long("sql learn shop.sqlite --from-traces traces.jsonl", "ctxprune.sql.knowledge.traces.check_traces", "running"),
    Long("sql match shop.sqlite shop.sqlite", "ctxprune.sql.match.match_schemas", "matching"),
    Long(
        "sql migrate tables.json tables.json --knowledge known.jsonl --out new",
        "ctxprune.sql.match.map_schemas",
        "matching",
    ),
    Long(
        "sql migrate tables.json tables.json --knowledge known.jsonl --out new",
        "ctxprune.sql.match.migrate.migrate_entries",
        "carrying over",
    ),
    Long("bench bird --data . --self-check", _LOAD, "reading the set"),
    Long("bench spider --data . --self-check", _LOAD, "reading the set"),
    Long("bench compare text.txt text.txt", "ctxprune.sql.evaluation.compare.read_results", "comparing"),
    Long("bench cosql --data .", "ctxprune.sql.evaluation.conversations.load_conversations", "reading the set"),
    Long("bench sparc --data .", "ctxprune.sql.evaluation.conversations.load_conversations", "reading the set"),
    Long("bench html --data .", "ctxprune.rag.evaluation.html_sets.read_pages", "reading the pages"),
    Long("bench dedup --data .", "ctxprune.rag.evaluation.dedup.read_texts", "reading the texts"),
    Long("bench field --data .", "ctxprune.rag.evaluation.field_set.read_field_items", "reading the set"),
    Long("bench kv --model . --text text.txt", "ctxprune.kv.model.loading.load_decoder", "loading", "torch"),
    Long("bench linking --data .", _LOAD, "reading the set"),
    Long("bench linking --data . --pooled", "ctxprune.sql.evaluation.pooled.pooled", "ranking"),
    Long("bench passages --data .", "ctxprune.train.sentence_sets.read_items", "reading the set"),
    Long("bench rerank --data .", "ctxprune.rag.evaluation.rerank.load_ranking_set", "reading the corpus"),
    Long("bench select --data . --candidates text.txt", _LOAD, "reading the set"),
    Long("bench sqleval --data .", "ctxprune.sql.evaluation.trust.sqleval.load_sqleval", "reading the set"),
    Long("bench tables --data .", "ctxprune.rag.evaluation.table_sets.read_table_items", "reading the set"),
    Long("bench tools --data .", "ctxprune.rag.evaluation.tools.load_tool_set", "reading the set"),
    Long("bench trust --data sqleval", "ctxprune.sql.evaluation.trust.sets.open_questions", "reading the set"),
    Long("bench values --data .", _LOAD, "reading the set"),
    Long("corpus prune lines.jsonl --out kept.jsonl", "ctxprune.rag.prune_corpus_file", "judge"),
    Long("train pruner --out run --smoke", "ctxprune.train.train_pruner.train_pruner", "training", "onnx"),
    Long("train distil --out run --data . --teacher . --base .", "ctxprune.cli.train_pruner.parts_of", "read", "onnx"),
    Long("train select lines.jsonl --by random --share 0.5", "ctxprune.train.select_lines.index_lines", "choosing"),
    Long("shrink audit . . --data lines.jsonl", "ctxprune.shrink.audit.models.load_decoder", "loading", "torch"),
    Long("shrink list", "ctxprune.shrink.recipes.recipe.recipe_names", "reading the recipes"),
    Long(
        "shrink run . --data lines.jsonl --target latency=0.5 --out run",
        "ctxprune.shrink.run.job.run_job",
        "reading",
        "torch",
    ),
)
QUICK = {"sql check", "shrink show"}
"""One statement is checked, or one file of a few lines is shown."""


def commands() -> set[str]:
    root = typer.main.get_command(app)
    names = set()
    for name, command in root.commands.items():
        inner = getattr(command, "commands", None)
        names |= {name} if inner is None else {f"{name} {one}" for one in inner}
    return names


def test_every_command_is_in_the_matrix_or_quick() -> None:
    covered = {name for name in commands() if any(f"{long.words} ".startswith(f"{name} ") for long in LONG)}
    assert covered.isdisjoint(QUICK)
    assert covered | QUICK == commands()


@pytest.fixture
def files(tmp_path: Path, shop: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with small inputs of all commands, which is the current one."""
    shop.rename(tmp_path / "shop.sqlite")
    lines = "".join(json.dumps({"text": f"The bridge opened in 19{n}.", "id": n}) + "\n" for n in range(30, 40))
    written = {
        "text.txt": "The bridge opened in 1933. It is long.\n",
        "lines.jsonl": lines,
        "page.html": "<p>The bridge opened in 1933.</p>",
        "t.parquet": "PAR1",
        "table.csv": "a,b\n1,2\n1,2\n",
        "schema.json": '{"type": "object", "properties": {"year": {"type": "integer"}}}',
        "tables.json": '{"city": ["name", "population"]}',
        "known.jsonl": '{"format": "ctxprune.knowledge", "version": 1}\n'
        '{"kind": "term", "term": "big", "meaning": "population over 1"}\n',
        "traces.jsonl": "{}\n",
    }
    for name, text in written.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("long", LONG, ids=lambda long: f"{long.words}: {long.function.rpartition('.')[2]}")
@pytest.mark.usefixtures("files")
def test_a_long_command_shows_its_progress(long: Long, monkeypatch: pytest.MonkeyPatch) -> None:
    if long.needs and find_spec(long.needs) is None:
        pytest.skip(f"needs {long.needs}")
    seen: list[str] = []

    def stop(*_: object, **__: object) -> None:
        line = _progress._current.get()
        seen.append("" if line is None else line.step)
        deadline = time.monotonic() + 20
        while line is not None and long.step not in terminal.getvalue() and time.monotonic() < deadline:
            time.sleep(0.01)
        raise MemoryError("stopped here")

    # What is read before the long part, and would need large fixtures.
    monkeypatch.setattr("ctxprune.sql.evaluation.trust.sets.find_sets", lambda *_: [Path("sqleval")])
    monkeypatch.setattr("ctxprune.sql.knowledge.traces.read_traces", lambda _: [])
    monkeypatch.setattr(long.function, stop)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"How many cities are there?\n")))
    monkeypatch.setattr(sys, "stdout", Output(io.BytesIO()))
    terminal = open_terminal(monkeypatch)
    assert main(long.words.split()) == 1
    assert [step[: len(long.step)] for step in seen] == [long.step]
    shown = terminal.getvalue()
    assert long.step in shown
    drawn, _, error = shown.rpartition(SHOW_CURSOR)
    assert drawn
    assert error.partition("ctxprune:")[0].endswith(CLEAR)  # the error has a line of its own
    assert "stopped here" in error


_SLOW = """
import sys, time
from ctxprune.cli import _progress, main
from ctxprune.pruning.pruner import Pruner
_progress._DELAY = 0.1
Pruner.prune = lambda *_: time.sleep(60)
sys.exit(main(["prune", "text.txt", "-q", "bridge"]))
"""


@pytest.mark.usefixtures("files")
def test_ctrl_c_takes_the_line_back() -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", _SLOW], stderr=theirs, stdout=subprocess.PIPE, env=environment)
    os.close(theirs)
    try:
        shown = _read(ours, lambda text: "pruning" in text)
        for _ in range(20):  # the first one may be lost; as a person would, press again
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(1)
                break
        assert process.wait(1) == 130
        shown += _read(ours, lambda _: False)
    finally:
        process.kill()
        process.communicate()
        os.close(ours)
    assert "pruning" in shown
    assert "Traceback" not in shown
    assert shown.rpartition(SHOW_CURSOR)[2].endswith(CLEAR)


def _read(terminal: int, is_enough: Callable[[str], bool]) -> str:
    """What is written to a terminal until it is enough, or the other end is closed."""
    text = ""
    while not is_enough(text):
        try:
            text += os.read(terminal, 4096).decode()
        except OSError:  # how Linux says that nobody has the other end any more
            break
    return text
