"""`ctxprune sql migrate OLD NEW --knowledge FILE --out DIR`: carry knowledge over to a changed schema."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctxprune.cli._options import JsonOption, fill_variables
from ctxprune.cli._schema_sides import SIDE_HELP, open_side
from ctxprune.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.calibration.stored import Calibration
    from ctxprune.sql.knowledge import Entry
    from ctxprune.sql.match.mapping import SchemaMapping
    from ctxprune.sql.match.migrate import Migration

__all__ = ["migrate"]

_REPORT = "report.json"


def migrate(
    old: Annotated[str, typer.Argument(metavar="OLD", callback=fill_variables, help=SIDE_HELP)],
    new: Annotated[str, typer.Argument(metavar="NEW", callback=fill_variables, help="The same, after the change.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for what was carried, and report.json.")],
    knowledge: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What was taught with `sql learn`.", show_default=False)
    ] = None,
    questions: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Questions with queries, as `sql learn --from` reads. May be repeated."),
    ] = None,
    calibration: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="What `ctxprune calibrate` wrote; carried only if the schema is the same."),
    ] = None,
    old_id: Annotated[
        str, typer.Option(help="Which database of OLD, a schema file that holds several.", show_default=False)
    ] = "",
    new_id: Annotated[str, typer.Option(help="The same of NEW.", show_default=False)] = "",
    min_confidence: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="Columns with a less probable partner are not mapped.", show_default=False),
    ] = None,
    growth: Annotated[
        float, typer.Option(min=1.0, help="A new table with over so many times the rows may hold those of another one.")
    ] = 1.1,
    rows: Annotated[int, typer.Option(min=1, max=1_000_000, help="Rows of each table that are compared.")] = 5_000,
    names_alone: Annotated[
        bool, typer.Option("--names-alone", help="Also trust other names where no values can be compared: less safe.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are in DIR.")] = False,
    values: Annotated[bool, typer.Option(help="Also compare stored values, where OLD and NEW are databases.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Carry knowledge, saved questions and calibrations over to a schema whose tables and columns were renamed.

    Queries are rewritten and checked against the new schema. What is not sure is left, with the reason; nothing is
    guessed. Exit code 0 if all was carried, 1 if something was left. No database is changed. Examples:

    ctxprune sql migrate old.sqlite new.sqlite --knowledge shop.jsonl --out migrated

    ctxprune sql migrate old.json new.json --questions dev.json --out migrated --json
    """
    from ctxprune.calibration.stored import Calibration
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.sql.match import MappingConfig, MatchConfig, map_schemas

    files = [*([knowledge] if knowledge else []), *(questions or ())]
    if not files and not calibration:
        raise typer.BadParameter("give --knowledge, --questions or --calibration")
    written = _written(knowledge, questions or (), calibration or ())
    if not overwrite:
        _check_absent(out, written)
    config = MappingConfig(growth=growth, names_alone=names_alone, match=MatchConfig(rows=rows))
    if min_confidence is not None:
        config = replace(config, min_confidence=min_confidence)
    with ExitStack() as stack, show_progress("reading the schemas") as line:
        source, source_values = open_side(stack, old, old_id, values=values)
        target, target_values = open_side(stack, new, new_id, values=values)
        # Read before the slow part, so that a wrong file is told at once.
        empty: list[str] = []
        entries = {path: _read(path, source.name, empty) for path in files}
        calibrations = {path: Calibration.load(path) for path in calibration or ()}
        line.name_step("matching")
        mapping = map_schemas(source, target, source_values=source_values, target_values=target_values, config=config)
    if not (source_values and target_values):
        _console.print_note("without values exchanged names are not seen: check the mapping in the report")
    for note in mapping.matches.notes:
        _console.print_note(_console.escape(note))
    report: dict[str, Any] = {"old": source.name, "new": target.name, "matches": mapping.matches.to_dict(), "files": []}
    report["empty"] = empty
    inputs = (old, new, *files, *(calibration or ()))
    left = len(empty)
    with show_progress("carrying over"):
        for path in files:
            left += _carry(path, entries[path], mapping, out, report, inputs, is_knowledge=path == knowledge)
    for path, found in calibrations.items():
        left += _carry_calibration(path, found, mapping, out, report, inputs)
    text = json.dumps(report, ensure_ascii=False, indent=1) + "\n"
    _write(out / _REPORT, text, inputs)
    if as_json:
        _console.print_json(report)
    if left:
        raise typer.Exit(1)


