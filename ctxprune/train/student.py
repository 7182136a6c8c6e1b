"""A student's first weights, out of its teacher's: some of its layers, with the heads and neurons that contribute most.

The contribution of a head or neuron is measured: the mean length of what it adds to a token's state, over windows of
text (in the manner of Michel, Levy and Neubig, NeurIPS 2019, without gradients). The matrices that follow are fitted
anew, by least squares, so that from what is left the student comes nearest to the teacher's states, one part after the
other (as in He, Zhang and Sun, ICCV 2017).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ctxprune.errors import UsageError
from ctxprune.train.int4_embeddings import round_to_int4
from ctxprune.train.pruner_network import ACTIVE, EncoderShape, PrunerNetwork

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["build_student", "check_growth", "grow_student"]

_PENALTY = 1e-3  # of the mean square of what is fitted


@dataclass(slots=True)
class _Windows:
    """One batch of windows on its way through both networks."""

    mask: Tensor
    bias: Tensor
    teacher_states: list[Tensor]
    states: Tensor


def build_student(
    teacher: PrunerNetwork,
    shape: EncoderShape,
    layers: Sequence[int],
    batches: Sequence[tuple[Tensor, Tensor, Tensor]],
    order: Sequence[int],
    *,
    words: Tensor | None = None,
) -> PrunerNetwork:
    """A network of `shape` with the teacher's weights, as far as they fit in.

    Args:
        teacher: Of the same width and size of heads; in evaluation mode, float32.
        shape: Of the student; its layers have at most as many heads and neurons as those that they are made of. Its
            vocabulary is as `order` says.
        layers: Which of the teacher's layers each of the student's is made of.
        batches: ids of the student's vocabulary, types and mask as `PrunerNetwork` takes them; some tens of thousands
            of tokens, all of them in memory with the states of every layer of the teacher.
        order: The teacher's id of each piece of the student's vocabulary.
        words: float32 (pieces, width): word embeddings of the student, rounded as they will be exported. Default: the
            teacher's, as they are in a model that is exported with `words=4`.

    Returns:
        The student.

    Raises:
        UsageError: Both shapes do not fit together, or there is no batch.
    """
    _check(teacher, shape, layers, batches)
    pieces = torch.as_tensor(order)
    student = PrunerNetwork(replace(shape, vocabulary=len(order))).eval()
    state = {name: value.clone() for name, value in teacher.state_dict().items() if not name.startswith("layers.")}
    # the student learns with the embeddings that it will be shipped with
    state["words.weight"] = round_to_int4(state["words.weight"][pieces]) if words is None else words.clone()
    state["places.weight"] = state["places.weight"][: shape.positions]
    student.load_state_dict(state, strict=False)
    with torch.no_grad():
        windows = []
        for ids, types, mask in batches:
            wanted, first = teacher.states(pieces[ids], types, mask), student.embedded(ids, types)
            windows.append(_Windows(mask.bool(), teacher.bias(mask, first.dtype), wanted, first))
        # from the bottom up: each layer is fitted to what the ones below it really give
        for source, layer in zip(layers, student.layers, strict=True):
            _take(teacher.layers[source], layer, source, windows)
    return student


def grow_student(
    student: PrunerNetwork,
    teacher: PrunerNetwork,
    shape: EncoderShape,
    layers: Sequence[int],
    batches: Sequence[tuple[Tensor, Tensor, Tensor]],
    order: Sequence[int],
) -> PrunerNetwork:
    """A trained student with more heads and neurons, which add nothing until trained: its outputs stay the same.

    What is new reads as the teacher's heads and neurons do that come next by what they add, and its columns in the
    matrices after it are zero (as new parts are begun in Chen, Goodfellow and Shlens, Net2Net, ICLR 2016).

    Args:
        student: In evaluation mode. It has as many layers as `shape`, none of them wider.
        teacher, shape, layers, batches, order: As for `build_student`.

    Raises:
        UsageError: The shapes do not fit together, or there is no batch.
    """
    _check(teacher, shape, layers, batches)
    check_growth(student.shape, shape)
    if student.shape.vocabulary != len(order):
        raise UsageError(f"{student.shape.vocabulary:,} pieces, and an order of {len(order):,}", hint="one for each")
    whole = replace(shape, vocabulary=len(order))
    made = PrunerNetwork(whole).eval()
    made.load_state_dict(
        {name: value for name, value in student.state_dict().items() if not name.startswith("layers.")}, strict=False
    )
    pieces = torch.as_tensor(order)
    with torch.no_grad():
        targets = [(teacher.states(pieces[ids], types, mask), mask) for ids, types, mask in batches]
        for source, old, new in zip(layers, student.layers, made.layers, strict=True):
            _grow(
                teacher.layers[source],
                old,
                new,
                [(states[source], teacher.bias(mask, states[0].dtype)) for states, mask in targets],
            )
    return made


def check_growth(own: EncoderShape, wanted: EncoderShape) -> None:
    """Refuse a shape that is not the student's with more heads or neurons; their vocabularies are not compared.

    Raises:
        UsageError: It is smaller somewhere, or differs in something else.
    """
    pairs = list(zip(own.layers, wanted.layers, strict=False))
    # everything but the layers' sizes and the vocabulary has to be equal
    same = replace(own, layers=wanted.layers, vocabulary=wanted.vocabulary) == wanted
    same = same and len(own.layers) == len(wanted.layers)
    if not same or any(old.heads > new.heads or old.inner > new.inner for old, new in pairs):
        raise UsageError("what is to grow does not fit into the shape", where=repr(own), hint=f"it is to be {wanted}")


def _grow(teacher: Any, old: Any, new: Any, windows: Sequence[tuple[Tensor, Tensor]]) -> None:
    for name in ("attention_norm", "norm"):
        new.get_submodule(name).load_state_dict(old.get_submodule(name).state_dict())
    middle = [states for states, _ in windows]
    if teacher.heads:
        mixed = [teacher.mixed(states, bias) for states, bias in windows]
        middle = [states + teacher.output(part) for states, part in zip(middle, mixed, strict=True)]
        if new.heads:
            rows = _rows(_heads(teacher, mixed)[old.heads : new.heads], teacher.size)
            for part in ("weight", "bias"):
                found = teacher.attention.get_parameter(part).chunk(3)
                kept = old.attention.get_parameter(part).chunk(3) if old.heads else [values[:0] for values in found]
                together = [torch.cat([a, b[rows]]) for a, b in zip(kept, found, strict=True)]
                new.attention.get_parameter(part).copy_(torch.cat(together))
            _widen(new.output, old.output if old.heads else teacher.output, old.heads * old.size)
    if new.neurons:
        active = [ACTIVE[teacher.activation](teacher.inner(teacher.attention_norm(states))) for states in middle]
        more = _neurons(teacher, active)[old.neurons : new.neurons]
        for part in ("weight", "bias"):
            found = teacher.inner.get_parameter(part)[more]
            whole = torch.cat([old.inner.get_parameter(part), found]) if old.neurons else found
            new.inner.get_parameter(part).copy_(whole)
        _widen(new.outer, old.outer if old.neurons else teacher.outer, old.neurons)


def _widen(new: nn.Linear, old: nn.Linear, columns: int) -> None:
    """The first columns as they were, then zeros."""
    # zero columns: what is new adds nothing until it is trained
    new.weight.zero_()
    new.weight[:, :columns].copy_(old.weight[:, :columns])
    new.bias.copy_(old.bias if columns else torch.zeros_like(old.bias))


def _check(
    teacher: PrunerNetwork,
    shape: EncoderShape,
    layers: Sequence[int],
    batches: Sequence[tuple[Tensor, Tensor, Tensor]],
) -> None:
    own = teacher.shape
    fits = len(layers) == len(shape.layers) and all(0 <= number < len(own.layers) for number in layers)
    if not fits or (shape.width, shape.size) != (own.width, own.size) or shape.positions > own.positions:
        raise UsageError(
            "the student's shape does not fit its teacher's", hint="same width, same size of heads, a layer for each"
        )
    for source, wanted in zip(layers, shape.layers, strict=True):
        if wanted.heads > own.layers[source].heads or wanted.inner > own.layers[source].inner:
            raise UsageError(f"layer {source} of the teacher is smaller than what is made of it", hint="ask for less")
    if not batches:
        raise UsageError("there are no windows to measure on", hint="give some")


def _take(old: Any, new: Any, source: int, windows: Sequence[_Windows]) -> None:
    """Give a layer its weights, and bring the windows' states through it."""
    for name in ("attention_norm", "norm"):
        new.get_submodule(name).load_state_dict(old.get_submodule(name).state_dict())
    before = [entry.teacher_states[source] for entry in windows]
    mixed = [old.mixed(states, entry.bias) for states, entry in zip(before, windows, strict=True)] if old.heads else []
    middle = [states + old.output(part) for states, part in zip(before, mixed, strict=True)] if old.heads else before
    if new.heads:
        # in the teacher's order, so that a whole layer is taken over unchanged
        rows = _rows(_heads(old, mixed)[: new.heads].sort().values, old.size)
        for part in ("weight", "bias"):
            chosen = [own[rows] for own in old.attention.get_parameter(part).chunk(3)]
            new.attention.get_parameter(part).copy_(torch.cat(chosen))
        found = [new.mixed(entry.states, entry.bias) for entry in windows]
        _fit(new.output, found, middle, windows)
        for entry, part in zip(windows, found, strict=True):
            entry.states = entry.states + new.output(part)
    for entry in windows:
        entry.states = new.attention_norm(entry.states)
    if new.neurons:
        middle = [old.attention_norm(states) for states in middle]
        active = [ACTIVE[old.activation](old.inner(states)) for states in middle]
        after = [states + old.outer(part) for states, part in zip(middle, active, strict=True)]
        neurons = _neurons(old, active)[: new.neurons].sort().values
        for part in ("weight", "bias"):
            new.inner.get_parameter(part).copy_(old.inner.get_parameter(part)[neurons])
        found = [ACTIVE[new.activation](new.inner(entry.states)) for entry in windows]
        _fit(new.outer, found, after, windows)
        for entry, part in zip(windows, found, strict=True):
            entry.states = entry.states + new.outer(part)
    for entry in windows:
        entry.states = new.norm(entry.states)


