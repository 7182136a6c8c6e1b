"""Fingerprints: whether an object is the one that something was made for, weights and parameters included."""

from __future__ import annotations

import dataclasses
import hashlib
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Identity", "class_name", "fingerprint", "identity"]

_DEPTH = 50
# Stored calibrations and journals name a class by the module that it was in when they were written. A class that has
# moved since keeps that name here, so that they still fit.
_FORMER_MODULES = {
    "ctxprune.calibration.keep_sets": "ctxprune.keepsets",
    "ctxprune.models.network": "ctxprune.network",
    "ctxprune.policies.adaptive": "ctxprune.policies",
    "ctxprune.policies.cell_share": "ctxprune.table_policies",
    "ctxprune.policies.table_budget": "ctxprune.table_policies",
    "ctxprune.policies.threshold": "ctxprune.policies",
    "ctxprune.policies.token_budget": "ctxprune.policies",
    "ctxprune.policies.top_k": "ctxprune.policies",
    "ctxprune.pruning.pruner": "ctxprune.pruning",
    "ctxprune.rag.policies.distinct": "ctxprune.rag.distinct",
    "ctxprune.rag.policies.documents": "ctxprune.rag.documents",
    "ctxprune.rag.policies.neighbours": "ctxprune.rag.neighbours",
    "ctxprune.scorers.combined.cascade": "ctxprune.scorers.cascade",
    "ctxprune.scorers.combined.fusion": "ctxprune.scorers.fusion",
    "ctxprune.scorers.combined.structured": "ctxprune.scorers.structured",
    "ctxprune.scorers.combined.tabular_pruner": "ctxprune.scorers.tabular_pruner",
    "ctxprune.scorers.lexical.chargram": "ctxprune.scorers.chargram",
    "ctxprune.scorers.lexical.titled": "ctxprune.scorers.titled",
    "ctxprune.scorers.lexical.words": "ctxprune.scorers.lexical",
    "ctxprune.scorers.neural.cross_encoder": "ctxprune.scorers.cross_encoder",
    "ctxprune.scorers.neural.embedders": "ctxprune.scorers.embedders",
    "ctxprune.scorers.neural.embedding": "ctxprune.scorers.embedding",
    "ctxprune.scorers.neural.onnx_cross_encoder": "ctxprune.scorers.onnx_cross_encoder",
    "ctxprune.scorers.neural.provence": "ctxprune.scorers.provence",
    "ctxprune.scorers.neural.pruner": "ctxprune.scorers.pruner",
    "ctxprune.scorers.structured.log": "ctxprune.scorers.log",
    "ctxprune.scorers.structured.names": "ctxprune.scorers.names",
    "ctxprune.scorers.structured.page": "ctxprune.scorers.page",
    "ctxprune.scorers.structured.table_reading.weights": "ctxprune.scorers._tabular.weights",
    "ctxprune.scorers.structured.tabular": "ctxprune.scorers.tabular",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Identity:
    """Which object: `name` is "module:Class", `digest` the fingerprint of its parameters and weights."""

    name: str
    digest: str

    def __str__(self) -> str:
        return f"{self.name} ({self.digest})"


def identity(value: Any) -> Identity:
    """The identity of an object such as a scorer or a policy; errors as `fingerprint`."""
    return Identity(class_name(value), fingerprint(value))


def class_name(value: Any) -> str:
    """ "module:Class" of an object, the name in its identity."""
    return _name(type(value))


def fingerprint(value: Any) -> str:
    """sha256 (first 16 hex digits) over the class and all that makes two of its objects differ.

    Read are plain values, numpy arrays (kind, shape and bytes), their tuples, lists, sets and dicts, the names of
    functions of a module, the fields of dataclasses that take part in comparisons, and the attributes of other
    objects. An object with a text attribute `fingerprint` answers for itself, which is how a scorer around a loaded
    model does it.

    Raises:
        UsageError: Something else was found (a session, a lambda), or the object contains itself.
    """
    digest = hashlib.sha256()
    for part in _parts(value, type(value).__name__, 0):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()[:16]


def _parts(value: Any, where: str, depth: int) -> Iterator[bytes]:
    """The bytes of `value`, each part with its kind, so that no two different values give the same parts."""
    if depth > _DEPTH:
        raise UsageError("the object is nested too deeply to be fingerprinted", where=where)
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        yield f"{type(value).__name__} {value!r}".encode("utf-8", "surrogatepass")
    elif isinstance(value, (np.ndarray, np.generic)):
        yield from _array(np.asarray(value), where)
    elif isinstance(value, dict):
        yield f"dict {len(value)}".encode()
        for key, item in sorted(value.items(), key=lambda pair: repr(pair[0])):
            yield from _parts(key, where, depth + 1)
            yield from _parts(item, f"{where}[{key!r}]", depth + 1)
    elif isinstance(value, (list, tuple, set, frozenset)):
        ordered = sorted(value, key=repr) if isinstance(value, (set, frozenset)) else value
        yield f"{type(value).__name__} {len(value)}".encode()
        for index, item in enumerate(ordered):
            yield from _parts(item, f"{where}[{index}]", depth + 1)
    elif isinstance(value, FunctionType) and "<" not in value.__qualname__:  # no lambda, nothing made inside a function
        yield f"function {value.__module__}:{value.__qualname__}".encode()
    else:
        yield from _object(value, where, depth)


def _array(array: np.ndarray[Any, Any], where: str) -> Iterator[bytes]:
    if array.dtype.hasobject:
        raise UsageError("an array of objects cannot be fingerprinted", where=where)
    yield f"array {array.dtype.str} {array.shape}".encode()
    yield np.ascontiguousarray(array).tobytes()


def _object(value: Any, where: str, depth: int) -> Iterator[bytes]:
    yield _name(type(value)).encode()
    own = getattr(value, "fingerprint", None)  # any object may come in; some say it themselves
    if isinstance(own, str) and not isinstance(value, type):
        yield own.encode("utf-8", "surrogatepass")
        return
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        # By name, since which fields there are is the dataclass's own knowledge.
        members = {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.compare}
    # An object with slots or of C has no `__dict__` to read.
    elif isinstance(value, type) or callable(value) or not type(value).__module__ or not hasattr(value, "__dict__"):
        raise UsageError(
            f"a {type(value).__name__} cannot be fingerprinted",
            where=where,
            hint="give the scorer or policy that holds it a text attribute `fingerprint`",
        )
    else:
        members = vars(value)
    for name in sorted(members):
        yield name.encode()
        yield from _parts(members[name], f"{where}.{name}", depth + 1)


def _name(kind: type) -> str:
    return f"{_FORMER_MODULES.get(kind.__module__, kind.__module__)}:{kind.__qualname__}"