def _written(knowledge: Path | None, questions: Sequence[Path], calibrations: Sequence[Path]) -> list[str]:
    """Names of the files that will be written; a usage error where two would be one."""
    names = [
        *([knowledge.name] if knowledge else []),
        *map(_questions_name, questions),
        *(p.name for p in calibrations),
    ]
    names.append(_REPORT)
    # Folded, since some file systems do not tell capitals apart.
    twice = [name for name in names if [other.casefold() for other in names].count(name.casefold()) > 1]
    if twice:
        raise typer.BadParameter(f"several input files would be written to {twice[0]}: give them other names")
    return names


def _questions_name(path: Path) -> str:
    return path.with_suffix(".jsonl").name


def _check_absent(out: Path, names: Sequence[str]) -> None:
    for name in names:
        if (out / name).exists():
            raise InputError("this file is there already", where=str(out / name), hint="another --out, or --overwrite")


def _read(path: Path, database: str, empty: list[str]) -> tuple[Entry, ...]:
    """The entries of a file; rows without a query are added to `empty`, and named on stderr."""
    from ctxprune.cli import _console
    from ctxprune.sql.knowledge.sources import read_entries

    def leave(row: str) -> None:
        empty.append(f"{path.name}, {row}")
        _console.print_note(f"left: {_console.escape(empty[-1])}")

    return read_entries(path, database, on_empty=leave)


def _carry(
    path: Path,
    entries: tuple[Entry, ...],
    mapping: SchemaMapping,
    out: Path,
    report: dict[str, Any],
    inputs: tuple[str | Path, ...],
    *,
    is_knowledge: bool,
) -> int:
    """Carry one file over; returns how many of its entries were left."""
    from ctxprune.cli import _console
    from ctxprune.sql.match.migrate import migrate_entries

    found = migrate_entries(entries, mapping)
    target = out / (path.name if is_knowledge else _questions_name(path))
    _write(target, _text(found, mapping, is_knowledge=is_knowledge), inputs)
    report["files"].append({"file": path.name, "written": target.name, **found.to_dict()})
    counts = f"{len(found.carried)} of {len(entries)} carried, {len(found.left)} left"
    _console.print_note(f"{_console.escape(path.name)}: {counts}")
    for one in found.left:
        _console.print_note(f"left: {_console.escape(_short(one.entry))}: {_console.escape(one.reason)}")
    return len(found.left)


def _text(found: Migration, mapping: SchemaMapping, *, is_knowledge: bool) -> str:
    """A file of knowledge, or JSON Lines of questions with their queries."""
    from ctxprune.sql.knowledge.entries import entry_to_dict
    from ctxprune.sql.knowledge.store import FORMAT, VERSION

    header = {"format": FORMAT, "version": VERSION, "database": mapping.target.name}
    lines = [entry_to_dict(entry) for entry in found.entries]
    if not is_knowledge:
        lines = [{key: value for key, value in line.items() if key != "kind"} for line in lines]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in ([header] if is_knowledge else []) + lines)


def _carry_calibration(
    path: Path,
    found: Calibration,
    mapping: SchemaMapping,
    out: Path,
    report: dict[str, Any],
    inputs: tuple[str | Path, ...],
) -> int:
    from ctxprune.cli import _console
    from ctxprune.sql.match.migrate import migrate_calibration

    reason = migrate_calibration(found, mapping)
    if not reason:
        _write(out / path.name, found.to_json(), inputs)
    report["files"].append({"file": path.name, "written": "" if reason else path.name, "reason": reason})
    _console.print_note(f"{_console.escape(path.name)}: {'left: ' + reason if reason else 'carried'}")
    return int(bool(reason))


def _write(target: Path, text: str, inputs: tuple[str | Path, ...]) -> None:
    from ctxprune.cli import _console

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the folder cannot be made ({error.strerror})", where=str(target.parent)) from error
    _console.write_file(target, text, *inputs)


def _short(entry: Entry) -> str:
    from ctxprune.sql.knowledge.entries import entry_name

    return " ".join(entry_name(entry).split())[:80]
