"""The notebooks of docs/notebooks run, and are what their readers and the site need.

Those that need torch are run by tests/kv and tests/shrink, in the environment that has it.
"""

from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest

pytest.importorskip("nbclient", reason="nbclient is not installed")

import nbformat
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebook_runs import check_run, find_odd_outputs, need_tools

from benchmarks.report import notebooks

ALL = (*notebooks.MAIN, *notebooks.TRAIN)
LARGEST = 200_000  # bytes of a file


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", notebooks.MAIN)
def test_it_runs_and_says_the_same(name: str) -> None:
    need_tools()
    if name == "mcp_agent":
        pytest.importorskip("mcp", reason="the mcp extra is not installed")
    check_run(name)


def test_every_notebook_is_listed() -> None:
    assert sorted(path.stem for path in notebooks.FOLDER.glob("*.ipynb")) == sorted(ALL)
    index = (notebooks.FOLDER / "index.md").read_text(encoding="utf-8")
    site = (notebooks.ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for name in ALL:
        assert f"({name}.ipynb)" in index
        assert f"notebooks/{name}.md" in site


@pytest.mark.parametrize("name", ALL)
def test_the_file_is_small_and_clean(name: str) -> None:
    path = notebooks.FOLDER / f"{name}.ipynb"
    assert path.stat().st_size <= LARGEST
    notebook = notebooks.read(name)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.language_info == notebooks.LANGUAGE
    assert find_odd_outputs(notebook) == []
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    # in order and once each, as they are after a run of the whole
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))


@pytest.mark.parametrize("name", ALL)
def test_pictures_have_words_for_those_who_do_not_see_them(name: str) -> None:
    for cell in notebooks.read(name).cells:
        if any("image/png" in output.get("data", {}) for output in cell.get("outputs", [])):
            assert len(cell.metadata.get("alt", "")) > 20, cell.id


@pytest.mark.parametrize("name", ALL)
def test_a_story_begins_with_a_heading_and_ends_with_where_to_go(name: str) -> None:
    cells = notebooks.read(name).cells
    assert cells[0].cell_type == cells[-1].cell_type == "markdown"
    assert cells[0].source.startswith("# ")
    assert "**Next:**" in cells[-1].source


