"""Token ids, masks and positions that callers pass: checks, and the shapes that a decoder reads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch

from ctxprune.errors import UsageError
from ctxprune.utils.foreign import optional_member
from ctxprune.utils.validation import describe_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

__all__ = [
    "as_row",
    "check_ids",
    "check_left_padding",
    "check_vocabulary",
    "expand_question",
    "find_padding",
    "has_right_padding",
    "positions_of",
]


def check_ids(ids: Tensor, mask: Tensor | None = None) -> None:
    """Raises UsageError unless `ids` is a (batch, n) of integers, not empty, and the mask has its shape."""
    if not isinstance(ids, torch.Tensor) or ids.ndim != 2 or not ids.numel() or not _is_whole(ids):
        raise UsageError(
            f"the ids are {_describe(ids)}", hint="a tensor of integers (batch, tokens) with a token at least"
        )
    if mask is not None and not isinstance(mask, torch.Tensor):
        raise UsageError(f"the mask is {describe_type(mask)}", hint="a tensor of the ids' shape, 0 for padding")
    if mask is not None and mask.shape != ids.shape:
        raise UsageError(f"the mask is {tuple(mask.shape)}, the ids are {tuple(ids.shape)}", hint="make them equal")


def check_left_padding(mask: Tensor) -> None:
    """Raises UsageError where a mask (batch, n), 0 for padding, has padding behind a token."""
    if has_right_padding(mask):
        raise UsageError("padding is on the right", hint="pad on the left: tokenizer.padding_side = 'left'")


def has_right_padding(mask: Tensor) -> bool:
    """Whether a mask (batch, n), 0 for padding, has padding behind a token."""
    real = mask.bool()
    return bool((real[:, :-1] & ~real[:, 1:]).any())


def find_padding(mask: object, columns: int | None = None) -> Tensor | None:
    """The padding that a mask given to a model marks: False for it, bool (batch, n); None where there is none.

    Raises:
        UsageError: It is not of two dimensions, or has not as many columns as there are tokens.
    """
    if mask is None:
        return None
    if not isinstance(mask, torch.Tensor) or mask.ndim != 2:
        raise UsageError("a context to press needs a mask of two dimensions", hint="(batch, tokens), 0 for padding")
    if columns is not None and mask.shape[1] != columns:
        raise UsageError(
            f"the mask has {mask.shape[1]} columns for {columns} tokens read and new", hint="a mask over all tokens"
        )
    real = mask.bool()
    return None if bool(real.all()) else real


def check_vocabulary(model: nn.Module, ids: Tensor) -> None:
    """Raises UsageError unless the model has an embedding for each id."""
    try:
        table: Any = model.get_input_embeddings()
    except (AttributeError, NotImplementedError):
        return
    # Embeddings of remote code need not be an nn.Embedding; where the size is unknown the model itself complains.
    size = optional_member(table, "num_embeddings")
    if size is None or ids.device.type == "meta":
        return
    least, most = (int(end) for end in torch.stack(ids.aminmax()).tolist())
    if least < 0 or most >= size:
        raise UsageError(
            f"there is a token {least if least < 0 else most}, and {type(model).__name__} has ids 0 to {size - 1}",
            hint="take the ids from the model's own tokenizer",
        )


def expand_question(question: Tensor, rows: int, device: torch.device) -> Tensor:
    """A question's ids, (1 or rows, m), for each row of a batch: (rows, m).

    Raises:
        UsageError: The ids are empty or have another number of rows.
    """
    check_ids(question)
    if question.shape[0] not in (1, rows):
        raise UsageError(
            f"the question has {question.shape[0]} rows, the context {rows}", hint="one for all rows, or one for each"
        )
    return question.to(device).expand(rows, -1)


def positions_of(mask: Tensor) -> Tensor:
    """Positions as `generate` gives them, long (batch, n), for a mask (batch, n): padding is not counted."""
    return (mask.long().cumsum(dim=-1) - 1).clamp(min=0)


def as_row(ids: Tensor | Sequence[int], device: torch.device) -> Tensor:
    """Token ids as long (1, n); raises UsageError unless they are (n,) or (1, n) integers, n at least 1."""
    if not isinstance(ids, torch.Tensor):
        if isinstance(ids, (str, bytes)) or not isinstance(ids, Iterable):
            raise UsageError(f"the ids are {describe_type(ids)}", hint="token ids: tokenizer(text)['input_ids']")
        try:
            ids = torch.as_tensor(list(ids))
        except (TypeError, ValueError) as error:
            raise UsageError("the ids are not whole numbers", hint="token ids: tokenizer(text)['input_ids']") from error
    row = ids
    row = row[None] if row.ndim == 1 else row
    if row.ndim != 2 or len(row) != 1 or not row.numel() or row.is_floating_point():
        raise UsageError(f"the ids are {tuple(row.shape)}", hint="integers (n,) or (1, n), with a token at least")
    return row.to(device=device, dtype=torch.long)


def _is_whole(ids: Tensor) -> bool:
    return not (ids.is_floating_point() or ids.is_complex() or ids.dtype == torch.bool)


def _describe(ids: object) -> str:
    if not isinstance(ids, torch.Tensor):
        return type(ids).__name__
    return f"{tuple(ids.shape)}" + ("" if _is_whole(ids) else f" of {ids.dtype}")
