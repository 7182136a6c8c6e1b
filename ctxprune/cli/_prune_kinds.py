"""`ctxprune prune` on pages, tables, JSON, schemas, tools and logs: each in its own form."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ctxprune.cli._prune_inputs import Format, read_bytes, read_text, write_texts
from ctxprune.cli._scorers import named_scorer
from ctxprune.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.cli._prune_asked import Asked
    from ctxprune.cli._prune_passages import TextOptions
    from ctxprune.context import Context

__all__ = ["kind_of", "prune_kind"]

_SENTENCES = frozenset({Format.text, Format.markdown, Format.jsonl})


def kind_of(files: Sequence[Path], form: Format) -> str | None:
    """The kind of all files, a name of `ctxprune.rag.kinds.KINDS`; None for those that are read as sentences.

    Raises:
        typer.BadParameter: The files are of several kinds that do not go together.
    """
    if form is not Format.auto:
        return None if form in _SENTENCES else form.value
    kinds = sorted({_by_name(path) or "text" for path in files})
    if kinds == ["text"]:
        return None
    if len(kinds) > 1:
        raise typer.BadParameter(
            f"{' and '.join(kinds)} do not go together in one call; name one kind with --format", param_hint="FILES"
        )
    return kinds[0]


def prune_kind(asked: Asked, kind: str, options: TextOptions) -> None:
    """Read, prune, write.

    Raises:
        typer.BadParameter: An option is for text only.
        InputError, BudgetError, UsageError: As what it calls.
    """
    from ctxprune.pruning import Pruner
    from ctxprune.rag.kinds import KINDS
    from ctxprune.scorers.structured import structured

    options.refuse(kind)
    names, contexts = _read(asked.files, kind)
    context = contexts[0] if len(contexts) == 1 else _joined(contexts)
    scorer = structured(named_scorer(asked.scorer, asked.model)[0])
    result = Pruner(scorer, asked.policy, None, asked.on_empty).prune(asked.question, context)
    if not asked.report(result, names, KINDS[kind].units, {"files": names, "kind": kind}):
        write_texts([result.output] if len(contexts) == 1 else result.output)


def _by_name(path: Path) -> str | None:
    """The kind of a file by the end of its name; None for one that is read as sentences, or not known."""
    from ctxprune.rag.kinds import KINDS

    name = path.name.lower()
    if path.is_dir():
        return "html"
    found = [(len(end), kind) for kind, entry in KINDS.items() for end in entry.endings if name.endswith(end)]
    kind = max(found, default=(0, "text"))[1]
    return None if kind in {"markdown", "text"} else kind


def _read(files: Sequence[Path], kind: str) -> tuple[list[str], list[Context[Any]]]:
    from ctxprune.rag.kinds import KINDS

    names, contexts = [], []
    for path in _each(files, kind):
        name = "stdin" if str(path) == "-" else str(path)
        try:
            contexts.append(KINDS[kind].read(read_bytes(path) if kind == "html" else read_text(path)))
        except InputError as error:
            raise _located(error, name) from error
        names.append(name)
    return names, contexts


def _each(files: Sequence[Path], kind: str) -> list[Path]:
    """The files, and for a folder the pages in it at any depth, sorted."""
    from ctxprune.rag.kinds import KINDS

    found: list[Path] = []
    for path in files:
        if kind != "html" or not path.is_dir():
            found.append(path)
            continue
        pages = sorted(page for page in path.rglob("*") if page.suffix.lower() in KINDS["html"].endings)
        if not pages:
            raise InputError("there is no HTML page in the folder", where=str(path))
        found += pages
    return found


def _located(error: InputError, name: str) -> InputError:
    return InputError(error.what, where=f"{name}, {error.where}" if error.where else name, hint=error.hint)


def _joined(contexts: Sequence[Context[Any]]) -> Context[list[str]]:
    from ctxprune.joined import Joined

    return Joined(contexts)
