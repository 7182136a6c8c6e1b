"""What a model is made of, as far as pruning goes: groups of units, sublayers, layers.

A family (`ctxprune.shrink.model.families`) describes a model once; scores, masks, surgery and costs then work by the
description alone. A group's units go one by one, each with all of its slices: the dependency groups of DepGraph
(Fang and others, CVPR 2023), declared instead of traced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Key = tuple[str, int]
"""Kind of the units, and number of their layer; -1 for groups that go through the whole model."""

KINDS: Mapping[str, str] = {
    "neuron": "a row of the first matrices of a feed-forward part, with its bias and its column of the last one",
    "head": "rows of query, key and value, with the columns of the output matrix",
    "dimension": "the u-th dimension of every head of a layer: of its queries and keys, and of its values",
    "kv_group": "a key and value head with all query heads that read it",
    "channel": "an inner channel of a state-space mixer",
    "ssm_head": "a head of a Mamba-2 mixer: its channels, step size, decay and skip",
    "state": "a dimension of a state-space mixer's state: its rows of B and C",
    "expert": "an expert with its row of the router",
    "width": "a dimension of the residual stream, in all layers at once",
    "sublayer": "an attention, feed-forward or mixer part, whose addition to the residual goes",
    "layer": "a layer",
    "vocabulary": "an entry of the vocabulary",
    "weight": "a single weight of a matrix in a layer",
}
"""Every kind of unit, and the weights that go with one. Allocators choose runs of layers, N:M groups and blocks."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Where a group's units lie in one parameter: unit u has the indices start + u * size up to start + (u + 1) * size.

    Attributes:
        parameter: Its dotted name.
        axis: Along which the units lie.
        start: First index of the first unit.
        size: Indices of one unit.
    """

    parameter: str
    axis: int
    start: int = 0
    size: int = 1


@dataclass(frozen=True, slots=True)
class Group:
    """Units that can go one by one.

    Attributes:
        kind: One of `KINDS`.
        layer: Of which layer; -1 for groups that go through the whole model.
        count: Number of units.
        slices: All that goes with a unit.
        consumer: Dotted name of the linear module whose input holds the units side by side, where masks and activation
            statistics are taken; "" where there is none.
        block: Inputs of the consumer that are one unit's.
        reader: Dotted name of the first module that makes the units; "" where there is none.
        parts: Equal parts that the units lie in, side by side; as many units of one as of another must stay.
    """

    kind: str
    layer: int
    count: int
    slices: tuple[Slice, ...] = ()
    consumer: str = ""
    block: int = 1
    reader: str = ""
    parts: int = 1

    @property
    def key(self) -> Key:
        """Kind and layer."""
        return self.kind, self.layer


@dataclass(frozen=True, slots=True)
class Sublayer:
    """A part of a layer that adds to the residual stream.

    Attributes:
        kind: "attention", "ffn", "mixer" or "moe".
        layer: Of which layer.
        path: Dotted name of the module that holds its weights.
        output: Dotted name of the module whose output is added to the residual.
        norm: Dotted name of its norm; before it in pre-norm models, after the addition in post-norm ones.
        groups: Of its units.
    """

    kind: str
    layer: int
    path: str
    output: str
    norm: str
    groups: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer: its place, the dotted name of its module, its sublayers in order (those that are still there)."""

    index: int
    path: str
    sublayers: tuple[Sublayer, ...]


@dataclass(frozen=True, slots=True)
class Anatomy:
    """A model's description.

    Attributes:
        family: Name of the family.
        width: Of the residual stream.
        layers: In order.
        groups: By key; those of "sublayer" and "layer" have no slices.
        embeddings: Dotted name of the word embeddings.
        embedded: Dotted name of the module whose output enters the first layer.
        norms: Dotted names of all norms over the residual stream.
        post_norm: Whether a sublayer's norm stands after the addition (BERT) and not before it (Llama).
        bidirectional: Whether tokens see those behind them in a pre-norm model; in post-norm ones here they all do.
        active: Share of a part's weights that a token goes through, by dotted prefix, where it is not 1 (experts).
    """

    family: str
    width: int
    layers: tuple[Layer, ...]
    groups: Mapping[Key, Group]
    embeddings: str
    embedded: str
    norms: tuple[str, ...]
    post_norm: bool
    bidirectional: bool = False
    active: Mapping[str, float] = field(default_factory=dict)

    @property
    def sublayers(self) -> tuple[Sublayer, ...]:
        """Of all layers, in order; unit u of the group ("sublayer", -1) is the u-th of them."""
        return tuple(sublayer for layer in self.layers for sublayer in layer.sublayers)

    def of_kind(self, kind: str) -> list[Group]:
        """The groups of a kind by layer; of "head" those of "kv_group" where heads share keys and values."""
        found = [group for key, group in sorted(self.groups.items()) if key[0] == kind]
        return self.of_kind("kv_group") if kind == "head" and not found else found
