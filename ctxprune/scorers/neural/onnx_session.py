"""What ONNX models of texts need: a session on the CPU, and the tokenizer beside the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ctxprune.errors import InputError
from ctxprune.utils.extras import require

__all__ = ["INPUTS", "onnx_session", "onnx_tokenizer"]

INPUTS = frozenset({"input_ids", "attention_mask", "token_type_ids"})


def onnx_session(path: Path, threads: int) -> Any:
    """A session of onnxruntime.

    Raises:
        InputError: The file is damaged, or the model wants other inputs than `INPUTS`.
        MissingExtraError: onnxruntime is not installed.
    """
    runtime = require("onnxruntime", "onnx")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    try:
        session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no base but this one
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(f"the ONNX model cannot be loaded ({reason[:200]})", where=str(path)) from error
    if unknown := sorted({entry.name for entry in session.get_inputs()} - INPUTS):
        raise InputError(f"the ONNX model requires inputs {unknown}", where=str(path), hint="export a text encoder")
    return session


def onnx_tokenizer(model: Path, given: str | Path | None) -> Any:
    """The tokenizer at a path, else beside the model or in the folder above; it does not pad.

    Raises:
        InputError: It or the model is missing, or it is damaged.
    """
    from tokenizers import Tokenizer

    if not model.is_file():
        raise InputError("there is no such ONNX file", where=str(model), hint="name one with tokenizer.json beside it")
    places = (
        [Path(given)]
        if given is not None
        else [folder / "tokenizer.json" for folder in (model.parent, model.parent.parent)]
    )
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise InputError(
            "the model's tokenizer.json is missing", where=str(places[0]), hint="export the tokenizer with it"
        )
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises plain Exception
        raise InputError(f"the tokenizer cannot be read ({error})", where=str(path)) from error
    tokenizer.no_padding()
    return tokenizer
