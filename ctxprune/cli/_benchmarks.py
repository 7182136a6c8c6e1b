"""What `bench bird` and `bench spider` share: scoring a file of predictions, scoring a generator, showing figures."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctxprune.cli._options import GenerationOptions, PredictionOptions
    from ctxprune.sql.evaluation.datasets import Benchmark
    from ctxprune.sql.evaluation.evaluate import RunConfig
    from ctxprune.sql.evaluation.predictions import Predictions
    from ctxprune.sql.evaluation.report import Evaluation
    from ctxprune.sql.evaluation.rules import ExecutionRule

__all__ = ["MODES", "check_options", "generate_and_score", "open_set", "score_predictions"]

MODES = ("official", "safe", "both")


def open_set(data: Path, schemas: Path | None, split: str, gold: Path | None = None) -> Benchmark:
    """The benchmark of a folder, with the references of a gold file where one is named."""
    from ctxprune.cli._progress import show_progress
    from ctxprune.sql.evaluation.datasets import load, with_gold

    with show_progress("reading the set"):
        bench = load(data, schemas=schemas, split=split)
        return bench if gold is None else with_gold(bench, gold)


def score_predictions(
    bench: Benchmark, rule: ExecutionRule, options: PredictionOptions, *, repeat: int = 0, as_json: bool = False
) -> None:
    """Score predictions, print the figures and write the page.

    Args:
        bench: The set.
        rule: The rules of its official script.
        options: Which predictions, and how; none named means the references themselves.
        repeat: Repetitions for R-VES, in official mode.
        as_json: Print one JSON document, not a table.
    """
    from ctxprune.cli import _console
    from ctxprune.sql.evaluation.differences import differences
    from ctxprune.sql.evaluation.evaluate import RunConfig
    from ctxprune.sql.evaluation.predictions import gold_as_predictions, read_predictions

    if options.mode not in MODES:
        raise typer.BadParameter(f"{options.mode!r} is not one of: {', '.join(MODES)}", param_hint="--mode")
    file = options.predictions
    predictions = gold_as_predictions(bench.items) if file is None else read_predictions(file)
    inputs = [*bench.databases.values(), *([file] if file is not None else [])]
    for target in (options.html, options.log):
        if target is not None:
            _console.check_not_input(target, *inputs)
    runs = []
    both = options.mode == "both"
    for mode in ("official", "safe") if both else (options.mode,):
        config = RunConfig(rule, mode=mode, workers=options.workers, repeat=repeat if mode == "official" else 0)
        log = options.log
        if log is not None and both and mode == "safe":  # two runs need two logs
            log = log.with_name(log.name + ".safe")
        runs.append(_evaluate(bench, predictions, config, log))
    mode_differences = differences(runs[0], runs[1]) if both else []
    document: dict[str, Any] = {"predictions_file": file.name if file is not None else "gold"}
    document |= runs[0].to_dict(items=options.items)
    if both:
        document |= {"mode": "both", "safe_ex": runs[1].to_dict()["ex"], "differences": mode_differences}
    _say_odd(document)
    _say_elsewhere(bench, predictions)
    _print(document, as_json=as_json)
    _show_wrong(bench, runs[0], as_json=as_json)  # before the page, which may fail: a run may have taken hours
    if options.html is not None:
        from ctxprune.sql.evaluation.page import run_page

        page = run_page(runs[0], title=str(document["predictions_file"]), differences=mode_differences)
        _console.write_file(options.html, page, *inputs)


def generate_and_score(
    bench: Benchmark,
    rule: ExecutionRule,
    options: GenerationOptions,
    scoring: PredictionOptions,
    *,
    limit: int | None = None,
    as_json: bool = False,
) -> None:
    """Ask a generator every question, score its answers, print the figures and write the page.

    Args:
        bench: The set.
        rule: The rules of its official script.
        options: Which generator.
        scoring: The log, the page, and whether the JSON has the verdict on each item.
        limit: At most so many items, stratified by database.
        as_json: Print one JSON document, not a table.
    """
    from ctxprune.cli import _console
    from ctxprune.cli._pipelines import generators_from_options
    from ctxprune.cli._progress import show_progress
    from ctxprune.cli._trust import options_record, shown_generator
    from ctxprune.sql.evaluation.datasets import sample_items
    from ctxprune.sql.evaluation.evaluate import RunConfig
    from ctxprune.sql.evaluation.predictions import Prediction, Predictions
    from ctxprune.sql.evaluation.run import run
    from ctxprune.sql.pipeline.factory import PipelineFactory

    for target in (scoring.html, scoring.log):
        if target is not None:
            _console.check_not_input(target, *bench.databases.values())
    # of the whole set, so that they do not depend on the sample
    data, skipped = bench.fingerprint, len(bench.items) - len(bench.present)
    if limit is not None:
        bench = replace(bench, items=sample_items(bench.present, limit, seed=options.seed))
    with show_progress("opening the model") as line:
        writers = generators_from_options(options)
        make = PipelineFactory(writers, candidates=options.candidates, plain=options.plain, seed=options.seed)
        line.name_step(bench.name, len(bench.present))
        record = options_record(options)
        report = run(bench, make, rule=rule, log=scoring.log, options=record, progress=line.update)
    sql = {verdict.index: verdict.sql for verdict in report.verdicts}
    # The generator answered already; these are scored a second time for the figures of the official script.
    entries = tuple(
        Prediction(sql.get(item.index, ""), "", "" if sql.get(item.index) else "empty") for item in bench.items
    )
    evaluation = _evaluate(bench, Predictions(entries, "list"), RunConfig(rule, mode="safe"), None)
    scored = evaluation.to_dict()
    document: dict[str, Any] = {
        "set": bench.name,
        "generator": shown_generator(options.generator),
        "plain": options.plain,
        "data": data,
    }
    document |= {"style": options.style} if options.style else {}
    document |= report.to_dict() | {"skipped": skipped, "rule": rule.name}
    wanted = ("soft_f1", "exact_match", "partial", "by_difficulty", "by_hardness", "clean")
    document |= {name: scored[name] for name in wanted if name in scored}
    if scoring.items:
        # Those of the official script, which `bench compare` reads, with what the generator took beside them.
        results = {one.index: one.document() for one in evaluation.results}
        document["verdicts"] = [results[verdict.index] | asdict(verdict) for verdict in report.verdicts]
    _print(document, as_json=as_json)
    _show_wrong(bench, evaluation, as_json=as_json)
    if scoring.html is not None:
        from ctxprune.sql.evaluation.page import run_page

        page = run_page(evaluation, title=document["generator"])
        _console.write_file(scoring.html, page, *bench.databases.values())


def check_options(
    scored: PredictionOptions, generation: GenerationOptions, *, limit: int | None, repeat: int = 0
) -> None:
    """Refuse options that contradict each other; on stderr, say which ones change nothing.

    Raises:
        typer.BadParameter: Two kinds of predictions were given.
    """
    from ctxprune.cli import _console

    if scored.self_check and scored.predictions is not None:
        raise typer.BadParameter("give one of --self-check and --predictions", param_hint="--self-check")
    if scored.given:
        owner, unused = "a generator", {"--limit": limit, "--plain": generation.plain, "--style": generation.style}
    else:
        owner = "--predictions and --self-check"
        unused = {"--mode": scored.mode != "official", "--repeat": repeat > 0}
    for option, value in unused.items():
        if value:
            _console.print_note(f"{option} is not used: it belongs to {owner}")


def _evaluate(bench: Benchmark, predictions: Predictions, config: RunConfig, log: Path | None) -> Evaluation:
    from ctxprune.cli._progress import show_progress
    from ctxprune.sql.evaluation.evaluate import evaluate

    with show_progress(f"{bench.name}, {config.mode} mode") as line:
        return evaluate(bench, predictions, config, log=log, progress=line.update)


def _say_odd(document: dict[str, Any]) -> None:
    """On stderr, what a reader of the figures should know."""
    from ctxprune.cli import _console

    for name, text in (
        ("unpredicted", "without a prediction: wrong here, left out by the official script"),
        ("extra_predictions", "beyond the last item, left out"),
    ):
        if document[name]:
            noun = "item" if name == "unpredicted" else "prediction"
            _console.print_note(f"{_console.format_count(document[name], noun)} {text}")
    for name, text in (
        ("stops", "the official script would end on {}; the figures are as if it went on"),
        ("changed", "{} changed the private copy; the official script would go on with a changed database"),
    ):
        if document[name]:
            _console.print_note(text.format(_console.format_count(len(document[name]), "item")))


def _say_elsewhere(bench: Benchmark, predictions: Predictions) -> None:
    """On stderr, how many predictions name another database than their item: a file of a part, or in another order."""
    from ctxprune.cli import _console

    pairs = zip(bench.items, predictions.entries, strict=False)
    # Predictions are matched by position, as the official scripts do, so a shifted file scores near zero silently.
    count = sum(bool(entry.db_id) and not entry.problem and entry.db_id != item.db_id for item, entry in pairs)
    if count:
        name = "names" if count == 1 else "name"
        _console.print_note(
            f"{_console.format_count(count, 'prediction')} {name} another database than the item at the same place: "
            "the n-th prediction belongs to the n-th item, whatever its key"
        )


def _print(document: dict[str, Any], *, as_json: bool) -> None:
    from ctxprune.cli import _console

    if as_json:
        _console.print_json(document)
        return
    who = document.get("generator", document.get("predictions_file"))
    _console.print_figures(_console.escape(f"{document['set']}, {who}"), _rows(document))


_MOST_WRONG = 10  # items that a person is shown


def _show_wrong(bench: Benchmark, evaluation: Evaluation, *, as_json: bool) -> None:
    """After the figures, the first wrong items: question, prediction and reference."""
    from ctxprune.cli import _console
    from ctxprune.sql.evaluation.outcome import ERRORS

    wrong = [one for one in evaluation.results if not one.right]
    if as_json or not wrong:
        return
    items = {item.index: item for item in bench.items}
    shown = wrong[:_MOST_WRONG]
    lines = []
    for one in shown:
        item = items[one.index]
        why = f" ({ERRORS.get(one.error, one.error)})" if one.error else ""
        lines += [
            "",
            f"item {one.index}, {item.db_id}{why}: {item.question}",
            f"  predicted: {_one_line(one.sql) or 'nothing'}",
            f"  reference: {_one_line(item.gold)}",
        ]
    more = f"; the first {len(shown)}, all of them with --json --items" if len(wrong) > len(shown) else ""
    text = "\n".join(map(_console.escape, [f"{_console.format_count(len(wrong), 'item')} wrong{more}:", *lines]))
    _console.stdout_console().print(text, highlight=False, markup=False, soft_wrap=True)


def _one_line(sql: str) -> str:
    return " ".join(sql.split())


_FIGURES = (
    "mode", "rule", "ex", "safe_ex", "soft_f1", "r_ves", "exact_match", "executable", "items", "unpredicted", "skipped",
    "model_failures", "ms_per_question", "ms_p95", "tokens_in", "tokens_out", "cost",
)  # fmt: skip


def _rows(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name in _FIGURES:
        if document.get(name) is not None and (document[name] or name != "unpredicted"):
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
