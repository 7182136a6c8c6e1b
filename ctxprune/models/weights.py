"""Files of trained weights that come with the library: one loader, one check, and the logistic models in them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ctxprune.errors import FormatError
from ctxprune.storage.sealed import unseal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

__all__ = ["LogisticModel", "load_shipped", "reading", "shipped"]

Weights = TypeVar("Weights")


def shipped(package: str | None, name: str) -> Any:
    """The JSON document of the file `name` that comes with `package` (a module's own `__package__`).

    Raises:
        FormatError: It cannot be read, or differs from the checksum that its training script sealed it with.
    """
    try:
        return unseal(files(str(package)).joinpath(name).read_bytes())
    except (OSError, ValueError) as error:
        raise FormatError(f"the file is damaged ({error})", where=name, hint="install the library anew") from error


@contextmanager
def reading(data: object, layout: tuple[str, int], features: object) -> Iterator[dict[str, Any]]:
    """Weights to read networks from, whose format, version and features are checked first.

    Args:
        data: What the file holds.
        layout: Format and version that are understood.
        features: Names of the inputs, as JSON gives them (lists, dicts of lists).

    Raises:
        FormatError: Another format or version, other features; or the body stumbles over what is missing or malformed.
    """
    if not isinstance(data, dict) or (data.get("format"), data.get("version")) != layout:
        raise FormatError(f"not weights of format {layout[0]} version {layout[1]}")
    if data.get("features") != features:
        raise FormatError("the weights were made for other features", hint="train them anew")
    try:
        yield data
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"the weights are damaged ({error!r})") from error


def load_shipped(parse: Callable[[Any], Weights], package: str | None, name: str) -> Weights:
    """What `parse` makes of the JSON document `name` that comes with `package`; each file is read once per process.

    Args:
        parse: A function or class method, the same object at each call.
        package, name: As for `shipped`.

    Raises:
        FormatError: As `shipped`; or what `parse` raises.
    """
    weights: Weights = _parse_once(parse, package, name)
    return weights


@lru_cache(maxsize=32)  # more than there are files; a failure is not kept, so that it is raised at each call
def _parse_once(parse: Callable[[Any], Any], package: str | None, name: str) -> Any:
    return parse(shipped(package, name))


@dataclass(frozen=True, eq=False)
class LogisticModel:
    """Gives the likelihood of rows of plain facts; one JSON file, with a weight for each fact and a threshold.

    Attributes:
        weights: float64 (n_facts + 1,), the bias last.
        threshold: 0..1, from which a row is worth returning.
    """

    weights: NDArray[np.float64]
    threshold: float

    @classmethod
    @lru_cache(maxsize=8)
    def load(cls, package: str | None, name: str, facts: tuple[str, ...]) -> LogisticModel:
        """The model in the file `name` of `package`.

        Raises:
            FormatError: Its weights are damaged, or for other facts.
        """
        document = shipped(package, name)
        if list(document["weights"]) != [*facts, "bias"]:
            raise FormatError("the weights are for other facts", where=name, hint="reinstall ctxprune")
        return cls(np.array(list(document["weights"].values()), dtype=np.float64), float(document["threshold"]))

    def likelihoods(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability 0..1 of each row, float64 (n_rows,); `rows` is float64 (n_rows, n_facts)."""
        likely: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-(rows @ self.weights[:-1] + self.weights[-1])))
        return likely
