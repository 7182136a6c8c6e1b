"""What depth pruning reads off a model: the residual before and after each layer or sublayer."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from ctxprune.errors import UsageError
from ctxprune.shrink.model.gate_hooks import temporary_hooks
from ctxprune.shrink.model.subject import module_of
from ctxprune.shrink.model.tasks.base import first_examples
from ctxprune.shrink.types import Anatomy, Batch, Group, Iterator, Sequence, Subject, Tensor, nn
from ctxprune.utils.validation import check_choice

TOKENS = ("all", "first", "last", "summary")
"""Which real tokens of a sequence count; "summary" is the first of encoders and the last of decoders."""


def check_tokens(tokens: str) -> None:
    """Refuse a choice of tokens that is none of `TOKENS`.

    Raises:
        UsageError: It is none.
    """
    check_choice("tokens", tokens, TOKENS)


def check_sublayer(kind: str) -> None:
    """Refuse what is no kind of sublayer; "" stands for all.

    Raises:
        UsageError: It is none.
    """
    check_choice("the kind of sublayer", kind, ("", "attention", "ffn", "mixer", "moe"))


def depth_group(groups: Sequence[Group]) -> Group:
    """The one group of layers or of sublayers.

    Raises:
        UsageError: There are others, or none.
    """
    if len(groups) != 1 or groups[0].kind not in ("layer", "sublayer"):
        raise UsageError(
            f"units are {[group.kind for group in groups]}", hint="this piece is for 'layer' alone or 'sublayer' alone"
        )
    return groups[0]


def sublayer_places(anatomy: Anatomy, groups: Sequence[Group], kind: str) -> list[int]:
    """Places of the sublayers of a kind, where the units are sublayers.

    Raises:
        UsageError: They are others.
    """
    if depth_group(groups).kind != "sublayer":
        raise UsageError("a kind is of sublayers", where="units", hint='give units = ["sublayer"]')
    return [place for place, entry in enumerate(anatomy.sublayers) if entry.kind == kind]


def first_rows(subject: Subject, samples: int) -> Iterator[Batch]:
    """The calibration batches up to that many rows, the last of them cut where the task allows it; 0 = all.

    Raises:
        InputError: There is no calibration data.
        UsageError: The number is below 0.
    """
    if samples < 0:
        raise UsageError(f"samples is {samples}", hint="give a number of rows, or 0 for all")
    batches = subject.needed_calibration()
    # counted here and not by batch, so that `samples` means the same whatever the batch size
    left = samples or sum(len(batch["input_ids"]) for batch in batches)
    for batch in batches:
        if left <= 0:
            return
        if len(batch["input_ids"]) <= left:
            yield batch
        else:
            yield from first_examples(subject.task, batch, left)
        left -= len(batch["input_ids"])


def token_places(batch: Batch, tokens: str, anatomy: Anatomy) -> Tensor:
    """Which rows of a (tokens, width) tensor of all real tokens count: int64."""
    lengths = batch["attention_mask"].sum(1)
    # rows without a token have no place in the tensor of real tokens
    lengths = lengths[lengths > 0]
    ends = lengths.cumsum(0)
    if tokens == "summary":
        # encoders are read at [CLS], decoders at the last token, which alone has seen the whole text
        tokens = "first" if anatomy.post_norm or anatomy.bidirectional else "last"
    return {"all": torch.arange(int(lengths.sum())), "first": ends - lengths, "last": ends - 1}[tokens]


def runs_of(gone: Tensor) -> list[tuple[int, int]]:
    """Where a bool (count,) is true without a gap: pairs of first place and the place after the last."""
    runs: list[tuple[int, int]] = []
    for place in gone.nonzero().flatten().tolist():
        if runs and runs[-1][1] == place:
            runs[-1] = (runs[-1][0], place + 1)
        else:
            runs.append((place, place + 1))
    return runs


def unit_states(
    subject: Subject, batch: Batch, group: Group, *, model: nn.Module | None = None
) -> list[tuple[Tensor, Tensor]]:
    """The residual before and after each layer or sublayer of the group: (tokens, width) at real tokens, in order.

    After a sublayer of a post-norm model means after its norm.
    """
    model = model or subject.model
    anatomy = subject.anatomy if model is subject.model else subject.with_model(model).anatomy
    mask = batch["attention_mask"].bool()
    entered: dict[int, Tensor] = {}
    added: dict[int, Tensor] = {}
    left: dict[int, Tensor] = {}

    def see(place: int, into: dict[int, Tensor], *, inputs: bool) -> Any:
        def hook(_: nn.Module, given: tuple[Any, ...], named: dict[str, Any], result: Any) -> None:
            states = (given[0] if given else named["hidden_states"]) if inputs else result
            states = states[0] if isinstance(states, tuple) else states
            into[place] = states[mask] if states.shape[:2] == mask.shape else states

        return hook

    watched: list[tuple[str, Any]] = []
    # a layer sees the residual itself; a sublayer sees it after or before its norm, so the norm is watched too
    if group.kind == "layer":
        for layer in anatomy.layers:
            watched.append((layer.path, see(layer.index, entered, inputs=True)))
            watched.append((layer.path, see(layer.index, left, inputs=False)))
    else:
        for place, sublayer in enumerate(anatomy.sublayers):
            watched.append((sublayer.norm, see(place, entered, inputs=True)))
            watched.append((sublayer.norm, see(place, left, inputs=False)))
            watched.append((sublayer.output, see(place, added, inputs=False)))
    with temporary_hooks() as handles, torch.no_grad():
        handles += [module_of(model, path).register_forward_hook(hook, with_kwargs=True) for path, hook in watched]
        subject.task.output(model, batch)
    if group.kind == "layer":
        return [(entered[place], left[place]) for place in sorted(entered)]
    if anatomy.post_norm:  # the norm's input already holds what the sublayer added
        return [(entered[place] - added[place], left[place]) for place in sorted(entered)]
    return [(entered[place], entered[place] + added[place]) for place in sorted(entered)]


def cosines(before: Tensor, after: Tensor) -> Tensor:
    """Cosine of each row of one with the same row of the other: float64 (rows,), -1..1."""
    return functional.cosine_similarity(before.double(), after.double(), dim=-1).clamp(-1, 1)


def run_changes(
    subject: Subject,
    group: Group,
    runs: Sequence[tuple[int, int]],
    *,
    tokens: str = "all",
    angle: bool = False,
    samples: int = 0,
) -> Tensor:
    """Mean change of the residual's direction over each run of layers or sublayers: float64 (runs,).

    Args:
        subject: Its calibration data are read, without labels.
        group: Of the layers or sublayers.
        runs: First place and the place after the last.
        tokens: Which tokens count, one of `TOKENS`.
        angle: The angle over pi, 0..1, instead of one less the cosine, 0..2.
        samples: Most rows that are read; 0 = all.
    """
    total, count = torch.zeros(len(runs), dtype=torch.float64), 0
    for batch in first_rows(subject, samples):
        # padding would count as "no change"
        places = token_places(batch, tokens, subject.anatomy)
        states = unit_states(subject, batch, group)
        for number, (start, end) in enumerate(runs):
            near = cosines(states[start][0][places], states[end - 1][1][places])
            total[number] += (near.acos() / torch.pi if angle else 1 - near).sum()
        count += len(places)
    return total / max(count, 1)
