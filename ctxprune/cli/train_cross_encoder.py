"""`ctxprune train cross-encoder`: the scorer that says whether a query is what a question asks, from its data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ctxprune.cli._options import JsonOption
from ctxprune.utils.extras import require

__all__ = ["cross_encoder"]


def cross_encoder(
    data: Annotated[Path, typer.Option(help="Folder that holds nl2sql.")],
    out: Annotated[Path, typer.Option(help="Folder for the model, its data, its checkpoint and its log.")],
    epochs: Annotated[int, typer.Option(min=1, help="How often the questions are read.")] = 1,
    wrong: Annotated[int, typer.Option(min=1, help="Wrong queries that are read beside a right one.")] = 5,
    rate: Annotated[float, typer.Option(help="Peak learning rate of the encoder.")] = 3e-4,
    start: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a finished run to continue from; default: the bundled pruner.", show_default=False
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of data and order.")] = 0,
    offered: Annotated[
        bool, typer.Option(help="Learn from candidates of the sketch generator too; they take some twelve minutes.")
    ] = True,
    threads: Annotated[int, typer.Option(min=1, help="Threads of torch.")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the files in OUT.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Train the scorer of questions with queries, export it with int8 weights, and measure it on databases left out.

    Needs the train extra. Reads Spider's and Spider-Syn's training questions, WikiSQL's and those of advising.
    """
    for module in ("torch", "onnx", "onnxruntime"):
        require(module, "train")
    import torch

    from ctxprune.cli import _console
    from ctxprune.sql.evaluation.cross_encoder_training.recipe import CrossEncoderRecipe
    from ctxprune.sql.evaluation.cross_encoder_training.train import build_groups, train_cross_encoder

    torch.set_num_threads(threads)
    recipe = CrossEncoderRecipe(epochs=epochs, wrong=wrong, rate=rate, seed=seed)
    groups = build_groups(data, out, offered=offered, seed=seed)
    report = train_cross_encoder(groups, out, recipe, start=start, resume=resume)
    if as_json:
        _console.print_json(report)
    else:
        _console.print_note(f"{report['steps']} steps in {report['seconds']} s; the model is in {out}")
