"""The one exception inside the guard."""

from __future__ import annotations

__all__ = ["Refusal", "shown"]


class Refusal(Exception):  # noqa: N818  (a verdict, not an error: it never leaves the package)
    """The statement may not run; the text says why in one short sentence."""


def shown(name: str) -> str:
    """A name from the statement for a reason: one line, printable, at most 60 characters."""
    flat = "".join(character if character.isprintable() else "?" for character in name)
    return flat if len(flat) <= 60 else f"{flat[:57]}..."
