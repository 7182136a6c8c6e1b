"""An ONNX graph that is written node by node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ctxprune.train.export import Graph


class OnnxGraph(Graph):
    """The pruner's graph with what other encoders need. Weights are by dotted name."""

    def __init__(self, weights: Mapping[str, Any]) -> None:
        super().__init__()
        self.weights, self._known = weights, set[str]()

    def constant(self, name: str, value: Any, *, kind: Any = np.float32) -> str:
        """A constant; the same name is the same constant."""
        if name not in self._known:
            self._known.add(name)
            super().constant(name, value, kind=kind)
        return name

    def dense(self, states: str, path: str, *, scale: float = 1.0) -> str:
        """A linear module, or one of two factors; `scale` multiplies what it gives."""
        if f"{path}.first.weight" in self.weights:
            return self.dense(self.dense(states, f"{path}.first"), f"{path}.second", scale=scale)
        matrix = self.constant(f"{path}.weight", self.weights[f"{path}.weight"].T * scale)
        found = self.add("MatMul", states, matrix, name=f"{path}.product")
        if f"{path}.bias" not in self.weights:
            return found
        return self.add(
            "Add", found, self.constant(f"{path}.bias", self.weights[f"{path}.bias"] * scale), name=f"{path}.sum"
        )

    def layer_norm(self, states: str, path: str, epsilon: float) -> str:
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
