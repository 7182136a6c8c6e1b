"""A shrunk pruner as a model folder with int8 weights, which `PrunerScorer(model=folder)` reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ctxprune.errors import InputError
from ctxprune.models.manifest import write_manifest
from ctxprune.models.pruner import PrunerModel
from ctxprune.models.windows import Window
from ctxprune.shrink.io.export import output_differences
from ctxprune.shrink.io.loaded import Loaded
from ctxprune.shrink.io.model_card import CARD, is_own_card, render_card
from ctxprune.shrink.io.staging import stage_files
from ctxprune.shrink.model.tasks.base import Batch
from ctxprune.train.export_int8 import export_int8

_GRAPH = "model.onnx"


def export_pruner(
    loaded: Loaded,
    folder: str | Path,
    batches: Sequence[Batch],
    *,
    words: int = 8,
    report: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write `model.onnx` (int8), `tokenizer.json`, `manifest.json` and a card, and compare the graph with the network.

    The files come into the folder once they have been compared; a README.md of somebody else's stays. How scores are
    made of logits and BM25 stays as the manifest of the full model has it. Results and errors are those of
    `ctxprune.shrink.io.export.export_onnx`, of the logits of all tokens; and special pieces must have the pruner's ids.

    Args:
        loaded: A pruner.
        batches: Windows that both are compared on; one batch at least.
        words: Bits of word embeddings, 8, 4 or 3; 8 instead of 4 where the width is odd.
        report: Of the run, for the card.

    Returns:
        By file its bytes, and how it differs from the network: as `ctxprune.shrink.io.export.export_onnx`, of the
        logits of all tokens.

    Raises:
        InputError: The folder cannot be written, or there are no batches.
        FormatError: The tokenizer's special pieces have other ids than the pruner's.
        UsageError: words is none of 8, 4 and 3.
        MissingExtraError: onnxruntime is not installed.
    """
    if not batches:
        raise InputError("there is nothing to compare the export on", hint="give a batch at least")
    place = Path(folder)
    with stage_files(place, loaded.model) as part:
        found = _written(loaded, part, batches, words, report or {})
        if not is_own_card(place):
            (part / CARD).unlink()  # of somebody else
    return found


def _written(
    loaded: Loaded, part: Path, batches: Sequence[Batch], words: int, report: Mapping[str, Any]
) -> dict[str, Any]:
    """The files in a folder of their own, compared with the network."""
    network: Any = loaded.model
    export_int8(network, part / _GRAPH, words=8 if words == 4 and network.shape.width % 2 else words)
    (part / "tokenizer.json").write_text(loaded.form.tokenizer.to_str(), encoding="utf-8")
    card = render_card(str(loaded.origin["name"]), loaded.kind, loaded.card, report)
    (part / CARD).write_text(card, encoding="utf-8")
    write_pruner_manifest(loaded, part)
    model, theirs, mine = PrunerModel(part), [], []
    for batch in batches:
        given = [batch[name] for name in ("input_ids", "token_type_ids", "attention_mask")]
        with torch.no_grad():
            wanted = torch.stack(network(*given)).numpy()  # (2, windows, tokens)
        # the runtime reads one window without padding; so are the network's outputs taken
        for row, (ids, types, mask) in enumerate(zip(*given, strict=True)):
            size = int(mask.sum())
            mine.append(np.stack(model.run(Window(ids[:size].tolist(), int((types[:size] == 0).sum())))).ravel())
            theirs.append(wanted[:, row, :size].ravel())
    return {_GRAPH: output_differences(np.concatenate(mine), np.concatenate(theirs), part / _GRAPH)}


def write_pruner_manifest(loaded: Loaded, folder: Path) -> None:
    """Write the manifest of a shrunk pruner beside its graph and tokenizer; errors as `write_manifest`."""
    parts = {name: loaded.origin[name] for name in ("unit", "document")}
    name = str(loaded.origin["name"]).removesuffix("-shrunk") + "-shrunk"
    write_manifest(folder, name, limit=loaded.form.limit, **parts)
