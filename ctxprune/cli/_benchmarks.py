"""What `bench bird` and `bench spider` share: scoring a file of predictions, scoring a generator, showing figures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctxprune.sql.evaluation.datasets import Benchmark
    from ctxprune.sql.evaluation.evaluate import RunConfig
    from ctxprune.sql.evaluation.predictions import Predictions
    from ctxprune.sql.evaluation.report import Evaluation
    from ctxprune.sql.evaluation.rules import ExecutionRule

__all__ = [
    "MODES",
    "Output",
    "Scoring",
    "chosen_items",
    "generate_and_score",
    "open_set",
    "score_file",
    "scores_predictions",
]

MODES = ("official", "safe", "both")


@dataclass(frozen=True, slots=True)
class Scoring:
    """How predictions are scored.

    Attributes:
        predictions: Their file; None for the references themselves.
        mode: One of `MODES`.
        workers: Items at the same time.
        repeat: Repetitions for R-VES.
        log: File to go on from; with "both", safe mode's is beside it with `.safe` behind its name.
    """

    predictions: Path | None
    mode: str
    workers: int
    repeat: int = 0
    log: Path | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """What is printed and written: one JSON document or a table; each item as well; a page."""

    as_json: bool
    items: bool
    html: Path | None = None


def open_set(data: Path, schemas: Path | None, split: str, gold: Path | None = None) -> Benchmark:
    """The benchmark of a folder, with the references of a gold file where one is named."""
    from ctxprune.sql.evaluation.datasets import load, with_gold

    bench = load(data, schemas=schemas, split=split)
    return bench if gold is None else with_gold(bench, gold)


def score_file(bench: Benchmark, rule: ExecutionRule, scoring: Scoring, output: Output) -> None:
    """Score predictions, print the figures and write the page."""
    from ctxprune.cli import _console
    from ctxprune.sql.evaluation.differences import differences
    from ctxprune.sql.evaluation.evaluate import RunConfig
    from ctxprune.sql.evaluation.predictions import gold_as_predictions, read_predictions

    if scoring.mode not in MODES:
        raise typer.BadParameter(f"{scoring.mode!r} is not one of: {', '.join(MODES)}", param_hint="--mode")
    if scoring.predictions is None:
        predictions = gold_as_predictions(bench.items)
    else:
        predictions = read_predictions(scoring.predictions)
    inputs = [*bench.databases.values(), *([scoring.predictions] if scoring.predictions is not None else [])]
    for target in (output.html, scoring.log):
        if target is not None:
            _console.refuse_inputs(target, *inputs)
    runs = []
    for mode in ("official", "safe") if scoring.mode == "both" else (scoring.mode,):
        repeat = scoring.repeat if mode == "official" else 0
        config = RunConfig(rule, mode=mode, workers=scoring.workers, repeat=repeat)
        log = scoring.log
        if log is not None and scoring.mode == "both" and mode == "safe":
            log = log.with_name(log.name + ".safe")
        runs.append(_evaluate(bench, predictions, config, log))
    found = differences(runs[0], runs[1]) if len(runs) > 1 else []
    document: dict[str, Any] = {
        "predictions_file": scoring.predictions.name if scoring.predictions is not None else "gold"
    }
    document |= runs[0].to_dict(items=output.items)
    if len(runs) > 1:
        document |= {"mode": "both", "safe_ex": runs[1].to_dict()["ex"], "differences": found}
    _say_odd(document)
    _say_elsewhere(bench, predictions)
    _print(document, output)  # before the page, which may fail: a run may have taken hours
    if output.html is not None:
        from ctxprune.sql.evaluation.page import run_page

        page = run_page(runs[0], title=str(document["predictions_file"]), differences=found)
        _console.write_file(output.html, page, *inputs)


def generate_and_score(
    bench: Benchmark, rule: ExecutionRule, generator: str, options: dict[str, Any], output: Output
) -> None:
    """Ask a generator every question, score its answers, print the figures.

    Args:
        bench: The set, with the chosen items only.
        rule: The rules that its official script would use.
        generator: As `_pipelines.pipeline_maker` takes it.
        options: `candidates`, `plain`, `cache`, `seed`, `writing` for the maker, `skipped` and `data` of the whole set.
        output: What is printed.
    """
    from ctxprune.cli import _console
    from ctxprune.cli._pipelines import pipeline_maker
    from ctxprune.sql.evaluation.evaluate import RunConfig
    from ctxprune.sql.evaluation.predictions import Prediction, Predictions
    from ctxprune.sql.evaluation.run import run

    maker = {name: options[name] for name in ("candidates", "plain", "cache", "seed", "writing")}
    make = pipeline_maker(generator, **maker)
    with _console.progress() as bar:
        task = bar.add_task(bench.name, total=len(bench.present))
        report = run(bench, make, rule=rule, progress=lambda done, total: bar.update(task, completed=done, total=total))
    sql = {verdict.index: verdict.sql for verdict in report.verdicts}
    entries = tuple(
        Prediction(sql.get(item.index, ""), "", "" if sql.get(item.index) else "empty") for item in bench.items
    )
    scored = _evaluate(bench, Predictions(entries, "list"), RunConfig(rule, mode="safe"), None).to_dict()
    document = {"set": bench.name, "generator": _shown(generator), "plain": options["plain"], "data": options["data"]}
    document |= {"style": options["writing"].style} if options["writing"].style else {}
    document |= report.to_dict(items=output.items) | {"skipped": options["skipped"], "rule": rule.name}
    wanted = ("soft_f1", "exact_match", "partial", "by_difficulty", "by_hardness", "clean")
    document |= {name: scored[name] for name in wanted if name in scored}
    _print(document, output)


def chosen_items(bench: Benchmark, limit: int | None, seed: int) -> tuple[Benchmark, int]:
    """The set with at most `limit` items, stratified by database, and how many of the whole have no database."""
    from ctxprune.sql.evaluation.datasets import sample_items

    skipped = len(bench.items) - len(bench.present)
    items = bench.items if limit is None else sample_items(bench.present, limit, seed=seed)
    return replace(bench, items=items), skipped


def _evaluate(bench: Benchmark, predictions: Predictions, config: RunConfig, log: Path | None) -> Evaluation:
    from ctxprune.cli import _console
    from ctxprune.sql.evaluation.evaluate import evaluate

    with _console.progress() as bar:
        task = bar.add_task(f"{bench.name}, {config.mode} mode", total=None)
        return evaluate(
            bench,
            predictions,
            config,
            log=log,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )


def _say_odd(document: dict[str, Any]) -> None:
    """On stderr, what a reader of the figures should know."""
    from ctxprune.cli import _console

    for name, text in (
        ("unpredicted", "without a prediction"),
        ("extra_predictions", "beyond the last item, left out"),
    ):
        if document[name]:
            noun = "item" if name == "unpredicted" else "prediction"
            _console.say(f"{_console.counted(document[name], noun)} {text}")
    for name, text in (
        ("stops", "the official script would end on {}; the figures are as if it went on"),
        ("changed", "{} changed the private copy; the official script would go on with a changed database"),
    ):
        if document[name]:
            _console.say(text.format(_console.counted(len(document[name]), "item")))


def _say_elsewhere(bench: Benchmark, predictions: Predictions) -> None:
    """On stderr, how many predictions name another database than their item: a file of a part, or in another order."""
    from ctxprune.cli import _console

    pairs = zip(bench.items, predictions.entries, strict=False)
    count = sum(bool(entry.db_id) and not entry.problem and entry.db_id != item.db_id for item, entry in pairs)
    if count:
        name = "names" if count == 1 else "name"
        _console.say(
            f"{_console.counted(count, 'prediction')} {name} another database than the item at the same place: "
            "the n-th prediction belongs to the n-th item, whatever its key"
        )


def scores_predictions(
    predictions: Path | None,
    self_check: bool,
    *,
    written: dict[str, object],
    of_predictions: dict[str, bool],
    of_generators: dict[str, object],
) -> bool:
    """Whether predictions are scored (else a generator); tells options of the other use.

    Args:
        predictions, self_check: What says so.
        written: Options that want something written about predictions; None where they were not given.
        of_predictions, of_generators: Options that change nothing in the other use, and whether they were given.

    Raises:
        typer.BadParameter: Both kinds of predictions were given, or something was to be written about those of a
            generator.
    """
    from ctxprune.cli import _console

    if self_check and predictions is not None:
        raise typer.BadParameter("give one of --self-check and --predictions", param_hint="--self-check")
    scoring = predictions is not None or self_check
    if not scoring:
        for option, target in written.items():
            if target is not None:
                raise typer.BadParameter("it belongs to --predictions and --self-check", param_hint=option)
    whose, others = ("a generator", of_generators) if scoring else ("--predictions and --self-check", of_predictions)
    for option, given in others.items():
        if given:
            _console.say(f"{option} is not used: it belongs to {whose}")
    return scoring


def _shown(generator: str) -> str:
    """The generator without the folder of a model file."""
    kind, _, rest = generator.partition(":")
    return f"{kind}:{Path(rest).name}" if kind == "chat" and "://" not in rest else generator


def _print(document: dict[str, Any], output: Output) -> None:
    from rich.table import Table

    from ctxprune.cli import _console

    if output.as_json:
        _console.emit(document)
        return
    who = document.get("generator", document.get("predictions_file"))
    table = Table("", "", show_header=False, title=_console.visible(f"{document['set']}, {who}"))
    for name, value in _rows(document):
        table.add_row(name, value)
    _console.data().print(table)


_FIGURES = (
    "mode", "rule", "ex", "safe_ex", "soft_f1", "r_ves", "exact_match", "executable", "items", "skipped",
    "model_failures", "ms_per_question", "ms_p95", "tokens_in", "tokens_out", "cost",
)  # fmt: skip


def _rows(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name in _FIGURES:
        if document.get(name) is not None:
            yield name, str(document[name])
    for level, figures in (document.get("by_hardness") or document.get("by_difficulty") or {}).items():
        yield f"ex, {level}", f"{figures['ex']} of {figures['items']}"
    clean = document.get("clean")
    if clean and clean["left_out"]:
        yield "ex where the reference runs", f"{clean['ex']} of {clean['items']}"
    for kind, count in document.get("errors", {}).items():
        yield f"error: {kind}", str(count)
    if "differences" in document:
        yield "modes differ", str(len(document["differences"]))
