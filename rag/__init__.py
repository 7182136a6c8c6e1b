"""Retrieved text: passages as sentence units with exact spans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ctxprune.rag.passages import Passage, Passages, sentence_spans

__all__ = ["Passage", "Passages", "sentence_spans"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ctxprune.rag import passages

    return getattr(passages, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
