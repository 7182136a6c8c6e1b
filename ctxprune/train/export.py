"""Export of the pruner: the ONNX graph written node by node in float32, and its manifest."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ctxprune.models.pruner import FORMAT, VERSION
from ctxprune.storage.sealed import seal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ctxprune.train.pruner_network import EncoderShape, PrunerNetwork

__all__ = ["VENDOR", "Graph", "encoder_layer", "export_encoder", "export_float", "save", "write_manifest"]

_OPSET = 17
VENDOR = "com.microsoft"
"""The domain of onnxruntime's own operations."""


class Graph:
    """Nodes and constants as they are added; methods that give a name give that of a tensor."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, value: Any, *, kind: Any = np.float32) -> str:
        """A constant."""
        self.constants.append(numpy_helper.from_array(np.array(value, dtype=kind, order="C"), name))
        return name

    def add(self, operation: str, *inputs: str, name: str, **attributes: Any) -> str:
        """An operation with one output, which has the same name."""
        self.node(operation, inputs, [name], name=name, **attributes)
        return name

    def node(
        self, operation: str, inputs: Sequence[str], outputs: Sequence[str], *, name: str, **attributes: Any
    ) -> None:
        """An operation with any number of outputs."""
        self.nodes.append(helper.make_node(operation, list(inputs), list(outputs), name=name, **attributes))

    def linear(self, states: str, name: str, weights: Mapping[str, Any]) -> str:
        """The states times a matrix, plus a bias: `name.weight` (out, in) and `name.bias` (out,)."""
        matrix = self.constant(f"{name}.weight", weights[f"{name}.weight"].T)
        bias = self.constant(f"{name}.bias", weights[f"{name}.bias"])
        return self.add("Add", self.add("MatMul", states, matrix, name=f"{name}.product"), bias, name=f"{name}.sum")

    def norm(self, states: str, name: str, weights: Mapping[str, Any]) -> str:
        """The states brought to mean 0 and variance 1, times `name.weight`, plus `name.bias`."""
        parts = [self.constant(f"{name}.{part}", weights[f"{name}.{part}"]) for part in ("weight", "bias")]
        return self.add("LayerNormalization", states, *parts, name=f"{name}.normed", epsilon=1e-12, axis=-1)


def export_float(network: PrunerNetwork, path: Path) -> None:
    """Write the network as a float32 graph."""
    weights = {name: value.detach().float().numpy() for name, value in network.state_dict().items()}
    shape, graph = network.shape, Graph()
    states = _embedded(graph, weights, shape.positions)
    mixed = partial(_mixed, graph, _bias(graph), weights, shape)
    for number in range(len(shape.layers)):
        states = encoder_layer(graph, states, number, weights, shape, mixed)
    _heads(graph, states, weights, shape.width)
    graph.add("Identity", states, name="states")
    axes: list[Any] = ["windows", "tokens"]
    outputs = [("keep", axes), ("relevance", axes), ("states", [*axes, shape.width])]
    save(graph, ["ids", "types", "mask"], outputs, path)


def export_encoder(network: PrunerNetwork, path: Path) -> None:
    """Write the encoder alone, as `OnnxEmbedder` of `ctxprune.scorers.neural` reads it: float32 each token's state."""
    weights = {name: value.detach().float().numpy() for name, value in network.state_dict().items()}
    graph = Graph()
    names = {"ids": "input_ids", "types": "token_type_ids", "mask": "attention_mask"}
    for name, given in names.items():
        graph.add("Identity", given, name=name)
    states = _embedded(graph, weights, network.shape.positions)
    mixed = partial(_mixed, graph, _bias(graph), weights, network.shape)
    for number in range(len(network.shape.layers)):
        states = encoder_layer(graph, states, number, weights, network.shape, mixed)
    graph.add("Identity", states, name="states")
    save(graph, list(names.values()), [("states", ["windows", "tokens", network.shape.width])], path)


