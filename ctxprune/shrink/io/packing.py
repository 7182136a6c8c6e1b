"""Matrices in less room on disk: zeros as bits, numbers that weights share once. Unpacked on reading, so no faster.

Of a matrix with zeros a bit for each weight is stored, and the values that are not zero: at half zeros a float32 matrix
takes 53 % of its bytes. Bits with a pattern (N:M, few values) are compressed beside.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ctxprune.shrink.model.modules import HashedLinear

_BITS, _VALUES = ".bits", ".values"


def pack_tensors(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, list[int]]]:
    """The tensors, what becomes smaller as `NAME.bits` (uint8, first bit highest) and `NAME.values`; and its shapes."""
    stored: dict[str, Tensor] = {}
    shapes: dict[str, list[int]] = {}
    for name, value in tensors.items():
        present = value != 0
        zeros = present.numel() - int(present.sum())
        # a dense matrix would become larger by its bits
        bits = bits_of(present) if value.ndim >= 2 and zeros else None
        if bits is None or len(bits) >= zeros * value.element_size():
            stored[name] = value
        else:
            stored |= {name + _BITS: bits, name + _VALUES: value[present].contiguous()}
            shapes[name] = list(value.shape)
    return stored, shapes


def unpack_tensors(stored: Mapping[str, Tensor], shapes: Mapping[str, Sequence[int]]) -> dict[str, Tensor]:
    """What `pack_tensors` was given; a `ValueError` where bits, values and shapes do not go together."""
    found = dict(stored)
    for name, shape in shapes.items():
        bits, values = found.pop(name + _BITS), found.pop(name + _VALUES)
        found[name] = torch.zeros(*shape, dtype=values.dtype)
        found[name][mask_of(bits, shape, len(values))] = values
    return found


def pack_hashed(model: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Put numbers that weights share in the place of the matrices that they make, as `NAME.hashed`; in place."""
    for path, module in model.named_modules():
        if isinstance(module, HashedLinear) and (values := module.values()) is not None:
            del tensors[f"{path}.weight"]
            tensors[f"{path}.hashed"] = values


def unpack_hashed(model: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Undo `pack_hashed` for a model whose modules have their layouts; a `ValueError` where they do not fit."""
    for path, module in model.named_modules():
        if isinstance(module, HashedLinear) and f"{path}.hashed" in tensors:
            tensors[f"{path}.weight"] = module.spread(tensors.pop(f"{path}.hashed"))


def bits_of(mask: Tensor) -> Tensor:
    """A bool tensor as uint8, eight of its elements in each, the first one in the highest; by zlib if shorter."""
    bits = np.packbits(mask.flatten().cpu().numpy())
    short = zlib.compress(bits.tobytes(), 9)
    return torch.from_numpy(np.frombuffer(short, np.uint8).copy() if len(short) < len(bits) else bits)


def mask_of(bits: Tensor, shape: Sequence[int], true: int) -> Tensor:
    """The bool tensor that `bits_of` was given; a `ValueError` where it had another shape or number of true ones."""
    count, content = math.prod(shape), bits.numpy()
    size = (count + 7) // 8
    if len(content) < size:  # compressed; no more is taken out of it than fits
        reader = zlib.decompressobj()
        try:
            content = np.frombuffer(reader.decompress(content.tobytes(), size + 1), np.uint8)
        except zlib.error as error:
            raise ValueError(f"the bits of {count} weights are damaged") from error
        if not reader.eof:
            raise ValueError(f"the bits of {count} weights have no end")
    if len(content) != size:
        raise ValueError(f"{len(content)} bytes of bits do not fit {count} weights")
    mask = torch.from_numpy(np.unpackbits(content, count=count)).bool()
    if int(mask.sum()) != true:
        raise ValueError(f"{int(mask.sum())} bits are set for {true} values")
    return mask.view(*shape)
