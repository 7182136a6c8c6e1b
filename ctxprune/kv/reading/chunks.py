"""Contexts that are read in chunks, and pressed between them: the whole cache is never held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from ctxprune.kv.cache.masks import pressed_layers
from ctxprune.kv.cache.store import check_storage
from ctxprune.kv.reading.limits import RatioLimit
from ctxprune.kv.reading.stepwise import StepSession, check_step_press
from ctxprune.utils.foreign import optional_member

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ctxprune.kv.cache.pruned_cache import PrunedCache
    from ctxprune.kv.cache.store import Storage
    from ctxprune.kv.reading.prefilled import AbstractPress

__all__ = ["ChunkedGeneration", "compress_chunks"]


class _ChunkPress:
    """One press for chunks of contexts: after each chunk a layer keeps the press's share of all tokens read so far.

    Kept tokens are packed after the last chunk only: packed and unpacked at each chunk, errors would add up.
    """

    def __init__(self, model: nn.Module, press: AbstractPress, positions: str, storage: Storage | None) -> None:
        hint = "without chunks, or prefill(model, ids, chunk=...).press(press), which presses at the end"
        self.press, self.storage = check_step_press("compress", press, hint), storage
        check_storage(storage)
        self.session = StepSession(
            model, self.press, RatioLimit(self.press), positions=positions, storage=None, about=press.describe()
        )

    def finish(self, cache: Any) -> None:
        """After the last chunk: the cache is like one whose context was read at once."""
        self.session.steps.release(cache)
        if self.storage is not None:
            for layer in pressed_layers(cache):
                layer.pack(self.storage)
        self.press.on_complete(cache)


@torch.no_grad()  # type: ignore[untyped-decorator]
def compress_chunks(
    model: nn.Module,
    ids: Tensor,
    press: AbstractPress,
    chunk: int,
    *,
    mask: Tensor | None = None,
    positions: str = "original",
    storage: Storage | None = None,
) -> PrunedCache:
    """`compress` with a chunk of tokens at a time, pressed after each."""
    pressing = _ChunkPress(model, press, positions, storage)
    cache = pressing.session.read(ids, mask, chunk)
    pressing.finish(cache)
    return cache


class ChunkedGeneration:
    """Lets a press act after each chunk of `model.generate(..., prefill_chunk_size=n)`, between `open` and `close`.

    Args:
        model: The model.
        press: The press.
        positions: "original" or "rerotated".
        storage: How kept tokens are stored; None: unpacked.
    """

    def __init__(
        self, model: nn.Module, press: AbstractPress, *, positions: str = "original", storage: Storage | None = None
    ) -> None:
        self._model: Any = model
        self._press, self._positions, self._storage = press, positions, storage
        # The chunks come as calls of the model that nothing tells from later turns: only this method knows the last.
        self._whole = optional_member(model, "_prefill")
        self._before = vars(model).get("_prefill")

    def open(self) -> None:
        """Begin."""
        if self._whole is not None:
            self._model._prefill = self._prefill

    def close(self) -> None:
        """End; a second call has no effect."""
        if vars(self._model).pop("_prefill", None) is not None and self._before is not None:
            self._model._prefill = self._before

    def _prefill(self, input_ids: Any, generation_config: Any, model_kwargs: Any, *args: Any, **kwargs: Any) -> Any:
        read: Any = self._whole
        cache = model_kwargs.get("cache", model_kwargs.get("past_key_values"))
        size = optional_member(generation_config, "prefill_chunk_size")
        if size is None or cache is None or cache.get_seq_length() or size >= input_ids.shape[1]:
            return read(input_ids, generation_config, model_kwargs, *args, **kwargs)
        pressing = _ChunkPress(self._model, self._press, self._positions, self._storage)
        pressing.session.begin(cache)
        try:
            output = read(input_ids, generation_config, model_kwargs, *args, **kwargs)
        finally:
            pressing.session.steps.release(cache)
        pressing.finish(cache)
        return output
