"""Closed streams, poor encodings and Ctrl-C: never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")


def run(command: str, *words: str, **environment: str) -> tuple[int, bytes, bytes]:
    """Runs `command` in a shell, where "$@" stands for Python and `words`."""
    line = ["sh", "-c", command, "sh", sys.executable, *words]
    done = subprocess.run(line, capture_output=True, env={**os.environ, **environment}, timeout=120, check=False)
    assert b"Traceback" not in done.stderr + done.stdout
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def text(tmp_path: Path) -> str:
    path = tmp_path / "a.txt"
    path.write_text("Łódź is a city \u2192 in Poland. Pears are green.", encoding="utf-8")
    return str(path)


def test_no_stdin_is_empty_input() -> None:
    code, out, err = run('"$@" <&-', "-m", "ctxprune", "prune", "-q", "x")
    assert (code, out, err) == (1, b"", b"ctxprune: CP005 there is no text to prune [stdin]\n")


def test_no_stderr_is_silence(text: str) -> None:
    code, out, err = run('"$@" 2>&-', "-m", "ctxprune", "prune", text, "-q", "city in Poland", "--top-k", "1")
    assert (code, err) == (0, b"")
    assert out.decode("utf-8").startswith("Łódź")
    assert run('"$@" 2>&-', "-m", "ctxprune", "prune", "--nope") == (2, b"", b"")


def test_no_stdout_is_an_error(text: str) -> None:
    code, _, err = run('"$@" >&-', "-m", "ctxprune", "prune", text, "-q", "pears")
    assert (code, err) == (1, b"ctxprune: standard output is closed\n")
    assert run('"$@" >&- 2>&- <&-', "-m", "ctxprune", "prune", text, "-q", "pears")[0] == 1


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_what_stdout_cannot_take_is_escaped(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "schema.json"
    path.write_text('{"miasto\u2192": ["\u0142ad"]}', encoding="utf-8")
    words = ("sql", "link", str(path), "miasto", "--form", "compact")
    for command in (words, ("sql", "check", "--", "SELECT '\u0142'"), ("prune", "--help")):
        code, out, _ = run('"$@"', "-m", "ctxprune", *command, PYTHONIOENCODING=encoding)
        assert (code, bool(out)) == (0, True)
        if encoding == "cp1252":  # ASCII is taken by click for a terminal that was set up badly: it writes UTF-8
            assert out.decode(encoding)
            assert (b"\\u2192" in out) is (command is words)


def test_ctrl_c_while_it_is_still_starting() -> None:
    script = """
import sys
class Stop:
    def find_spec(self, name, *rest):
        if name == "typer":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Stop())
from ctxprune.cli import main
sys.exit(main(["--version"]))
"""
    assert run('"$@"', "-c", script) == (130, b"", b"")