def _heads(old: Any, mixed: Sequence[Tensor]) -> Tensor:
    """Numbers of the heads, int64 (heads,), the one that adds most first."""
    # a head counts by what it adds to the residual, after the output matrix
    columns = old.output.weight.unflatten(-1, (old.heads, old.size))
    lengths = torch.zeros(old.heads)
    for part in mixed:
        added = torch.einsum("...hs,whs->...hw", part.unflatten(-1, (old.heads, old.size)), columns)
        lengths += added.norm(dim=-1).mean(dim=(0, 1))
    return lengths.argsort(descending=True)


def _rows(heads: Tensor, size: int) -> Tensor:
    return (heads[:, None] * size + torch.arange(size)).reshape(-1)


def _neurons(old: Any, active: Sequence[Tensor]) -> Tensor:
    """Numbers of the neurons, int64 (neurons,), the one that adds most first."""
    lengths = sum(part.abs().mean(dim=(0, 1)) for part in active) * old.outer.weight.norm(dim=0)
    return torch.as_tensor(lengths).argsort(descending=True)


def _fit(linear: nn.Linear, found: Sequence[Tensor], wanted: Sequence[Tensor], windows: Sequence[_Windows]) -> None:
    """Weight and bias with which states plus their product with `found` come nearest to `wanted`."""
    size = linear.in_features + 1
    squares, products = torch.zeros(size, size), torch.zeros(size, linear.out_features)
    for part, goal, entry in zip(found, wanted, windows, strict=True):
        rows = torch.nn.functional.pad(part[entry.mask], (0, 1), value=1.0)
        squares += rows.T @ rows
        products += rows.T @ (goal - entry.states)[entry.mask]
    # heads that say the same make the normal equations nearly singular
    squares += torch.eye(size) * _PENALTY * squares.diagonal().mean()
    solved = torch.linalg.solve(squares, products)
    linear.weight.copy_(solved[:-1].T)
    linear.bias.copy_(solved[-1])
