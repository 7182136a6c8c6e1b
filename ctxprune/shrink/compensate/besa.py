"""BESA: the share that goes of each row, learned from the error of whole layers."""

from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from ctxprune.shrink.allocate.base import keep_highest
from ctxprune.shrink.learning.training import batch_on, on_device
from ctxprune.shrink.model.gate_hooks import temporary_hooks
from ctxprune.shrink.model.subject import module_of, parameter_of
from ctxprune.shrink.score.wanda import Wanda
from ctxprune.shrink.types import Mapping, Subject, Tensor
from ctxprune.utils.validation import Checked, check_number, check_whole, checked_field


@dataclass(frozen=True)
class Besa(Checked):
    """Row i of a matrix loses the share a_i = sum_d b_id p_d of its lowest Wanda scores, b_i a softmax that is learned.

    Xu and others, BESA: Pruning Large Language Models with Blockwise Parameter-Efficient Sparsity Allocation, ICLR
    2024. A weight goes where its rank, 0..1, is under a_i; its probability, the sum of b_id with p_d above the rank,
    takes the gradient. Layer after layer, each from the pruned ones before it: squared error of the layer's output over
    that of the whole layer, plus the squared difference of the mean share from the one asked. At the end the layer
    loses as many weights as the given choice says, those that lie furthest under their a_i first. Unlabelled.

    Attributes:
        steps: Of the optimiser, for each layer, one batch each.
        rate: Learning rate.
        candidates: Number of shares p_d, evenly over 0..1.
        penalty: Weight of the mean share's difference.
    """

    steps: int = checked_field(50, check_whole, minimum=0)
    rate: float = checked_field(0.05, check_number, over=0)
    candidates: int = checked_field(20, check_whole, minimum=2)
    penalty: float = checked_field(10.0, check_number, minimum=0)

    def __call__(self, subject: Subject, kept: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The choice that was learned; zeros are set at once."""
        masks: dict[str, Tensor] = {}
        for layer in subject.anatomy.layers:
            names = [name for name in kept if name.startswith(f"{layer.path}.")]
            count = sum(int((~kept[name]).sum()) for name in names)
            masks |= self._layer(subject, layer.path, names, count)
            with torch.no_grad():
                for name in names:
                    parameter_of(subject.model, name).mul_(masks[name])
        return {name: masks[name] for name in kept}

    def _layer(self, subject: Subject, path: str, names: list[str], count: int) -> dict[str, Tensor]:
        ranks = {name: _ranks(score) for name, score in Wanda()(subject, names).items()}
        with on_device(subject):
            shares = self._learn(subject, path, {name: rank.to(subject.device) for name, rank in ranks.items()}, count)
        # the mean share is only drawn to the one asked; the count is made exact here
        under = torch.cat([(rank - shares[name][:, None]).flatten() for name, rank in ranks.items()])
        flat = keep_highest(under[None], [count])[0].split([rank.numel() for rank in ranks.values()])
        return {name: part.view(rank.shape) for (name, rank), part in zip(ranks.items(), flat, strict=True)}

    def _learn(self, subject: Subject, path: str, ranks: Mapping[str, Tensor], count: int) -> dict[str, Tensor]:
        """Of each row the share that goes: (rows,) by the matrix's name, on the CPU."""
        share = count / sum(rank.numel() for rank in ranks.values())
        candidates = torch.linspace(0, 1, self.candidates).to(subject.device)
        # starts with the same share in every row
        start = -((candidates - share) / 0.1).square()
        logits = {name: start.repeat(len(rank), 1).requires_grad_() for name, rank in ranks.items()}
        calls, module = _calls(subject, path), module_of(subject.model, path)
        weights = {name: parameter_of(subject.model, name).detach() for name in ranks}
        optimizer = torch.optim.Adam(logits.values(), lr=self.rate)
        for step in range(self.steps):
            given, named, real, wanted = calls[step % len(calls)]
            with torch.enable_grad():
                masks, means = {}, []
                for name, rank in ranks.items():
                    masks[name], mean = _soft(logits[name], rank, candidates)
                    means.append(mean * rank.numel())
                # called with masked copies, so that the layer itself stays as it is until the choice is made
                values = {name.removeprefix(f"{path}."): weights[name] * mask for name, mask in masks.items()}
                made = torch.func.functional_call(module, values, given, named)
                made = made[0] if isinstance(made, tuple) else made
                error = functional.mse_loss(made[real], wanted) / wanted.square().mean().clamp(min=1e-12)
                mean_share = torch.stack(means).sum() / sum(rank.numel() for rank in ranks.values())
                loss = error + self.penalty * (mean_share - share).square()
                slopes = torch.autograd.grad(loss, list(logits.values()))
            for entry, slope in zip(logits.values(), slopes, strict=True):
                entry.grad = slope
            optimizer.step()
        return {name: (entry.detach().softmax(1) @ candidates).cpu() for name, entry in logits.items()}


def _ranks(score: Tensor) -> Tensor:
    """Place of each weight in its row, 0 = lowest, over the row's length."""
    return score.argsort(dim=1, stable=True).argsort(dim=1).float() / score.shape[1]


def _soft(logits: Tensor, rank: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
    """Which weights stay, with a gradient; and the mean share that goes."""
    chances = logits.softmax(1)
    shares = chances @ candidates
    above = chances.flip(1).cumsum(1).flip(1)  # sum over candidates from d on
    first = torch.searchsorted(candidates, rank.contiguous(), right=True).clamp(max=len(candidates) - 1)
    stays = 1 - above.gather(1, first)
    hard = (rank >= shares.detach()[:, None]).float()
    return hard + stays - stays.detach(), shares.mean()


def _calls(subject: Subject, path: str) -> list[tuple[Any, Any, Tensor, Tensor]]:
    """Of each batch: a layer's inputs, which tokens are real, and its outputs at those."""
    found: list[tuple[Any, Any, Tensor, Tensor]] = []
    for given_batch in subject.needed_calibration():
        batch = batch_on(given_batch, subject.device)
        real = batch["attention_mask"].bool()

        def keep(_: Any, given: Any, named: Any, result: Any, real: Tensor = real) -> None:
            out = result[0] if isinstance(result, tuple) else result
            found.append((given, named, real, out[real].detach()))

        with temporary_hooks() as handles, torch.no_grad():
            handles.append(module_of(subject.model, path).register_forward_hook(keep, with_kwargs=True))
            subject.task.output(subject.model, batch)
    return found
