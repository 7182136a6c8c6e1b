"""Text embedding models from disk: a sentence-transformers folder, or an ONNX file beside its tokenizer.json.

Nothing is downloaded unless asked. `ctxprune.scorers.neural.embedding` makes a scorer of them. An embedder is a plain
function, so that any other model fits as well.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ctxprune.errors import InputError, UsageError
from ctxprune.scorers.neural.documents import check_weights
from ctxprune.scorers.neural.onnx_session import INPUTS, onnx_session, onnx_tokenizer
from ctxprune.utils.extras import require
from ctxprune.utils.foreign import foreign_attribute

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Embed", "OnnxEmbedder", "SentenceEmbedder", "embed_texts", "load_embedder"]

Embed: TypeAlias = "Callable[[Sequence[str]], NDArray[np.floating[Any]]]"

_MAX_TOKENS = 256
_BATCH = 64


def embed_texts(embed: Embed, texts: Sequence[str]) -> NDArray[np.float32]:
    """Vectors of unit length: float32 (n_texts, d); a zero vector stays one. No texts give (0, 0) without a call.

    Raises:
        UsageError: `embed` gives another number of vectors, another shape, or values that are not finite.
    """
    if not texts:
        return np.zeros((0, 0), dtype=np.float32)
    vectors = np.asarray(embed(list(texts)), dtype=np.float32)
    if vectors.ndim != 2 or len(vectors) != len(texts) or not vectors.shape[1]:
        raise UsageError(
            f"the embedder gave an array of shape {vectors.shape} for {len(texts)} texts", hint="give one row a text"
        )
    if not np.isfinite(vectors).all():
        raise UsageError("the embedder gave values that are not finite")
    # Normalised here, whatever the model does: the scorer takes products for cosines.
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: NDArray[np.float32] = vectors / np.maximum(norms, 1e-12)
    return unit


def load_embedder(model: str | Path, *, download: bool = False) -> Embed:
    """The model at a path, or with a name that sentence-transformers knows.

    Args:
        model: An ONNX file with `tokenizer.json` beside it, a sentence-transformers folder, or such a model's name.
        download: Let sentence-transformers fetch a model that is not on this machine.

    Raises:
        InputError: There is no such model here, or its files are damaged.
        MissingExtraError: onnxruntime or sentence-transformers is not installed.
    """
    if str(model).endswith(".onnx"):
        return OnnxEmbedder(model)
    return SentenceEmbedder(str(model), download=download)


class SentenceEmbedder:
    """A sentence-transformers model: float32 (n_texts, d), unit length. Safe to share between threads.

    Args:
        model: Folder or name, or a loaded `sentence_transformers.SentenceTransformer`.
        download: Fetch it if it is not on this machine.
        device: torch's name of the device, for a model that is loaded here.
    """

    def __init__(self, model: Any, *, download: bool = False, device: str = "cpu") -> None:
        named = isinstance(model, (str, Path))
        self._model = _sentence_model(str(model), download, device) if named else model
        self._lock = threading.Lock()  # fast tokenizers fail where two threads set their padding
        self.name = str(model) if named else type(model).__name__

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of some texts."""
        return self._encode("encode", texts)

    def questions(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of questions, with the prompt that the model keeps for them, if it does."""
        return self._encode("encode_query", texts)

    def passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of texts to be found, with the prompt that the model keeps for them, if it does."""
        return self._encode("encode_document", texts)

    def _encode(self, method: str, texts: Sequence[str]) -> NDArray[np.float32]:
        encode = foreign_attribute(self._model, method, "encode")  # `encode` alone before sentence-transformers 5
        with self._lock:
            vectors: NDArray[np.float32] = encode(
                list(texts),
                batch_size=_BATCH,
                convert_to_numpy=True,
                normalize_embeddings=True,
                show_progress_bar=False,
            )
        return vectors


def _sentence_model(model: str, download: bool, device: str) -> Any:
    check_weights(model)
    library = require("sentence_transformers", "embedding")
    try:
        return library.SentenceTransformer(model, device=device, local_files_only=not download)
    except (OSError, ValueError, KeyError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        here = download or Path(model).is_dir()
        hint = "name the folder of a sentence-transformers model" + ("" if here else ", or allow downloading")
        raise InputError(f"the embedding model cannot be loaded ({reason[:200]})", where=model, hint=hint) from error


class OnnxEmbedder:
    """An ONNX export of a sentence encoder: float32 (n_texts, d), unit length. Safe to share between threads.

    The first output is (batch, d), or (batch, tokens, d) of which the mean over a text's tokens is taken. Of each text
    the first 256 tokens are read.

    Args:
        model: The ONNX file, with inputs among `input_ids`, `attention_mask` and `token_type_ids`.
        tokenizer: Its tokenizer.json; default: beside the model, or in the folder above.
        threads: Threads of one call; 1 lets many callers share a machine.

    Raises:
        InputError: A file is missing or damaged.
        MissingExtraError: onnxruntime is not installed.
    """

    def __init__(self, model: str | Path, *, tokenizer: str | Path | None = None, threads: int = 1) -> None:
        path = Path(model)
        self.name = path.name
        require("onnxruntime", "onnx")
        self._tokenizer = onnx_tokenizer(path, tokenizer)
        self._session = onnx_session(path, threads)
        self._inputs = [entry.name for entry in self._session.get_inputs()]
        self._tokenizer.enable_truncation(_MAX_TOKENS)

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of some texts, one or more; those of like length are computed together."""
        encoded = self._tokenizer.encode_batch(list(texts))
        order = sorted(range(len(texts)), key=lambda place: len(encoded[place].ids))
        parts = [
            self._run([encoded[place] for place in order[at : at + _BATCH]]) for at in range(0, len(order), _BATCH)
        ]
        vectors = np.concatenate(parts)
        back = np.empty_like(vectors)
        back[order] = vectors
        return back

    def _run(self, batch: Sequence[Any]) -> NDArray[np.float32]:
        longest = max(len(entry.ids) for entry in batch) or 1
        arrays = {name: np.zeros((len(batch), longest), dtype=np.int64) for name in INPUTS}
        for row, entry in enumerate(batch):
            arrays["input_ids"][row, : len(entry.ids)] = entry.ids
            arrays["attention_mask"][row, : len(entry.ids)] = 1
            arrays["token_type_ids"][row, : len(entry.ids)] = entry.type_ids
        output = self._session.run(None, {name: arrays[name] for name in self._inputs})[0]
        if output.ndim == 3:
            mask = arrays["attention_mask"][..., None]
            output = (output * mask).sum(axis=1) / np.maximum(mask.sum(axis=1), 1)
        vectors: NDArray[np.float32] = output / np.maximum(np.linalg.norm(output, axis=1, keepdims=True), 1e-12)
        return vectors.astype(np.float32)
