"""Texts and folders checked for third-party models, and documents cut into windows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.base import as_context
from ctxprune.errors import InputError
from ctxprune.scorers.relevance import count_documents
from ctxprune.utils.fingerprint import fingerprint

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores

__all__ = ["check_weights", "model_fingerprint", "replace_surrogates", "split_documents", "take_best_windows"]

_SURROGATES = re.compile("[\ud800-\udfff]")


def replace_surrogates(text: str) -> str:
    """`text` with the replacement character for lone surrogates, which no tokenizer takes."""
    return _SURROGATES.sub("\ufffd", text)


def split_documents(context: Context[Any], size: int) -> tuple[list[str], NDArray[np.intp]]:
    """The texts of a context's documents, cut between units into windows of at most `size` characters.

    Returns:
        The windows, each with its document's title first, and the document of each, int (n_windows,), rising; a unit
        longer than `size` is a window by itself, a document of blank units has none.
    """
    context = as_context(context)
    sources, titles = context.sources, context.titles
    windows: list[list[str]] = []
    places: list[int] = []
    filled = 0
    for index, unit in enumerate(context.units):
        source = 0 if sources is None else int(sources[index])
        if not unit.text.strip():
            continue
        # A window ends with its document, and before the unit that would make it too long.
        if not places or places[-1] != source or filled + len(unit.text) > size:
            windows.append([titles[source]] if source < len(titles) and titles[source] else [])
            places.append(source)
            filled = 0
        windows[-1].append(unit.text)
        filled += len(unit.text) + 1
    return [replace_surrogates(" ".join(texts)) for texts in windows], np.asarray(places, dtype=np.intp)


def take_best_windows(scores: Scores, places: NDArray[np.intp], context: Context[Any]) -> Scores:
    """The score of each document, float32 (n_documents,): that of its best window; 0 for one without."""
    documents: Scores = np.zeros(count_documents(as_context(context)), dtype=np.float32)
    np.maximum.at(documents, places, scores)
    return documents


def model_fingerprint(model: object, *parts: object) -> str:
    """Of a model by its path or name, or of the object itself; see `ctxprune.utils.fingerprint`."""
    return fingerprint([str(model) if isinstance(model, (str, Path)) else model, *parts])


def check_weights(model: str) -> None:
    """Refuse a model's folder that has no weights, before a library takes its path for a name to download.

    Raises:
        InputError: It is a folder without a file of weights in it or in a folder of it.
    """
    folder = Path(model)
    kinds = ("*.safetensors", "*.bin", "*/*.safetensors", "*/*.bin")
    if folder.is_dir() and not any(True for kind in kinds for _ in folder.glob(kind)):
        raise InputError("the folder has no weights", where=model, hint="it needs model.safetensors beside config.json")
