"""`ctxprune bench trust`: what the confidence of answers is worth, over questions with and without an answer."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctxprune.cli._options import GenerationOptions, JsonOption, SchemasOption, SetOption, with_option_groups
from ctxprune.cli._trust import BarOption, LogOption

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ctxprune.sql.evaluation.trust.judgement import Judgement

__all__ = ["trust"]

_ALL = "all"
_SHOWN = (
    "questions", "unanswerable", "ex", "answered", "answered_right", "tentative", "false_refusals", "refused", "ece",
    "coverage_90", "coverage_95",
)  # fmt: skip


@with_option_groups
def trust(
    data: SetOption,
    *,
    generation: GenerationOptions,
    sets: Annotated[
        str,
        typer.Option("--sets", help="Folders in DATA, with commas between; default: those of these that are there."),
    ] = "sqleval,spider,ehrsql",
    schemas: SchemasOption = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Questions to ask of each set, each database in turn; default: all.")
    ] = None,
    min_confidence: BarOption = None,
    log: LogOption = None,
    plot: Annotated[
        Path | None, typer.Option(help="Write the risk-coverage curves as an SVG picture.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure confidence and refusals: the share of questions answered against the share right among them.

    DATA holds the sets as folders (sql-eval, Spider, EHRSQL), or is one of them. EHRSQL's database is not published:
    its questions are asked on an empty one, and only refusals are counted. Questions that have no answer count as wrong
    where they are answered. With several sets, --log NAME keeps one file NAME.SET for each.
    """
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.cli._trust import ask_set, make_factory, options_record, shown_generator
    from ctxprune.sql.evaluation.trust.chart import risk_coverage_chart
    from ctxprune.sql.evaluation.trust.sets import find_sets, open_questions

    folders = find_sets(data, [name.strip() for name in sets.split(",") if name.strip()])
    factory, options = make_factory(generation, min_confidence), options_record(generation, min_confidence)
    found: dict[str, tuple[Judgement, ...]] = {}
    prints: dict[str, str] = {}
    inputs: list[Path] = []
    with ExitStack() as stack:
        for folder in folders:
            with show_progress("reading the set"):
                questions = stack.enter_context(open_questions(folder, schemas=schemas))
            prints[questions.name] = questions.fingerprint
            inputs += questions.databases.values()
            if plot is not None:  # before hours of work
                _console.check_target(plot, *questions.databases.values())
            kept = log if log is None or len(folders) == 1 else log.with_name(f"{log.name}.{questions.name}")
            asked = questions if limit is None else questions.limited(limit, seed=generation.seed)
            found[questions.name] = ask_set(asked, factory, log=kept, options=options)
        document: dict[str, Any] = {"generator": shown_generator(generation.generator), "plain": generation.plain}
        document |= {"data": prints, "sets": {name: _figures(judgements) for name, judgements in found.items()}}
        document[_ALL] = _figures([one for judgements in found.values() for one in judgements])
        _print(document, as_json=as_json)
        if plot is not None:
            curves = _curves(document)
            _console.write_file(plot, risk_coverage_chart(curves, title="Answers given, and right among them"), *inputs)


def _figures(judgements: Sequence[Judgement]) -> dict[str, Any]:
    from ctxprune.sql.evaluation.trust.figures import curve_figures, figures, time_figures

    return figures(judgements) | time_figures(judgements) | curve_figures(judgements)


def _curves(document: Mapping[str, Any]) -> dict[str, Any]:
    """Those of sets whose answers can be checked, and that of all questions."""
    checked = {name: found["curve"] for name, found in document["sets"].items() if found["ex"] is not None}
    return checked | {_ALL: document[_ALL]["curve"]}


def _print(document: dict[str, Any], *, as_json: bool) -> None:
    from ctxprune.cli import _console

    if as_json:
        _console.print_json(document)
        return
    rows = []
    for name, found in {**document["sets"], _ALL: document[_ALL]}.items():
        rows += [(f"{name}: {figure}", found[figure]) for figure in _SHOWN if found[figure] is not None]
    _console.print_figures(_console.escape(f"trust, {document['generator']}"), rows)
