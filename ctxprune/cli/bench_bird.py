"""`ctxprune bench bird`: predictions or a generator scored on BIRD."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ctxprune.cli._writing import EXAMPLES_HELP, STYLE_HELP, Writing

__all__ = ["bird"]

_SCRIPTS = {"new": "bird", "old": "bird-old"}


def bird(
    data: Annotated[Path, typer.Option(help="Folder of the set, as it was published.")],
    predictions: Annotated[Path | None, typer.Option(help="Score this file: BIRD's JSON object, or an array.")] = None,
    self_check: Annotated[bool, typer.Option("--self-check", help="Score the references themselves.")] = False,
    mode: Annotated[str, typer.Option(help="Of predictions: official, safe, or both with a report.")] = "official",
    script: Annotated[str, typer.Option(help="Official script: new (mini_dev) or old.")] = "new",
    workers: Annotated[int, typer.Option(min=1, help="Predictions scored at the same time.")] = 1,
    log: Annotated[Path | None, typer.Option(help="Log of items; a run that was killed goes on from it.")] = None,
    gold: Annotated[Path | None, typer.Option(help="Reference file (SQL, tab, db_id) instead of the set's.")] = None,
    seconds: Annotated[float, typer.Option(help="Limit for one item's two queries.")] = 30.0,
    repeat: Annotated[int, typer.Option(min=0, help="Measure R-VES with so many repetitions; officially 100.")] = 0,
    html: Annotated[Path | None, typer.Option(help="Write a page about the predictions.")] = None,
    generator: Annotated[str, typer.Option(help="sketch, chat:FILE.gguf, chat:URL, or a registered name.")] = "sketch",
    style: Annotated[str, typer.Option(help=STYLE_HELP)] = "",
    examples: Annotated[Path | None, typer.Option(help=EXAMPLES_HELP)] = None,
    split: Annotated[str, typer.Option(help="dev, mini_dev or train.")] = "dev",
    limit: Annotated[int | None, typer.Option(min=1, help="Generator: so many items, stratified by database.")] = None,
    seed: Annotated[int, typer.Option(help="Of the sample and of the generator.")] = 0,
    candidates: Annotated[int, typer.Option(min=1, help="Candidates per generator.")] = 4,
    plain: Annotated[bool, typer.Option("--plain", help="Whole schema, one answer, no repair, no vote.")] = False,
    cache: Annotated[Path | None, typer.Option(help="SQLite file of generations; default: in your cache.")] = None,
    items: Annotated[bool, typer.Option("--items", help="With --json: the verdict of each item as well.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:  # fmt: skip
    """Score predictions, or a generator, by BIRD's official rules, on the items whose database is there.

    Official mode gives the verdicts of BIRD's scripts (EX, Soft-F1, R-VES with --repeat), on private copies; safe mode
    can only read and has limits.
    """
    from ctxprune.cli._benchmarks import (
        Output,
        Scoring,
        chosen_items,
        generate_and_score,
        open_set,
        score_file,
        scores_predictions,
    )
    from ctxprune.sql.evaluation.rules import RULES

    if script not in _SCRIPTS:
        raise typer.BadParameter(f"{script!r} is not one of: new, old", param_hint="--script")
    rule = replace(RULES[_SCRIPTS[script]], seconds=seconds)
    scoring = scores_predictions(
        predictions,
        self_check,
        written={"--html": html, "--log": log},
        of_predictions={"--mode": mode != "official", "--repeat": repeat > 0},
        of_generators={"--limit": limit, "--plain": plain, "--style": style},
    )
    bench = open_set(data, None, split, gold)
    output = Output(as_json, items, html)
    if scoring:
        score_file(bench, rule, Scoring(None if self_check else predictions, mode, workers, repeat, log), output)
        return
    options = {"candidates": candidates, "plain": plain, "cache": cache, "seed": seed, "data": bench.fingerprint}
    bench, skipped = chosen_items(bench, limit, seed)
    generate_and_score(
        bench, rule, generator, options | {"skipped": skipped, "writing": Writing(style, examples)}, output
    )
