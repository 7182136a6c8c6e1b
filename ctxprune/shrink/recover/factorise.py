"""Reduced order modelling: linear modules become pairs of smaller ones along the main directions of their outputs.

Chavan and others, Rethinking Compression: Reduced Order Modelling of Latent Features in Large Language Models, 2023:
of the outputs Y of a module over tokens, V = the first r eigenvectors of their covariance, W becomes V (V^T W).
Modules are taken in order, each with the inputs that it gets from the reduced ones before it.
"""

from dataclasses import dataclass
from typing import Any

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.learning.adapters import linear_paths
from ctxprune.shrink.measure.activations import Moments, moments
from ctxprune.shrink.model.cost import TOKENS
from ctxprune.shrink.model.families.base import replace_module
from ctxprune.shrink.model.modules import Factorised
from ctxprune.shrink.model.subject import module_of
from ctxprune.shrink.types import Subject, nn
from ctxprune.utils.validation import Checked, check_range, checked_field


@dataclass(frozen=True)
class Factorise(Checked):
    """Brings the whole model's cost down to what the recipe's target leaves, with one share of rank for all matrices.

    Attributes:
        layers: Share of the layers that are reduced, the last ones, above 0 and up to 1.
    """

    layers: float = checked_field(1.0, check_range, open_low=True)

    def __call__(self, subject: Subject) -> Subject:
        """The same subject, its model changed in place; unlabelled data. Notes `rank`: the share of full rank.

        Raises:
            UsageError: There is no budget, or these layers cannot be made so cheap.
        """
        budget, anatomy = subject.needed_budget(), subject.anatomy
        first = len(anatomy.layers) - max(round(self.layers * len(anatomy.layers)), 1)
        inside = tuple(f"{layer.path}." for layer in anatomy.layers[first:])
        paths = [path for path in linear_paths(subject.model) if path.startswith(inside)]
        ranks = self._ranks(subject, paths, budget.remove, budget.measure)
        full = sum(min(module_of(subject.model, path).weight.shape) for path in paths)
        subject.notes["rank"] = sum(ranks.values()) / max(full, 1)
        # inputs are measured anew for each sublayer, in the model whose lower matrices are factors already
        for sublayer in anatomy.sublayers:
            own = [path for path in paths if path in ranks and _belongs(path, sublayer.path, sublayer.output)]
            own = [path for path in own if not isinstance(module_of(subject.model, path), Factorised)]
            found = moments(subject, own, products=True) if own else {}
            for path in own:
                small = factors(module_of(subject.model, path), found[path], ranks[path])
                replace_module(subject.model, path, small)
        return subject

    def _ranks(self, subject: Subject, paths: list[str], remove: float, measure: str) -> dict[str, int]:
        """The largest ranks that save enough; a matrix that would not become smaller is left out."""
        low, high = 0.0, 1.0
        # the cost is a step function of the share: forty halvings pass every step
        for _ in range(40):
            middle = (low + high) / 2
            enough = _saved(subject.model, _at(subject.model, paths, middle), measure) >= remove
            low, high = (middle, high) if enough else (low, middle)
        ranks = _at(subject.model, paths, low)
        if _saved(subject.model, ranks, measure) < remove * (1 - 1e-9):
            raise UsageError(
                f"matrices of rank 1 do not save {remove:.4g} {measure}", where="factorise.v1", hint="raise the target"
            )
        return ranks


def factors(linear: Any, seen: Moments, rank: int) -> Factorised:
    """A linear module along the main directions of its outputs; at full rank the same but for rounding.

    Args:
        linear: As it is.
        seen: Moments of its inputs, with products.
        rank: From 1 to the number of outputs.
    """
    weight = linear.weight.detach().double()
    mean = seen.mean
    products: Any = seen.products
    # directions of the outputs, not of the weights: what inputs never excite is given up first
    spread = weight @ (products / seen.count - torch.outer(mean, mean)) @ weight.T
    directions = torch.linalg.eigh(spread).eigenvectors.flip(1)[:, :rank]
    small = Factorised(weight.shape[1], rank, weight.shape[0])
    level = weight @ mean
    level = level - directions @ (directions.T @ level)  # the mean of what is left out becomes a bias
    if linear.bias is not None:
        level = level + linear.bias.detach().double()
    with torch.no_grad():
        small.first.weight.copy_(directions.T @ weight)
        small.second.weight.copy_(directions)
        small.second.bias.copy_(level)
    return small.to(linear.weight).eval()


def _belongs(path: str, part: str, output: str) -> bool:
    """Whether a module is of a sublayer: BERT's first feed-forward matrix stands beside the part, not in it."""
    beside = f"{output.rpartition('.')[0].rpartition('.')[0]}.intermediate."
    return path.startswith((f"{part}.", beside) if not part.endswith("attention") else f"{part}.")


def _at(model: nn.Module, paths: list[str], share: float) -> dict[str, int]:
    ranks = {}
    for path in paths:
        outputs, inputs = module_of(model, path).weight.shape
        rank = max(int(share * outputs * inputs / (outputs + inputs)), 1)
        # two factors of a high rank are larger than the matrix
        if rank * (outputs + inputs) < outputs * inputs:
            ranks[path] = rank
    return ranks


def _saved(model: nn.Module, ranks: dict[str, int], measure: str) -> float:
    total = 0.0
    for path, rank in ranks.items():
        linear = module_of(model, path)
        outputs, inputs = linear.weight.shape
        saved = outputs * inputs - rank * (outputs + inputs)
        size = linear.weight.element_size() if measure == "bytes" else 1
        bias = outputs if linear.bias is None and measure in ("bytes", "parameters") else 0
        total += (saved - bias) * (TOKENS if measure in ("flops", "latency") else size)
    return total
