"""What depth pruning reads off a model: the residual before and after each layer or sublayer."""

import torch
from torch.nn import functional

from ctxprune.errors import UsageError
from ctxprune.shrink.measure.activations import watch_modules
from ctxprune.shrink.model.tasks.base import first_examples
from ctxprune.shrink.types import Anatomy, Batch, Group, Iterator, Sequence, Subject, Tensor, nn

TOKENS = ("all", "first", "last", "summary")
"""Which real tokens of a sequence count; "summary" is the first of encoders and the last of decoders."""
SUBLAYERS = ("", "attention", "ffn", "mixer", "moe")
"""Kinds of sublayers; "" stands for all."""


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


def unit_states(subject: Subject, batch: Batch, group: Group) -> list[tuple[Tensor, Tensor]]:
    """The residual before and after each layer or sublayer of the group: (tokens, width) at real tokens, in order.

    After a sublayer of a post-norm model means after its norm.
    """
    anatomy, layers = subject.anatomy, group.kind == "layer"
    # a layer sees the residual itself; a sublayer sees it after or before its norm, so the norm is watched too
    read = [layer.path for layer in anatomy.layers] if layers else [entry.norm for entry in anatomy.sublayers]
    made = read if layers else [path for entry in anatomy.sublayers for path in (entry.norm, entry.output)]
    entered: dict[str, Tensor] = {}
    left: dict[str, Tensor] = {}
    with (
        torch.no_grad(),
        watch_modules(subject.model, read, batch, entered.__setitem__),
        watch_modules(subject.model, made, batch, left.__setitem__, outputs=True),
    ):
        subject.task.output(subject.model, batch)
    if layers:
        return [(entered[path], left[path]) for path in read]
    states = [(entered[entry.norm], left[entry.norm], left[entry.output]) for entry in anatomy.sublayers]
    if anatomy.post_norm:  # the norm's input already holds what the sublayer added
        return [(before - added, after) for before, after, added in states]
    return [(before, before + added) for before, _, added in states]


def layer_states(subject: Subject, batch: Batch, *, model: nn.Module | None = None) -> list[Tensor]:
    """The residual at real tokens before each layer and after the last one: (tokens, width) each."""
    # another model, a teacher for instance, may have other layers than the subject
    own = subject if model is None else subject.with_model(model)
    pairs = unit_states(own, batch, own.groups(["layer"])[0])
    return [pairs[0][0], *(after for _, after in pairs)]


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
