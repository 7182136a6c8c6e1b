"""Files of trained weights that come with the library: how they are read, and what is checked of all of them."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ctxprune.errors import FormatError
from ctxprune.storage.sealed import unseal

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["reading", "shipped"]


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
