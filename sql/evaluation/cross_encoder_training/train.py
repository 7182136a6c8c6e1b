"""Makes the cross-encoder's weights: data, training run, export, and figures on databases left out."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from tokenizers import Tokenizer

from ctxprune.errors import FormatError, InputError
from ctxprune.models.pruner import bundled
from ctxprune.storage.sealed import check_file, seal
from ctxprune.train.export_int8 import export_int8
from ctxprune.train.graph_reader import read_network
from ctxprune.train.pruner_network import PrunerNetwork

from ...trust.cross_encoder.scorer import FORMAT, VERSION, CrossEncoder
from .candidates import read_candidates, write_candidates
from .groups import Group, left_out, read_groups, spider_groups, text2sql_groups, wikisql_groups, write_groups
from .measure import OFFERED, measure
from .recipe import CrossEncoderRecipe, CrossEncoderRun, encode_groups

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["SOURCES", "build_groups", "export_cross_encoder", "split_groups", "train_cross_encoder"]

SOURCES = {
    "spider": "CC BY-SA 4.0 (Spider)",
    "spider_syn": "MIT (Spider-Syn), CC BY-SA 4.0 (Spider)",
    "wikisql": "BSD-3 (WikiSQL)",
    "advising": "CC BY 4.0 (Advising)",
}
"""The sets that are read and their licences; "+" after a name in a group means that a condition was added."""
_WIKISQL, _ADVISING = 2_500, 500


@dataclass(frozen=True)
class _Split:
    train: list[Group]
    aside: list[Group]


def build_groups(data: Path, out: Path, *, offered: bool, seed: int = 0) -> list[Group]:
    """The groups out of the folder that holds `nl2sql`; written to `out`, and read from there when asked again.

    Args:
        data: Holds nl2sql.
        out: Folder for `groups.jsonl` and `candidates.jsonl`.
        offered: Whether the sketch generator's candidates are among the queries; they take some twelve minutes.
        seed: Of every choice.

    Raises:
        InputError: A set is missing or damaged.
    """
    path, candidates, sets = out / "groups.jsonl", out / "candidates.jsonl", data / "nl2sql"
    out.mkdir(parents=True, exist_ok=True)
    if path.is_file():
        return read_groups(path)
    if offered and not candidates.is_file():
        # written beside and renamed, so that a run that was stopped does not leave a part for the whole
        part = candidates.with_suffix(".part")
        write_candidates(sets / "spider", part, seed=seed)
        part.replace(candidates)
    known = read_candidates(candidates) if candidates.is_file() else {}
    groups = [
        *spider_groups(sets / "spider", sets / "spider_syn", known, seed=seed),
        *wikisql_groups(sets / "wikisql", _WIKISQL, seed=seed),
        *text2sql_groups(sets / "text2sql", "advising", _ADVISING, seed=seed),
    ]
    write_groups(groups, path)
    return groups


def split_groups(groups: Sequence[Group]) -> _Split:
    """Groups to learn from, and those of Spider's own questions on databases left out."""
    spider = [group for group in groups if group.source.startswith("spider") and left_out(group.database)]
    gone = set(map(id, spider))
    train = [group for group in groups if id(group) not in gone and any(group.right) and not all(group.right)]
    return _Split(train, [group for group in spider if group.source == "spider"])


def train_cross_encoder(
    groups: Sequence[Group], out: Path, recipe: CrossEncoderRecipe, *, start: Path | None = None, resume: bool = False
) -> dict[str, Any]:
    """Train from the bundled pruner, or from the checkpoint of an earlier run, and write a model folder.

    Args:
        groups: As `build_groups` gives them.
        out: Folder; made if it is not there.
        recipe: How to train.
        start: Folder of a finished run to continue from with its weights; default: the bundled pruner.
        resume: Go on from the checkpoint in `out`, if there is one.

    Returns:
        What `training.json` says: recipe, counts, figures on databases left out.

    Raises:
        InputError, FormatError: As `Training` and `read_network`.
    """
    split = split_groups(groups)
    tokenizer = Tokenizer.from_file(str(bundled() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    torch.manual_seed(recipe.seed)
    network = _first_weights(start)
    data = hashlib.sha256(json.dumps([asdict(group) for group in split.train]).encode()).hexdigest()
    run = CrossEncoderRun(network, recipe, out / "run", groups=len(split.train), fingerprint=data)
    if resume:
        run.resume()

    def encode(texts: list[str]) -> list[list[int]]:
        return [entry.ids for entry in tokenizer.encode_batch(texts, add_special_tokens=False)]

    run.train(encode_groups(split.train, encode))
    export_cross_encoder(network.eval(), out)
    model = CrossEncoder(out)
    scores = [model.score(group.question, group.queries).astype(float) for group in split.aside]
    report = {
        "recipe": asdict(recipe),
        "start": "pruner-v2" if start is None else "an earlier run",
        "data_sha256": data,
        "groups": dict(sorted(Counter(group.source for group in split.train).items())),
        "steps": run.step,
        "seconds": round(run.seconds),
        "torch": torch.__version__,
        "left_out": {
            "mutated": measure(split.aside, scores, ("gold", "mutated")),
            "offered": measure(split.aside, scores, OFFERED),
        },
    }
    (out / "training.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return report


def export_cross_encoder(network: PrunerNetwork, folder: Path) -> None:
    """Write `model.onnx` (int8, word embeddings in four bits) and `manifest.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    export_int8(network, folder / "model.onnx", words=4)
    digests = {
        "sha256": hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest(),
        "tokenizer": hashlib.sha256((bundled() / "tokenizer.json").read_bytes()).hexdigest(),
    }
    document = {"format": FORMAT, "version": VERSION, **digests}
    (folder / "manifest.json").write_text(seal(document, indent=1) + "\n", encoding="utf-8")


def _first_weights(start: Path | None) -> PrunerNetwork:
    network = read_network(bundled())
    with torch.no_grad():
        network.linear.bias.zero_()  # the pruner starts near "not needed", which is no place to compare queries from
    if start is None:
        return network
    path = start / "run" / "checkpoint.pt"
    try:
        check_file(path)
        network.load_state_dict(torch.load(path, weights_only=True)["network"])
    except OSError as error:
        raise InputError("there is no finished run to continue from", where=str(start)) from error
    except Exception as error:  # as many kinds as there are damaged files
        raise FormatError(f"the checkpoint cannot be read ({type(error).__name__})", where=str(path)) from error
    return network
