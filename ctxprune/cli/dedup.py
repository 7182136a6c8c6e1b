"""`ctxprune dedup`: texts in, those out that do not say again what another one says."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ctxprune.cli._prune_inputs import Format, read_inputs, write_texts
from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from ctxprune.rag import Deduplicated

__all__ = ["dedup"]

_JSON_LINES = frozenset({".jsonl", ".ndjson"})


class By(str, Enum):
    """What is compared in text files."""

    file = "file"
    line = "line"
    paragraph = "paragraph"


_BORDERS = {By.line: re.compile(r"\r?\n"), By.paragraph: re.compile(r"\r?\n(?:[ \t]*\r?\n)+")}


def dedup(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="UTF-8 files: text or JSON lines; none, or -, reads text from stdin.", show_default=False),
    ] = None,
    *,
    by: Annotated[
        By, typer.Option(help="What is compared in text files; in JSON lines it is each line.")
    ] = By.paragraph,
    similarity: Annotated[float, typer.Option(help="Least Jaccard similarity of a near-duplicate, up to 1.")] = 0.8,
    containment: Annotated[
        float | None, typer.Option(help="Also drop what another text has so much of, up to 1; the longest stays.")
    ] = None,
    shingle: Annotated[int, typer.Option(help="Words that are compared together.")] = 3,
    field: Annotated[str, typer.Option(help="Name of the text in JSON lines.")] = "text",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what was merged into what as one JSON document.")
    ] = False,
) -> None:
    """Drop exact, near and, where asked for, contained duplicates; print the others, byte for byte, in their order.

    JSON lines come out as JSON lines. With --json the report is printed in place of the texts.
    """
    from ctxprune.cli import _console

    paths = files or [Path("-")]
    lines = all(path.suffix.lower() in _JSON_LINES for path in paths)
    inputs = read_inputs(paths, Format.jsonl if lines else Format.text, field)
    texts = inputs.texts if lines or by is By.file else [part for text in inputs.texts for part in _parts(text, by)]
    found = _found(texts, similarity, containment, shingle)
    kept = found.kept
    if as_json:
        _console.emit({"files": inputs.names, **found.to_dict()})
    else:
        sources = [line for path in paths for line in _lines(path)] if lines else texts
        gap = "\n" if lines or by is By.line else "\n\n"
        write_texts([gap.join(sources[index] for index in kept)])
    noun = "line" if lines else by.value
    kinds = ", ".join(f"{count} {kind}" for kind, count in found.to_dict()["by_kind"].items())
    _console.say(f"kept {len(kept)} of {_console.counted(found.size, noun)}" + (f"; dropped: {kinds}" if kinds else ""))


def _lines(path: Path) -> list[str]:
    """The lines of a file of JSON lines, which was read before."""
    return [line for line in path.read_text(encoding="utf-8-sig").split("\n") if line.strip()]


def _parts(text: str, by: By) -> list[str]:
    """The lines or paragraphs that are not blank."""
    return [part.strip("\r\n") for part in _BORDERS[by].split(text) if part.strip()]


def _found(texts: list[str], similarity: float, containment: float | None, shingle: int) -> Deduplicated:
    from ctxprune.cli import _console
    from ctxprune.rag import deduplicate

    with _console.progress() as bar:
        task = bar.add_task("read", total=len(texts))

        def progress(step: str, done: int) -> None:
            bar.update(task, description=step, completed=done)

        try:
            return deduplicate(
                texts, similarity=similarity, containment=containment, shingle=shingle, progress=progress
            )
        except UsageError as error:
            raise typer.BadParameter(str(error)) from error
