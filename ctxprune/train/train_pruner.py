"""From data and a base model to a model folder: `ctxprune train pruner`."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import torch

from ctxprune.models.windows import CLS, COLON, SEP
from ctxprune.storage.sealed import parse_json
from ctxprune.train.batches import encode
from ctxprune.train.export import export_float, write_manifest
from ctxprune.train.export_int8 import export_int8
from ctxprune.train.fusion import fit_fusion
from ctxprune.train.loop import PrunerRecipe, PrunerRun, blend_with_base
from ctxprune.train.mixture import fingerprint
from ctxprune.train.pruner_network import EncoderShape, PrunerNetwork

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctxprune.train.distillation import DistilRun
    from ctxprune.train.examples import Example

__all__ = ["TrainingInputs", "export_trained", "report_run", "smoke_inputs", "train_pruner"]

_NEUTRAL = {"unit": {"passage": {"keep": 1.0}}, "document": {"passage": {"relevance": 1.0}}}


@dataclass(frozen=True)
class TrainingInputs:
    """Inputs of a training run.

    Attributes:
        network: With the base model's weights.
        tokenizer: Its tokenizer.json, as text.
        train: Examples to train on.
        aside: Examples for the last step, with questions that are in none of `train`.
    """

    network: PrunerNetwork
    tokenizer: str
    train: Sequence[Example]
    aside: Sequence[Example]


def train_pruner(
    parts: TrainingInputs,
    out: Path,
    recipe: PrunerRecipe,
    *,
    name: str = "pruner.v1",
    resume: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Train, export, weigh. Writes `model.onnx` (int8), `tokenizer.json`, `manifest.json` and `training.json` to `out`.

    The checkpoint, the log and the float32 graph with its own manifest are in `out/run`.

    Args:
        parts: Data and base model.
        out: Folder; made if it is not there.
        recipe: How to train.
        name: Of the model, for its manifest.
        resume: Go on from the checkpoint, if there is one.
        progress: Called with the examples that are read and all of them.

    Returns:
        What `training.json` says: recipe, counts, fingerprint of the data, seconds, last losses.

    Raises:
        FormatError: The checkpoint is of another recipe or of other data.
    """
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(parts.tokenizer)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    data = fingerprint(parts.train)
    torch.manual_seed(recipe.seed)
    # before training changes the network in place: the result is blended with it
    base = {key: value.clone() for key, value in parts.network.state_dict().items()}
    run = PrunerRun(parts.network, recipe, out / "run", fingerprint=data)
    if resume:
        run.resume()
    run.train(encode(parts.train, tokenizer), parts.train, progress=progress)
    parts.network.eval()
    blend_with_base(parts.network, base, recipe.base_share)
    export_trained(parts.network, parts.tokenizer, parts.aside, out, name=name, limit=recipe.limit)
    report: dict[str, Any] = {
        "name": name,
        **report_run(run, parts, data),
        "log": _last_losses(out / "run" / "log.jsonl"),
    }
    (out / "training.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return report


def report_run(run: PrunerRun | DistilRun, parts: TrainingInputs, data: str) -> dict[str, Any]:
    """What `training.json` says of every finished run; `data` is the fingerprint of the examples."""
    return {
        "recipe": asdict(run.recipe),
        "data_sha256": data,
        "examples": dict(sorted(Counter(example.source for example in parts.train).items())),
        "aside": len(parts.aside),
        "steps": run.step,
        "seconds": round(run.seconds),
        "torch": torch.__version__,
    }


def export_trained(
    network: PrunerNetwork,
    tokenizer: str,
    aside: Sequence[Example],
    out: Path,
    *,
    name: str,
    limit: int,
    words: int = 8,
) -> None:
    """Make a model folder of a trained network: export it, and fit the weights that turn its scores into probabilities.

    Args:
        network: In evaluation mode.
        tokenizer: Its tokenizer.json, as text.
        aside: Examples that were not trained on.
        out: Folder of the int8 model; the float32 one comes into its folder `run`.
        name: Of the model.
        limit: Most tokens of a window.
        words: Bits of word embeddings, 8 or 4.
    """
    from ctxprune.scorers.neural.pruner import PrunerScorer

    (out / "run").mkdir(parents=True, exist_ok=True)
    for folder in (out / "run", out):
        (folder / "tokenizer.json").write_text(tokenizer, encoding="utf-8")
    export_float(network, out / "run" / "model.onnx")
    export_int8(network, out / "model.onnx", words=words)
    with TemporaryDirectory() as apart:  # a process keeps a model that it loaded, with the manifest of that time
        for file in ("model.onnx", "tokenizer.json"):
            copyfile(out / file, Path(apart) / file)
        write_manifest(Path(apart), name, limit, _NEUTRAL)
        weights = fit_fusion(PrunerScorer(apart), aside)
    write_manifest(out, name, limit, weights)
    write_manifest(out / "run", name, limit, weights, version=1)


def smoke_inputs() -> tuple[TrainingInputs, PrunerRecipe]:
    """A random network of two narrow layers and sentences of a dozen words: all of the run in seconds."""
    from ctxprune.train.examples import Example
    from ctxprune.train.sentence_sets import Document

    words = ["red", "blue", "green", "house", "river", "tower", "old", "new", "tall", "is", "the", "where"]
    vocabulary = {"[PAD]": 0, "[UNK]": 100, "[CLS]": CLS, "[SEP]": SEP, ":": COLON}
    vocabulary |= {word: 200 + place for place, word in enumerate(words)}
    model = {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"}
    absent = dict.fromkeys(("truncation", "padding", "normalizer", "post_processor", "decoder"))
    tokenizer = absent | {
        "version": "1.0",
        "added_tokens": [],
        "pre_tokenizer": {"type": "Whitespace"},
        "model": model,
    }
    examples = []
    for number in range(160):
        color, thing = words[number % 3], words[3 + number // 3 % 3]
        sentences = tuple(f"the {other} {thing} is {words[6 + number % 3]}" for other in words[:3])
        labels = tuple(other == color for other in words[:3])
        documents = (
            Document(thing, sentences, labels),
            Document("", (f"the {words[3 + number % 3]} is old",), (False,)),
        )
        kind = ("passage", "table", "schema")[number % 3]
        question = f"where is the {color} {thing} {'old ' * (number % 7)}"
        examples.append(Example(kind, kind, question, documents, (True, False)))
    torch.manual_seed(0)
    network = PrunerNetwork(EncoderShape.uniform(vocabulary=1200, positions=512, width=32, heads=2, inner=64, layers=2))
    recipe = PrunerRecipe(examples=1440, tokens=1024, rate=1e-3, head_rate=1e-2, bfloat16=False, base_share=0.0)
    return TrainingInputs(network, json.dumps(tokenizer), examples[:130], examples[130:]), recipe


def _last_losses(log: Path) -> list[dict[str, Any]]:
    """Up to ten lines of the log, evenly spaced, the last one among them."""
    entries = [_entry(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.is_file() else []
    lines = [entry for entry in entries if entry]
    step = max(len(lines) // 10, 1)
    return lines[::-1][::step][:10][::-1]


def _entry(line: str) -> dict[str, Any]:
    """A line of the log; nothing of half a line, which a run that was killed may leave."""
    try:
        found: dict[str, Any] = parse_json(line)
    except ValueError:
        return {}
    return found