def write_manifest(folder: Path, name: str, limit: int, fusion: Mapping[str, Any], *, version: int = VERSION) -> None:
    """Write `manifest.json` for the files of a model folder; version 1 is that of graphs with an input for padding."""
    digests = {
        file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in ("model.onnx", "tokenizer.json")
    }
    document = {"format": FORMAT, "version": version, "name": name, "limit": limit, "sha256": digests} | dict(fusion)
    (folder / "manifest.json").write_text(seal(document, indent=1) + "\n", encoding="utf-8")


def save(
    graph: Graph,
    inputs: Sequence[str],
    outputs: Sequence[tuple[str, list[Any]]],
    path: Path,
    *,
    axes: Sequence[Any] | None = None,
    name: str = "pruner",
) -> None:
    """Check and write the graph: outputs are float32 with axes as given, inputs int64 with `axes` or the first two.

    The file gives the graph's name, and names the vendor's domain only where a node uses it.
    """
    domains = [helper.make_opsetid("", _OPSET)]
    if any(node.domain == VENDOR for node in graph.nodes):
        domains.append(helper.make_opsetid(VENDOR, 1))
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            name,
            [helper.make_tensor_value_info(entry, TensorProto.INT64, axes or outputs[0][1][:2]) for entry in inputs],
            [helper.make_tensor_value_info(entry, TensorProto.FLOAT, own) for entry, own in outputs],
            graph.constants,
        ),
        opset_imports=domains,
        ir_version=8,
        producer_name="ctxprune",
    )
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def _embedded(graph: Graph, weights: Mapping[str, Any], positions: int) -> str:
    words = graph.add("Gather", graph.constant("words.weight", weights["words.weight"]), "ids", name="words")
    size = graph.add("Shape", "ids", name="size", start=1, end=2)
    places = graph.add(
        "Slice",
        graph.constant("places.weight", weights["places.weight"][:positions]),
        graph.constant("zero", [0], kind=np.int64),
        size,
        name="places",
    )
    types = graph.add("Gather", graph.constant("types.weight", weights["types.weight"]), "types", name="kinds")
    total = graph.add("Add", graph.add("Add", words, places, name="placed"), types, name="embedded")
    return graph.norm(total, "embedding_norm", weights)


def _bias(graph: Graph) -> str:
    """-10000 for padding, shaped to be added to attention weights."""
    mask = graph.add("Cast", "mask", name="mask.float", to=TensorProto.FLOAT)
    away = graph.add("Sub", graph.constant("one", [1.0]), mask, name="mask.away")
    scaled = graph.add("Mul", away, graph.constant("far", [-1e4]), name="mask.scaled")
    return graph.add("Unsqueeze", scaled, graph.constant("axes", [1, 2], kind=np.int64), name="mask.bias")


def encoder_layer(
    graph: Graph,
    states: str,
    number: int,
    weights: Mapping[str, Any],
    shape: EncoderShape,
    mixed: Callable[[str, int], str],
) -> str:
    """One layer; `mixed` writes its attention: from states and the number of the layer to what is added to them."""
    name, own = f"layers.{number}", shape.layers[number]
    if own.heads:
        states = graph.add("Add", states, mixed(states, number), name=f"{name}.first")
    states = graph.norm(states, f"{name}.attention_norm", weights)
    if own.inner:
        inner = graph.linear(states, f"{name}.inner", weights)
        active = (
            gelu(graph, inner, name) if shape.activation == "gelu" else graph.add("Relu", inner, name=f"{name}.relu")
        )
        states = graph.add("Add", states, graph.linear(active, f"{name}.outer", weights), name=f"{name}.second")
    return graph.norm(states, f"{name}.norm", weights)


