"""Questions about whole documents, each with exact strings of the document that together are the evidence."""

from __future__ import annotations

import html.parser
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError
from ctxprune.storage.json_lines import numbered_rows

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FieldItem", "evidence_text", "read_field_items"]

_FILE = "items.jsonl"
# Formats of running text, whose questions are too few to be reported apart.
_GROUPS = {"markdown": "docs", "rst": "docs", "text": "docs"}
_BLOCK_NAMES = (
    "address article aside blockquote body br button caption center col colgroup dd details dialog dir div dl dt "
    "fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 head header hgroup hr html iframe img input legend li "
    "link main menu meta nav noscript ol optgroup option p pre section select summary table tbody td textarea tfoot th "
    "thead title tr ul"
)
_BLOCKS = frozenset(_BLOCK_NAMES.split())
_HIDDEN = frozenset({"script", "style", "template"})


@dataclass(frozen=True, slots=True)
class FieldItem:
    """A question about one document.

    Attributes:
        name: Identifier of the question.
        file: The document.
        kind: How evidence is searched for: "html" in the visible text, any other in the text as it is.
        group: What the figures are reported by.
        question: Text of the question.
        evidence: Strings that together answer it; () where the document does not.
    """

    name: str
    file: Path
    kind: str
    group: str
    question: str
    evidence: tuple[str, ...]


def read_field_items(folder: Path, *, split: str | None = None) -> list[FieldItem]:
    """Read `items.jsonl` of a folder.

    A row is `{"id", "file", "kind", "question", "evidence"}`, the file relative to the folder; "group" (by default
    "docs" for running text, else the kind) and "split" are optional.

    Args:
        folder: Folder of the set.
        split: Only rows with that "split".

    Raises:
        InputError: A row is not of that form or names a file that is not in the folder, evidence is not in its
            document, or no row is left.
    """
    root = folder.resolve()
    items = []
    texts: dict[Path, str] = {}
    for number, row in numbered_rows(folder / _FILE):
        where = f"{_FILE}, line {number}"
        try:
            item, part = _read_item(row, root)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"this is no question with a file and its evidence ({error})", where=where) from error
        if not item.file.is_relative_to(root) or not item.file.is_file():
            raise InputError("the file is not in the folder", where=where)
        if split not in (None, part):
            continue
        if item.file not in texts:
            texts = {item.file: _read_document(item.file, item.kind)}
        missing = next((string for string in item.evidence if string not in texts[item.file]), None)
        if missing is not None:
            raise InputError(f"the evidence {missing[:60]!r} is not in the document", where=where)
        items.append(item)
    if not items:
        raise InputError("there is no question" + (f" in the part {split!r}" if split else ""), where=folder.name)
    return items


def evidence_text(text: str, kind: str) -> str:
    """The text that evidence is searched for in: of HTML what is visible, of any other kind `text` itself.

    In HTML a block tag stands for a space and an inline tag for nothing; scripts, styles, templates and comments are
    left out, entities are read, and runs of white space become one space.
    """
    if kind != "html":
        return text
    reader = _VisibleText()
    reader.feed(text)
    reader.close()
    return " ".join("".join(reader.parts).split())


class _VisibleText(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0  # open elements that are not shown

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag in _HIDDEN:
            self._hidden += 1
        elif tag in _BLOCKS:
            self.parts.append(" ")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # `<script/>` hides nothing: no end tag of it will come.
        if tag not in _HIDDEN:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag in _BLOCKS:
            self.parts.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


def _read_item(row: Any, root: Path) -> tuple[FieldItem, str | None]:
    kind, evidence = str(row["kind"]), row["evidence"]
    if not isinstance(evidence, list) or not all(isinstance(string, str) and string.strip() for string in evidence):
        raise ValueError("evidence is no list of texts")
    if not isinstance(row["question"], str) or not row["question"].strip():
        raise ValueError("there is no question")
    group = str(row.get("group") or _GROUPS.get(kind, kind))
    file = (root / str(row["file"])).resolve()
    return FieldItem(str(row["id"]), file, kind, group, row["question"], tuple(evidence)), row.get("split")


def _read_document(file: Path, kind: str) -> str:
    try:
        return evidence_text(file.read_bytes().decode("utf-8"), kind)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the document cannot be read ({error})", where=file.name) from error
