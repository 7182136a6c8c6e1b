"""Queries of whole contexts from the query projection alone, where the module's own code makes the same ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from ctxprune.kv.model.attention import Attention

__all__ = ["raw_queries"]


def raw_queries(
    attention: Attention, hidden: Tensor, cos: Tensor, start: int = 0, positions: Tensor | None = None
) -> Tensor:
    """Queries before the rotary embedding, (batch, heads, n, head_dim); arguments and errors as `raw_inputs`.

    The module's own code makes keys and values as well, and turns all of them by the identity, which takes twice as
    long as the queries do: it is run for whole contexts only where its queries are no projection (and norm) alone.
    """
    attention.check_rotation(hidden[:1, :1], cos)
    still = hidden.new_ones(1, 1, cos.shape[-1]), hidden.new_zeros(1, 1, cos.shape[-1])
    # The first and the last token: queries that some models scale by their position (Llama 4) differ at the last one.
    for at in (0, hidden.shape[1] - 1):
        place, token = None if positions is None else positions[:, at : at + 1], hidden[:, at : at + 1]
        one = attention.inputs(token, still, start + at, place).queries
        own = _project(attention, token, one.shape[-1])
        # Exactly: a scale near 1 must not pass for rounding.
        if own is None or not torch.equal(own, one):
            return attention.raw_inputs(hidden, cos, start, positions).queries
    return attention.project(hidden, "q", one.shape[-1])


def _project(attention: Attention, hidden: Tensor, width: int) -> Tensor | None:
    """Queries by the query projection; None where the module has none that is known."""
    try:
        return attention.project(hidden, "q", width)
    except (UsageError, RuntimeError):
        # An unknown design, or a projection that takes other inputs.
        return None