def _mixed(graph: Graph, bias: str, weights: Mapping[str, Any], shape: EncoderShape, states: str, number: int) -> str:
    """What attention adds."""
    name, heads, size = f"layers.{number}", shape.layers[number].heads, shape.size
    split = graph.constant(f"{name}.split", [0, 0, heads, size], kind=np.int64)
    parts = []
    for place, part in enumerate(("query", "key", "value")):
        here = f"{name}.{part}"
        rows = slice(place * heads * size, (place + 1) * heads * size)
        scale = size**-0.5 if part == "query" else 1.0
        own = {f"{here}.{kind}": weights[f"{name}.attention.{kind}"][rows] * scale for kind in ("weight", "bias")}
        flat = graph.linear(states, here, own)
        order = [0, 2, 3, 1] if part == "key" else [0, 2, 1, 3]
        cut = graph.add("Reshape", flat, split, name=f"{here}.heads")
        parts.append(graph.add("Transpose", cut, name=f"{here}.turned", perm=order))
    raw = graph.add("MatMul", parts[0], parts[1], name=f"{name}.raw")
    soft = graph.add("Softmax", graph.add("Add", raw, bias, name=f"{name}.masked"), name=f"{name}.soft", axis=-1)
    mixed = graph.add(
        "Transpose", graph.add("MatMul", soft, parts[2], name=f"{name}.mix"), name=f"{name}.mixed", perm=[0, 2, 1, 3]
    )
    joined = graph.add(
        "Reshape", mixed, graph.constant(f"{name}.join", [0, 0, heads * size], kind=np.int64), name=f"{name}.joined"
    )
    return graph.linear(joined, f"{name}.output", weights)


def gelu(graph: Graph, states: str, name: str) -> str:
    """In the form that onnxruntime knows as one operation."""
    root, one, half = (
        graph.constant(f"{name}.{part}", [value]) for part, value in (("root", 2**0.5), ("one", 1.0), ("half", 0.5))
    )
    error = graph.add("Erf", graph.add("Div", states, root, name=f"{name}.scaled"), name=f"{name}.erf")
    whole = graph.add("Mul", states, graph.add("Add", error, one, name=f"{name}.shifted"), name=f"{name}.whole")
    return graph.add("Mul", whole, half, name=f"{name}.gelu")


def _heads(graph: Graph, states: str, weights: Mapping[str, Any], width: int) -> None:
    """Logits: a linear function of each token plus its scaled cosine with the question's mean, as in the network."""
    one = graph.constant("heads.one", [1], kind=np.int64)
    last, middle = (
        graph.constant(f"heads.{name}", [axis], kind=np.int64) for name, axis in (("last", 2), ("middle", 1))
    )
    asked = graph.add("Mul", graph.add("Sub", one, "types", name="asked.types"), "mask", name="asked.ids")
    asked = graph.add("Cast", asked, name="asked.float", to=TensorProto.FLOAT)
    row = graph.add("Unsqueeze", asked, middle, name="asked.row")
    total = graph.add("MatMul", row, states, name="question.total")
    # The length of the question cancels out where its vector is brought to unit length.
    matrix = weights["match.weight"]
    logits = graph.linear(states, "linear", weights)
    length = graph.add("ReduceL2", states, name="states.length", axes=[2], keepdims=1)
    tokens = graph.add("Div", states, length, name="states.unit")
    for place, output in enumerate(("keep", "relevance")):
        own = graph.constant(f"{output}.match", matrix[place * width : (place + 1) * width].T)
        wanted = graph.add("MatMul", total, own, name=f"{output}.wanted")
        size = graph.add("ReduceL2", wanted, name=f"{output}.length", axes=[2], keepdims=1)
        unit = graph.add(
            "Transpose", graph.add("Div", wanted, size, name=f"{output}.unit"), name=f"{output}.turned", perm=[0, 2, 1]
        )
        cosine = graph.add(
            "Squeeze", graph.add("MatMul", tokens, unit, name=f"{output}.product"), last, name=f"{output}.cosine"
        )
        scaled = graph.add(
            "Mul", cosine, graph.constant(f"{output}.scale", [weights["scale"][place]]), name=f"{output}.scaled"
        )
        index = graph.constant(f"{output}.index", place, kind=np.int64)
        linear = graph.add("Gather", logits, index, name=f"{output}.linear", axis=2)
        graph.add("Add", linear, scaled, name=output)
