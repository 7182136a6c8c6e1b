"""A cross-encoder as an ONNX file beside its tokenizer.json, run by onnxruntime alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import InputError
from ctxprune.scorers.neural.onnx_session import onnx_session, onnx_tokenizer
from ctxprune.utils.extras import require

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["OnnxCrossEncoder"]

_MAX_TOKENS = 512


class OnnxCrossEncoder:
    """An ONNX export of a cross-encoder: logits of pairs. Safe to share between threads.

    A pair is computed by itself: an int8 graph scales activations by the largest one it sees, so that in a batch a
    pair's score would depend on its neighbours. What is longer than the tokenizer.json says (512 tokens if it says
    nothing) is cut, the longer text first.

    Args:
        model: The ONNX file, with inputs among `input_ids`, `attention_mask` and `token_type_ids`, and first output
            `(rows, labels)`.
        tokenizer: Its tokenizer.json; default: beside the model, or in the folder above.
        threads: Threads of one call.

    Raises:
        InputError: A file is missing or damaged, or the model gives no logits of pairs.
        MissingExtraError: onnxruntime is not installed.
    """

    def __init__(self, model: str | Path, *, tokenizer: str | Path | None = None, threads: int = 1) -> None:
        path = Path(model)
        require("onnxruntime", "onnx")
        self._tokenizer = onnx_tokenizer(path, tokenizer)
        self._session = onnx_session(path, threads)
        self._inputs = [entry.name for entry in self._session.get_inputs()]
        limit = int((self._tokenizer.truncation or {}).get("max_length", _MAX_TOKENS))
        self._tokenizer.enable_truncation(limit, strategy="longest_first")
        if len(self._session.get_outputs()[0].shape) != 2:
            raise InputError("the ONNX model gives no logits", where=str(path), hint="name a cross-encoder's")

    def predict(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Logits: float32 (n_pairs, labels)."""
        found = [self._run(entry) for entry in self._tokenizer.encode_batch(list(pairs))]
        return np.stack(found) if found else np.zeros((0, 1), dtype=np.float32)

    def _run(self, entry: Any) -> NDArray[np.float32]:
        given = {"input_ids": entry.ids, "attention_mask": [1] * len(entry.ids), "token_type_ids": entry.type_ids}
        arrays = {name: np.asarray([given[name]], dtype=np.int64) for name in self._inputs}
        logits: NDArray[np.float32] = self._session.run(None, arrays)[0][0]
        return logits
