"""A cross-encoder reads the question with each unit."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ctxprune.errors import InputError, UsageError
from ctxprune.scorers.base import Scorer
from ctxprune.scorers.neural.documents import (
    check_weights,
    model_fingerprint,
    replace_surrogates,
    split_documents,
    take_best_windows,
)
from ctxprune.scorers.neural.onnx_cross_encoder import OnnxCrossEncoder
from ctxprune.storage.sealed import parse_json
from ctxprune.utils.extras import require
from ctxprune.utils.foreign import foreign_attribute
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores
    from ctxprune.scorers.relevance import DocumentRule

__all__ = ["CrossEncoderScorer", "PairRater", "RatePairs", "load_cross_encoder"]

_SHRUNK = "ctxprune-shrunk"  # what its configuration calls a model of shapes that transformers does not know
RatePairs: TypeAlias = "Callable[[Sequence[tuple[str, str]]], NDArray[np.floating[Any]]]"


@dataclass(frozen=True)
class CrossEncoderScorer(Scorer):
    """Relevance of each unit by itself, read together with the question: float32 (n_units,), 0 to 1, higher = keep.

    Each sentence scored alone by a reranker is DSLR (Hwang et al., 2024). The score is the logistic function of the
    model's logit, whatever activation the model was saved with. Blank units score 0, and all do for a blank question;
    what is longer than the model's input is cut as the model's tokenizer cuts it. For titles before the units wrap it:
    `TitledScorer(CrossEncoderScorer(...))`. Scores do not depend on the batch but for rounding (about 1e-6).

    Attributes:
        model: Folder of a sentence-transformers cross-encoder with one label, an ONNX file of one with tokenizer.json
            beside it (`ctxprune shrink … --onnx` writes such), or the name of one that is on this machine (loaded when
            first used, never downloaded; see `load_cross_encoder`); a loaded `sentence_transformers.CrossEncoder`; or a
            function from pairs of question and text to numbers from 0 to 1.
        window: Characters of a document that are read at once for its relevance; from 1 up.

    Raises:
        UsageError: No model is given, it is none of these, window is under 1; when used: the model gives something
            other than one finite number a pair.
        InputError, MissingExtraError: When first used, as `load_cross_encoder`.
    """

    model: Any = None
    window: int = 2000

    def __post_init__(self) -> None:
        loaded = foreign_attribute(self.model, "predict") is not None
        kinds = isinstance(self.model, (str, Path)) or callable(self.model) or loaded
        if not kinds or isinstance(self.model, type):
            raise UsageError(f"model is {self.model!r}", hint="give a folder, or a loaded CrossEncoder")
        check_whole("window", self.window)
        if loaded:
            object.__setattr__(self, "model", PairRater(self.model))

    @property
    def fingerprint(self) -> str:
        """Of the model by its path or name; an object must answer for itself. See `ctxprune.utils.fingerprint`."""
        return model_fingerprint(self.model, self.window)

    def score(self, query: str, context: Context[Any]) -> Scores:
        """Scores as the class says; (0,) if there is no unit."""
        return self.score_batch([query], [context])[0]

    def score_batch(self, queries: Sequence[str], contexts: Sequence[Context[Any]]) -> list[Scores]:
        """`score` of each pair; the model sees all of them at once."""
        return self._rate(queries, [[replace_surrogates(unit.text) for unit in context.units] for context in contexts])

    def score_documents(
        self, query: str, context: Context[Any], *, rule: DocumentRule | None = None
    ) -> tuple[Scores, Scores]:
        """`score`, and the relevance of each document, 0 to 1; see `Scorer`.

        A document is read with its title, as a whole or in windows of which the best counts (MaxP: Dai and Callan,
        SIGIR 2019).
        """
        del rule
        windows, places = split_documents(context, self.window)
        units, found = self._rate([query, query], [[replace_surrogates(unit.text) for unit in context.units], windows])
        return units, take_best_windows(found, places, context)

    def _rate(self, queries: Sequence[str], lists: Sequence[Sequence[str]]) -> list[Scores]:
        """For each query its texts' scores."""
        pairs = [
            (replace_surrogates(query), text) for query, texts in zip(queries, lists, strict=True) for text in texts
        ]
        # Blank texts score 0 without being read: encoders give them whatever their bias says.
        chosen = [index for index, pair in enumerate(pairs) if all(text.strip() for text in pair)]
        scores: Scores = np.zeros(len(pairs), dtype=np.float32)
        if chosen:
            rate = load_cross_encoder(self.model) if isinstance(self.model, (str, Path)) else self.model
            scores[chosen] = _check_scores(rate([pairs[index] for index in chosen]), len(chosen))
        return np.split(scores, np.cumsum([len(texts) for texts in lists])[:-1]) if lists else []


