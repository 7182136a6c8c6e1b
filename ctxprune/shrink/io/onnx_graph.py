"""An ONNX graph that is written node by node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_OPSET = 17


class OnnxGraph:
    """Nodes and constants as they are added; every method gives the name of a tensor. Weights are by dotted name."""

    def __init__(self, weights: Mapping[str, Any]) -> None:
        self.weights = weights
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}

    def constant(self, name: str, value: Any, *, kind: Any = np.float32) -> str:
        """A constant; the same name is the same constant."""
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.array(value, dtype=kind, order="C"), name)
        return name

    def add(self, operation: str, *inputs: str, name: str, **attributes: Any) -> str:
        """An operation with one output of its own name."""
        self.nodes.append(helper.make_node(operation, list(inputs), [name], name=name, **attributes))
        return name

    def linear(self, states: str, path: str, *, scale: float = 1.0) -> str:
        """A linear module, or one of two factors; `scale` multiplies what it gives."""
        if f"{path}.first.weight" in self.weights:
            return self.linear(self.linear(states, f"{path}.first"), f"{path}.second", scale=scale)
        matrix = self.constant(f"{path}.weight", self.weights[f"{path}.weight"].T * scale)
        found = self.add("MatMul", states, matrix, name=f"{path}.product")
        if f"{path}.bias" not in self.weights:
            return found
        return self.add(
            "Add", found, self.constant(f"{path}.bias", self.weights[f"{path}.bias"] * scale), name=f"{path}.sum"
        )

    def norm(self, states: str, path: str, epsilon: float) -> str:
        """A layer norm."""
        parts = [self.constant(f"{path}.{part}", self.weights[f"{path}.{part}"]) for part in ("weight", "bias")]
        return self.add("LayerNormalization", states, *parts, name=f"{path}.normed", epsilon=epsilon, axis=-1)

    def active(self, states: str, name: str, function: str) -> str:
        """An activation: "gelu" in the form that onnxruntime knows as one operation, "relu", "tanh" or "silu"."""
        if function == "relu":
            return self.add("Relu", states, name=f"{name}.active")
        if function == "tanh":
            return self.add("Tanh", states, name=f"{name}.active")
        if function == "silu":
            return self.add("Mul", states, self.add("Sigmoid", states, name=f"{name}.gate"), name=f"{name}.active")
        root, one, half = (
            self.constant(f"gelu.{part}", [value]) for part, value in (("root", 2**0.5), ("one", 1.0), ("half", 0.5))
        )
        error = self.add("Erf", self.add("Div", states, root, name=f"{name}.scaled"), name=f"{name}.erf")
        whole = self.add("Mul", states, self.add("Add", error, one, name=f"{name}.shifted"), name=f"{name}.whole")
        return self.add("Mul", whole, half, name=f"{name}.active")

    def save(self, inputs: Sequence[str], outputs: Mapping[str, Sequence[Any]], path: Path) -> None:
        """Check and write it; inputs are int64 (rows, tokens), outputs float32 of the given axes."""
        model = helper.make_model(
            helper.make_graph(
                self.nodes,
                "shrunk",
                [helper.make_tensor_value_info(name, TensorProto.INT64, ["rows", "tokens"]) for name in inputs],
                [helper.make_tensor_value_info(name, TensorProto.FLOAT, list(axes)) for name, axes in outputs.items()],
                list(self.constants.values()),
            ),
            opset_imports=[helper.make_opsetid("", _OPSET)],
            ir_version=8,
            producer_name="ctxprune",
        )
        onnx.checker.check_model(model)
        onnx.save(model, str(path))
