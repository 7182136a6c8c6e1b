"""Pages of docs/ and docstrings of the library, for the tests that run their examples."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import textwrap
import tokenize
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


def page(name: str) -> str:
    """The Markdown of a page: "tasks/passages" is docs/tasks/passages.md; "README" is the README."""
    path = ROOT / "README.md" if name == "README" else DOCS / f"{name}.md"
    return path.read_text(encoding="utf-8")


def blocks(name: str, language: str = "python") -> list[str]:
    """The fenced blocks of a page in one language, without their indent."""
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```", page(name), re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(block) for block in found]


def run(name: str, part: str = "", **names: object) -> dict[str, object]:
    """The names that the one Python block of a page defines that holds `part`; `names` stand for what readers have."""
    (code,) = (block for block in blocks(name) if part in block)
    exec(compile(code, f"{name}.md", "exec"), names)
    return names


def docstring_examples() -> dict[str, str]:
    """By "file, name": the Python of each docstring of the library that has an "Examples:" section."""
    found: dict[str, str] = {}
    for folder in ("ctxprune", "rag", "sql"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            if "Examples:\n" not in text:
                continue
            for node in ast.walk(ast.parse(text)):
                documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
                about = (ast.get_docstring(node) or "") if documented else ""
                parts = re.findall(
                    r"^ *```python\n(.*?)^ *```", about.partition("Examples:\n")[2], re.DOTALL | re.MULTILINE
                )
                if parts:
                    name = f"{path.relative_to(ROOT)}, {getattr(node, 'name', 'module')}"
                    found[name] = "".join(textwrap.dedent(part) for part in parts)
    return found


def run_example(code: str, where: str) -> None:
    """Run a docstring's example; a comment behind `print(…)`, or below it, says what is printed.

    Raises:
        AssertionError: It prints something else.
    """
    lines, names = code.splitlines(), {"__name__": "example"}
    for statement in ast.parse(code).body:
        written = io.StringIO()
        with contextlib.redirect_stdout(written):
            exec(compile(ast.Module([statement], []), where, "exec"), names)
        end = statement.end_lineno or 1
        # On the line of the print itself, or where that would be too long, on the next one.
        said = _comment(lines[end - 1]) or "".join(
            _comment(line) for line in lines[end : end + 1] if "print" not in line
        )
        if said and written.getvalue():
            assert written.getvalue().strip() == said, f"{where}: {lines[statement.lineno - 1]}"


def _comment(line: str) -> str:
    tokens = tokenize.generate_tokens(io.StringIO(line).readline)
    try:
        return next((token.string.removeprefix("# ") for token in tokens if token.type == tokenize.COMMENT), "")
    except tokenize.TokenError:  # the end of a statement of several lines
        return ""
