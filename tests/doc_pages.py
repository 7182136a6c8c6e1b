"""Pages of docs/ for the tests that run their examples."""

from __future__ import annotations

import re
import textwrap
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
