"""A store of the caches of passages, each computed once: in memory up to a limit, and optionally on disk."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ctxprune.errors import FormatError, InputError, UsageError
from ctxprune.kv.cache.layer import PrunedLayer
from ctxprune.kv.cache.pruned_cache import PrunedCache
from ctxprune.kv.model.attention import attentions_of, cache_argument_name, decoder_of
from ctxprune.kv.model.files import model_fingerprint
from ctxprune.kv.model.inputs import as_row
from ctxprune.kv.model.rotary import Rotary
from ctxprune.kv.reading.prefill import prefill
from ctxprune.kv.reading.prefilled import Prefilled, check_press
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from ctxprune.kv.presses.base import Press

__all__ = ["PassageStore", "whole_cache"]


class PassageStore:
    """The caches of passages for one model, by token ids; least recently used ones are removed from memory first.

    A passage is read from position 0, or behind `lead`, whose own keys are not kept: behind the text that precedes
    passages anyway, a passage's first tokens do not become attention sinks, and the first passage of a joined sequence
    is exact. Safe to share between threads, which may call the model meanwhile: each passage is computed once, one at a
    time.

    Args:
        model: A decoder of transformers with full attention in every layer; its weights must not change.
        folder: Folder for files of caches, created if it does not exist; None: memory only.
        limit_bytes: Maximum bytes of all caches in memory; a cache larger than that is returned but not stored.
        press: Chooses the tokens to keep of each passage; None: all. Pressed caches are joined with `join_pressed`.
        lead: Token ids in front of each passage while it is read; None: none.

    Attributes:
        computed: Number of passages that were read by the model.

    Raises:
        UsageError: The limit is no whole number of 0 or more, the model is not supported, or a joint press is combined
            with a lead.
        InputError: The folder cannot be created.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        folder: str | Path | None = None,
        limit_bytes: int = 1 << 30,
        press: Press | None = None,
        lead: Tensor | Sequence[int] | None = None,
    ) -> None:
        check_whole("limit_bytes", limit_bytes, minimum=0)
        if press is not None:
            check_press(press)
        _check_model(model)
        self.model, self.press, self.limit_bytes, self.computed = model, press, limit_bytes, 0
        device = next(model.parameters()).device
        self.lead = torch.zeros(1, 0, dtype=torch.long, device=device) if lead is None else as_row(lead, device)
        if press is not None and press.joint and self.lead.shape[1]:
            raise UsageError(f"{type(press).__name__} cannot press behind a lead", hint="leave the lead out")
        self._folder = _make_folder(folder)
        # With the dtype: a model in another one cannot continue the cache.
        self._fingerprint = f"{model_fingerprint(model)} {next(model.parameters()).dtype}"
        # With their bytes, least recently used first.
        self._held: OrderedDict[str, tuple[PrunedCache, int]] = OrderedDict()
        self._bytes = 0
        # Two locks, so that stored caches can be fetched while a passage is computed.
        self._lock, self._compute_lock = threading.Lock(), threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes of the caches in memory."""
        with self._lock:
            return self._bytes

    def __len__(self) -> int:
        """Number of caches in memory."""
        with self._lock:
            return len(self._held)

    def key(self, ids: Tensor | Sequence[int], *, first: bool = False) -> str:
        """The sha256, as hex digits, of a passage's ids, the lead, the press and the model's fingerprint."""
        # All that the cache depends on; a pressed passage must not be taken for a full one.
        lead = [] if first else self.lead[0].tolist()
        press = None if first or self.press is None else self.press.describe()
        row = as_row(ids, self.lead.device)[0].tolist()
        return hashlib.sha256(json.dumps([self._fingerprint, press, lead, row]).encode()).hexdigest()

    def get(self, ids: Tensor | Sequence[int]) -> PrunedCache:
        """The cache of a passage, computed if it is neither in memory nor on disk; shared, so copy it before extending
        it.

        Args:
            ids: Its token ids, (n,) or (1, n), n at least 1, without the lead.

        Raises:
            UsageError: The ids have another shape.
            FormatError: Its file is truncated, damaged or of another passage.
            InputError: Its file belongs to another model, or cannot be written.
        """
        return self._get(as_row(ids, self.lead.device), first=False)

    def prefix(self, ids: Tensor | Sequence[int]) -> PrunedCache:
        """As `get`, for the start of a sequence: read from position 0 without the lead, and never pressed."""
        return self._get(as_row(ids, self.lead.device), first=True)

    def clear(self) -> None:
        """Remove all caches from memory; files are not deleted."""
        with self._lock:
            self._held.clear()
            self._bytes = 0

    def _get(self, ids: Tensor, *, first: bool) -> PrunedCache:
        key = self.key(ids, first=first)
        cache = self._lookup(key)
        if cache is not None:
            return cache
        with self._compute_lock:
            # Another thread may have computed it while this one waited.
            cache = self._lookup(key)
            cache = self._load_file(key) if cache is None else cache
            if cache is None:
                cache = self._compute(ids, first=first)
                cache.press = {**cache.press, "passage": key}
                self.computed += 1
                if self._folder is not None:
                    cache.save(self._folder / f"{key}.safetensors")
            self._store(key, cache)
        return cache

    def _lookup(self, key: str) -> PrunedCache | None:
        with self._lock:
            if key not in self._held:
                return None
            self._held.move_to_end(key)
            return self._held[key][0]

    def _store(self, key: str, cache: PrunedCache) -> None:
        size = cache.nbytes
        with self._lock:
            # A cache that exceeds the limit alone would empty the store for nothing.
            if size > self.limit_bytes or key in self._held:
                return
            self._held[key] = cache, size
            self._bytes += size
            while self._bytes > self.limit_bytes:
                _, (_, freed) = self._held.popitem(last=False)
                self._bytes -= freed

    def _load_file(self, key: str) -> PrunedCache | None:
        path = None if self._folder is None else self._folder / f"{key}.safetensors"
        if path is None or not path.exists():
            return None
        cache = PrunedCache.load(path, self.model)
        if cache.press.get("passage") != key:
            raise FormatError(
                "the file holds the cache of another passage", where=str(path), hint="delete it: it is computed again"
            )
        return cache

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def _compute(self, ids: Tensor, *, first: bool) -> PrunedCache:
        lead = self.lead[:, :0] if first else self.lead
        whole = torch.cat([lead, ids], dim=1)
        start = lead.shape[1]
        if self.press is None or first:
            cache = PrunedCache(self.model)
            decoder = decoder_of(self.model)
            decoder(input_ids=whole, use_cache=True, **{cache_argument_name(decoder): cache})
            pairs = [
                (layer.keys[..., start:, :].clone(), layer.values[..., start:, :].clone()) for layer in cache.layers
            ]
            return whole_cache(self.model, pairs)
        read = prefill(self.model, whole)
        columns = torch.arange(start, whole.shape[1], device=whole.device)
        views = [view.row(0, columns) for view in read.views] if start else read.views
        pairs = [(view.keys, view.values) for view in views]
        own = Prefilled(self.model, whole_cache(self.model, pairs), ids, None, views=views)
        pressed: PrunedCache = own.press(self.press)
        return pressed


def whole_cache(model: nn.Module, pairs: Sequence[tuple[Tensor, Tensor]]) -> PrunedCache:
    """A cache with these keys and values of each layer, (batch, kv_heads, n, head_dim), not copied."""
    cache = PrunedCache(model)
    cache.layers = [PrunedLayer.holding(*pair) for pair in pairs]
    return cache


def _make_folder(folder: str | Path | None) -> Path | None:
    if folder is None:
        return None
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder ({error})", where=str(path), hint="choose another one") from error
    return path


def _check_model(model: nn.Module) -> None:
    cache = PrunedCache(model)
    try:
        Rotary(model)
    except UsageError as error:
        raise UsageError(error.what, hint="keys of such a model cannot be moved to other places") from error
    whole = sum(isinstance(layer, PrunedLayer) for layer in cache.layers)
    if whole != len(cache.layers) or whole != len(attentions_of(model)):
        raise UsageError(
            f"{type(model).__name__} has layers without full attention",
            hint="caches of sliding windows cannot be joined: their early tokens are gone",
        )
