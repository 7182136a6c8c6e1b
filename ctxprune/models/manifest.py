"""A manifest for an ONNX export of the pruner's signature that was made elsewhere.

`ctxprune train pruner` writes its own. Of another export put `model.onnx` and `tokenizer.json` into a folder and call
`write_manifest(folder, "mine")` once; `PrunerScorer(model=folder)` reads it from then on, and
`ctxprune prune … --scorer pruner --model folder` does.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.errors import FormatError, InputError
from ctxprune.models.pruner import FORMAT, VERSION, PrunerModel, clear_models
from ctxprune.models.windows import CLS, COLON, SEP, Tokens
from ctxprune.storage.sealed import seal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctxprune.models.pruner import Manifest

__all__ = ["write_manifest"]

_ENTRIES = {"[CLS]": CLS, "[SEP]": SEP, ":": COLON}
_KEEP: Mapping[str, Mapping[str, float]] = {"passage": {"keep": 1.0}}
_RELEVANCE: Mapping[str, Mapping[str, float]] = {"passage": {"relevance": 1.0}}


def write_manifest(
    folder: str | Path,
    name: str,
    *,
    limit: int = 256,
    unit: Mapping[str, Mapping[str, float]] = _KEEP,
    document: Mapping[str, Mapping[str, float]] = _RELEVANCE,
) -> Manifest:
    """Write `manifest.json` beside `model.onnx` and `tokenizer.json`, replacing one that is there.

    The graph takes int64 `ids` and `types` (windows, tokens), and `mask` if it likes, and gives float32 logits `keep`
    and `relevance` (windows, tokens); the vocabulary has BERT's special tokens where BERT has them. Both are checked,
    on a window.

    Args:
        folder: Of the two files.
        name: Of the model, with its version.
        limit: Most tokens of a window, 128 to 512.
        unit: By kind of unit ("passage" at least) the weights that make its logit, by name out of
            `ctxprune.models.pruner.FEATURES`; default: the mean logit of its tokens alone.
        document: The same of a document; default: the mean logit of relevance alone.

    Raises:
        InputError: One of the files is missing, or the manifest cannot be written.
        FormatError: They are damaged or of another signature, or an argument is out of range; what was there stays.
        MissingExtraError: onnxruntime is not installed.
    """
    place = Path(folder)
    manifest = place / "manifest.json"
    digests = {file: _digest(place / file) for file in ("model.onnx", "tokenizer.json")}
    data = {"format": FORMAT, "version": VERSION, "name": name, "limit": limit, "sha256": digests}
    try:
        text = seal(data | {"unit": unit, "document": document}, indent=1) + "\n"
    except (TypeError, ValueError) as error:
        raise FormatError(f"the weights cannot be written ({error})", where=str(manifest)) from error
    try:
        before = manifest.read_bytes() if manifest.is_file() else None
        manifest.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"the manifest cannot be written ({error.strerror})", where=str(manifest)) from error
    clear_models()
    try:
        model = PrunerModel(place)
        _check(model, place)
    # Also where the user interrupts: a manifest that was never checked must not stay behind.
    except BaseException:
        if before is None:
            manifest.unlink()
        else:
            manifest.write_bytes(before)
        raise
    return model.manifest


def _check(model: PrunerModel, folder: Path) -> None:
    """A window goes through, and means what it should."""
    for (entry, number), ids in zip(_ENTRIES.items(), model.encode(list(_ENTRIES)), strict=True):
        if ids != [number]:
            raise FormatError(f"the tokenizer makes {ids} of {entry!r}, not [{number}]", where=str(folder))
    question, title, unit = model.encode(["what", "which", "that"])
    (window,) = model.windows(question, [Tokens(title, [unit])], "passage")
    try:
        shapes = {np.shape(logits) for logits in model.run(window)}
    except Exception as error:  # onnxruntime's errors share no base but this one
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise FormatError(
            f"the graph has another signature ({reason[:200]})",
            where=str(folder),
            hint="it must take ids and types, at most a mask beside them, and give keep and relevance",
        ) from error
    if shapes != {(len(window.ids),)}:
        raise FormatError(f"the graph gives shapes {sorted(shapes)}, not one logit a token", where=str(folder))


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError("a file of the model is missing", where=str(path)) from error
