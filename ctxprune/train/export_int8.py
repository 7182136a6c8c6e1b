"""Export of the pruner with int8 weights: a graph for one window at a time, written for what onnxruntime is fast at.

Matrices are rounded by output channel, activations by window as it is read. Word embeddings are in eight bits by row,
in four by block (`ctxprune.train.int4_embeddings`), two to a byte, or as product codes, one byte for three numbers
(`ctxprune.train.product_codes`). Queries, keys and values come from one product.
There is no input for padding, since a window is computed by itself.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto

from ctxprune.errors import UsageError
from ctxprune.train.export import VENDOR, Graph, encoder_layer, save
from ctxprune.train.int4_embeddings import int4_codes
from ctxprune.train.product_codes import product_codes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from ctxprune.train.pruner_network import EncoderShape, PrunerNetwork

__all__ = ["WORD_BITS", "export_int8"]


def export_int8(network: PrunerNetwork, path: Path, *, words: int = 8) -> None:
    """Write the network with int8 weights and word embeddings of `words` bits, 8, 4 or 3 (product codes).

    The graph takes int64 `ids` and `types` (1, tokens) and gives `keep` and `relevance` (1, tokens), as the float32 one
    does, of one window at a time; and the last `states` (1, tokens, width).

    Raises:
        UsageError: words is none of these.
    """
    if words not in WORD_BITS:
        raise UsageError(f"words is {words!r}", hint=f"give one of: {', '.join(map(str, WORD_BITS))}")
    weights = {name: value.detach().float().numpy() for name, value in network.state_dict().items()}
    shape, graph = network.shape, _Int8Graph()
    states = _embedded(graph, weights, words)
    mixed = partial(_mixed, graph, weights, shape)
    for number in range(len(shape.layers)):
        states = encoder_layer(graph, states, number, weights, shape, mixed)
    _heads(graph, states, weights, shape.width)
    graph.add("Identity", states, name="states")
    axes: list[Any] = [1, "tokens"]
    outputs = [("keep", axes), ("relevance", axes), ("states", [*axes, shape.width])]
    save(graph, ["ids", "types"], outputs, path)


class _Int8Graph(Graph):
    """Products with int8 matrices; a tensor that is read by several is rounded once."""

    def __init__(self) -> None:
        super().__init__()
        self._rounded: dict[str, tuple[str, str, str]] = {}

    def linear(self, states: str, name: str, weights: Mapping[str, Any]) -> str:
        whole = self.product(states, f"{name}.weight", weights[f"{name}.weight"].T)
        return self.add("Add", whole, self.constant(f"{name}.bias", weights[f"{name}.bias"]), name=f"{name}.sum")

    def fused(self, first: str, second: str, *, name: str, **attributes: Any) -> str:
        """A product of which either side may be turned."""
        return self.add("FusedMatMul", first, second, name=name, domain=VENDOR, **attributes)

    def product(self, states: str, name: str, matrix: NDArray[np.float32]) -> str:
        """The states times a matrix (in, out)."""
        # query, key and value read one tensor, which is rounded once
        if states not in self._rounded:
            parts = (f"{states}.rounded", f"{states}.step", f"{states}.zero")
            self.node("DynamicQuantizeLinear", [states], list(parts), name=f"{states}.rounding")
            self._rounded[states] = parts
        rounded, step, zero = self._rounded[states]
        # a scale for each output: one large column would cost all others their precision
        scale = np.maximum(np.abs(matrix).max(axis=0), 1e-12) / 127
        own = self.constant(f"{name}_quantized", np.round(matrix / scale), kind=np.int8)
        scales = self.constant(f"{name}_scale", scale)
        # In onnxruntime these become one operation, together with the bias that is added.
        whole = self.add("MatMulInteger", rounded, own, zero, name=f"{name}.integers")
        real = self.add("Cast", whole, name=f"{name}.real", to=TensorProto.FLOAT)
        return self.add("Mul", real, self.add("Mul", step, scales, name=f"{name}.steps"), name=f"{name}.product")


def _embedded(graph: _Int8Graph, weights: Mapping[str, Any], words: int) -> str:
    found = _WORDS[words](graph, weights["words.weight"])
    size = graph.add("Shape", "ids", name="size", start=1, end=2)
    table, scale = _by_table(weights["places.weight"])
    own = graph.constant("places.weight_quantized", table, kind=np.int8)
    cut = graph.add("Slice", own, graph.constant("zero", [0], kind=np.int64), size, name="places.cut")
    places = graph.add("DequantizeLinear", cut, graph.constant("places.weight_scale", scale), name="places")
    types = graph.add("Gather", graph.constant("types.weight", weights["types.weight"]), "types", name="kinds")
    total = graph.add("Add", graph.add("Add", found, places, name="placed"), types, name="embedded")
    return graph.norm(total, "embedding_norm", weights)


def _words8(graph: _Int8Graph, table: NDArray[np.float32]) -> str:
    scale = np.maximum(np.abs(table).max(axis=1, keepdims=True), 1e-12) / 127
    own = graph.constant("words.weight_quantized", np.round(table / scale).clip(-127, 127), kind=np.int8)
    found = graph.add(
        "Cast", graph.add("Gather", own, "ids", name="words.codes"), name="words.whole", to=TensorProto.FLOAT
    )
    scales = graph.add("Gather", graph.constant("words.weight_scale", scale), "ids", name="words.scales")
    return graph.add("Mul", found, scales, name="words")


def _words4(graph: _Int8Graph, table: NDArray[np.float32]) -> str:
    """Both halves of a row share its bytes: the first one in the low bits."""
    import torch

    found, scales = (value.numpy() for value in int4_codes(torch.from_numpy(table)))
    half = table.shape[1] // 2
    low, high = (part.astype(np.int16) + 8 for part in (found[:, :half], found[:, half:]))
    packed = graph.constant("words.packed", low + 16 * high, kind=np.uint8)
    both = graph.add("Gather", packed, "ids", name="words.both")
    four = graph.constant("words.four", [4], kind=np.uint8)
    up = graph.add("BitShift", both, four, name="words.up", direction="LEFT")
    parts = [
        graph.add("BitShift", of, four, name=f"words.{name}", direction="RIGHT")
        for of, name in ((up, "low"), (both, "high"))
    ]
    whole = graph.add(
        "Cast", graph.add("Concat", *parts, name="words.codes", axis=-1), name="words.real", to=TensorProto.FLOAT
    )
    signed = graph.add("Sub", whole, graph.constant("words.eight", [8.0]), name="words.signed")
    blocks = scales.shape[1]
    cut = graph.constant("words.cut", [0, 0, blocks, table.shape[1] // blocks], kind=np.int64)
    steps = graph.add("Gather", graph.constant("words.steps", scales, kind=np.float16), "ids", name="words.halves")
    steps = graph.add("Cast", steps, name="words.scales", to=TensorProto.FLOAT)
    steps = graph.add("Unsqueeze", steps, graph.constant("words.axis", [3], kind=np.int64), name="words.columns")
    real = graph.add("Mul", graph.add("Reshape", signed, cut, name="words.blocks"), steps, name="words.scaled")
    join = graph.constant("words.join", [0, 0, table.shape[1]], kind=np.int64)
    return graph.add("Reshape", real, join, name="words")


def _words3(graph: _Int8Graph, table: NDArray[np.float32]) -> str:
    """A code vector for every group of a row's columns."""
    import torch

    own = product_codes(torch.from_numpy(table))
    rows, groups = own.codes.shape
    _, codes, size = own.vectors.shape
    # All of this has no input, so that onnxruntime computes it once, when it loads the graph: to read code vectors one
    # by one for each token of a window would take a tenth of its time.
    found = graph.add(
        "Cast",
        graph.constant("words.codes", own.codes.numpy(), kind=np.uint8),
        name="words.whole",
        to=TensorProto.INT32,
    )
    # one table for all groups, in which each one's vectors begin at its own place
    first = graph.constant("words.first", np.arange(groups) * codes, kind=np.int32)
    vectors = graph.constant("words.vectors", own.vectors.reshape(-1, size).numpy(), kind=np.float16)
    parts = graph.add("Gather", vectors, graph.add("Add", found, first, name="words.places"), name="words.parts")
    shape = graph.constant("words.shape", [rows, groups * size], kind=np.int64)
    whole = graph.add("Reshape", parts, shape, name="words.table")
    if groups * size > table.shape[1]:
        cut = [graph.constant(f"words.{name}", [value], kind=np.int64) for name, value in _cut(table.shape[1])]
        whole = graph.add("Slice", whole, *cut, name="words.cut")
    return graph.add("Cast", graph.add("Gather", whole, "ids", name="words.own"), name="words", to=TensorProto.FLOAT)


