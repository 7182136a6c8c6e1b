"""`ctxprune train select FILE --by NAME`: the lines of a training file that are worth training on."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctxprune.cli._options import JsonOption
from ctxprune.errors import UnknownNameError, UsageError
from ctxprune.utils.extras import require

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.shrink.run.select_rows import RowChoice
    from ctxprune.train.select_lines import Line

__all__ = ["select"]

_LONGEST_NAME = 100  # characters of a source in the report
_PLAIN = ("frequency", "random")
_CHECKS = ("answer", "program")
_COMPARED = ("domains", "paser")  # with the model before it was shrunk


def select(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON lines, gzipped or not.")],
    by: Annotated[
        str,
        typer.Option(
            help="random, frequency (rare words); answer, program (right ones stay); or one of `shrink show selectors`."
        ),
    ],
    share: Annotated[
        float | None, typer.Option(help="Of the lines, up to 1; not of answer and program.", show_default=False)
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Folder of the reranker or decoder that judges lines.", show_default=False),
    ] = None,
    full: Annotated[
        str | None,
        typer.Option(
            metavar="DIR", help="Folder of the model before it was shrunk: paser, domains.", show_default=False
        ),
    ] = None,
    related: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Data of the target task: selectivity.", show_default=False)
    ] = None,
    databases: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the databases of lines with a db_id: program.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File for the lines; default: stdout.", show_default=False)
    ] = None,
    tokens: Annotated[int, typer.Option(min=8, help="Longest line; the model's limit if that is less.")] = 256,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Choose lines of a training file and write them unchanged; what was dropped is said on stderr.

    `answer` keeps lines whose "output" ends in their "answer"; `program` those whose "program", arithmetic or SQL,
    gives it when it is run: never as Python, and SQL behind the guard. A question's lines go together where a share is
    chosen.
    """
    from ctxprune.cli import _console
    from ctxprune.train.select_lines import check_fields, read_lines

    if as_json and out is None:
        raise UsageError("the lines and the report cannot both go to stdout", where="--json", hint="give --out FILE")
    if out is not None:
        _console.check_target(out, file, *([related] if related else []))
    if (by in _CHECKS) != (share is None):
        raise UsageError(
            f"{by} {'keeps all that is right' if by in _CHECKS else 'needs a share'}", where="--share",
            hint="leave it out" if by in _CHECKS else "give --share 0.5",
        )  # fmt: skip
    if model is not None and by in _COMPARED and full is None:
        raise UsageError(f"{by} needs the model before it was shrunk", where="--full", hint="name its folder")
    if model is not None and by == "selectivity" and related is None:
        raise UsageError(f"{by} needs data of the target task", where="--related", hint="name a file")
    lines = read_lines(file)
    check_fields(lines, by, where=file.name)
    if by in _CHECKS:
        kept, dropped = _checked(lines, by, databases)
    else:
        kept = _chosen(lines, by, share or 1.0, seed) if model is None else []
        if model is not None:
            kept = _judged(model, file, _choice(by, share or 1.0, full, related, tokens, seed))
        dropped = {"not chosen": kept.count(False)} if not all(kept) else {}
    chosen = [line for line, stays in zip(lines, kept, strict=True) if stays]
    _write(chosen, out, file)
    report = {"by": by, "lines": len(lines), "kept": len(chosen), "dropped": dropped}
    report |= {"sources": _sources(lines, kept)} if any("source" in line.row for line in lines) else {}
    if as_json:
        _console.print_json(report)
    else:
        reasons = "; ".join(f"{count:,} {reason}" for reason, count in dropped.items())
        _console.print_note(f"{len(chosen):,} of {len(lines):,} lines kept{f' ({reasons})' if reasons else ''}")


def _checked(lines: Sequence[Line], by: str, databases: Path | None) -> tuple[list[bool], dict[str, int]]:
    from ctxprune.train.check_answers import check_arithmetic, check_final_answer
    from ctxprune.train.select_lines import filter_lines

    if by == "answer" or not any("db_id" in line.row for line in lines):
        return filter_lines(lines, check_final_answer if by == "answer" else check_arithmetic)
    if databases is None:
        raise UsageError("lines have a db_id", where="--databases", hint="name the folder of the databases")
    from ctxprune.sql.evaluation.programs import SqlCheck

    with SqlCheck(databases) as check_sql:
        return filter_lines(lines, lambda row: check_sql(row) if "db_id" in row else check_arithmetic(row))


def _chosen(lines: Sequence[Line], by: str, share: float, seed: int) -> list[bool]:
    from ctxprune.shrink.recipes.selectors import selector_papers, selector_piece
    from ctxprune.train.select_lines import best_lines, random_scores, rarity_scores

    if by not in _PLAIN:
        known = selector_papers()
        if selector_piece(by).name.removesuffix(".v1") not in known:
            raise UnknownNameError("selector", by, [name for name in (*known, *_CHECKS) if name.isalnum()])
        raise UsageError(f"{by} needs a model", where="--model", hint="name the folder of a reranker or decoder")
    return best_lines(lines, random_scores(lines, seed) if by == "random" else rarity_scores(lines), share)


def _choice(by: str, share: float, full: str | None, related: Path | None, tokens: int, seed: int) -> RowChoice:
    for module in ("torch", "transformers", "safetensors"):
        require(module, "train")
    from ctxprune.shrink.io.loading import load_model
    from ctxprune.shrink.recipes.selectors import selector_piece
    from ctxprune.shrink.run.select_rows import RowChoice

    whole = None if full is None else load_model(full)
    return RowChoice(selector_piece(by), share, full=whole, related=related, tokens=tokens, seed=seed)


def _judged(model: str, file: Path, choice: RowChoice) -> list[bool]:
    from ctxprune.shrink.io.loading import load_model
    from ctxprune.shrink.run.select_rows import choose_rows

    return choose_rows(load_model(model), file, choice)


def _write(lines: Sequence[Line], out: Path | None, file: Path) -> None:
    from ctxprune.cli import _console

    content = b"".join(line.raw for line in lines)
    if out is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    else:
        _console.write_file(out, content.decode("utf-8"), file)


def _sources(lines: Sequence[Line], kept: Sequence[bool]) -> dict[str, Any]:
    """Lines and kept lines of each source."""
    every, stay = Counter[str](), Counter[str]()
    for line, own in zip(lines, kept, strict=True):
        source = line.row.get("source", "")
        # the report shows names; a text of megabytes or an object is none
        name = str(source)[:_LONGEST_NAME] if isinstance(source, (str, int, float)) else ""
        every[name] += 1
        stay[name] += own
    return {name: [count, stay[name]] for name, count in sorted(every.items())}
