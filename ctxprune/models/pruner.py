"""Runtime of the bundled pruner: tokenizers and onnxruntime, nothing else.

A model is a folder with `manifest.json`, `model.onnx` and `tokenizer.json`. The graph takes int64 `ids` and `types`
(windows, tokens) and gives float32 logits `keep` and `relevance` (windows, tokens), as `ctxprune.models.windows` lays
windows out. That of a folder of version 1 takes a `mask` as well; later ones may. Graphs may give the last `states`
(windows, tokens, width) of the tokens too.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import FormatError, InputError
from ctxprune.models.windows import windows
from ctxprune.storage.sealed import unseal
from ctxprune.utils.extras import require
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ctxprune.models.windows import Tokens, Window

__all__ = [
    "BUNDLED",
    "FEATURES",
    "FORMAT",
    "VERSION",
    "Manifest",
    "PrunerModel",
    "bundled",
    "clear_models",
    "load_pruner",
    "place_of",
]

FORMAT, VERSION = "ctxprune-pruner", 2
_READ = (1, 2)
BUNDLED = "pruner-v2"
_FILES = ("model.onnx", "tokenizer.json")
_SURROGATES = re.compile("[\ud800-\udfff]")
FEATURES = frozenset({"bias", "fewness", "keep", "lexical", "relevance", "titled"})
_SLOWER = ["SkipLayerNormFusion"]  # what it makes of a sum and its norm takes six times as long on CPUs
_TEXTS = 4096  # encoded together
_FEW = 16  # encoded one by one, which takes less than waking threads


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a model folder says about itself.

    Attributes:
        name: Of the model, with its version.
        limit: Most tokens of a window.
        sha256: Of each file, by its name.
        unit: By kind of unit the weights that make its logit of the features that the scorer names.
        document: The same of a document.
    """

    name: str
    limit: int
    sha256: Mapping[str, str]
    unit: Mapping[str, Mapping[str, float]]
    document: Mapping[str, Mapping[str, float]]


class PrunerModel:
    """A loaded model. Safe to share between threads.

    A window is computed by itself: the int8 graph scales activations by the largest one it sees, so that in a batch a
    window's result would depend on its neighbours.

    Args:
        folder: Of the model.
        threads: Threads of one call, from 1 up.

    Raises:
        InputError: A file is missing.
        FormatError: A file is damaged or of another version.
        MissingExtraError: onnxruntime is not installed.
    """

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        self.manifest = read_manifest(folder)
        contents = {name: _read_checked(folder / name, self.manifest.sha256.get(name, "")) for name in _FILES}
        self._tokenizer = _load_tokenizer(contents["tokenizer.json"], folder)
        self._session = _open_session(contents["model.onnx"], folder, threads)
        self._masked = any(entry.name == "mask" for entry in self._session.get_inputs())
        # Graphs that were exported elsewhere, or by earlier releases, need not give states.
        self.gives_states = any(entry.name == "states" for entry in self._session.get_outputs())

    @property
    def fingerprint(self) -> str:
        """Which model this is: weights, tokenizer and calibration."""
        said = json.dumps(asdict(self.manifest), sort_keys=True)  # the hashes of both files, and how scores are made
        return f"{self.manifest.name} {hashlib.sha256(said.encode()).hexdigest()[:16]}"

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, without special tokens; lone surrogates read as the replacement character."""
        ids: list[list[int]] = []
        if len(texts) <= _FEW:
            return [self._tokenizer.encode(_replace_surrogates(text), add_special_tokens=False).ids for text in texts]
        for at in range(0, len(texts), _TEXTS):
            part = list(map(_replace_surrogates, texts[at : at + _TEXTS]))
            ids += [entry.ids for entry in self._tokenizer.encode_batch_fast(part, add_special_tokens=False)]
        return ids

    def windows(self, question: Sequence[int], documents: Sequence[Tokens], kind: str) -> list[Window]:
        """The windows of one question over some documents."""
        return windows(question, documents, kind, limit=self.manifest.limit)

    def run(self, window: Window) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits of keeping and of relevance of each token of a window: float32 (tokens,)."""
        keep, relevance = self._session.run(["keep", "relevance"], self._inputs(window))
        return keep[0], relevance[0]

    def run_with_states(
        self, window: Window
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32] | None]:
        """What `run` gives, and the last state of each token, float32 (tokens, width); None where the graph gives
        none."""
        if not self.gives_states:
            return *self.run(window), None
        keep, relevance, states = self._session.run(["keep", "relevance", "states"], self._inputs(window))
        return keep[0], relevance[0], states[0]

    def _inputs(self, window: Window) -> dict[str, NDArray[np.int64]]:
        ids = np.asarray([window.ids], dtype=np.int64)
        types = np.zeros_like(ids)
        types[0, window.question :] = 1
        given = {"ids": ids, "types": types}
        if self._masked:
            given["mask"] = np.ones_like(ids)
        return given


