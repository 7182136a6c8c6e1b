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
from ctxprune.train.pruner_network import EncoderShape, LayerShape, PrunerNetwork

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["read_network", "word_bits"]

_PARTS = ("query", "key", "value")


def read_network(folder: str | Path) -> PrunerNetwork:
    """The network of a model folder that `ctxprune train` wrote, float32, whether its graph is float32 or int8.

    Of an int8 graph the result differs from what the graph says by the rounding of activations, which it does without.

    Raises:
        InputError: There is no graph.
        FormatError: It is damaged, or not the graph of a pruner.
    """
    graph = _graph(folder)
    try:
        return _network(_Weights(graph))
    except (KeyError, ValueError, IndexError, RuntimeError) as error:
        raise FormatError(f"not the graph of a pruner ({error})", where=str(Path(folder) / "model.onnx")) from error


def _graph(folder: str | Path) -> Any:
    path = Path(folder) / "model.onnx"
    try:
        return onnx.load(str(path))
    except OSError as error:
        raise InputError("the model's graph cannot be read", where=str(path), hint="name a model folder") from error
    except Exception as error:  # protobuf's own errors share no base but this one
        raise FormatError(f"the model's graph is damaged ({type(error).__name__})", where=str(path)) from error


def word_bits(folder: str | Path) -> int:
    """In how many bits a model folder's graph has its word embeddings: 3, 4, 8 or 32; errors as `read_network`."""
    known = _Weights(_graph(folder))
    forms = {"words.vectors": 3, "words.packed": 4, "words.weight_quantized": 8}
    return next((bits for name, bits in forms.items() if name in known.known), 32)


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
        whole = self[f"{name}_quantized"].astype(np.float32)
        if f"{name}_zero_point" in self.known:
            whole = whole - self[f"{name}_zero_point"].astype(np.float32)
        return np.asarray(whole * self[f"{name}_scale"], dtype=np.float32)

    def words(self) -> NDArray[Any]:
        """The word embeddings, in whichever form: float32 (vocabulary, width)."""
        if "words.vectors" in self:
            return self._product_words()
        if "words.packed" not in self:
            return self["words.weight"]
        # two codes in a byte: the first half of a row in the low bits
        packed, steps = self["words.packed"], self["words.steps"].astype(np.float32)
        whole = np.concatenate([packed & 15, packed >> 4], axis=1).astype(np.float32) - 8
        return np.asarray((whole.reshape(*steps.shape, -1) * steps[..., None]).reshape(whole.shape), dtype=np.float32)

    def _product_words(self) -> NDArray[Any]:
        # a code counts from where its group's vectors begin; the last group may hold more numbers than a row has left
        places = self["words.codes"].astype(np.int64) + self["words.first"]
        whole = self["words.vectors"].astype(np.float32)[places].reshape(len(places), -1)
        return np.ascontiguousarray(whole[:, : self["places.weight"].shape[1]])

    def match(self) -> dict[str, Any]:
        """The matrix of the question's vector, and what cosines with it count."""
        if "match.weight" in self:
            return {"match.weight": self["match.weight"].T, "scale": self["match.scale"].reshape(-1)}
        names = ("keep", "relevance")
        return {
            "match.weight": np.concatenate([self[f"{name}.match"].T for name in names]),
            "scale": np.concatenate([self[f"{name}.scale"] for name in names]),
        }

    def linear(self, name: str) -> dict[str, Any]:
        return {f"{name}.weight": self[f"{name}.weight"].T, f"{name}.bias": self[f"{name}.bias"]}

    def norm(self, name: str) -> dict[str, Any]:
        return {f"{name}.{part}": self[f"{name}.{part}"] for part in ("weight", "bias")}


def _network(weights: _Weights) -> PrunerNetwork:
    words = weights.words()
    state: dict[str, Any] = {name: weights[name] for name in ("places.weight", "types.weight")}
    state["words.weight"] = words
    state |= weights.norm("embedding_norm") | weights.linear("linear")
    state |= weights.match()
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
        heads, size = map(int, weights[f"{name}.split"][-2:])
        for kind in ("weight", "bias"):
            # int8 graphs hold query, key and value as one matrix, float ones as three
            if f"{name}.attention.{kind}" in weights:
                whole = weights[f"{name}.attention.{kind}"].T.copy()
            else:
                whole = np.concatenate([weights[f"{name}.{part}.{kind}"].T for part in _PARTS])
            whole[: heads * size] *= size**0.5  # the graph holds queries scaled
            state[f"{name}.attention.{kind}"] = whole
        state |= weights.linear(f"{name}.output")
    if f"{name}.inner.weight" in weights:
        state |= weights.linear(f"{name}.inner") | weights.linear(f"{name}.outer")
        inner = state[f"{name}.inner.weight"].shape[0]
    return LayerShape(heads, inner), state
