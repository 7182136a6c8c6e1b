"""Loading a decoder and its tokenizer from disk; nothing is ever downloaded."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ctxprune.errors import InputError, UsageError
from ctxprune.utils.extras import require
from ctxprune.utils.foreign import optional_member
from ctxprune.utils.validation import describe_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import nn

__all__ = ["load_decoder"]

_DTYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32, "float16": torch.float16}
_ATTENTIONS = ("sdpa", "eager", "flex_attention", "flash_attention_2")


def load_decoder(path: str | Path, *, dtype: str = "bfloat16", attention: str = "sdpa") -> tuple[nn.Module, Any]:
    """A causal language model in evaluation mode, and its tokenizer.

    Args:
        path: A folder as `save_pretrained` writes it, or one .gguf file (needs the packages gguf and accelerate).
        dtype: "bfloat16", "float32" or "float16".
        attention: "sdpa", "eager", "flex_attention" or "flash_attention_2" (needs the package flash_attn and a GPU).

    Raises:
        InputError: There is no model, it cannot be read, or weights of a decoder are missing.
        UsageError: `dtype` or `attention` is not one of these, or flash_attn is not installed.
        MissingExtraError: A .gguf file without the package gguf.
    """
    if not isinstance(path, (str, Path)):
        raise UsageError(f"the path is {describe_type(path)}", hint="a folder with config.json, or a .gguf file")
    path = Path(path)
    if attention not in _ATTENTIONS:
        raise UsageError(f"attention is {attention!r}", hint=f"one of {', '.join(_ATTENTIONS)}")
    if attention == "flash_attention_2" and not find_spec("flash_attn"):
        raise UsageError(
            "flash_attention_2 needs the package flash_attn, which is not installed",
            hint="pip install flash-attn on a machine with a GPU, or attention='sdpa'",
        )
    if dtype not in _DTYPES:
        raise UsageError(f"dtype is {dtype!r}", hint=f"one of {', '.join(_DTYPES)}")
    if not path.exists():
        raise InputError("there is no model", where=str(path), hint="a folder or .gguf file; nothing is downloaded")
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    # where nothing is said about code, transformers asks on the terminal whether to run the folder's
    options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    folder = path
    if path.suffix == ".gguf":
        require("gguf", "gguf")
        require("accelerate", "gguf")
        folder, options = path.parent, {**options, "gguf_file": path.name}
    try:
        with _without_bars():
            tokenizer = AutoTokenizer.from_pretrained(folder, **options)
            model, loaded = AutoModelForCausalLM.from_pretrained(
                folder, dtype=_DTYPES[dtype], attn_implementation=attention, output_loading_info=True, **options
            )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"the model cannot be read ({first})", where=str(path), hint="name its folder") from error
    # transformers fills missing weights with random numbers and a warning: an embedding model would answer nonsense.
    missing = sorted(loaded["missing_keys"]) if path.suffix != ".gguf" else []
    if missing:
        raise InputError(
            f"the model lacks weights of a decoder ({missing[0]}, {len(missing)} in all)",
            where=str(path),
            hint="name a causal language model, no embedding model",
        )
    return model.eval(), tokenizer


def _hidden_bar(make: Callable[..., Any], *given: Any, **options: Any) -> Any:
    return make(*given, **{**options, "disable": True})


@contextmanager
def _without_bars() -> Iterator[None]:
    """Within it transformers draws no progress bars: a library writes nothing to the terminal."""
    from transformers import modeling_gguf_pytorch_utils as gguf_reader
    from transformers.utils.logging import set_tqdm_hook

    hook = set_tqdm_hook(lambda make, given, options: _hidden_bar(make, *given, **options))
    # Its bar is tqdm's own, and knows no hook.
    bar = optional_member(gguf_reader, "tqdm")
    if bar is not None:
        gguf_reader.tqdm = partial(_hidden_bar, bar)
    try:
        yield
    finally:
        set_tqdm_hook(hook)
        if bar is not None:
            gguf_reader.tqdm = bar
