"""`ctxprune calibrate`: the smallest part of a schema that loses no more than a named risk."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ctxprune.cli._options import JsonOption, SchemasOption, SplitOption
from ctxprune.errors import UnknownNameError

if TYPE_CHECKING:
    from ctxprune.calibration.stored import Calibration
    from ctxprune.sql.evaluation.datasets import Benchmark
    from ctxprune.sql.linking.scored import ScoredLinker

__all__ = ["calibrate"]

_MOST_NAMES = 3  # of databases that a note names
_BY: dict[bool | None, Literal["question", "left_out", "group"]] = {None: "left_out", False: "question", True: "group"}


class LossName(StrEnum):
    """What counts as lost."""

    strict = "strict"
    recall = "recall"


def calibrate(
    data: Annotated[
        Path,
        typer.Option(
            help="Folder with dev.json, a list of {db_id, question, query}, and database/ID/ID.sqlite or tables.json; "
            "Spider, BIRD and their relatives as they were published."
        ),
    ],
    risk: Annotated[float, typer.Option(help="Highest expected loss, between 0 and 1.")] = 0.02,
    loss: Annotated[
        LossName, typer.Option(help="strict: any needed column lost; recall: share of them lost.")
    ] = LossName.strict,
    linker: Annotated[str, typer.Option(help="Registered name of the linker.")] = "ranked",
    by_database: Annotated[
        bool | None,
        typer.Option(
            "--by-database/--by-question",
            help="Promise for databases not seen before (needs 1/risk - 1 of them), or for more questions like these;"
            " default: the latter, lowered until databases left out one at a time hold the risk as well.",
            show_default=False,
        ),
    ] = None,
    confidence: Annotated[
        float | None, typer.Option(help="Chance that this calibration holds the risk; default: on average.")
    ] = None,
    measure: Annotated[str, typer.Option(help="How scores are compared between schemas.")] = "size",
    schemas: SchemasOption = None,
    split: SplitOption = "dev",
    limit: Annotated[int | None, typer.Option(min=1, help="That many questions, stratified by database.")] = None,
    seed: Annotated[int, typer.Option(help="Random seed of the sample.")] = 0,
    out: Annotated[Path | None, typer.Option(help="File to write, for `sql link --calibration`.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Find the smallest part of a schema that loses needed columns on no more questions than RISK.

    The promise holds for questions exchangeable with the labelled ones, which the linker must not be trained on. Value
    hits are used where the database is there; use the calibration the same way.
    """
    from ctxprune.calibration.conformal import CalibrationPool
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.sql.evaluation.calibration import linking_examples
    from ctxprune.sql.evaluation.datasets import load, sample_items
    from ctxprune.sql.evaluation.linking import linking_cases
    from ctxprune.sql.linking.calibrated import keep_sets

    if out is not None:
        _console.check_target(out, *data.glob("*.json"))
    ranked_linker = _linker(linker)
    try:
        sets = keep_sets(ranked_linker, measure=measure)
    except UnknownNameError as error:
        raise typer.BadParameter(str(error), param_hint="--measure") from error
    with show_progress("reading the set") as line:
        bench = load(data, schemas=schemas, split=split)
        chosen = bench.items if limit is None else sample_items(bench.items, limit, seed=seed)
        line.name_step("values", len(chosen))
        labelled = linking_cases(bench, items=chosen, progress=lambda done, _: line.update(done))
        line.name_step("scoring")
        if labelled.unlabelled:
            _say_unlabelled(bench, labelled.unlabelled, len(chosen))
        pool = CalibrationPool.score(linking_examples(labelled.cases), ranked_linker.scorer, sets=sets)
        line.name_step("calibrating")
        calibration = pool.calibrate(risk=risk, loss=loss.value, by=_BY[by_database], confidence=confidence)
    if out is not None:
        _console.write_file(out, calibration.to_json())
    document: dict[str, Any] = {"set": bench.name, "split": split, "linker": linker, "promise": calibration.promise}
    document |= {"unlabelled": labelled.unlabelled, "with_value_hits": sum(bool(case.hits) for case in labelled.cases)}
    document |= {"databases": calibration.groups, **calibration.to_dict()}
    if as_json:
        _console.print_json(document)
    else:
        _show(document, calibration)


def _say_unlabelled(bench: Benchmark, unlabelled: int, asked: int) -> None:
    """On stderr, how many questions do not count, and why."""
    from ctxprune.cli import _console

    absent = sorted({item.db_id for item in bench.items} - bench.schemas.keys() - bench.databases.keys())
    some = ", ".join(map(_console.escape, absent[:_MOST_NAMES]))
    why = "their queries name no column of the schema"
    if absent:
        why = f"no tables.json documents {some}, and there is no database/{absent[0]}/{absent[0]}.sqlite"
    _console.print_note(f"{unlabelled} of {_console.format_count(asked, 'question')} left out: {_console.escape(why)}")


def _linker(name: str) -> ScoredLinker:
    from ctxprune.sql.linking.base import LINKERS
    from ctxprune.sql.linking.scored import ScoredLinker

    try:
        linker = LINKERS.get(name)()
    except (UnknownNameError, TypeError) as error:
        raise typer.BadParameter(str(error), param_hint="--linker") from error
    if not isinstance(linker, ScoredLinker):
        raise typer.BadParameter(f"{name!r} is not made of a scorer and a policy", param_hint="--linker")
    return linker


def _show(document: dict[str, Any], calibration: Calibration) -> None:
    from rich.table import Table

    from ctxprune.cli import _console

    table = Table("", "", show_header=False, title=f"{document['set']}, {document['linker']}")
    for name in ("risk", "bound", "seen", "left_out", "kept_share"):
        value = document[name]
        table.add_row(name, "-" if value is None else f"{value:.2%}")
    for name in ("n", "databases", "unlabelled", "with_value_hits", "loss", "by", "measure", "data"):
        table.add_row(name, str(document[name]))
    _console.stdout_console().print(table)
    _console.print_note(calibration.promise)
