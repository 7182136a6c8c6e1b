"""Contexts that are read in chunks, and pressed between them: the whole cache is never held."""

from __future__ import annotations

import threading
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

__all__ = ["CHUNK_READER", "ChunkedGeneration", "compress_chunks"]

# The method of transformers that reads a prompt for `generate`, chunk by chunk where `prefill_chunk_size` is set. It is
# private there, and nothing public tells the last chunk: a release that renames it presses after the first chunk alone,
# which tests/kv/test_decoding.py notices.
CHUNK_READER = "_prefill"
_LOCK = threading.Lock()


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
        # Ids of the steps of contexts that are being read.
        self._steps: set[int] = set()

    def open(self) -> None:
        """Begin."""
        with _LOCK:
            reader = vars(self._model).get(CHUNK_READER)
            if isinstance(reader, _ChunkReader):
                reader.open.append(self)
            elif (whole := optional_member(self._model, CHUNK_READER)) is not None:
                setattr(self._model, CHUNK_READER, _ChunkReader(self._model, whole, reader, [self]))

    def close(self) -> None:
        """End; a second call has no effect."""
        with _LOCK:
            reader = vars(self._model).get(CHUNK_READER)
            # Threads may close in any order: others that are still open go on.
            if isinstance(reader, _ChunkReader) and self in reader.open:
                reader.open.remove(self)
                if not reader.open:
                    reader.restore()

    def owns(self, steps: Any) -> bool:
        """Whether these steps press a context that is being read in chunks here."""
        return id(steps) in self._steps

    def read(
        self, whole: Any, input_ids: Any, generation_config: Any, model_kwargs: Any, *args: Any, **kwargs: Any
    ) -> Any:
        """Read a context by `whole`, the model's own method, and press after each chunk."""
        cache = model_kwargs.get("cache", model_kwargs.get("past_key_values"))
        size = optional_member(generation_config, "prefill_chunk_size")
        if size is None or cache is None or cache.get_seq_length() or size >= input_ids.shape[1]:
            return whole(input_ids, generation_config, model_kwargs, *args, **kwargs)
        pressing = _ChunkPress(self._model, self._press, self._positions, self._storage)
        steps = pressing.session.steps
        pressing.session.begin(cache)
        self._steps.add(id(steps))
        try:
            output = whole(input_ids, generation_config, model_kwargs, *args, **kwargs)
        finally:
            self._steps.discard(id(steps))
            steps.release(cache)
        pressing.finish(cache)
        return output


class _ChunkReader:
    """In place of the method `CHUNK_READER` of a model while presses are open on it.

    The chunks come as calls of the model that nothing tells from later turns: only that method knows the last.
    """

    def __init__(self, model: Any, whole: Any, before: Any, opened: list[ChunkedGeneration]) -> None:
        self.model, self.whole, self.before, self.open = model, whole, before, opened

    def __call__(self, input_ids: Any, generation_config: Any, model_kwargs: Any, *args: Any, **kwargs: Any) -> Any:
        # Where several are open, the sessions' hooks refuse the first chunk.
        if len(self.open) == 1:
            return self.open[0].read(self.whole, input_ids, generation_config, model_kwargs, *args, **kwargs)
        return self.whole(input_ids, generation_config, model_kwargs, *args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        """A copied or pickled model gets its own method back: the presses are open on the original."""
        # The copy has no attributes yet when this is resolved, so that `getattr` finds the method of its class.
        return (getattr, (self.model, CHUNK_READER)) if self.before is None else (_as_is, (self.before,))

    def restore(self) -> None:
        """Give the model its own method back."""
        delattr(self.model, CHUNK_READER)
        if self.before is not None:
            setattr(self.model, CHUNK_READER, self.before)


def _as_is(before: Any) -> Any:
    return before
