"""The two parts of a reference: its URI and the JSON pointer in its fragment."""

from __future__ import annotations

from urllib.parse import unquote, urljoin

from .json_values import unescape_pointer

__all__ = ["join_uri", "split_pointer"]


def join_uri(base: str, reference: str) -> str:
    """`reference` relative to `base`; also for bases such as URNs, which urljoin does not know."""
    if reference.startswith("#"):
        return base.partition("#")[0] + reference
    try:
        return urljoin(base, reference) if base else reference
    except ValueError:
        return reference


def split_pointer(fragment: str) -> tuple[str, ...]:
    """The steps of a JSON pointer given as the fragment of a URI."""
    return tuple(map(unescape_pointer, unquote(fragment).split("/")[1:]))