@lru_cache(maxsize=1)  # importlib asks the file system each time, and each request asks for the model
def bundled() -> Path:
    """The folder of the model that comes with this library."""
    return Path(str(files("ctxprune.models"))) / BUNDLED


def place_of(folder: str | Path) -> Path:
    """The folder as it is; for the bundled model's name (`Manifest.name`) its folder, where none here is named so."""
    # A folder of that name comes first, so that nobody's own model is hidden by the bundled one.
    named = not Path(folder).is_dir() and str(folder) == read_manifest(bundled()).name
    return bundled() if named else Path(folder)


def load_pruner(folder: str | Path | None = None, *, threads: int = 1) -> PrunerModel:
    """A model from a folder, or the one that comes with this library; loaded once a process and number of threads.

    Raises:
        UsageError: threads is under 1.
        InputError, FormatError, MissingExtraError: As `PrunerModel`.
    """
    check_whole("threads", threads)
    place = bundled() if folder is None else Path(folder)
    return _load(str(place), threads)


def clear_models() -> None:
    """Load every model again when it is next used; to be called after writing a model's folder."""
    _load.cache_clear()


@lru_cache(maxsize=8)
def _load(folder: str, threads: int) -> PrunerModel:
    return PrunerModel(Path(folder), threads=threads)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a model folder.

    Raises:
        InputError: There is none.
        FormatError: It is damaged, of another format or of another version.
    """
    path = folder / "manifest.json"
    try:
        text = path.read_bytes()
    except OSError as error:
        raise InputError(
            "the model's manifest cannot be read",
            where=str(path),
            hint="name a folder that `ctxprune train` wrote, or write one: ctxprune.models.manifest",
        ) from error
    try:
        data: dict[str, Any] = unseal(text, required=False)  # one that was written by hand has no checksum
        kind, version = data["format"], data["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError("the model's manifest is damaged", where=str(path)) from error
    if kind != FORMAT or version not in _READ:
        raise FormatError(
            f"the model is of format {kind!r}, version {version!r}",
            where=str(path),
            hint=f"this release reads {FORMAT} {' and '.join(map(str, _READ))}",
        )
    return _parse_manifest(data, path)


def _parse_manifest(data: dict[str, Any], path: Path) -> Manifest:
    try:
        manifest = Manifest(
            str(data["name"]),
            int(data["limit"]),
            {str(name): str(digest) for name, digest in data["sha256"].items()},
            _read_weights(data["unit"]),
            _read_weights(data["document"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"the model's manifest is damaged ({error})", where=str(path)) from error
    numbers = [
        value for part in (manifest.unit, manifest.document) for kind in part.values() for value in kind.values()
    ]
    if not 128 <= manifest.limit <= 512 or not all(map(math.isfinite, numbers)):
        raise FormatError("the model's manifest holds numbers out of range", where=str(path))
    return manifest


def _read_weights(data: dict[str, Any]) -> dict[str, dict[str, float]]:
    weights = {kind: {str(name): float(value) for name, value in part.items()} for kind, part in data.items()}
    if "passage" not in weights or not all(set(part) <= FEATURES for part in weights.values()):
        raise ValueError(f"weights of {sorted(weights)}")
    return weights


def _read_checked(path: Path, digest: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError("a file of the model is missing", where=str(path), hint="install the package anew") from error
    # Checked before it is parsed: the graph and the tokenizer are code to their libraries.
    if hashlib.sha256(content).hexdigest() != digest:
        raise FormatError("a file of the model is damaged", where=str(path), hint="install the package anew")
    return content


def _load_tokenizer(content: bytes, folder: Path) -> Any:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_str(content.decode("utf-8"))
    except Exception as error:  # tokenizers raises plain Exception
        raise FormatError(f"the model's tokenizer cannot be read ({error})", where=str(folder)) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _replace_surrogates(text: str) -> str:
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def _open_session(content: bytes, folder: Path, threads: int) -> Any:
    runtime = require("onnxruntime", "onnx")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    # Threads are the caller's to choose; onnxruntime would take every core of a shared machine.
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return runtime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"], disabled_optimizers=_SLOWER
        )
    except Exception as error:  # onnxruntime's errors share no base but this one
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise FormatError(f"the model cannot be loaded ({reason[:200]})", where=str(folder)) from error
