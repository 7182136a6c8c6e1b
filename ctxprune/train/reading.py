"""A model folder's graph read back into a network, so that training can go on from it or learn from it.

The float32 weights of a shipped model need not be there: int8 weights are read as the numbers that they stand for.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from ctxprune.errors import FormatError, InputError
from ctxprune.train.network import EncoderShape, LayerShape, PrunerNetwork

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["read_network"]

_PARTS = ("query", "key", "value")


def read_network(folder: str | Path) -> PrunerNetwork:
    """The network of a model folder that `ctxprune train` wrote, float32, whether its graph is float32 or int8.

    Of an int8 graph the result differs from what the graph says by the rounding of activations, which it does without.

    Raises:
        InputError: There is no graph.
        FormatError: It is damaged, or not the graph of a pruner.
    """
    path = Path(folder) / "model.onnx"
    try:
        model = onnx.load(str(path))
    except OSError as error:
        raise InputError("the model's graph cannot be read", where=str(path), hint="name a model folder") from error
    except Exception as error:  # protobuf's own errors share no base but this one
        raise FormatError(f"the model's graph is damaged ({type(error).__name__})", where=str(path)) from error
    try:
        return _network(_Weights(model))
    except (KeyError, ValueError, IndexError, RuntimeError) as error:
        raise FormatError(f"not the graph of a pruner ({error})", where=str(path)) from error


class _Weights:
    """Constants of a graph by the names that `ctxprune.train.export` gives them, as the numbers they stand for."""

    def __init__(self, model: Any) -> None:
        self.nodes = {node.name: node for node in model.graph.node}
        self.known = {entry.name: entry for entry in model.graph.initializer}

    def __contains__(self, name: str) -> bool:
        return name in self.known or f"{name}_quantized" in self.known

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name in self.known:
            return np.asarray(numpy_helper.to_array(self.known[name]))
        whole, scale, zero = (self[f"{name}_{part}"] for part in ("quantized", "scale", "zero_point"))
        return np.asarray((whole.astype(np.float32) - zero.astype(np.float32)) * scale, dtype=np.float32)

    def linear(self, name: str) -> dict[str, Any]:
        return {f"{name}.weight": self[f"{name}.weight"].T, f"{name}.bias": self[f"{name}.bias"]}

    def norm(self, name: str) -> dict[str, Any]:
        return {f"{name}.{part}": self[f"{name}.{part}"] for part in ("weight", "bias")}


def _network(weights: _Weights) -> PrunerNetwork:
    words = weights["words.weight"]
    state: dict[str, Any] = {name: weights[name] for name in ("places.weight", "types.weight")}
    state["words.weight"] = words
    state |= weights.norm("embedding_norm") | weights.linear("linear")
    state["match.weight"] = np.concatenate([weights[f"{name}.match"].T for name in ("keep", "relevance")])
    state["scale"] = np.concatenate([weights[f"{name}.scale"] for name in ("keep", "relevance")])
    layers, size, number = [], 32, 0
    while f"layers.{number}.norm.weight" in weights:
        name = f"layers.{number}"
        own, found = _layer(weights, name)
        layers.append(own)
        if own.heads:
            size = found[f"{name}.attention.weight"].shape[0] // (3 * own.heads)
        state |= found
        number += 1
    activation = "relu" if any(node.op_type == "Relu" for node in weights.nodes.values()) else "gelu"
    shape = EncoderShape(
        vocabulary=words.shape[0],
        positions=state["places.weight"].shape[0],
        width=words.shape[1],
        size=size,
        layers=tuple(layers),
        activation=activation,
    )
    network = PrunerNetwork(shape)
    network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in state.items()})
    return network.eval()


def _layer(weights: _Weights, name: str) -> tuple[LayerShape, dict[str, Any]]:
    state = weights.norm(f"{name}.attention_norm") | weights.norm(f"{name}.norm")
    heads = inner = 0
    if f"{name}.split" in weights:
        heads, size = map(int, weights[f"{name}.split"][2:])
        for kind in ("weight", "bias"):
            parts = {part: weights[f"{name}.{part}.{kind}"].T for part in _PARTS}
            parts["query"] = parts["query"] * size**0.5  # the graph holds it scaled
            state[f"{name}.attention.{kind}"] = np.concatenate(list(parts.values()))
        state |= weights.linear(f"{name}.output")
    if f"{name}.inner.weight" in weights:
        state |= weights.linear(f"{name}.inner") | weights.linear(f"{name}.outer")
        inner = state[f"{name}.inner.weight"].shape[0]
    return LayerShape(heads, inner), state
