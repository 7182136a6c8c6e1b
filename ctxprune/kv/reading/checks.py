"""What calls ask of their arguments, so that a wrong kind is named where it came in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["check_known", "check_press", "check_storage", "kind_of"]


def kind_of(value: object) -> str:
    """What a value is, in words for a message: the class's own name where it is a class."""
    return f"the class {value.__name__}" if isinstance(value, type) else f"a {type(value).__name__}"


def check_press(press: object) -> None:
    """Raises UsageError unless it is a press, not the class of one nor its name."""
    from ctxprune.kv.presses.base import Press

    if not isinstance(press, Press):
        raise UsageError(f"the press is {kind_of(press)}", hint="a press with its ratio, such as SnapKV(0.5)")


def check_storage(storage: object) -> None:
    """Raises UsageError unless it is None or packs keys and values."""
    if storage is not None and (isinstance(storage, type) or not callable(getattr(storage, "pack", None))):
        raise UsageError(f"the storage is {kind_of(storage)}", hint="None, or one with its bits, such as Kivi(bits=4)")


def check_known(model: nn.Module, ids: Tensor) -> None:
    """Raises UsageError unless the model has an embedding for each id."""
    try:
        table: Any = model.get_input_embeddings()
    except (AttributeError, NotImplementedError):
        return
    size = getattr(table, "num_embeddings", None)
    if size is None or ids.device.type == "meta":
        return
    least, most = (int(end) for end in torch.stack(ids.aminmax()).tolist())
    if least < 0 or most >= size:
        raise UsageError(
            f"there is a token {least if least < 0 else most}, and {type(model).__name__} knows 0 to {size - 1}",
            hint="take the ids from the model's own tokenizer",
        )
