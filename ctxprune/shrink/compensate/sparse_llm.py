"""SparseLLM: both ends of a feed-forward part pruned towards its output, not each towards its own."""

from dataclasses import dataclass
from typing import Any

import torch

from ctxprune.errors import InputError
from ctxprune.shrink.compensate.sparse_gpt import SparseGpt
from ctxprune.shrink.measure.activations import Moments, damp, module_inputs, module_outputs
from ctxprune.shrink.model.subject import module_of
from ctxprune.shrink.types import Callable, Mapping, Sequence, Subject, Tensor
from ctxprune.utils.validation import Checked, check_number, check_whole, checked_field


@dataclass(frozen=True)
class SparseLlm(Checked):
    """min alpha ||z - W1 x||^2 + gamma ||p - f(z)||^2 + beta ||y - W2 p||^2, over weights and z, p by turns.

    Bai and others, SparseLLM: Towards Global Pruning of Pre-trained Language Models, NeurIPS 2024. x goes into a
    feed-forward part, y comes out of it in the whole model; p and z stand for what lies between its matrices. By turns:
    W1 and W2 are fitted to (x, z) and (p, y) and pruned by SparseGPT; p has a closed form,
    (beta W2^T W2 + gamma I)^-1 (beta W2^T y + gamma f(z)); z goes down its gradient, which serves any f, where the
    paper has a closed form for ReLU. Gated parts have two z, and f(z, z') is their product. Attention is pruned by
    SparseGPT as before. Layers one after another, each from the pruned ones before it; all unlabelled.

    Attributes:
        turns: How often.
        alpha, beta, gamma: Weights of the three terms.
        samples: Most tokens that are looked at.
        damping: Added to diagonals, as a share of their mean.
    """

    turns: int = checked_field(3, check_whole)
    alpha: float = checked_field(0.1, check_number, over=0)
    beta: float = checked_field(0.1, check_number, over=0)
    gamma: float = checked_field(0.1, check_number, over=0)
    samples: int = checked_field(4096, check_whole)
    damping: float = checked_field(0.01, check_number, over=0)

    def __call__(self, subject: Subject, kept: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The choice that SparseGPT makes."""
        masks: dict[str, Tensor] = {}
        prune = SparseGpt(damping=self.damping)
        for layer in subject.anatomy.layers:
            names = [name for name in kept if name.startswith(f"{layer.path}.")]
            inner = self._inner(subject, layer.index, names)
            masks |= prune(subject, {name: kept[name] for name in names if name not in inner})
            if inner:
                masks |= self._part(subject, inner, {name: kept[name] for name in inner})
        return {name: masks[name] for name in kept}

    def _inner(self, subject: Subject, layer: int, names: list[str]) -> list[str]:
        """The matrices of a feed-forward part: those that make its neurons, then the one that reads them."""
        group = subject.anatomy.groups.get(("neuron", layer))
        if group is None:
            return []
        makers = [part.parameter for part in group.slices if part.axis == 0 and part.parameter in names]
        return [*makers, f"{group.consumer}.weight"]

    def _part(self, subject: Subject, names: list[str], kept: dict[str, Tensor]) -> dict[str, Tensor]:
        *makers, reader = (module_of(subject.model, name.removesuffix(".weight")) for name in names)
        paths = [name.removesuffix(".weight") for name in names]
        x, p = (self._drawn(subject, part) for part in module_inputs(subject, [paths[0], paths[-1]]).values())
        y = self._drawn(subject, module_outputs(subject, paths[-1])) - _bias(reader)
        f = _activation(subject.model, paths[0])
        zs = [x @ maker.weight.detach().T + _bias(maker) for maker in makers]
        masks: dict[str, Tensor] = {}
        for turn in range(self.turns):
            for name, maker, z in zip(names, makers, zs, strict=False):
                masks[name] = self._fitted(maker, x, z - _bias(maker), kept[name], first=turn == 0)
            masks[names[-1]] = self._fitted(reader, p, y, kept[names[-1]], first=turn == 0)
            if turn + 1 == self.turns:
                break
            weight = reader.weight.detach()
            left = self.beta * weight.T @ weight + self.gamma * torch.eye(weight.shape[1])
            p = torch.linalg.solve(left, (self.beta * y @ weight + self.gamma * _product(f, zs)).T).T
            zs = self._moved(f, zs, p, [x @ maker.weight.detach().T + _bias(maker) for maker in makers])
        return masks

    def _drawn(self, subject: Subject, rows: Tensor) -> Tensor:
        """As many rows as are looked at; the same ones of every matrix."""
        if len(rows) <= self.samples:
            return rows.detach()
        return rows.detach()[torch.randperm(len(rows), generator=subject.generator(5))[: self.samples]]

    def _fitted(self, linear: Any, inputs: Tensor, wanted: Tensor, mask: Tensor, *, first: bool) -> Tensor:
        """Fit a matrix (from the second turn on), prune it in place, give what stays."""
        products = inputs.double().T @ inputs.double()
        found = Moments(len(inputs), inputs.double().sum(0), products.diagonal(), products)
        hessian = damp(products / len(inputs), self.damping)
        weight = linear.weight.detach().double()
        if not first:
            weight = torch.linalg.solve(hessian, inputs.double().T @ wanted.double() / len(inputs)).T
        weight, mask = SparseGpt(damping=self.damping).solve(weight, found.hessian(self.damping), mask, None)
        linear.weight.data.copy_(weight)
        return mask

    def _moved(self, f: Callable[[Tensor], Tensor], zs: list[Tensor], p: Tensor, made: list[Tensor]) -> list[Tensor]:
        """A few steps down the gradient of the two terms that z is in, elementwise; a step that does harm is undone."""

        def cost(parts: list[Tensor]) -> Tensor:
            near = sum((self.alpha * (z - m).square() for z, m in zip(parts, made, strict=True)), torch.zeros(()))
            return self.gamma * (p - _product(f, parts)).square() + near

        parts = [z.detach() for z in zs]
        for _ in range(8):
            leaves = [part.requires_grad_() for part in parts]
            with torch.enable_grad():
                now = cost(leaves)
                slopes = torch.autograd.grad(now.sum(), leaves)
            moved = [
                leaf.detach() - slope / (4 * (self.alpha + self.gamma))
                for leaf, slope in zip(leaves, slopes, strict=True)
            ]
            better = cost(moved).detach() < now.detach()
            parts = [torch.where(better, new, leaf.detach()) for new, leaf in zip(moved, leaves, strict=True)]
        return parts


def _product(f: Callable[[Tensor], Tensor], zs: Sequence[Tensor]) -> Tensor:
    return f(zs[0]) if len(zs) == 1 else f(zs[0]) * zs[1]


def _bias(linear: Any) -> Tensor:
    return linear.bias.detach() if linear.bias is not None else torch.zeros(linear.weight.shape[0])


def _activation(model: Any, path: str) -> Callable[[Tensor], Tensor]:
    """The function between the matrices, which stands beside the first of them."""
    parent = module_of(model, path.rpartition(".")[0])
    for name in ("act_fn", "intermediate_act_fn", "activation_fn"):
        # a module in most models, a plain function where the configuration gave one
        found: Callable[[Tensor], Tensor] | None = getattr(parent, name, None)
        if found is not None:
            return found
    raise InputError("the activation between two matrices cannot be found", where=path)
