"""Low-rank adapters on the layers' matrices, merged at the end; higher ranks where more was lost.

Hu and others, LoRA: Low-Rank Adaptation of Large Language Models, 2021: W + (alpha / r) B A with B zero at first.
Zhou and others, RankAdaptor: Hierarchical Dynamic Low-Rank Adaptation for Structural Pruned LLMs, 2024: some choices
of ranks are trained shortly and measured, a small network is fitted to them that predicts the loss from the ranks, the
choice that it finds best is tried next, and the network is fitted again. Here the first choice follows how far each
layer's states are from the teacher's, and all choices have the same sum of ranks.
"""

from dataclasses import dataclass, replace

import torch
from torch import nn

from ctxprune.errors import UsageError
from ctxprune.shrink.learning.adapters import linear_paths
from ctxprune.shrink.learning.losses import build_objective, layer_pairs, record_outputs
from ctxprune.shrink.learning.training import Schedule, loss_towards
from ctxprune.shrink.model.subject import parameter_of
from ctxprune.shrink.recover._delta import DeltaRecovery, Deltas, train_deltas
from ctxprune.shrink.types import Callable, Mapping, Sequence, Subject, Tensor
from ctxprune.utils.validation import check_number, check_whole, checked_field


@dataclass(frozen=True)
class Adapters(DeltaRecovery):
    """Trains A (rank, inputs) and B (outputs, rank) for each matrix of the layers, and adds (scale / rank) B A to it.

    Where single weights are masked, the product is masked too, so that merging keeps the zeros.

    Attributes:
        rank: Of each adapter; their mean where ranks go by layer.
        scale: LoRA's alpha.
        by_layer: Whether ranks follow what each layer lost (RankAdaptor). Needs a teacher of the same width.
        trials: With `by_layer`, choices of ranks that are tried, each with `trial_steps` of training on a copy; the
            last batch, where there are several, says which is best. 0 takes the ranks by what was lost.
        trial_steps: Of the optimiser in each trial.
        loss: As in `tune.v1`.
    """

    rate: float = checked_field(0.001, check_number, over=0)
    scale: float = checked_field(16.0, check_number, over=0)
    by_layer: bool = False
    trials: int = checked_field(0, check_whole, minimum=0)
    trial_steps: int = checked_field(20, check_whole)

    def build_deltas(self, subject: Subject) -> Deltas:
        """For each matrix the product of A and B, which is zero at first; ranks by layer are noted as "ranks"."""
        ranks = [self.rank] * len(subject.anatomy.layers)
        if self.by_layer:
            ranks = ranks_by_loss(layer_losses(subject), self.rank)
            if self.trials:
                best, tried = search_ranks(
                    lambda choice: self._try(subject, choice), ranks, self.trials, subject.generator(19)
                )
                subject.notes["rank_trials"] = [[list(choice), loss] for choice, loss in tried.items()]
                ranks = list(best)
            subject.notes["ranks"] = ranks
        return self._adapters(subject, ranks)

    def _try(self, subject: Subject, ranks: Sequence[int]) -> float:
        """The loss on the last batch of a copy that was trained a little with these ranks on the others."""
        *learned, judged = subject.needed_calibration()
        copy = replace(subject.copy(), calibration=learned or [judged])
        objective = build_objective(copy, self.loss, towards=self.towards)
        train_deltas(copy, Schedule(self.trial_steps, self.rate), self._adapters(copy, ranks), objective)
        with torch.no_grad():
            return float(loss_towards(subject, self.towards)(copy.model, judged))

    def _adapters(self, subject: Subject, ranks: Sequence[int]) -> Deltas:
        layers = [layer.path for layer in subject.anatomy.layers]
        generator = subject.generator(2)
        deltas = {}
        for path in linear_paths(subject.model):
            place = next(index for index, layer in enumerate(layers) if path.startswith(f"{layer}."))
            outputs, inputs = parameter_of(subject.model, f"{path}.weight").shape
            # B is zero at the start, so that the model begins as it is
            down = nn.Parameter(torch.randn(ranks[place], inputs, generator=generator) / inputs**0.5)
            up = nn.Parameter(torch.zeros(outputs, ranks[place]))
            deltas[path] = ((down, up), _product(up, down, self.scale / ranks[place]))
        return deltas


def layer_losses(subject: Subject) -> list[float]:
    """How far each layer's states are from those of the teacher's layer that stands as far up: 1 - cosine, 0..2.

    Raises:
        UsageError: There is no teacher, or it is wider or narrower.
    """
    if subject.teacher is None:
        raise UsageError("ranks by layer need a teacher", where="adapters.v1")
    own, above = subject.anatomy, subject.with_model(subject.teacher).anatomy
    if own.width != above.width:
        raise UsageError(f"the teacher is {above.width} wide and the model {own.width}", hint="leave by_layer out")
    pairs = layer_pairs(len(own.layers), len(above.layers))
    sums, count = torch.zeros(len(own.layers), dtype=torch.float64), 0
    with torch.no_grad():
        for batch in subject.needed_calibration():
            with record_outputs(subject.model, [layer.path for layer in own.layers], batch) as states:
                subject.task.output(subject.model, batch)
            with record_outputs(subject.teacher, [layer.path for layer in above.layers], batch) as wanted:
                subject.task.output(subject.teacher, batch)
            for place, state in enumerate(states):
                sums[place] += (1 - torch.cosine_similarity(state, wanted[pairs[place]], dim=1)).double().sum()
            count += len(states[0])
    return (sums / count).tolist()


