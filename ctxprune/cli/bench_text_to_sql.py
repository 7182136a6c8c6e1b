"""`ctxprune bench bird` and `ctxprune bench spider`: predictions or a generator scored by each benchmark's rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from ctxprune.cli._options import (
    GenerationOptions,
    JsonOption,
    PredictionOptions,
    SchemasOption,
    SetOption,
    SplitOption,
    with_option_groups,
)

__all__ = ["bird", "spider"]

_SCRIPTS = {"new": "bird", "old": "bird-old"}
_LimitOption = Annotated[
    int | None, typer.Option(min=1, help="With a generator: items to sample, stratified by database; default: all.")
]


@with_option_groups
def bird(
    data: SetOption,
    *,
    scored: PredictionOptions,
    script: Annotated[str, typer.Option(help="Official script: new (mini_dev) or old.")] = "new",
    seconds: Annotated[float, typer.Option(help="Time limit for the two queries of an item.")] = 30.0,
    repeat: Annotated[
        int, typer.Option(min=0, help="Also measure R-VES with so many repetitions; officially 100.")
    ] = 0,
    generation: GenerationOptions,
    split: Annotated[str, typer.Option(help="dev, mini_dev or train.")] = "dev",
    limit: _LimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score predictions, or a generator, by BIRD's official rules, on the items whose database is there.

    Official mode gives the verdicts of BIRD's scripts (EX, Soft-F1, R-VES with --repeat), on private copies; safe mode
    can only read and has limits.
    """
    from ctxprune.cli._benchmarks import check_options, generate_and_score, open_set, score_predictions
    from ctxprune.sql.evaluation.rules import RULES

    if script not in _SCRIPTS:
        raise typer.BadParameter(f"{script!r} is not one of: new, old", param_hint="--script")
    rule = replace(RULES[_SCRIPTS[script]], seconds=seconds)
    check_options(scored, generation, limit=limit, repeat=repeat)
    bench = open_set(data, None, split, scored.gold)
    if scored.given:
        score_predictions(bench, rule, scored, repeat=repeat, as_json=as_json)
    else:
        generate_and_score(bench, rule, generation, scored, limit=limit, as_json=as_json)


@with_option_groups
def spider(
    data: SetOption,
    *,
    scored: PredictionOptions,
    seconds: Annotated[float, typer.Option(help="Time limit of an item; the official 60 are never enforced.")] = 60.0,
    keep_distinct: Annotated[
        bool, typer.Option("--keep-distinct", help="Do not remove DISTINCT, as the official option of that name.")
    ] = False,
    plug_value: Annotated[
        bool, typer.Option("--plug-value", help="Put the reference's values in, as the official option of that name.")
    ] = False,
    generation: GenerationOptions,
    schemas: SchemasOption = None,
    split: SplitOption = "dev",
    limit: _LimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score predictions, or a generator, by Spider's official rules, on the items whose database is there.

    Official mode gives the verdicts of the test suite's script (execution, exact match, hardness), on private copies;
    safe mode can only read and has limits.
    """
    from ctxprune.cli._benchmarks import check_options, generate_and_score, open_set, score_predictions
    from ctxprune.sql.evaluation.rules import SPIDER

    text = replace(SPIDER.text, keep_distinct=keep_distinct, plug_value=plug_value)
    rule = replace(SPIDER, text=text, seconds=seconds)
    check_options(scored, generation, limit=limit)
    bench = open_set(data, schemas, split, scored.gold)
    if scored.given:
        score_predictions(bench, rule, scored, as_json=as_json)
    else:
        generate_and_score(bench, rule, generation, scored, limit=limit, as_json=as_json)
