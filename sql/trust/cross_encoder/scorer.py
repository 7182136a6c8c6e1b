"""The cross-encoder at run time: onnxruntime and tokenizers, loaded when a first pair is scored."""

from __future__ import annotations

import hashlib
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import FormatError, InputError
from ctxprune.models.pruner import bundled
from ctxprune.storage.sealed import unseal
from ctxprune.utils.extras import require
from ctxprune.utils.validation import check_whole

from .layout import pair_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["FORMAT", "VERSION", "CrossEncoder"]

FORMAT, VERSION = "ctxprune-cross-encoder", 1
_SLOWER = ["SkipLayerNormFusion"]  # what it makes of a sum and its norm takes six times as long on CPUs


class CrossEncoder:
    """Says how well queries fit a question. Safe to share between threads.

    Args:
        folder: With `model.onnx` and `manifest.json`, as `ctxprune train cross-encoder` writes it. No weights come with
            the library: away from Spider they added nothing to the trust model (benchmarks/models/cross-encoder-v1).
        threads: Threads of one call, from 1 up.

    The tokenizer is the bundled pruner's, whose vocabulary the weights were trained with.
    """

    def __init__(self, folder: str | Path, *, threads: int = 1) -> None:
        check_whole("threads", threads)
        self._folder, self._threads = Path(folder), threads
        self._lock = Lock()
        self._loaded: tuple[Any, Any] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self._folder, self._threads)

    def score(self, question: str, queries: Sequence[str]) -> NDArray[np.float32]:
        """Logits of the queries being what is asked: float32 (n_queries,), higher is better.

        Args:
            question: As asked; of a long one 64 tokens are read.
            queries: In words, as `describe_query` writes them; of a long one 160 tokens are read.

        A query's logit does not depend on the others. Without queries the result is empty.

        Raises:
            InputError: A file of the weights is missing.
            FormatError: A file is damaged or of another version.
            MissingExtraError: onnxruntime is not installed.
        """
        if not queries:
            return np.zeros(0, np.float32)
        tokenizer, session = self._load()
        texts = [_clean(text) for text in (question, *queries)]
        asked, *found = (entry.ids for entry in tokenizer.encode_batch(texts, add_special_tokens=False))
        return np.array([_logit(session, *pair_ids(asked, ids)) for ids in found], dtype=np.float32)

    def _load(self) -> tuple[Any, Any]:
        with self._lock:
            if self._loaded is None:
                self._loaded = _load_tokenizer(), _load_session(self._folder, self._threads)
            return self._loaded


def _rebuild(folder: Path, threads: int) -> CrossEncoder:
    return CrossEncoder(folder, threads=threads)


def _logit(session: Any, ids: list[int], question: int) -> float:
    """Of one pair: the first token's logit plus the mean over the query's tokens."""
    # One pair at a time: the int8 graph scales activations by the largest one that it sees in a call.
    given = np.asarray([ids], dtype=np.int64)
    types = np.zeros_like(given)
    types[0, question:] = 1
    keep, relevance = session.run(["keep", "relevance"], {"ids": given, "types": types})
    return float(keep[0, 0] + relevance[0, question:].mean())


def _clean(text: str) -> str:
    """Text that can be encoded; at most 20,000 characters, of which the encoder reads a part."""
    return text[:20_000].encode("utf-8", "replace").decode("utf-8")


def _load_tokenizer() -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(bundled() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _load_session(folder: Path, threads: int) -> Any:
    runtime = require("onnxruntime", "onnx")
    try:
        manifest: dict[str, Any] = unseal((folder / "manifest.json").read_bytes())
        content = (folder / "model.onnx").read_bytes()
    except OSError as error:
        raise InputError(
            "the cross-encoder's weights cannot be read",
            where=str(folder),
            hint="name a folder that `ctxprune train cross-encoder` wrote",
        ) from error
    except ValueError as error:
        raise FormatError("the manifest is damaged", where=str(folder)) from error
    if (manifest.get("format"), manifest.get("version")) != (FORMAT, VERSION):
        raise FormatError("the weights are of another format or version", where=str(folder), hint="train them anew")
    # Checked before it is parsed: a graph is code to its library.
    if hashlib.sha256(content).hexdigest() != manifest.get("sha256"):
        raise FormatError("the weights are damaged", where=str(folder), hint="copy them anew")
    if hashlib.sha256((bundled() / "tokenizer.json").read_bytes()).hexdigest() != manifest.get("tokenizer"):
        raise FormatError("the weights were made for another tokenizer", where=str(folder), hint="train them anew")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return runtime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"], disabled_optimizers=_SLOWER
        )
    except Exception as error:  # onnxruntime's errors share no base but this one
        raise FormatError(f"the weights cannot be loaded ({type(error).__name__})", where=str(folder)) from error
