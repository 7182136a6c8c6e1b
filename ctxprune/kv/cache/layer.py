"""The layer of a transformers cache that holds a pressed context and the tokens after it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from transformers.cache_utils import DynamicLayer

from ctxprune.errors import UsageError
from ctxprune.kv.cache.packed_states import join_states
from ctxprune.kv.cache.store import KeptTokens, Plain
from ctxprune.utils.validation import is_whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from ctxprune.kv.cache.repress import HeldTokens, RecentInputs
    from ctxprune.kv.cache.store import Counts, Packed, Storage
    from ctxprune.kv.selection import Plan

__all__ = ["PrunedLayer"]


class PrunedLayer(DynamicLayer):  # type: ignore[misc]
    """Kept tokens of a context, then every token read since, as `keys` and `values` (batch, kv_heads, tokens, d).

    `get_seq_length` counts dropped tokens as well, so that positions, masks and `generate` continue as if nothing had
    been dropped. Attention gets fewer tokens; `ctxprune.kv.cache.masks` cuts the mask accordingly.

    Attributes:
        kept: The kept tokens; None before the context is pressed.
        pressed: How many tokens had been read when it was pressed, plus those that a growing storage packed since.
        shift: How far later positions are moved back (re-rotated caches), long (batch,); None: not at all.
        recent: Inputs of the last tokens, where the cache is pressed while tokens are read; None: they are not needed.
        attended: Attention that the first tokens held (kept ones with empty slots, then later ones) have got so far,
            float32 (batch, kv_heads, slots); None: it is not summed up.
        padded: Columns of padding in the row with most, where the cache is pressed while tokens are read.
        stepped: Whether the cache is pressed while tokens are read, so that the model's hooks must run in every call.
        announced: Whether assisted decoding has begun, and not called the model yet (`ctxprune.kv.cache.assisted`).
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stepped = False
        self._clear()

    def _clear(self) -> None:
        self.kept: KeptTokens | None = None
        self.pressed = 0
        self.shift: Tensor | None = None
        self.recent: RecentInputs | None = None
        self.attended: Tensor | None = None
        self.padded = 0
        self.announced = False
        # Whether the current call's mask was cut to this layer.
        self.masked = False
        # That mask, for layers that share these keys and values; None: none was cut in this call.
        self.cut: tuple[Any] | None = None

    @classmethod
    def holding(cls, keys: Tensor, values: Tensor) -> PrunedLayer:
        """A layer with these keys and values, (batch, kv_heads, n, head_dim), not copied."""
        layer = cls()
        layer.lazy_initialization(keys, values)
        layer._set_tail(keys, values)
        return layer

    def press(self, plan: Plan, question: int = 0) -> None:
        """Keep the planned tokens of those read, without the last `question` tokens.

        Raises:
            UsageError: There are kept tokens already.
        """
        if self.kept is not None:
            raise UsageError("this cache is pruned already", hint="press the full cache, or go on with this one")
        self.pressed = self.get_seq_length() - question
        self.kept = KeptTokens.of(self.keys, self.values, plan, self.pressed)
        # Clones, as views would keep the whole context's memory alive.
        self._set_tail(self.keys[..., :0, :].clone(), self.values[..., :0, :].clone())

    def press_again(self, held: HeldTokens, chosen: Tensor, spare: int = 0) -> None:
        """Keep the chosen of the tokens held, and those read last as they are.

        Args:
            held: The tokens from which was chosen: all but the last `spare`.
            chosen: bool (batch, kv_heads, slots of `held`).
            spare: How many of the last tokens are not part of the choice, and can still be cropped.
        """
        count = self.keys.shape[-2]
        keys, values = self.keys[..., count - spare :, :].clone(), self.values[..., count - spare :, :].clone()
        self.pressed = self.get_seq_length() - spare
        self.kept = held.keep(chosen, self.pressed)
        self._set_tail(keys, values)

    def pack(self, storage: Storage) -> None:
        """Store the kept tokens as `storage` does, in place of the unpacked ones.

        Raises:
            UsageError: The layer is not pressed, or its keys or values are packed or thinned already.
        """
        kept = self.kept
        if kept is None or not isinstance(kept.keys, Plain) or not isinstance(kept.values, Plain):
            raise UsageError(
                "the kept tokens of this press cannot be packed", hint="ThinK stores fewer channels: use one of the two"
            )
        keys, values = storage.pack(kept.keys.flat, kept.values.flat, kept.counts)
        self.kept = replace(kept, keys=keys, values=values)

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Append new tokens, and return the keys and values of all tokens held; as `DynamicLayer.update`.

        Raises:
            UsageError: The masks were not cut to the cache: the model's hooks were removed, or the cache is another's.
        """
        if self.kept is None and not self.stepped:
            keys, values = super().update(key_states, value_states, *args, **kwargs)
            return keys, values
        if not self.masked:
            raise UsageError(
                "a pruned cache was used with a model that it is not attached to",
                hint="use the model that read the context; cache.attach(model) lets a copy of it read on",
            )
        # Concatenation would promote the whole cache to the wider dtype without a message.
        if self.kept is not None and key_states.dtype != self.keys.dtype:
            raise UsageError(
                f"the cache holds {self.keys.dtype} and the model computes in {key_states.dtype}",
                hint="load the model in the cache's dtype",
            )
        # Here, as a call that fails does not reach the decoder's last hook.
        self.masked = False
        whole: tuple[Tensor, Tensor] = super().update(key_states, value_states, *args, **kwargs)
        if self.kept is None:
            return whole
        read = join_states(self.kept, self.keys, self.values)
        self._grow(self.kept)
        return read

    def mask(self, mask: Tensor | None, queries: int, heads: int) -> Tensor | None:
        """A model's mask over all tokens read, cut to those that are held.

        Args:
            mask: (batch, 1 or heads, queries, tokens read + queries), bool or additive; None: nothing is masked.
            queries: New tokens.
            heads: Query heads of the layer.
        """
        if self.kept is None:
            return mask
        counts = self.kept.counts
        real = counts.real()
        new = self.get_seq_length() - self.pressed + queries
        if mask is None:
            if real is None:
                return None
            open_ = torch.nn.functional.pad(real, (0, new), value=True)[:, :, None]
            return open_.expand(-1, -1, queries, -1).repeat_interleave(heads // real.shape[1], dim=1)
        columns = counts.padded(self.kept.columns).long()  # (batch, kv_heads, longest)
        group = heads // columns.shape[1]
        old = mask[..., : self.pressed].expand(len(columns), heads, -1, -1)
        # Masks have one row per query head, columns one per key head: the heads of a group share theirs.
        places = columns.repeat_interleave(group, dim=1)[:, :, None].expand(-1, -1, queries, -1)
        cut = old.gather(-1, places)
        if real is not None:
            closed = ~real.repeat_interleave(group, dim=1)[:, :, None]
            cut = cut.masked_fill(closed, False if mask.dtype == torch.bool else torch.finfo(mask.dtype).min)
        rest = mask[..., self.pressed :].expand(len(columns), heads, -1, -1)
        return torch.cat([cut, rest], dim=-1)

    def get_seq_length(self) -> int:
        """Tokens read, dropped ones included."""
        return self.pressed + int(super().get_seq_length())

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """The size of a mask over all tokens read and `query_length` new ones, and its offset, 0."""
        return self.get_seq_length() + query_length, 0

    def crop(self, tokens_to_remove: int) -> None:
        """Remove the last `-tokens_to_remove` tokens, which must have been read after the press.

        Raises:
            UsageError: The number is positive, reaches into the pressed context, or leaves a press that is used while
                tokens are read without the inputs from which it computes its queries.
        """
        self.check_crop(tokens_to_remove)
        if tokens_to_remove and self.is_initialized:
            remaining = max(self.keys.shape[-2] + tokens_to_remove, 0)
            self._set_tail(self.keys[..., :remaining, :].clone(), self.values[..., :remaining, :].clone())
            if self.recent is not None:
                self.recent = self.recent.drop_last(-tokens_to_remove)
            if self.attended is not None and self.kept is not None:
                self.attended = self.attended[..., : self.kept.counts.longest + remaining].clone()

    def check_crop(self, tokens_to_remove: int) -> None:
        """Errors as `crop`, without a change."""
        after = self.get_seq_length() - self.pressed
        if (
            not is_whole(tokens_to_remove)
            or tokens_to_remove > 0
            or (self.kept is not None and -tokens_to_remove > after)
        ):
            raise UsageError(
                f"cannot crop by {tokens_to_remove}",
                hint=f"a negative number of tokens, {after} at most: tokens before them were pruned or packed; "
                "drafts that may be rejected need fewer tokens, or a larger budget (Decoding) or residual (Kivi)",
            )
        self._check_inputs(-tokens_to_remove)

    def activate_past_recording(self) -> None:
        """Called by assisted decoding before its first call of the model; later tokens can be cropped in any case."""
        self.announced = True

    def end_steps(self) -> None:
        """Remove what only presses in steps need."""
        self.recent = self.attended = None
        self.stepped = False

    def reset(self) -> None:
        """Remove all tokens."""
        super().reset()
        self._clear()

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """Reorder the rows of the batch (beam search)."""
        self.batch_select_indices(beam_idx)

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Repeat every row of the batch."""
        if self.is_initialized:
            self.batch_select_indices(torch.arange(self.keys.shape[0]).repeat_interleave(repeats))

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep only some rows of the batch, by their indices, which may repeat."""
        if not self.is_initialized:
            return
        indices = indices.to(self.keys.device)
        self._set_tail(self.keys[indices], self.values[indices])
        if self.attended is not None:
            self.attended = self.attended[indices]
        if self.kept is not None:
            before, self.kept = self.kept.counts.longest, self.kept.rows(indices)
            if self.attended is not None:
                # The rows left may need fewer slots.
                parts = self.attended[..., : self.kept.counts.longest], self.attended[..., before:]
                self.attended = torch.cat(parts, dim=-1)
        if self.shift is not None:
            self.shift = self.shift[indices]
        if self.recent is not None:
            self.recent = self.recent.rows(indices)

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor of the layer, by name."""
        held = {} if self.kept is None else self.kept.tensors()
        if self.is_initialized:
            held |= {"tail.keys": self.keys, "tail.values": self.values}
        if self.recent is not None:
            held |= {f"recent.{name}": tensor for name, tensor in self.recent.tensors().items()}
        if self.attended is not None:
            held["attended"] = self.attended
        return held if self.shift is None else {**held, "shift": self.shift}

    def move(self, change: Callable[[Tensor], Tensor]) -> None:
        """Replace every tensor by `change(tensor)`, for instance to move it to another device."""
        if self.kept is not None:
            kept = self.kept
            self.kept = replace(
                kept,
                keys=_change_tensors(kept.keys, change),
                values=_change_tensors(kept.values, change),
                counts=replace(kept.counts, each=change(kept.counts.each)),
                columns=change(kept.columns),
            )
        if self.is_initialized:
            self._set_tail(change(self.keys), change(self.values))
            self.device = self.keys.device
        if self.shift is not None:
            self.shift = change(self.shift)
        if self.recent is not None:
            self.recent = self.recent.change(change)
        if self.attended is not None:
            self.attended = change(self.attended)

    def _grow(self, kept: KeptTokens) -> None:
        """Pack the oldest tokens read after the press if the storage asks for it; they count as pressed then."""
        # Padding must not become a kept token: it waits with the tokens beside it, until the next press drops it.
        if self.pressed < self.padded:
            return
        if due := kept.count_due(self.keys.shape[-2]):
            if self.attended is not None:
                self.attended = _join_packed(self.attended, kept.counts, due)
            self.kept = kept.append(self.keys[..., :due, :], self.values[..., :due, :], self.pressed)
            self.pressed += due
            self._set_tail(self.keys[..., due:, :].clone(), self.values[..., due:, :].clone())

    def _check_inputs(self, removed: int) -> None:
        """Raises UsageError where the next press would lack inputs if the last `removed` tokens were cropped."""
        left = self.get_seq_length() - removed
        if self.recent is None or not removed or left <= 0:
            return
        spare = self.recent.count - min(self.recent.needed, left)
        if removed > spare and not self.recent.needed:
            # Sums over queries: the share of a single token is not known any more.
            raise UsageError(
                f"cannot crop by {-removed}: the press has summed up the attention from these tokens",
                hint=f"by {spare} tokens at most here; read a prompt that is pressed without drafts behind it, take "
                "cache.copy() before, or a press that sums up nothing, such as SnapKV",
            )
        if removed > spare:
            raise UsageError(
                f"cannot crop by {-removed}: the next press would lack queries of the tokens before",
                hint=f"by {max(spare, 0)} tokens at most here; press with a larger every=, or take cache.copy() before",
            )

    def _set_tail(self, keys: Tensor, values: Tensor) -> None:
        self.keys, self.values = keys, values


def _join_packed(attended: Tensor, counts: Counts, due: int) -> Tensor:
    """Sums of kept tokens and later ones, with those of the first `due` later ones right behind each head's own.

    Heads that keep fewer tokens have empty slots between the two before, and behind both afterwards.
    """
    joined = counts.longest + due
    attended = torch.nn.functional.pad(attended, (0, max(joined - attended.shape[-1], 0)))
    slots, own = torch.arange(joined, device=attended.device), counts.each[..., None].long()
    later = slots < own + due
    places = slots.where(slots < own, (slots - own + counts.longest).where(later, slots - due))
    return torch.cat([attended.gather(-1, places), attended[..., joined:]], dim=-1)


def _change_tensors(packed: Packed, change: Callable[[Tensor], Tensor]) -> Packed:
    return type(packed).of_tensors({name: change(held) for name, held in packed.tensors().items()})
