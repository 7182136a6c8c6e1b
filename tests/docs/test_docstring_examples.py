"""Examples in docstrings run and print what they say; and no public name is without an example."""

from __future__ import annotations

import ast
import importlib
from functools import cache
from pathlib import Path

import pytest
from doc_pages import DOCS, blocks, docstring_examples, run, run_example

from ctxprune.errors import MissingExtraError

EXAMPLES = docstring_examples()
PACKAGES = ("ctxprune", "ctxprune.sql", "ctxprune.rag")


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if "shop.sqlite" in EXAMPLES[name]:
        run("start/first_steps", "executescript(")
    try:
        run_example(EXAMPLES[name], name)
    except MissingExtraError as error:
        pytest.skip(str(error))


def test_an_example_that_prints_something_else_is_seen() -> None:
    run_example("print(1)  # 1\nprint('# 2')  # # 2\nx = 3  # a remark", "right")
    with pytest.raises(AssertionError, match=r"wrong: print\(2\)"):
        run_example("print(1)  # 1\nprint(2)  # 3", "wrong")


def uses(code: str) -> set[tuple[str, str]]:
    """(module, name) of what a piece of code imports from this library and then uses."""
    tree = ast.parse(code)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return {
        (node.module or "", alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "ctxprune"
        for alias in node.names
        if (alias.asname or alias.name) in used
    }


@cache
def shown() -> frozenset[tuple[str, str]]:
    """What the Python of all pages and docstrings uses. It all runs here or in test_page_examples.py."""
    pages = ["README", *(str(path.relative_to(DOCS).with_suffix("")) for path in DOCS.rglob("*.md"))]
    codes = [*EXAMPLES.values(), *(block for name in pages for block in blocks(name))]
    return frozenset(found for code in codes for found in uses(code))


def test_uses_of_names_are_found() -> None:
    code = "from ctxprune import prune, TopK\nfrom ctxprune.rag import Table as T\nimport os\nprune(T)"
    assert uses(code) == {("ctxprune", "prune"), ("ctxprune.rag", "Table")}


def offered(module: str, name: str) -> object:
    """What a module offers by a name; None where it needs an extra that is not installed."""
    try:
        return getattr(importlib.import_module(module), name)
    except MissingExtraError:
        return None


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_has_an_example(package: str) -> None:
    """A name that several packages give on needs one example, whichever of them it is imported from."""
    public = importlib.import_module(package)
    found = {
        name for module, name in shown() if name in public.__all__ and offered(module, name) is offered(package, name)
    }
    assert sorted(set(public.__all__) - found) == []
