"""Models from folders on this machine, with the task that they do. Nothing is downloaded, no folder's code is run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers

from ctxprune.errors import FormatError, InputError
from ctxprune.models.cards import read_card
from ctxprune.models.pruner import place_of
from ctxprune.shrink.io.companions import companion_files, module_folders
from ctxprune.shrink.io.loaded import InputFormat, Loaded, read_json, read_tokenizer
from ctxprune.shrink.io.manifest import MANIFEST, read_manifest, rebuild_model
from ctxprune.shrink.model.tasks.base import Task
from ctxprune.shrink.model.tasks.cross_encoder import CrossEncoder
from ctxprune.shrink.model.tasks.embedding import Embedding
from ctxprune.shrink.model.tasks.language_model import LanguageModel
from ctxprune.shrink.model.tasks.yes_no import YesNo

__all__ = ["KINDS", "load_model"]

KINDS: Mapping[str, str] = {
    "reranker": "AutoModelForSequenceClassification",
    "embedder": "AutoModel",
    "decoder": "AutoModelForCausalLM",
}
"""Kinds of model, and the class of transformers that reads each; the pruner is read out of its own graph."""
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")
_LAYER = re.compile(r"(^|\.)(layer|layers)\.\d+\..*(weight|bias)$")
_ENDS = {
    "ForSequenceClassification": "reranker",
    "ForCausalLM": "decoder",
    "LMHeadModel": "decoder",
    "Model": "embedder",
}


def load_model(folder: str | Path) -> Loaded:
    """The model in a folder: as transformers or sentence-transformers wrote it, or as `save_model` did.

    The name of the bundled pruner, as `ctxprune models` shows it, is that of its folder.

    Raises:
        InputError: There is no such folder, a file is missing, or the model is of a kind that is not known here.
        FormatError: A file is damaged.
    """
    place = place_of(folder)
    if (place / "manifest.json").is_file() and (place / "model.onnx").is_file():
        return _pruner(place)
    if not place.is_dir():
        hint = "name a model's folder, or the bundled one; nothing is downloaded"
        raise InputError("there is no such folder", where=str(folder), hint=hint)
    inside = next(iter(module_folders(place)), "")  # where sentence-transformers put the encoder
    companion_files(place, inside)  # links out of the folder are refused before hours of work
    if (place / MANIFEST).is_file():
        manifest = read_manifest(place)
        model, kind, origin = rebuild_model(place / inside, manifest), str(manifest["kind"]), manifest["origin"]
        answers = manifest.get("answers", {})
    else:
        kind, answers = _kind(place / inside), {}
        model = _read(KINDS[kind], place / inside)
        origin = model.config.to_dict()
    task = _task(kind, answers, model, place)
    return Loaded(
        model.eval(), task, kind, InputFormat.of_folder(place / inside), place, inside, origin, read_card(place)
    )


def _task(kind: str, answers: Any, model: Any, folder: Path) -> Task:
    """The task of a kind of model; of a decoder that ranks by the ids of its two answers, which its manifest has."""
    writes = any(type(model).__name__.endswith(end) for end, own in _ENDS.items() if own == "decoder")
    if kind != "reranker" or not writes:
        return {"reranker": CrossEncoder, "embedder": Embedding, "decoder": LanguageModel}[kind]()
    found: list[Any] = [answers.get(name) if isinstance(answers, dict) else None for name in ("yes", "no")]
    if not all(type(number) is int and 0 <= number < model.config.vocab_size for number in found) or len({*found}) < 2:
        hint = "save it anew, with YesNo(yes, no) as its task"
        raise FormatError("the manifest does not name the ids of yes and no", where=str(folder / MANIFEST), hint=hint)
    return YesNo(*found)


def _pruner(folder: Path) -> Loaded:
    """A pruner's network out of its graph."""
    from ctxprune.models.pruner import read_manifest as read_pruner
    from ctxprune.shrink.model.tasks.pruner import Pruner
    from ctxprune.train.graph_reader import read_network

    form = InputFormat(read_tokenizer(folder / "tokenizer.json"), read_pruner(folder).limit)
    origin = read_json(folder / "manifest.json")
    network = read_network(folder).eval()
    return Loaded(network, Pruner(), "pruner", form, folder, "", origin, read_card(folder))


def _kind(folder: Path) -> str:
    config = read_json(folder / "config.json")
    names = config.get("architectures") if isinstance(config, dict) else None
    for name in names or ():
        for end, kind in _ENDS.items():
            if str(name).endswith(end):
                return kind
    what = f"the model says that it is {', '.join(map(str, names or ())) or 'nothing'}"
    hint = "known are models for sequence classification, encoders and causal language models"
    raise InputError(what, where=str(folder / "config.json"), hint=hint)


def _read(name: str, folder: Path) -> Any:
    if not any((folder / file).is_file() for file in _WEIGHTS):
        pickles = sorted(entry.name for end in _PICKLES for entry in folder.glob(f"*{end}"))
        kept = f"; {pickles[0]} is a pickle, which can run any code, and is not read" if pickles else ""
        hint = f"expected is {_WEIGHTS[0]}, or {_WEIGHTS[1]} with the files that it names{kept}"
        raise InputError("the folder has no weights as safetensors", where=str(folder), hint=hint)
    try:
        with _quiet():
            reader = getattr(transformers, name)  # its submodules are imported when they are first asked for
            # code is refused in words: where nothing is said, transformers asks on the terminal whether to run it
            model, said = reader.from_pretrained(
                str(folder), local_files_only=True, use_safetensors=True, dtype=torch.float32, output_loading_info=True,
                ignore_mismatched_sizes=True, trust_remote_code=False,
            )  # fmt: skip
    except Exception as error:  # as many kinds as there are damaged files
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise FormatError(f"the model cannot be loaded ({reason[:200]})", where=str(folder)) from error
    _check_complete(said, folder)
    return model


def _check_complete(said: Mapping[str, Any], folder: Path) -> None:
    """Refuse weights that do not go with the configuration: transformers only warns, and fills in random numbers."""
    hint = "weights and config.json are of two models, or a file is damaged: copy the folder anew"
    for name, held, asked in sorted(said["mismatched_keys"]):
        sizes = f"{tuple(held)} in the weights and {tuple(asked)} by the configuration"
        raise FormatError(f"{name!r} is {sizes}", where=str(folder), hint=hint)
    if missing := sorted(said["missing_keys"]):
        raise FormatError(f"the weights lack {missing[0]!r}", where=str(folder), hint=hint)
    # heads that this kind of model has not are left out; a part of a layer that is left out makes another model
    if left := sorted(name for name in said["unexpected_keys"] if _LAYER.search(name)):
        raise FormatError(f"the configuration has no place for {left[0]!r}", where=str(folder), hint=hint)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence log messages and progress bars of transformers inside."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
