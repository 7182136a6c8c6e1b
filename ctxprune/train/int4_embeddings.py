"""Word embeddings in four bits: codes and scales by block, as onnxruntime's GatherBlockQuantized reads them."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["BLOCK", "int4_codes", "round_to_int4"]

BLOCK = 128
"""Numbers that share a scale; a row that is no multiple of it is one block."""


def int4_codes(table: Tensor, block: int = BLOCK) -> tuple[Tensor, Tensor]:
    """Codes, int8 (rows, width), -8 to 7, and scales, float16 (rows, blocks), whose products come nearest to the table.

    Of some scales for each block the one with the least squared error is taken.
    """
    rows, width = table.shape
    size = block if width % block == 0 else width
    parts = table.float().reshape(rows, width // size, size)
    largest = parts.abs().amax(dim=-1, keepdim=True).clamp(min=1e-6)
    best = torch.full_like(largest, torch.inf)
    scales = largest / 7
    # the best scale is under the largest value: a few clipped numbers cost less than coarser steps for all
    for share in (1.0, 7 / 8, *torch.linspace(0.5, 0.98, 25).tolist()):  # a rounded table's own scale is among them
        # rounded to float16 before the error is taken, since that is what is stored
        tried = (share * largest / 7).half().float().clamp(min=1e-7)
        error = (_rounded(parts, tried) * tried - parts).square().sum(dim=-1, keepdim=True)
        better = error < best
        best, scales = torch.where(better, error, best), torch.where(better, tried, scales)
    return _rounded(parts, scales).to(torch.int8).reshape(rows, width), scales[..., 0].half()


def round_to_int4(table: Tensor, block: int = BLOCK) -> Tensor:
    """The table rounded to what its codes and scales represent, float32."""
    found, scales = int4_codes(table, block)
    return (found.reshape(*scales.shape, -1).float() * scales.float()[..., None]).reshape(table.shape)


def _rounded(parts: Tensor, scales: Tensor) -> Tensor:
    return (parts / scales).round().clamp(-8, 7)