class PairRater:
    """A loaded cross-encoder: from pairs of texts to float32 (n_pairs,), 0 to 1. Safe to share between threads.

    Args:
        model: A `sentence_transformers.CrossEncoder` with one label, or anything whose `predict(pairs)` gives logits.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._lock = threading.Lock()  # fast tokenizers fail where two threads set their padding
        known = inspect.signature(model.predict).parameters
        # Named activation_fct before sentence-transformers 4.
        wanted = {"show_progress_bar": False, "activation_fn": _keep_logits, "activation_fct": _keep_logits}
        self._options = {name: value for name, value in wanted.items() if name in known}

    @property
    def fingerprint(self) -> str:
        """Of the model, which must answer for itself."""
        return model_fingerprint(self._model)

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Scores of some pairs, one or more."""
        with self._lock:
            logits = np.asarray(self._model.predict(list(pairs), **self._options), dtype=np.float64)
        if logits.ndim == 2 and logits.shape[1] == 1:
            logits = logits[:, 0]
        if logits.ndim != 1:
            raise UsageError(
                f"the cross-encoder gives {logits.shape[-1]} numbers a pair", hint="give one that has one label"
            )
        # Clipped, so that exp does not overflow.
        scores: NDArray[np.float32] = (1 / (1 + np.exp(-np.clip(logits, -80, 80)))).astype(np.float32)
        return scores


def load_cross_encoder(model: str | Path, *, download: bool = False, device: str = "cpu") -> PairRater:
    """The cross-encoder in a folder, or of a name that sentence-transformers knows; loaded once a process.

    Args:
        model: Folder, ONNX file or name. No code that comes with a model is run. The folder's onnx/ is read of a shrunk
            model whose layers differ in size, and of any model where sentence-transformers is not installed.
        download: Let sentence-transformers fetch a model that is not on this machine.
        device: torch's name of the device.

    Raises:
        InputError: There is no such model here, its files are damaged, or it has no head that ranks.
        MissingExtraError: sentence-transformers is not installed; for an ONNX file, onnxruntime.
    """
    return _load(str(model), download, device, _state(Path(model)))


def _state(place: Path) -> tuple[str, int]:
    """What a loaded model's files are known by: the same path may hold another model later, or be relative."""
    if not place.exists():
        return str(place), 0
    files = [place] if place.is_file() else [*place.iterdir(), *place.glob("onnx/*")]
    return str(place.resolve()), max((entry.stat().st_mtime_ns for entry in files if entry.is_file()), default=0)


@lru_cache(maxsize=4)
def _load(model: str, download: bool, device: str, _files: tuple[str, int]) -> PairRater:
    if model.endswith(".onnx"):
        return PairRater(OnnxCrossEncoder(model))
    if (graph := _needed_graph(Path(model))) is not None:
        return PairRater(OnnxCrossEncoder(graph))
    _check_head(Path(model))
    check_weights(model)
    library = require("sentence_transformers", "embedding")
    try:
        return PairRater(library.CrossEncoder(model, device=device, local_files_only=not download))
    except Exception as error:  # as many kinds as there are damaged files
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        here = download or Path(model).is_dir()
        hint = "name the folder of a cross-encoder" + ("" if here else ", or allow downloading")
        raise InputError(f"the cross-encoder cannot be loaded ({reason[:200]})", where=model, hint=hint) from error


def _needed_graph(folder: Path) -> Path | None:
    """The ONNX file that stands for a folder; None where sentence-transformers reads the folder.

    It does where there is nothing else, where the package is missing, and of a model of `ctxprune shrink` whose layers
    differ, which no library loads.

    Raises:
        InputError: Of such a model there is none.
    """
    graph = _graph_in(folder) or _graph_in(folder / "onnx")
    if graph is not None and (graph.parent == folder or find_spec("sentence_transformers") is None):
        return graph
    try:
        kind = parse_json((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    except (OSError, ValueError, AttributeError):
        return None
    if kind != _SHRUNK:
        return None
    if graph is not None:
        return graph
    raise InputError(
        "the layers of this shrunk model differ in size, which sentence-transformers cannot read, and it has no onnx/",
        where=str(folder),
        hint="run its ctxprune shrink command again with --resume --onnx, which writes that and trains nothing",
    )


def _graph_in(folder: Path) -> Path | None:
    """The ONNX file in a folder that has no other weights."""
    if (folder / "model.safetensors").is_file():
        return None
    return next((folder / name for name in ("model.onnx", "model_int8.onnx") if (folder / name).is_file()), None)


def _check_head(folder: Path) -> None:
    """An encoder without a head would get a random one."""
    try:
        names = parse_json((folder / "config.json").read_text(encoding="utf-8")).get("architectures")
    except (OSError, ValueError, AttributeError):
        return  # no folder, or the library says what is wrong with it
    if names and all(str(name).endswith("Model") for name in names):
        raise InputError(
            "the model is an encoder without a head that ranks",
            where=str(folder),
            hint="name a cross-encoder, or use EmbeddingScorer",
        )


def _keep_logits(logits: Any) -> Any:
    return logits


def _check_scores(scores: Any, size: int) -> NDArray[np.float32]:
    found = np.asarray(scores, dtype=np.float32)
    if found.shape != (size,):
        raise UsageError(f"the model gave an array of shape {found.shape} for {size} pairs", hint="one number a pair")
    if not ((found >= 0) & (found <= 1)).all():
        raise UsageError("the model gave numbers outside 0 to 1", hint="a function must; a CrossEncoder is scaled here")
    return found
