"""What `ctxprune prune` reads and writes: text, Markdown, JSON lines; files or stdin."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

import typer

from ctxprune.cli._console import escape
from ctxprune.errors import InputError
from ctxprune.storage.sealed import parse_json

__all__ = [
    "LINES",
    "Format",
    "Inputs",
    "beginning",
    "read_bytes",
    "read_inputs",
    "read_text",
    "write_records",
    "write_texts",
]

_MARKDOWN = frozenset({".markdown", ".md", ".mdown", ".mkd"})
_HEAD = 20_000  # bytes
_MOST_BYTES = 1_000_000_000  # a device or a pipe may have no end; a text of that size has many times it in memory
LINES = frozenset({".jsonl", ".ndjson"})
"""Ends of the names of JSON lines."""


class Format(StrEnum):
    """How a file is read."""

    auto = "auto"
    csv = "csv"
    html = "html"
    json = "json"
    jsonl = "jsonl"
    log = "log"
    markdown = "markdown"
    schema = "schema"
    table = "table"
    text = "text"
    tools = "tools"
    triples = "triples"
    tsv = "tsv"


@dataclass(frozen=True)
class Inputs:
    """What was read.

    Attributes:
        names: The files, "-" for stdin.
        texts: What is pruned: a text a file, or a text a line.
        markdown: Whether the texts are Markdown.
        records: The JSON object of each line; None where the files are no JSON lines.
        titles: A title a text, or none at all.
        lines: The lines that the records stand in, as they are.
    """

    names: list[str]
    texts: list[str]
    markdown: bool = False
    records: list[dict[str, Any]] | None = None
    titles: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


def read_inputs(files: Sequence[Path], form: Format, field: str, title_field: str | None = None) -> Inputs:
    """The texts of all files, in order.

    Args:
        files: Paths; "-" is stdin.
        form: How to read them; `auto` goes by the ends of their names.
        field: Name of the text in JSON lines.
        title_field: Name of the title in JSON lines, if there is one; lines may lack it.

    Raises:
        InputError: A file cannot be read, or is not what it should be.
    """
    names = [str(path) for path in files]
    forms = [_form(path, form) for path in files]
    # Lines are written back as lines, so they cannot be mixed with whole files.
    if Format.jsonl in forms:
        if set(forms) != {Format.jsonl}:
            raise typer.BadParameter("JSON lines do not go together with other files", param_hint="FILES")
        read = [entry for path in files for entry in _records(path, field)]
        lines, records = tuple(line for line, _ in read), [record for _, record in read]
        titles = () if title_field is None else tuple(str(record.get(title_field) or "") for record in records)
        return Inputs(names, [record[field] for record in records], records=records, titles=titles, lines=lines)
    if title_field is not None:
        raise typer.BadParameter("only JSON lines have a title of their own", param_hint="--title-field")
    texts = [read_text(path) for path in files]
    return Inputs(names, texts, markdown=Format.markdown in forms)


def write_texts(texts: Sequence[str], names: Sequence[str] = ()) -> None:
    """The kept texts as UTF-8 bytes, an empty line between two; texts that lost everything are left out.

    With names each text stands under its own, as `head` and `tail` write the names of files.
    """
    if names:
        named = [f"==> {escape(name)} <==\n{text}" for name, text in zip(names, texts, strict=True) if text]
        text = "\n\n".join(part.rstrip("\n") for part in named)
    else:
        text = texts[0] if len(texts) == 1 else "\n\n".join(part for part in texts if part)
    sys.stdout.flush()
    sys.stdout.buffer.write((text if text.endswith("\n") or not text else text + "\n").encode("utf-8"))
    sys.stdout.buffer.flush()


def write_records(records: Sequence[dict[str, Any]], texts: Sequence[str], field: str) -> None:
    """Each record with its text replaced, one JSON object a line."""
    sys.stdout.flush()
    for record, text in zip(records, texts, strict=True):
        try:
            line = json.dumps({**record, field: text}, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:  # half of a surrogate pair, which JSON can hold and UTF-8 cannot
            line = json.dumps({**record, field: text}).encode("ascii")
        sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


def _form(path: Path, form: Format) -> Format:
    if form is not Format.auto:
        return form
    suffix = path.suffix.lower()
    if suffix in LINES:
        return Format.jsonl
    return Format.markdown if suffix in _MARKDOWN else Format.text


def _records(path: Path, field: str) -> list[tuple[str, dict[str, Any]]]:
    """The lines of a file of JSON lines, and their objects; empty lines are skipped."""
    records: list[tuple[str, dict[str, Any]]] = []
    for number, line in enumerate(_read(path).removeprefix("\ufeff").split("\n"), 1):
        if not line.strip():
            continue
        where = f"{_name(path)}, line {number}"
        try:
            record = parse_json(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"this is no JSON ({error})", where=where, hint="one JSON object a line") from error
        if not isinstance(record, dict):
            raise InputError(f"this is a {type(record).__name__}, no JSON object", where=where)
        if not isinstance(record.get(field), str):
            fields = ", ".join(map(repr, record)) or "none"
            raise InputError(f"there is no text in the field {field!r}", where=where, hint=f"fields: {fields}; --field")
        records.append((line, record))
    if not records:
        raise InputError("there is no text to prune", where=_name(path))
    return records


def read_bytes(path: Path) -> bytes:
    """What is in a file, or comes from stdin.

    Raises:
        InputError: It is not there, no file, or has more than 1 GB.
    """
    # Waiting for a terminal would look like a hang.
    name = _name(path)
    if name == "stdin":
        if sys.stdin.isatty():
            raise typer.BadParameter("give a file, or pipe text in", param_hint="FILES")
        return _bounded(sys.stdin.buffer, name)
    if path.is_dir():
        raise InputError("this is a folder, not a file", where=name)
    try:
        with path.open("rb") as file:
            return _bounded(file, name)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        hint = "check the path; - stands for stdin" if missing else "check its permissions"
        raise InputError(f"cannot read the file: {error.strerror}", where=name, hint=hint) from error


def _bounded(file: BinaryIO, name: str) -> bytes:
    data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise InputError(f"there are more than {_MOST_BYTES} bytes", where=name, hint="give it in parts")
    return data


def beginning(path: Path) -> str:
    """The first characters of a file or of stdin, which can still be read whole; "" where that cannot be."""
    try:
        if _name(path) != "stdin":
            if not path.is_file():  # what is read of a pipe is gone
                return ""
            with path.open("rb") as file:
                data = file.read(_HEAD)
        elif sys.stdin.isatty() or not hasattr(sys.stdin.buffer, "peek"):  # whoever calls `main` may replace stdin
            return ""
        else:
            data = sys.stdin.buffer.peek(_HEAD)
    except OSError:  # reported when it is read
        return ""
    return data.decode("utf-8", "replace")


def read_text(path: Path) -> str:
    """The text of a file or of stdin.

    Raises:
        InputError: It is not there, no file, not UTF-8, or empty.
    """
    text = _read(path)
    if not text.strip():
        raise InputError("there is no text to prune", where=_name(path))
    return text


def _read(path: Path) -> str:
    data = read_bytes(path)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        from ctxprune.rag.sniff import refuse_bytes

        raise refuse_bytes(data, error, _name(path)) from error


def _name(path: Path) -> str:
    return "stdin" if str(path) == "-" else str(path)
