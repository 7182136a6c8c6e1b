"""Architectures that are refused by name, as nothing in the signatures of their modules shows why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.errors import UsageError
from ctxprune.utils.foreign import optional_member

if TYPE_CHECKING:
    from torch import nn

__all__ = ["HINT", "check_name"]

HINT = "docs/choose/kv_architectures.md lists the architectures that are served"
# By the model type of the configuration.
_REFUSED = {
    "ctrl": "its attention makes masks of its own",
    "gpt_neo": "its local layers cut windows out of the cache by column numbers, without a mask",
    "minimax": "it takes no cache but one of its own class",
    "xglm": "its attention takes one mask for all heads, which keep different tokens",
}


def check_name(model: nn.Module) -> None:
    """Raises UsageError for a model of an architecture that cannot read pruned caches."""
    name = optional_member(optional_member(model, "config"), "model_type")
    if name in _REFUSED:
        raise UsageError(f"{type(model).__name__} cannot read pruned caches: {_REFUSED[name]}", hint=HINT)
