"""Single weights: in experts, size times the norm of the input times the router's weight."""

from dataclasses import dataclass
from typing import Any

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.measure.activations import weight_moments
from ctxprune.shrink.measure.experts import Routing, block_of, record_routing
from ctxprune.shrink.model.families.base import has_parameter
from ctxprune.shrink.model.subject import module_of, parameter_of
from ctxprune.shrink.types import Sequence, Subject, Tensor


@dataclass(frozen=True)
class MoePruner:
    """|W_ij| * ||X_j * g||, over the tokens that an expert gets, g the router's weight; Wanda's score for all else.

    Xie and others, MoE-Pruner: Pruning Mixture-of-Experts Large Language Model Using the Hints from Its Router, 2024.
    To be compared within output rows. The router itself is scored by its inputs. One pass, no labels.
    """

    def __call__(self, subject: Subject, groups: Sequence[str]) -> dict[str, Tensor]:
        """Of the parameter's shape by its name, from 0 up."""
        experts = subject.groups(["expert"])
        found = record_routing(subject, experts)
        norms: dict[str, Tensor] = {}
        for group in experts:
            path, here = block_of(group), found[block_of(group)]
            norms[f"{group.reader}.weight"] = here.inputs.square().sum(0).sqrt()
            norms |= _of_experts(module_of(subject.model, f"{path}.experts"), f"{path}.experts", here)
        linear = [name for name in groups if name not in norms]
        norms |= {name: entry.norms.float() for name, entry in weight_moments(subject, linear).items()}
        return {name: parameter_of(subject.model, name).detach().abs() * norms[name] for name in groups}


def _of_experts(experts: Any, path: str, here: Routing) -> dict[str, Tensor]:
    """Norms of weighted inputs of both fused tensors: (experts, 1, inputs)."""
    if not has_parameter(experts, "gate_up_proj"):
        raise UsageError("these experts are not in fused tensors", where=path)
    first, second = [], []
    with torch.no_grad():
        for expert in range(here.weights.shape[1]):
            taken = here.weights[:, expert] > 0
            rows, weight = here.inputs[taken], here.weights[taken, expert, None]
            gate, up = (rows @ experts.gate_up_proj[expert].T).chunk(2, dim=-1)
            inner = experts.act_fn(gate) * up
            first.append((rows * weight).square().sum(0).sqrt())
            second.append((inner * weight).square().sum(0).sqrt())
    return {f"{path}.gate_up_proj": torch.stack(first)[:, None], f"{path}.down_proj": torch.stack(second)[:, None]}
