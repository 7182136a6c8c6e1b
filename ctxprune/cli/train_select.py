"""`ctxprune train select FILE --by NAME`: the lines of a training file that are worth training on."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctxprune.cli._options import JsonOption
from ctxprune.errors import InputError, UnknownNameError, UsageError
from ctxprune.utils.extras import require

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ctxprune.shrink.run.select_rows import RowChoice
    from ctxprune.train.select_lines import LineFile, LineIndex

__all__ = ["select"]

_LONGEST_NAME = 100  # characters of a source in the report
_CHECKS = ("answer", "program")
_COMPARED = ("domains", "paser")  # with the model before it was shrunk
_TARGETS = {"importance": "reference", "nearest": "related", "selectivity": "related"}
"""The file of lines to compare with that a selector needs."""


@dataclass
class _Choice:
    """What the options ask for."""

    file: LineFile
    by: str
    share: float | None
    mix: dict[str, float] = field(default_factory=dict)
    source_field: str = ""
    explore: float = 0.0
    seed: int = 0
    compare: dict[str, Path] = field(default_factory=dict)


def select(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON lines, gzipped or not.")],
    by: Annotated[
        str | None,
        typer.Option(
            help="random, frequency (rare words), importance (like --reference), nearest (to --related); answer, "
            "program (right ones stay); or one of `shrink show selectors`. Default: what --reference or --related is "
            "for, or random with --mix.",
            show_default=False,
        ),
    ] = None,
    share: Annotated[
        float | None,
        typer.Option(
            help="Of the lines, up to 1; not of answer and program. Default with --mix: the largest that it allows.",
            show_default=False,
        ),
    ] = None,
    mix: Annotated[
        str | None,
        typer.Option(
            metavar="NAME=WEIGHT,…",
            help="Proportions of the sources, as wiki=2,web=1; others are left out. Not with --model.",
            show_default=False,
        ),
    ] = None,
    source_field: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help='Field that names a line\'s source; default: "source", or else "lang".',
            show_default=False,
        ),
    ] = "",
    reference: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Lines of what is wanted: importance.", show_default=False),
    ] = None,
    related: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Lines of the target task: nearest, selectivity.", show_default=False),
    ] = None,
    explore: Annotated[
        float, typer.Option(help="Part of the share that is drawn at random, under 1. Not with --model.")
    ] = 0.0,
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
    chosen. Chosen lines are often no better than random ones: compare.
    """
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.train.line_mix import parse_mix
    from ctxprune.train.select_lines import LineFile, check_fields

    compare = {name: path for name, path in (("reference", reference), ("related", related)) if path is not None}
    if as_json and out is None:
        raise UsageError("the lines and the report cannot both go to stdout", where="--json", hint="give --out FILE")
    if out is not None:
        _console.check_target(out, file, *compare.values())
    choice = _Choice(LineFile(file), _method(by, compare, mix), share, {}, source_field, explore, seed, compare)
    choice.mix = {} if mix is None else parse_mix(mix)
    _check_options(choice, model, full)
    check_fields(choice.file, choice.by, where=file.name)
    report: dict[str, Any] = {"by": choice.by}
    with show_progress(f"choosing by {choice.by}"):
        if choice.by in _CHECKS:
            kept, dropped = _checked(choice.file, choice.by, databases)
        else:
            if model is None:
                kept, account = _scored(choice)
                report |= {"mix": account} if account else {}
            else:
                kept = _judged(model, file, _row_choice(choice, full, tokens))
            dropped = {"not chosen": kept.count(False)} if not all(kept) else {}
    sources = Counter[str](), Counter[str]()
    chosen = _chosen(choice, kept, sources)
    if out is None:
        sys.stdout.buffer.writelines(chosen)
        sys.stdout.buffer.flush()
    else:
        _console.write_parts(out, chosen, file)
    report |= {"lines": len(kept), "kept": sum(kept), "dropped": dropped}
    if set(sources[0]) != {""} or source_field:
        report["sources"] = {name: [count, sources[1][name]] for name, count in sorted(sources[0].items())}
    if as_json:
        _console.print_json(report)
    else:
        _tell(report)


def _tell(report: dict[str, Any]) -> None:
    """The report on stderr."""
    from ctxprune.cli import _console

    reasons = "; ".join(f"{count:,} {reason}" for reason, count in report["dropped"].items())
    _console.print_note(f"{report['kept']:,} of {report['lines']:,} lines kept{f' ({reasons})' if reasons else ''}")
    for name, (asked, got) in report.get("mix", {}).items():
        short = "" if got == asked else ": the lines of further questions do not fit"
        _console.print_note(f"  {_console.escape(name or 'no source')}: {got:,} of {asked:,} asked for{short}")


def _method(by: str | None, compare: dict[str, Path], mix: str | None) -> str:
    """The selector's name, without its version; what the other options are for where none is given."""
    if by is not None:
        return by.removesuffix(".v1")
    if len(compare) == 1:
        return "importance" if "reference" in compare else "nearest"
    if mix is not None and not compare:
        return "random"
    raise UsageError("it is not said how lines are chosen", where="--by", hint="give --by random, or see --help")


