"""Matrices with many zeros in less room: a bit for each weight, and the values of those that are not zero.

At half zeros a float32 matrix takes 53 % of its bytes. It is unpacked on reading: less on disk, no faster.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

__all__ = ["bits_of", "mask_of", "pack_tensors", "unpack_tensors"]

_BITS, _VALUES = ".bits", ".values"


def pack_tensors(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, list[int]]]:
    """The tensors, each matrix that becomes smaller as `NAME.bits` (uint8, first bit highest) and `NAME.values`.

    Returns:
        The tensors to store, and by name the shapes of those that were packed.
    """
    stored: dict[str, Tensor] = {}
    shapes: dict[str, list[int]] = {}
    for name, value in tensors.items():
        present = value != 0
        # a dense matrix would become larger by its bits
        size = (value.numel() + 7) // 8 + int(present.sum()) * value.element_size()
        if value.ndim < 2 or size >= value.numel() * value.element_size():
            stored[name] = value
            continue
        stored[name + _BITS] = bits_of(present)
        stored[name + _VALUES] = value[present].contiguous()
        shapes[name] = list(value.shape)
    return stored, shapes


def unpack_tensors(stored: Mapping[str, Tensor], shapes: Mapping[str, Sequence[int]]) -> dict[str, Tensor]:
    """What `pack_tensors` was given.

    Raises:
        ValueError: Bits, values and shapes do not go together.
    """
    found = {name: value for name, value in stored.items() if not _is_part(name, shapes)}
    for name, shape in shapes.items():
        bits, values = stored[name + _BITS], stored[name + _VALUES]
        present = mask_of(bits, shape, len(values))
        whole = torch.zeros(*shape, dtype=values.dtype)
        whole[present] = values
        found[name] = whole
    return found


def bits_of(mask: Tensor) -> Tensor:
    """A bool tensor as uint8, eight of its elements in each, the first one in the highest bit."""
    return torch.from_numpy(np.packbits(mask.flatten().cpu().numpy()))


def mask_of(bits: Tensor, shape: Sequence[int], true: int) -> Tensor:
    """The bool tensor of a shape that `bits_of` was given.

    Raises:
        ValueError: The bits are of another number, or not `true` of them are set.
    """
    count = math.prod(shape)
    if len(bits) != (count + 7) // 8:
        raise ValueError(f"{len(bits)} bytes of bits do not fit {count} weights")
    mask = torch.from_numpy(np.unpackbits(bits.numpy(), count=count)).bool()
    if int(mask.sum()) != true:
        raise ValueError(f"{int(mask.sum())} bits are set for {true} values")
    return mask.view(*shape)


def _is_part(name: str, shapes: Mapping[str, Sequence[int]]) -> bool:
    return any(name.endswith(end) and name.removesuffix(end) in shapes for end in (_BITS, _VALUES))
