"""Hook of mkdocs: a page for each notebook of docs/notebooks, from its cells and the outputs that are stored in it.

The pages are Markdown like all others, so that their links are checked, their code has the site's colours and button to
copy, and a strict build reads them. (mkdocs-jupyter gives HTML of its own: links between notebooks and pages go
unchecked, and its template loads scripts from another host.) Nothing is executed here.
"""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

FOLDER = Path(__file__).resolve().parent / "notebooks"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages and their pictures; the notebooks themselves stay files that can be downloaded."""
    from mkdocs.structure.files import File  # here, so that tests of the pages need no mkdocs

    for path in sorted(FOLDER.glob("*.ipynb")):
        text, pictures = to_page(path.stem, json.loads(path.read_text(encoding="utf-8")))
        files.append(File.generated(config, f"notebooks/{path.stem}.md", content=text))
        for name, content in pictures.items():
            files.append(File.generated(config, f"notebooks/{name}", content=content))
    return files


def to_page(name: str, notebook: dict[str, Any]) -> tuple[str, dict[str, bytes]]:
    """The Markdown of a notebook, and its pictures by the names under which the Markdown links to them.

    Args:
        name: What the notebook's file is called, without its ending.
        notebook: The parsed file, of nbformat 4.
    """
    parts: list[str] = []
    pictures: dict[str, bytes] = {}
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
        elif cell["cell_type"] == "code":
            parts.append(_fence(source, "python"))
            for place, output in enumerate(cell["outputs"]):
                parts.append(_output(output, cell, f"{name}-{cell['id']}-{place}.png", pictures))
    # Behind the heading: a page begins with it.
    parts.insert(1, f'<p><a href="../{name}.ipynb" download>Download this notebook</a></p>')
    return "\n\n".join(part for part in parts if part) + "\n", pictures


def _output(output: dict[str, Any], cell: dict[str, Any], picture: str, pictures: dict[str, bytes]) -> str:
    """The Markdown of one output; a picture is added to `pictures`."""
    if output["output_type"] == "stream":
        return _fence("".join(output["text"]), "text", ".output")
    data = output.get("data", {})
    if "image/png" in data:
        pictures[picture] = base64.b64decode("".join(data["image/png"]))
        return f"![{cell['metadata'].get('alt', '')}]({picture})"
    if "text/html" in data:
        # Without empty lines, at which Markdown would end the block.
        return re.sub(r"\n\s*\n", "\n", "".join(data["text/html"]))
    return _fence("".join(data.get("text/plain", "")), "text", ".output")


def _fence(text: str, language: str, more: str = "") -> str:
    """A block of code, between more backticks than it holds in a row."""
    marks = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", text))])
    head = f" {{.{language} {more}}}" if more else language
    return f"{marks}{head}\n{text.rstrip()}\n{marks}"