def _cut(width: int) -> tuple[tuple[str, int], ...]:
    """Inputs of an operation that leaves so many columns."""
    return ("start", 0), ("end", width), ("axis", 1)


WORD_BITS = (8, 4, 3)
"""How many bits a number of the word embeddings may take; 3 are product codes, 2.7 in truth."""
_WORDS = {8: _words8, 4: _words4, 3: _words3}


def _by_table(table: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    scale = max(float(np.abs(table).max()), 1e-12) / 127
    return np.round(table / scale), scale


def _mixed(graph: _Int8Graph, weights: Mapping[str, Any], shape: EncoderShape, states: str, number: int) -> str:
    """What attention adds."""
    name, heads, size = f"layers.{number}", shape.layers[number].heads, shape.size
    own = {f"{name}.attention.{part}": weights[f"{name}.attention.{part}"].copy() for part in ("weight", "bias")}
    for value in own.values():
        value[: heads * size] *= size**-0.5
    whole = graph.linear(states, f"{name}.attention", own)
    split = graph.constant(f"{name}.split", [-1, 3, heads, size], kind=np.int64)
    parts = [f"{name}.{part}" for part in ("query", "key", "value")]
    graph.node("Split", [graph.add("Reshape", whole, split, name=f"{name}.heads")], parts, name=f"{name}.parts", axis=1)
    axis = graph.constant(f"{name}.axis", [1], kind=np.int64)
    query, key, value = (
        graph.add("Squeeze", part, axis, name=f"{part}.flat") for part in parts
    )  # (tokens, heads, size)
    # onnxruntime's own product reads heads where they stand, so that only what comes out is to be turned.
    raw = graph.fused(query, key, name=f"{name}.raw", transBatchA=1, transBatchB=1, transB=1)
    soft = graph.add("Softmax", raw, name=f"{name}.soft", axis=-1)
    mixed = graph.fused(soft, value, name=f"{name}.mix", transBatchB=1)
    back = graph.add("Transpose", mixed, name=f"{name}.mixed", perm=[1, 0, 2])
    join = graph.constant(f"{name}.join", [1, -1, heads * size], kind=np.int64)
    joined = graph.add("Reshape", back, join, name=f"{name}.joined")
    return graph.linear(joined, f"{name}.output", weights)


def _heads(graph: _Int8Graph, states: str, weights: Mapping[str, Any], width: int) -> None:
    """Logits: a linear function of each token plus its scaled cosine with the question's mean, as in the network."""
    middle, last = (graph.constant(f"heads.{n}", [axis], kind=np.int64) for n, axis in (("middle", 1), ("last", 2)))
    asked = graph.add("Sub", graph.constant("heads.one", [1], kind=np.int64), "types", name="asked.ids")
    asked = graph.add("Cast", asked, name="asked.float", to=TensorProto.FLOAT)
    total = graph.add("MatMul", graph.add("Unsqueeze", asked, middle, name="asked.row"), states, name="question.total")
    # The length of the question cancels out where its vector is brought to unit length.
    both = graph.product(total, "match.weight", weights["match.weight"].T)
    both = graph.add("Reshape", both, graph.constant("match.split", [0, 2, width], kind=np.int64), name="match.both")
    length = graph.add("ReduceL2", both, name="match.length", axes=[2], keepdims=1)
    scale = graph.constant("match.scale", weights["scale"].reshape(1, 2, 1))
    wanted = graph.add("Mul", graph.add("Div", both, length, name="match.unit"), scale, name="match.wanted")
    turned = graph.add("Transpose", wanted, name="match.turned", perm=[0, 2, 1])
    sizes = graph.add("ReduceL2", states, name="states.length", axes=[2], keepdims=1)
    cosines = graph.add("Div", graph.add("MatMul", states, turned, name="match.products"), sizes, name="match.cosines")
    own = graph.add(
        "MatMul", states, graph.constant("linear.weight", weights["linear.weight"].T), name="linear.product"
    )
    own = graph.add("Add", own, graph.constant("linear.bias", weights["linear.bias"]), name="linear.sum")
    logits = graph.add("Add", own, cosines, name="logits")
    graph.node("Split", [logits], ["keep.column", "relevance.column"], name="logits.columns", axis=2)
    for output in ("keep", "relevance"):
        graph.add("Squeeze", f"{output}.column", last, name=output)
