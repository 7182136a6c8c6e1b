"""A model that runs with other values in place of some of its parameters; gradients go to where those came from."""

from typing import Any

import torch
from torch import nn

from ctxprune.shrink.types import Mapping, Tensor


class Substituted(nn.Module):
    """Runs a model with other values; the model itself is not touched.

    Args:
        model: The model.
        values: By parameter's name, of its shape.
    """

    def __init__(self, model: nn.Module, values: Mapping[str, Tensor]) -> None:
        super().__init__()
        self._held = (model, dict(values))  # not a submodule: its parameters are the model's own

    def forward(self, *given: Any, **named: Any) -> Any:
        """What the model gives."""
        model, values = self._held
        return torch.func.functional_call(model, values, given, named, strict=False)


def straight_through(mask: Tensor, scores: Tensor) -> Tensor:
    """The mask as numbers; its gradient goes to the scores as if it were they."""
    return mask.to(scores.dtype) + scores - scores.detach()
