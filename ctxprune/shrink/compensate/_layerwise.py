"""Updates of single matrices, layer after layer, each from the products of its inputs."""

import torch

from ctxprune.shrink.measure.activations import Moments, weight_moments
from ctxprune.shrink.model.subject import parameter_of
from ctxprune.shrink.types import Callable, Mapping, Subject, Tensor

Update = Callable[[str, Tensor, Moments, Tensor], tuple[Tensor, Tensor]]
"""Name, weight (rows, columns), moments of its inputs with products, kept -> new weight and kept."""


def layerwise(subject: Subject, kept: Mapping[str, Tensor], update: Update, *, sequential: bool) -> dict[str, Tensor]:
    """Update each matrix in place; gives what is kept.

    Args:
        subject: Its model is changed.
        kept: By name.
        update: Of one matrix.
        sequential: Whether a layer's inputs come from the pruned layers before it (one pass of the data for each
            layer), or all from the model as it is (one pass).
    """
    inside = [[name for name in kept if name.startswith(f"{layer.path}.")] for layer in subject.anatomy.layers]
    rounds = filter(None, inside) if sequential else [list(kept)]
    masks: dict[str, Tensor] = {}
    for names in rounds:
        found = weight_moments(subject, names, products=True)
        for name in names:
            entry = parameter_of(subject.model, name)
            weight, mask = update(name, entry.detach().clone(), found.pop(name), kept[name])
            with torch.no_grad():
                entry.copy_(weight.to(entry.dtype) * mask)
            masks[name] = mask
    return masks