@pytest.mark.parametrize("name", ALL)
def test_links_lead_somewhere(name: str) -> None:
    text = "\n".join(cell.source for cell in notebooks.read(name).cells if cell.cell_type == "markdown")
    links = [link for link in re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", text) if "://" not in link]
    assert links
    assert [link for link in links if not (notebooks.FOLDER / link).is_file()] == []


def notebook_of(*sources: str, tags: tuple[str, ...] = ()) -> nbformat.NotebookNode:
    cells = [new_code_cell(source, metadata={"tags": list(tags)}) for source in sources]
    return new_notebook(cells=[new_markdown_cell("# Story"), *cells])


def test_a_run_gives_what_the_cells_print_and_leaves_the_notebook_as_it_is() -> None:
    need_tools()
    given = notebook_of(
        "import os, sys\nprint(sys.executable)", "print(os.listdir('.'), os.environ['HF_HUB_OFFLINE'])\n1 + 1"
    )
    before = copy.deepcopy(given)
    executed = notebooks.execute(given)
    assert given == before
    import sys

    assert executed.cells[1].outputs[0].text.strip() == sys.executable
    assert executed.cells[2].outputs[0].text == "[] 1\n"
    assert executed.cells[2].outputs[1].data["text/plain"] == "2"
    assert notebooks.differences(given, executed) != []
    assert notebooks.differences(executed, executed) == []


def test_a_cell_that_fails_is_an_error() -> None:
    need_tools()
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        notebooks.execute(notebook_of("1 / 0"))


@pytest.mark.parametrize(
    ("was", "now", "tags", "same"),
    [
        (new_output("stream", text="a"), new_output("stream", text="a"), (), True),
        (new_output("stream", text="a"), new_output("stream", text="b"), (), False),
        (new_output("stream", text="a"), new_output("stream", text="b"), ("varies",), True),
        # where numbers may vary, a cell still has to print something
        (new_output("stream", text="a"), new_output("display_data", data={"image/png": "eA=="}), ("varies",), False),
        (new_output("display_data", data={"image/png": "eA==", "text/plain": "<Figure 1>"}),
         new_output("display_data", data={"image/png": "eQ==", "text/plain": "<Figure 2>"}), (), True),
        (new_output("display_data", data={"text/html": "<b>1</b>", "text/plain": "<X>"}),
         new_output("display_data", data={"text/html": "<b>2</b>", "text/plain": "<X>"}), (), False),
    ],
)  # fmt: skip
def test_what_counts_as_a_difference(was, now, tags: tuple[str, ...], same: bool) -> None:
    old = notebook_of("x", tags=tags)
    new = copy.deepcopy(old)
    old.cells[1].outputs, new.cells[1].outputs = [was], [now]
    assert (notebooks.differences(old, new) == []) == same


def test_a_notebook_that_lost_a_cell_differs() -> None:
    old = notebook_of("x", "y")
    new = copy.deepcopy(old)
    del new.cells[2]
    assert notebooks.differences(old, new) == ["stored 3 cells, executed 2"]


@pytest.mark.parametrize(
    ("output", "odd"),
    [
        (new_output("stream", text="12 rows, http://localhost:8000/v1#name, and/or"), []),
        (new_output("stream", text="at /home/ann/x.sqlite"), ["/home/"]),
        (new_output("stream", text="C:\\Users"), ["C:\\U"]),
        (new_output("stream", name="stderr", text="x"), ["the error stream"]),
        (new_output("display_data", data={"text/html": "<p>FutureWarning: soon"}), ["FutureWarning"]),
        (new_output("error", ename="E", evalue="", traceback=[]), ["an error"]),
    ],
)  # fmt: skip
def test_what_outputs_may_not_hold(output, odd: list[str]) -> None:
    notebook = notebook_of("x")
    notebook.cells[1].outputs = [output]
    assert find_odd_outputs(notebook) == [f"{notebook.cells[1].id}: {words}" for words in odd]


def test_wrong_names_are_refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["notebooks.py", "kv_cash"])
    with pytest.raises(SystemExit) as stopped:
        notebooks.main()
    assert stopped.value.code == 2
    assert "no notebook kv_cash" in capsys.readouterr().err


def test_what_was_asked_for_and_cannot_run_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notebooks, "can_run", lambda name: False)
    monkeypatch.setattr("sys.argv", ["notebooks.py", "kv_cache"])
    assert notebooks.main() == 1
    assert "it needs torch" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", ["notebooks.py"])
    assert notebooks.main() == 0


def test_a_damaged_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kv_cache.ipynb").write_text('{"cells": [', encoding="utf-8")
    monkeypatch.setattr(notebooks, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match=r"kv_cache\.ipynb is damaged"):
        notebooks.read("kv_cache")


def test_a_long_name_of_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need_tools()
    long = tmp_path / ("x" * 120)  # more than the name of a socket may have
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    assert notebooks.execute(notebook_of("print(1)")).cells[1].outputs[0].text == "1\n"


def test_a_check_of_a_changed_output_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    need_tools()
    given = notebook_of("print('new')")
    given.cells[1].outputs = [new_output("stream", text="old\n")]
    name = notebooks.MAIN[0]
    nbformat.write(given, tmp_path / f"{name}.ipynb")
    monkeypatch.setattr(notebooks, "FOLDER", tmp_path)
    monkeypatch.setattr("sys.argv", ["notebooks.py", "--check", name])
    assert notebooks.main() == 1
    assert "stored" in capsys.readouterr().err
    assert notebooks.read(name).cells[1].outputs[0].text == "old\n"  # a check writes nothing
    monkeypatch.setattr("sys.argv", ["notebooks.py", name])
    assert notebooks.main() == 0
    assert notebooks.read(name).cells[1].outputs[0].text == "new\n"