def ranks_by_loss(losses: Sequence[float], mean: int) -> list[int]:
    """Ranks from 1 up in proportion to the losses, with `mean` as their mean."""
    # one rank each is set aside first, since a layer without an adapter learns nothing
    spare, total = (mean - 1) * len(losses), sum(losses)
    if total <= 0:
        return [mean] * len(losses)
    exact = [spare * loss / total for loss in losses]
    ranks = [1 + int(value) for value in exact]
    # largest remainders get what rounding left over
    order = sorted(range(len(losses)), key=lambda place: (int(exact[place]) - exact[place], place))
    for place in order[: mean * len(losses) - sum(ranks)]:
        ranks[place] += 1
    return ranks


def _product(up: nn.Parameter, down: nn.Parameter, scale: float) -> Callable[[], Tensor]:
    return lambda: scale * (up @ down)


_POOL = 64  # candidates that the performance model compares
_HIDDEN, _STEPS, _RATE = 16, 100, 0.02


def search_ranks(
    evaluate: Callable[[tuple[int, ...]], float], start: Sequence[int], trials: int, generator: torch.Generator
) -> tuple[tuple[int, ...], dict[tuple[int, ...], float]]:
    """The ranks of the lowest loss that was measured, and the loss of every choice that was tried.

    All choices have the sum of the first one, and 1 or more everywhere.

    Args:
        evaluate: The loss of a choice, by a short training.
        start: Is tried first.
        trials: From 1 up; a third of them at random, before there is anything to predict from.
        generator: For candidates and for the network's first weights.
    """
    tried: dict[tuple[int, ...], float] = {}
    for trial in range(trials):
        if trial == 0:
            chosen = tuple(start)
        else:
            base = min(tried, key=lambda ranks: tried[ranks])
            # far and near: drawn anew, or the best so far with some ranks moved from one layer to another
            pool = [_moved(base if place % 2 else _drawn(start, generator), generator) for place in range(_POOL)]
            pool = [ranks for ranks in dict.fromkeys(pool) if ranks not in tried]
            if not pool:
                break  # every choice has been tried
            predict = fit_performance(tried, generator) if trial > trials // 3 else None
            chosen = pool[0] if predict is None else min(pool, key=predict)
        tried[chosen] = evaluate(chosen)
    return min(tried, key=lambda ranks: tried[ranks]), tried


def fit_performance(
    tried: Mapping[tuple[int, ...], float], generator: torch.Generator
) -> Callable[[tuple[int, ...]], float]:
    """A network of one hidden layer, fitted to measured losses: ranks in, loss out, in units of their spread."""
    inputs = torch.tensor(list(tried), dtype=torch.float32)
    losses = torch.tensor(list(tried.values()), dtype=torch.float32)
    level = inputs.mean()
    wanted = (losses - losses.mean()) / losses.std(correction=0).clamp(min=1e-12)
    network = nn.Sequential(nn.Linear(inputs.shape[1], _HIDDEN), nn.Tanh(), nn.Linear(_HIDDEN, 1))
    with torch.no_grad():
        for entry in network.parameters():
            entry.copy_(torch.randn(entry.shape, generator=generator) / max(entry.shape[-1], 1) ** 0.5)
    # with weight decay: a dozen of points says little about most directions
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=0.1)
    for _ in range(_STEPS):
        optimizer.zero_grad()
        (network(inputs / level - 1)[:, 0] - wanted).square().mean().backward()
        optimizer.step()

    def predict(ranks: tuple[int, ...]) -> float:
        with torch.no_grad():
            return float(network(torch.tensor(ranks, dtype=torch.float32) / level - 1))

    return predict


def _drawn(start: Sequence[int], generator: torch.Generator) -> tuple[int, ...]:
    """Ranks of the same sum, each with as much chance."""
    spare = sum(start) - len(start)
    places = torch.randint(len(start), (spare,), generator=generator)
    return tuple((torch.bincount(places, minlength=len(start)) + 1).tolist())


def _moved(ranks: Sequence[int], generator: torch.Generator) -> tuple[int, ...]:
    """Up to half of one layer's rank given to another one."""
    found = list(ranks)
    giver, taker = torch.randint(len(found), (2,), generator=generator).tolist()
    given = int(torch.randint(max(found[giver] // 2, 1), (1,), generator=generator)) + 1
    given = min(given, found[giver] - 1)
    found[giver] -= given
    found[taker] += given
    return tuple(found)
