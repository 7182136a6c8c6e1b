"""Gates: numbers that scale units of a running model. At 0 a unit adds nothing, as if surgery had taken it out.

One mechanism serves masked evaluation, gradients of masks (Fisher, Taylor) and masks that are learned.
"""

from contextlib import contextmanager

from ctxprune.errors import UsageError
from ctxprune.shrink.model.families import family_of
from ctxprune.shrink.model.gate_hooks import temporary_hooks
from ctxprune.shrink.types import Iterator, Key, Mapping, Tensor, nn


@contextmanager
def apply_gates(model: nn.Module, gates: Mapping[Key, Tensor]) -> Iterator[None]:
    """Inside, the model's units are scaled by their gates; hooks are gone afterwards, whatever happens.

    Args:
        model: Of a known family.
        gates: By group: (count,), or (rows, 1, count) for other gates in each row of a batch (not for width); any float
            type or bool; gradients go through.

    Raises:
        UsageError: A group is not the model's or has no place for a gate.
    """
    family = family_of(model)
    anatomy = family.describe(model)
    # filled before the body runs, so that hooks are removed even if a later group is refused
    with temporary_hooks() as handles:
        for key, gate in gates.items():
            group = anatomy.groups.get(key)
            if group is None or gate.shape[-1] != group.count:
                raise UsageError(f"no gate of shape {tuple(gate.shape)} fits {key}", where="gates")
            handles.extend(family.lay_gate(model, anatomy, group, gate))
        yield
