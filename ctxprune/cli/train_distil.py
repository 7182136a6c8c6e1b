"""`ctxprune train distil`: the bundled model from a larger one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ctxprune.cli._options import JsonOption
from ctxprune.errors import UsageError
from ctxprune.utils.extras import require

if TYPE_CHECKING:
    from ctxprune.train.pruner_network import EncoderShape

__all__ = ["distil"]


def distil(
    out: Annotated[Path, typer.Option(help="Folder for the model, its windows, its checkpoint and its log.")],
    data: Annotated[Path, typer.Option(help="Folder that holds rag and nl2sql.")],
    teacher: Annotated[
        Path, typer.Option(help="Folder of the model to learn from, such as `ctxprune train pruner` makes.")
    ],
    student: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a smaller model to continue from; it may have fewer heads and neurons than --shape.",
            show_default=False,
        ),
    ] = None,
    base: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the model whose tokenizer is used, as for `ctxprune train pruner`.", show_default=False
        ),
    ] = None,
    shape: Annotated[
        str, typer.Option(help="For each layer heads x neurons, as in 4x384,4x384; 0 for none.")
    ] = ",".join(["4x384"] * 6),
    layers: Annotated[
        str | None,
        typer.Option(
            help="The teacher's layer that each layer starts from; default: the first ones.", show_default=False
        ),
    ] = None,
    vocabulary: Annotated[int, typer.Option(min=1, help="Vocabulary pieces to keep.")] = 24_000,
    tokens: Annotated[int, typer.Option(min=1, help="Tokens to read.")] = 30_000_000,
    shards: Annotated[int, typer.Option(min=1, help="Files of some 440,000 tokens that the teacher reads.")] = 28,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the windows and their order.")] = 0,
    rate: Annotated[float, typer.Option(help="Peak learning rate.")] = 5e-4,
    threads: Annotated[int, typer.Option(min=1, help="Threads of torch.")] = 1,
    name: Annotated[str, typer.Option(help="Name of the model, with its version.")] = "pruner.v2",
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the files in OUT.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Train a smaller pruner to give the scores of a larger one, and calibrate it on examples set aside.

    Needs the train extra. Reads what `ctxprune train pruner` reads, and questions beside other documents of the same
    sets, which need no labels.
    """
    for module in ("torch", "safetensors", "onnx", "onnxruntime"):
        require(module, "train")
    import torch

    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.cli.train_pruner import base_folder, parts_of
    from ctxprune.train.distil_pruner import DistilPlan, distil_pruner
    from ctxprune.train.distillation import DistilRecipe

    torch.set_num_threads(threads)
    wanted = _shape(shape)
    sources = tuple(range(len(wanted.layers))) if layers is None else tuple(_numbers(layers, ","))
    recipe = DistilRecipe(tokens=tokens, rate=rate, head_rate=rate, seed=seed)
    plan = DistilPlan(wanted, sources, vocabulary=vocabulary, shards=shards, seed=seed, recipe=recipe, name=name)
    with show_progress("reading the data") as line:
        parts = parts_of(data, base_folder(base))
        line.name_step("reading the teacher's scores")
        report = distil_pruner(
            parts, teacher, out, plan, student=student, resume=resume,
            progress=lambda done, total: line.update(done, total, "training, tokens"),
        )  # fmt: skip
    if as_json:
        _console.print_json(report)
    else:
        _console.print_note(f"{report['steps']} steps in {report['seconds']} s; the model is in {out}")


def _shape(text: str) -> EncoderShape:
    from ctxprune.train.pruner_network import EncoderShape, LayerShape

    pairs = [_numbers(part, "x") for part in text.split(",")]
    if any(len(pair) != 2 for pair in pairs):
        raise UsageError(f"shape is {text!r}", hint="give heads x neurons of each layer, as in 4x384,4x384")
    return EncoderShape(positions=256, layers=tuple(LayerShape(*pair) for pair in pairs))


def _numbers(text: str, mark: str) -> list[int]:
    try:
        return [int(part) for part in text.split(mark)]
    except ValueError as error:
        raise UsageError(f"{text!r} is no list of whole numbers", hint=f"put {mark!r} between them") from error