def _check_options(choice: _Choice, model: str | None, full: str | None) -> None:
    """Refuse options that do not go together, before anything is read or loaded."""
    by, checks = choice.by, choice.by in _CHECKS
    if checks and choice.share is not None:
        raise UsageError(f"{by} keeps all that is right", where="--share", hint="leave it out")
    if not checks and choice.share is None and not choice.mix:
        raise UsageError(f"{by} needs a share", where="--share", hint="give --share 0.5")
    for name, given in (("--mix", bool(choice.mix)), ("--explore", choice.explore != 0)):
        if given and (checks or model is not None):
            hint = "select twice: write a file with --out, and choose from it by another --by"
            raise UsageError(f"it does not go with {'--model' if model else by}", where=name, hint=hint)
    needed = _TARGETS.get(by, "")
    # selectivity without a model is refused for that first
    if needed and needed not in choice.compare and (by != "selectivity" or model is not None):
        what = "lines of what is wanted" if needed == "reference" else "data of the target task"
        raise UsageError(f"{by} needs {what}", where=f"--{needed}", hint="name a file")
    for name in choice.compare:
        if name != needed:
            uses = " or ".join(use for use, own in _TARGETS.items() if own == name)
            raise UsageError(f"{by} does not use it", where=f"--{name}", hint=f"leave it out, or give --by {uses}")
    if model is not None and by in _COMPARED and full is None:
        raise UsageError(f"{by} needs the model before it was shrunk", where="--full", hint="name its folder")


def _checked(lines: LineFile, by: str, databases: Path | None) -> tuple[list[bool], dict[str, int]]:
    from ctxprune.train.check_answers import check_arithmetic, check_final_answer
    from ctxprune.train.select_lines import filter_lines

    if by == "answer" or not any("db_id" in line.row for line in lines):
        return filter_lines(lines, check_final_answer if by == "answer" else check_arithmetic)
    if databases is None:
        raise UsageError("lines have a db_id", where="--databases", hint="name the folder of the databases")
    from ctxprune.sql.evaluation.programs import SqlCheck

    with SqlCheck(databases) as check_sql:
        return filter_lines(lines, lambda row: check_sql(row) if "db_id" in row else check_arithmetic(row))


def _scored(choice: _Choice) -> tuple[list[bool], dict[str, list[int]]]:
    """Whether each line is kept by a selector that needs no model; with a mix, asked and kept lines by source."""
    from ctxprune.train.line_mix import mix_counts
    from ctxprune.train.line_selectors import LINE_SELECTORS
    from ctxprune.train.select_lines import LineFile, index_lines, keep_counts, keep_share

    _check_name(choice.by)
    index = index_lines(choice.file, choice.source_field)
    # refused before minutes of scoring
    counts = mix_counts(choice.mix, index.lines_by_source, choice.share) if choice.mix else {}
    build: Any = LINE_SELECTORS.get(choice.by)
    target = choice.compare.get(_TARGETS.get(choice.by, ""))
    scores = (build(LineFile(target)) if target is not None else build(choice.seed)).score(choice.file)
    if len(scores) != len(index.questions):
        raise InputError("the file changed while it was read", where=choice.file.path.name)
    options: dict[str, Any] = {"explore": choice.explore, "seed": choice.seed}
    if not choice.mix:
        return keep_share(index, scores, choice.share or 1.0, **options).tolist(), {}
    kept = keep_counts(index, scores, counts, **options)
    if not kept.any():
        hint = "give a larger --share"
        raise UsageError("no question has so few lines as the mix asks for", where="--mix", hint=hint)
    return kept.tolist(), {name: [count, _kept_of(index, kept, name)] for name, count in counts.items()}


def _kept_of(index: LineIndex, kept: Any, name: str) -> int:
    return int(kept[index.sources == index.names.index(name)].sum())


def _check_name(by: str) -> None:
    """Refuse a selector that needs a model, and a name that is none."""
    from ctxprune.shrink.recipes.selectors import selector_papers, selector_piece
    from ctxprune.train.line_selectors import LINE_SELECTORS

    plain = [name.rpartition(".v")[0] for name in LINE_SELECTORS.names()]
    if by in plain or by in LINE_SELECTORS.names():
        return
    known = selector_papers()
    if selector_piece(by).name.removesuffix(".v1") not in known:
        raise UnknownNameError("selector", by, [name for name in {*known, *_CHECKS, *plain} if name.isalnum()])
    raise UsageError(f"{by} needs a model", where="--model", hint="name the folder of a reranker or decoder")


def _row_choice(choice: _Choice, full: str | None, tokens: int) -> RowChoice:
    for module in ("torch", "transformers", "safetensors"):
        require(module, "train")
    from ctxprune.shrink.io.loading import load_model
    from ctxprune.shrink.recipes.selectors import selector_piece
    from ctxprune.shrink.run.select_rows import RowChoice

    whole = None if full is None else load_model(full)
    related = next(iter(choice.compare.values()), None)
    share = choice.share or 1.0
    return RowChoice(selector_piece(choice.by), share, full=whole, related=related, tokens=tokens, seed=choice.seed)


def _judged(model: str, file: Path, choice: RowChoice) -> list[bool]:
    from ctxprune.shrink.io.loading import load_model
    from ctxprune.shrink.run.select_rows import choose_rows

    return choose_rows(load_model(model), file, choice)


def _chosen(choice: _Choice, kept: Sequence[bool], sources: tuple[Counter[str], Counter[str]]) -> Iterator[bytes]:
    """The kept lines as they are; counts lines and kept lines of each source."""
    from ctxprune.train.line_selectors import source_of

    count = 0
    for line in choice.file:
        if count == len(kept):
            break  # lines that were added while the file was read
        name = source_of(line, choice.source_field)[:_LONGEST_NAME]  # a text of megabytes is no name
        sources[0][name] += 1
        sources[1][name] += kept[count]
        if kept[count]:
            yield line.raw
        count += 1
    if count != len(kept):
        raise InputError("the file changed while it was read", where=choice.file.path.name)
